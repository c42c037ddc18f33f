// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: the transport, lost packets, and programs that enclaves can reach. */

#include "cli/doctor/doctor.h"

#include "cli/enclave/channels.h"
#include "cli/enclave/vsock.h"
#include "cli/host/kmod.h"
#include "cli/host/sysfs.h"
#include "common/nl_diag.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/nitro_enclaves_emu.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/vm_sockets.h>

#define TRANSPORT	"ne_emu_vsock"
#define LOAD		"sudo modprobe " TRANSPORT

/* System services listen up to this port; programs for enclaves usually use higher ones. */
#define PORT_SYSTEM_MAX		1023
#define SSH_PORT		22

/* A guest-to-host transport, judged by its module name, that is there instead of ours. */
static const char *other_transport(void)
{
	static const char *const names[] = {
		"vmw_vsock_virtio_transport", "hv_sock", "vmw_vsock_vmci_transport",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (sys_exists("/sys/module/%s", names[i]))
			return names[i];
	/* What is built in has a directory there only if it has parameters. */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (kmod_find(names[i]) == KMOD_BUILT_IN)
			return names[i];
	return NULL;
}

static int own_cid(uint32_t *ret)
{
	char path[SYS_PATH_SIZE];
	__cleanup_fd int fd = open(sys_path(path, "/dev/vsock"), O_RDONLY | O_CLOEXEC);

	return fd < 0 || ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, ret) ? -errno : 0;
}

static void other_is_loaded(struct doctor *doctor, const char *other)
{
	if (kmod_find(other) == KMOD_BUILT_IN) {
		doctor_error(doctor, "vsock-built-in", "transport %s, which is built into this "
			     "kernel, has the place of " TRANSPORT, other);
		doctor_advice(doctor, "boot a kernel that has it as a module, or a machine without "
			      "its device");
		return;
	}
	doctor_error(doctor, "vsock-other-transport", "transport %s is loaded instead of "
		     TRANSPORT, other);
	doctor_advice(doctor, "programs that talk to the hypervisor over vsock lose that "
		      "connection");
	doctor_command(doctor, "sudo modprobe -r %s && " LOAD, other);
}

/* A host without a guest-to-host transport has one of the other CIDs, or none. */
static bool is_guest(void)
{
	uint32_t cid;

	return !own_cid(&cid) && cid != VMADDR_CID_ANY && cid > VMADDR_CID_HOST;
}

static void no_transport(struct doctor *doctor)
{
	const char *other = other_transport();

	if (other) {
		other_is_loaded(doctor, other);
		return;
	}
	if (is_guest()) {
		doctor_error(doctor, "vsock-built-in", "a transport that is built into this kernel "
			     "has the place of " TRANSPORT);
		doctor_advice(doctor, "boot a kernel that has it as a module, or a machine without "
			      "its device");
		return;
	}
	doctor_error(doctor, "vsock-not-loaded", TRANSPORT " is not loaded");
	doctor_command(doctor, LOAD);
}

static void no_sockets(struct doctor *doctor, int errnum)
{
	doctor_error(doctor, "vsock-forbidden", "this process may not make a vsock socket: %s",
		     strerror(errnum));
	doctor_advice(doctor, "allow it in the seccomp profile of the container or unit "
		      "(AF_VSOCK); ci.rst has one");
}

/* As a launcher listens for the heartbeat: this works where there is no /dev/vsock. */
static int bind_parent(void)
{
	const struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_cid = NE_EMU_CID_PARENT, .svm_port = VMADDR_PORT_ANY,
	};
	__cleanup_fd int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	return bind(fd, (const struct sockaddr *)&address, sizeof(address)) ? -EADDRNOTAVAIL : 0;
}

