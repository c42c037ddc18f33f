// SPDX-License-Identifier: Apache-2.0
/*
 * Keeps the lock of its socket: connects to CID and PORT, or listens on PORT for any
 * CID, and sets an option from a page that is never supplied. Needs
 * vm.unprivileged_userfaultfd unless run by root. Prints "stuck", then waits to be killed.
 *
 * usage: vsock_stuck CID PORT
 *        vsock_stuck listen PORT
 */

#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define PAGE	4096UL

static void *page_that_does_not_come(int *uffd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	range.range.start = (uintptr_t)page;
	range.range.len = PAGE;
	if (page == MAP_FAILED || *uffd < 0 || ioctl(*uffd, UFFDIO_API, &api) ||
	    ioctl(*uffd, UFFDIO_REGISTER, &range))
		err(1, "userfaultfd");
	return page;
}

static int make_socket(const char *cid, uint32_t port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!strcmp(cid, "listen")) {
		if (bind(fd, (void *)&addr, sizeof(addr)) || listen(fd, 8))
			err(1, "listen on port %u", port);
		return fd;
	}
	addr.svm_cid = strtoul(cid, NULL, 10);
	if (connect(fd, (void *)&addr, sizeof(addr)))
		err(1, "connect to %s:%u", cid, port);
	return fd;
}

static struct {
	int fd;
	void *page;
} call;

static void *set_option(void *arg)
{
	setsockopt(call.fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, call.page, sizeof(uint64_t));
	return arg;
}

int main(int argc, char **argv)
{
	struct uffd_msg msg;
	pthread_t thread;
	int uffd;

	if (argc != 3)
		errx(2, "usage: vsock_stuck CID|listen PORT");
	call.fd = make_socket(argv[1], strtoul(argv[2], NULL, 10));
	call.page = page_that_does_not_come(&uffd);
	if (pthread_create(&thread, NULL, set_option, NULL) ||
	    read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		err(1, "the call that waits");
	puts("stuck");
	fflush(stdout);
	for (;;)
		pause();
}
