// SPDX-License-Identifier: Apache-2.0
/* The process of one VMM: command line, descriptors, end. */

#include "daemon/vmm_process.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* The VMM's descriptors are numbered from here, without gaps. */
#define VMM_FD_FIRST	3
#define VMM_FDS_MAX	7
/* Program, two words per option, NULL; room for all options there are. */
#define VMM_ARGS_MAX	40

/* A command line under construction; @err sticks. */
struct vmm_args {
	char *argv[VMM_ARGS_MAX];
	size_t argc;
	int err;
};

/* Descriptors as the child gets them: @from[i] becomes VMM_FD_FIRST + i. */
struct vmm_fds {
	int from[VMM_FDS_MAX];
	size_t count;
};

static void vmm_args_free(struct vmm_args *args)
{
	for (size_t i = 0; i < args->argc; i++)
		free(args->argv[i]);
}

static void vmm_fds_close(struct vmm_fds *fds)
{
	for (size_t i = 0; i < fds->count; i++)
		fd_close(&fds->from[i]);
}

__attribute__((format(printf, 2, 3)))
static void vmm_args_add(struct vmm_args *args, const char *fmt, ...)
{
	va_list ap;

	if (args->err)
		return;
	if (args->argc == VMM_ARGS_MAX - 1) {
		args->err = -E2BIG;
		return;
	}
	va_start(ap, fmt);
	if (vasprintf(&args->argv[args->argc], fmt, ap) < 0)
		args->err = -ENOMEM;
	else
		args->argc++;
	va_end(ap);
}

/* Numbers separated by commas, in the order of the vCPUs. */
static void vmm_args_add_cpus(struct vmm_args *args, const uint32_t *cpus, size_t count)
{
	__cleanup_free char *text = NULL;
	size_t size = 0;
	FILE *stream;

	stream = open_memstream(&text, &size);
	if (!stream) {
		args->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < count; i++)
		fprintf(stream, "%s%" PRIu32, i ? "," : "", cpus[i]);
	if (fclose(stream)) {
		args->err = -ENOMEM;
		return;
	}
	vmm_args_add(args, "--cpus");
	vmm_args_add(args, "%s", text);
}

/* Moves a descriptor out of the way of the numbers the child will use. */
static void vmm_args_add_fd(struct vmm_args *args, struct vmm_fds *fds, const char *option,
			    int fd)
{
	int copy;

	if (fd < 0 || args->err)
		return;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, VMM_FD_FIRST + VMM_FDS_MAX);
	if (copy < 0) {
		args->err = -errno;
		return;
	}
	vmm_args_add(args, "%s", option);
	vmm_args_add(args, "%zu", VMM_FD_FIRST + fds->count);
	fds->from[fds->count++] = copy;
}

static int vmm_args_build(const struct vmm_config *config, struct vmm_args *args,
			  struct vmm_fds *fds)
{
	vmm_args_add(args, "%s", config->path);
	vmm_args_add(args, "--slot-uid");
	vmm_args_add(args, "%016" PRIx64, config->slot_uid);
	vmm_args_add(args, "--cid");
	vmm_args_add(args, "%" PRIu32, config->cid);
	vmm_args_add(args, "--flags");
	vmm_args_add(args, "%" PRIu64, config->flags);
	vmm_args_add(args, "--mem-size");
	vmm_args_add(args, "%" PRIu64, config->mem_size);
	vmm_args_add(args, "--image-offset");
	vmm_args_add(args, "%" PRIu64, config->image_offset);
	vmm_args_add_cpus(args, config->vcpus, config->nr_vcpus);
	vmm_args_add(args, "--module-id");
	vmm_args_add(args, "%s", config->module_id);
	if (config->uid) {
		vmm_args_add(args, "--uid");
		vmm_args_add(args, "%" PRIu32, config->uid);
		vmm_args_add(args, "--gid");
		vmm_args_add(args, "%" PRIu32, config->gid);
	}
	vmm_args_add(args, "--log-level");
	vmm_args_add(args, "%s", config->log_level);
	vmm_args_add_fd(args, fds, "--backend-fd", config->backend_fd);
	vmm_args_add_fd(args, fds, "--kvm-fd", config->kvm_fd);
	vmm_args_add_fd(args, fds, "--channel-fd", config->channel_fd);
	vmm_args_add_fd(args, fds, "--console-channel-fd", config->console_channel_fd);
	vmm_args_add_fd(args, fds, "--console-log-fd", config->console_log_fd);
	vmm_args_add_fd(args, fds, "--nsm-control-fd", config->nsm_control_fd);
	vmm_args_add_fd(args, fds, "--pool-fd", config->pool_fd);
	return args->err;
}

