// SPDX-License-Identifier: Apache-2.0
/* Serve one accepted start request: gather the descriptors, start the VMM. */

#include "daemon/start.h"

#include "ca/issuer.h"
#include "common/backend.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/marks.h"
#include "common/paths.h"
#include "common/util.h"
#include "daemon/holds.h"
#include "vmm/options.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/nitro_enclaves.h>
#include <string.h>
#include <sys/ioctl.h>

/* Size of a module id: instance id, "-enc", 16 digits. */
#define MODULE_ID_SIZE	(CA_INSTANCE_ID_LEN + 4 + 16 + 1)

/* Descriptors of one start. vmm_spawn() copies those that the VMM needs. */
struct start_fds {
	int kvm;
	int channel;
	int console_channel;
	int console_log;
	struct marks marks;
};

static void start_fds_close(struct start_fds *fds)
{
	fd_close(&fds->kvm);
	fd_close(&fds->channel);
	fd_close(&fds->console_channel);
	fd_close(&fds->console_log);
	fd_close(&fds->marks.fd);
}

/*
 * The errno of each cause is part of the interface (see ne-emud(8)); NE_START_ENCLAVE does
 * not use them otherwise. Resource shortages, which no single device node explains, are
 * checked first. Return: 0 if @err is not a shortage.
 */
static int start_check_resources(int err, struct error *error)
{
	switch (err) {
	case -ENOMEM:
	case -EAGAIN:
		return error_set(error, -ENOMEM,
				 "the host has no memory or processes left for a VMM");
	case -EMFILE:
	case -ENFILE:
		return error_set(error, -ENFILE,
				 "ne-emud has no file descriptors left (LimitNOFILE=)");
	default:
		return 0;
	}
}

static int start_open_kvm(const char *path, int *ret_fd, struct error *error)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int err;

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	err = start_check_resources(-errno, error);
	if (err)
		return err;
	if (errno == EACCES || errno == EPERM)
		return error_set(error, -EACCES,
				 "ne-emud may not open %s: run it as root, allow the device",
				 path);
	return error_set(error, -EOPNOTSUPP,
			 "%s: %m; load kvm_intel or kvm_amd, turn on virtualization in firmware",
			 path);
}

/* Return: the descriptor, or a negative errno with @error. */
static int start_open_vsock(const char *path, struct error *error)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int err;

	if (fd >= 0)
		return fd;
	err = start_check_resources(-errno, error);
	if (err)
		return err;
	if (errno == EACCES || errno == EPERM)
		return error_set(error, -EACCES, "ne-emud may not open %s: run it as root", path);
	return error_set(error, -ENETDOWN,
			 "no vsock: load ne_emu_vsock; if it refuses, another "
			 "guest-to-host transport owns the slot");
}

int start_open_channel(const char *path, uint32_t cid, uint32_t flags, int *ret_fd,
		       struct error *error)
{
	struct ne_emu_vsock_attach attach = { .cid = cid, .flags = flags };
	__cleanup_fd int fd = start_open_vsock(path, error);
	int err;

	if (fd < 0)
		return fd;
	if (ioctl(fd, NE_EMU_VSOCK_ATTACH, &attach) < 0) {
		err = start_check_resources(-errno, error);
		return err ? err : error_set(error, -EPROTO, "ne_emu_vsock refuses CID %" PRIu32
					     ": %m (versions differ?)", cid);
	}
	*ret_fd = fd_steal(&fd);
	return 0;
}

static const char *start_log_error(int err)
{
	switch (err) {
	case -ENOSPC:
		return "consoles of live enclaves may fill the limit of [logs]";
	case -EDQUOT:
		return "consoles of live enclaves of its owner may fill half the limit of [logs]";
	default:
		return strerror(-err);
	}
}

/* Failures are logged, not returned: the enclave can run without a log. */
static void start_open_log(const struct log_root *logs, const struct ne_nl_enclave *request,
			   struct start_fds *fds)
{
	bool debug = request->flags & NE_ENCLAVE_DEBUG_MODE;
	uid_t owner = ne_nl_owner(request);
	__cleanup_fd int folder_fd = -1;
	int err;

