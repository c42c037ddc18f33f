// SPDX-License-Identifier: Apache-2.0
/* vsock connections between an enclave and its launcher. */

#include "cli/enclave/vsock.h"

#include "cli/host/sysfs.h"
#include "common/util.h"

#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <linux/vm_sockets.h>

/* Seconds; nitro-cli waits as long. */
#define CONNECT_TIMEOUT		20
#define BACKLOG			16

int vsock_check_namespace(struct error *error)
{
	char mode[SYS_TEXT_SIZE];

	/* Kernels without such modes have no such file. */
	if (sys_read(mode, "/proc/sys/net/vsock/ns_mode") || strcmp(mode, "local"))
		return 0;
	return error_set(error, -EADDRNOTAVAIL, "this network namespace is closed to enclaves "
			 "(net.vsock.ns_mode is local): no heartbeat could arrive; start them in "
			 "one whose mode is global");
}

int vsock_listen(uint32_t port)
{
	const struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = NE_EMU_CID_PARENT,
		.svm_port = port,
	};
	__cleanup_fd int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, BACKLOG))
		return -errno;
	return fd_steal(&fd);
}

int vsock_accept(int listener, uint32_t *ret_cid)
{
	struct sockaddr_vm addr = {};
	socklen_t len = sizeof(addr);
	int fd;

	fd = accept4(listener, (struct sockaddr *)&addr, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return -errno;
	*ret_cid = addr.svm_cid;
	return fd;
}

int vsock_connect_console(uint32_t cid)
{
	return vsock_connect(NE_EMU_CID_HYPERVISOR, NE_EMU_CONSOLE_PORT_BASE + cid);
}

int vsock_connect(uint32_t cid, uint32_t port)
{
	const struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port,
	};
	const struct timeval timeout = { .tv_sec = CONNECT_TIMEOUT };
	__cleanup_fd int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout, sizeof(timeout)))
		return -errno;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return fd_steal(&fd);
}