static int vmm_spawn_files(posix_spawn_file_actions_t *actions, const struct vmm_fds *fds)
{
	int err;

	/* Results are positive error numbers; all but ENOMEM are impossible. */
	err = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null",
					       O_RDONLY, 0);
	for (size_t i = 0; !err && i < fds->count; i++)
		err = posix_spawn_file_actions_adddup2(actions, fds->from[i],
						       VMM_FD_FIRST + i);
	/* Also what this process was started with by mistake. */
	if (!err)
		err = posix_spawn_file_actions_addclosefrom_np(actions,
							       VMM_FD_FIRST + fds->count);
	return -err;
}

static int vmm_spawn_attr(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	err = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
				       POSIX_SPAWN_SETSIGDEF);
	if (!err)
		err = posix_spawnattr_setsigmask(attr, &none);
	if (!err)
		err = posix_spawnattr_setsigdefault(attr, &all);
	return -err;
}

/* posix_spawn() answers for execve() as well. */
static int vmm_exec(const struct vmm_args *args, const struct vmm_fds *fds, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	__cleanup_free char *journal = NULL;
	posix_spawnattr_t attr;
	char *envp[2] = { NULL };
	int err;

	if (getenv("JOURNAL_STREAM")) {
		if (asprintf(&journal, "JOURNAL_STREAM=%s", getenv("JOURNAL_STREAM")) < 0)
			return -ENOMEM;
		envp[0] = journal;
	}

	err = -posix_spawn_file_actions_init(&actions);
	if (err)
		return err;
	err = -posix_spawnattr_init(&attr);
	if (err)
		goto out_actions;
	err = vmm_spawn_files(&actions, fds);
	if (!err)
		err = vmm_spawn_attr(&attr);
	if (!err)
		err = -posix_spawn(ret_pid, args->argv[0], &actions, &attr, args->argv, envp);
	posix_spawnattr_destroy(&attr);
out_actions:
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

int vmm_spawn(const struct vmm_config *config, struct vmm **ret)
{
	__cleanup(vmm_args_free) struct vmm_args args = { 0 };
	__cleanup(vmm_fds_close) struct vmm_fds fds = { 0 };
	struct vmm *vmm;
	int err;

	vmm = calloc(1, sizeof(*vmm));
	if (!vmm)
		return -ENOMEM;
	err = vmm_args_build(config, &args, &fds);
	if (!err)
		err = vmm_exec(&args, &fds, &vmm->pid);
	if (err) {
		free(vmm);
		return err;
	}

	vmm->slot_uid = config->slot_uid;
	vmm->pidfd = pidfd_open(vmm->pid, 0);	/* close-on-exec */
	if (vmm->pidfd < 0) {
		/* Not to be watched, so not to be had. */
		err = -errno;
		vmm_abort(vmm);
		return err;
	}
	*ret = vmm;
	return 0;
}

static int vmm_look(const struct vmm *vmm)
{
	struct pollfd pollfd = { .fd = vmm->pidfd, .events = POLLIN };
	int n = poll(&pollfd, 1, 0);

	if (n < 0)
		return -errno;
	return n ? 0 : -EAGAIN;
}

int vmm_reap(const struct vmm *vmm, struct vmm_end *ret)
{
	siginfo_t info = { 0 };

	if (vmm->adopted) {
		*ret = (struct vmm_end){ 0 };
		return vmm_look(vmm);
	}
	if (waitid(P_PIDFD, vmm->pidfd, &info, WEXITED | WNOHANG) < 0)
		return -errno;
	if (!info.si_pid)
		return -EAGAIN;
	*ret = (struct vmm_end){ .code = info.si_code, .status = info.si_status };
	return 0;
}

int vmm_kill(const struct vmm *vmm)
{
	return pidfd_send_signal(vmm->pidfd, SIGKILL, NULL, 0) < 0 ? -errno : 0;
}

void vmm_abort(struct vmm *vmm)
{
	/* The number cannot belong to another process before it is waited for. */
	(void)kill(vmm->pid, SIGKILL);
	(void)waitpid(vmm->pid, NULL, 0);
	vmm_free(vmm);
}

void vmm_free(struct vmm *vmm)
{
	if (!vmm)
		return;
	fd_close(&vmm->pidfd);
	free(vmm);
}