	err = folder_open(logs, owner, request->slot_uid, &folder_fd);
	if (!err && debug)
		err = folder_make_room(logs, owner, request->slot_uid);
	if (!err && debug)
		err = folder_create_file(folder_fd, NE_EMU_CONSOLE_LOG, &fds->console_log);
	if (folder_fd >= 0)
		(void)folder_create_file(folder_fd, NE_EMU_MARKS_FILE, &fds->marks.fd);
	if (err)
		log_enclave(LOG_WARNING, request->slot_uid, "no %s: %s",
			    debug ? NE_EMU_CONSOLE_LOG : "log directory", start_log_error(err));
}

static int start_open_fds(const struct start_config *config, const struct log_root *logs,
			  const struct ne_nl_enclave *request, struct start_fds *fds,
			  struct error *error)
{
	int err;

	err = start_open_kvm(config->kvm_path, &fds->kvm, error);
	if (!err)
		err = start_open_channel(config->vsock_path, request->cid, 0, &fds->channel,
					 error);
	if (!err && request->flags & NE_ENCLAVE_DEBUG_MODE)
		err = start_open_channel(config->vsock_path, request->cid, NE_EMU_VSOCK_CONSOLE,
					 &fds->console_channel, error);
	if (!err)
		start_open_log(logs, request, fds);
	return err;
}

static int start_spawn_error(int err, const char *path, struct error *error)
{
	int known = start_check_resources(err, error);

	if (known)
		return known;
	if (err == -ENOENT || err == -ENOTDIR)
		return error_set(error, -ENOPKG, "no VMM at %s: install ne-emu, or see --vmm",
				 path);
	return error_set(error, -ENOEXEC, "cannot run %s: %s", path, strerror(-err));
}

int start_vmm(const struct start_config *config, const struct log_root *logs,
	      const struct ne_nl_enclave *request, const struct start_module *module,
	      int pool_fd, struct vmm **ret_vmm, struct error *error)
{
	__cleanup(start_fds_close) struct start_fds fds = { -1, -1, -1, -1, { .fd = -1 } };
	int64_t request_ns = clock_ns(CLOCK_MONOTONIC);
	char module_id[MODULE_ID_SIZE];
	struct vmm_options vmm;
	int err;

	if (module->start_error)
		return error_set(error, -module->start_error, "the lab setting start-error");
	err = start_open_fds(config, logs, request, &fds, error);
	if (err)
		return err;
	marks_set_at(&fds.marks, MARK_REQUEST, request_ns);

	snprintf(module_id, sizeof(module_id), "%s-enc%016" PRIx64, module->instance_id,
		 request->slot_uid);
	vmm = (struct vmm_options){
		.log_level = config->log_level,
		.module_id = module_id,
		.slot_uid = request->slot_uid,
		.flags = request->flags,
		.mem_size = request->mem_size,
		.image_offset = request->image_offset,
		.cid = request->cid,
		.cpus = { request->vcpus, request->nr_vcpus },
		.backend_fd = request->backend_fd,
		.kvm_fd = fds.kvm,
		.channel_fd = fds.channel,
		.console_channel_fd = fds.console_channel,
		.console_log_fd = fds.console_log,
		.marks_fd = fds.marks.fd,
		.nsm_control_fd = module->control_fd,
		.sessions = module->sessions,
		.held = module->held,	/* the bits are the same, see below */
		.pool_fd = pool_fd,
		.uid = config->uid,
		.gid = config->gid,
	};
	err = vmm_spawn(config->vmm_path, &vmm, ret_vmm);
	return err ? start_spawn_error(err, config->vmm_path, error) : 0;
}

_Static_assert(HOLD_GDB == VMM_HELD_GDB && HOLD_TRACE == VMM_HELD_TRACE &&
	       HOLD_DUMP == VMM_HELD_DUMP, "start_vmm()");

int start_refuse(int backend_fd, int err, const struct error *error)
{
	struct ne_emu_backend_status status = backend_status(-err, error);

	return ioctl(backend_fd, NE_EMU_BACKEND_DONE, &status) < 0 ? -errno : 0;
}