static void check_address(struct doctor *doctor)
{
	int err = bind_parent();
	uint32_t cid;

	if (!err)
		doctor_ok(doctor, "the local CID is 3");
	else if (err == -EPERM || err == -EACCES || err == -EAFNOSUPPORT)
		no_sockets(doctor, -err);
	else if (!own_cid(&cid) && cid != NE_EMU_CID_PARENT)
		doctor_error(doctor, "vsock-wrong-cid", "the local CID is %d, not 3, although "
			     TRANSPORT " is loaded", (int)cid);
	else
		doctor_error(doctor, "vsock-wrong-cid", "this process has no vsock address 3: %s",
			     strerror(-err));
}

void doctor_check_vsock(struct doctor *doctor)
{
	struct error error;

	if (!doctor->aws && !sys_exists("/sys/module/" TRANSPORT)) {
		no_transport(doctor);
	} else if (vsock_check_namespace(&error)) {
		doctor_error(doctor, "vsock-namespace", "%s", error.text);
		doctor_advice(doctor, "leave this network namespace, or make it with another "
			      "net.vsock.child_ns_mode of its parent");
	} else if (!*sys_root()) {
		check_address(doctor);
	}
}

void doctor_check_vhost(struct doctor *doctor)
{
	if (!sys_exists("/sys/module/vhost_vsock"))
		return;
	if (sys_exists("/proc/sys/net/vsock/g2h_fallback")) {
		doctor_ok(doctor, "vhost_vsock is loaded, which does not matter on this kernel");
		return;
	}
	doctor_warning(doctor, "vhost-vsock", "vhost_vsock is loaded: on this kernel it claims "
		       "connections to enclaves, which then fail");
	doctor_advice(doctor, "stop the virtual machines that use it, then unload it");
	doctor_command(doctor, "sudo modprobe -r vhost_vsock");
}

static void check_channel(struct doctor *doctor, const struct channel *channel)
{
	const char *part = channel->console ? "the console of CID" : "CID";

	if (channel->malformed) {
		doctor_warning(doctor, "vsock-malformed", "%s %u sent %" PRIu64 " malformed "
			       "packets, which were refused", part, channel->cid,
			       channel->malformed);
		doctor_advice(doctor, "its kernel is broken or hostile; \"sudo ne-emu pcap\" shows "
			      "what else it sends");
	}
	if (channel->dropped) {
		doctor_warning(doctor, "vsock-dropped", "%" PRIu64 " packets to %s %u were "
			       "dropped; %" PRIu64 " are waiting", channel->dropped, part,
			       channel->cid, channel->queued);
		doctor_advice(doctor, "find out why it does not read: \"sudo ne-emu pcap\"");
	}
}

void doctor_check_vsock_packets(struct doctor *doctor)
{
	__cleanup_free struct channel *list = NULL;
	size_t count = 0;

	/* Nothing to report if this fails. Users who are not root get an empty list. */
	if (channel_list(&list, &count))
		return;
	for (size_t i = 0; i < count; i++)
		check_channel(doctor, &list[i]);
}

static void listens(struct doctor *doctor, uint32_t port)
{
	doctor_warning(doctor, "vsock-ports", "a program of this host listens on vsock port %"
		       PRIu32 ", which every enclave can reach", port);
	doctor_advice(doctor, "\"sudo ss -lp --vsock\" lists the programs; an sshd is most likely "
		      "that of sshd-vsock.socket");
	if (port == SSH_PORT)
		doctor_command(doctor, "sudo systemctl mask --now sshd-vsock.socket");
}

/* Find listeners that are probably not for enclaves, such as an sshd that systemd started. */
void doctor_check_vsock_ports(struct doctor *doctor)
{
	__cleanup_free uint32_t *ports = NULL;
	size_t count = 0;
	int err;

	if (!sys_exists("/sys/module/" TRANSPORT))
		return;
	err = nl_vsock_listeners(NE_EMU_CID_PARENT, &ports, &count);
	if (err && err != -ENOENT)
		doctor_warning(doctor, "vsock-ports-unknown", "cannot list the programs that "
			       "listen on vsock: %s", strerror(-err));
	for (size_t i = 0; i < count; i++)
		if (ports[i] <= PORT_SYSTEM_MAX)
			listens(doctor, ports[i]);
}
