// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that hold the lock of a socket as long as a test wants: AF_VSOCK copies from
 * and to their memory under the lock, and a page of it is missing. userfaultfd stands in
 * for what an attacker can use without privileges, a FUSE page that they serve themselves.
 */

#include "ne_stuck.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define PAGE	4096UL

static void *stuck_thread(void *arg)
{
	struct ne_stuck *s = arg;
	int n = -1;

	switch (s->call) {
	case NE_STUCK_RECV:
		n = recv(s->fd, s->page, 1, 0);
		break;
	case NE_STUCK_SEND:
		n = send(s->fd, s->page, 100, MSG_NOSIGNAL);
		break;
	case NE_STUCK_SETSOCKOPT:
		n = setsockopt(s->fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, s->page,
			       sizeof(uint64_t));
		break;
	}
	s->result = n < 0 ? -errno : n;
	return NULL;
}

void ne_stuck_begin(struct ne_test *t, struct ne_stuck *s, int fd, enum ne_stuck_call call)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffd_msg msg;

	s->fd = fd;
	s->call = call;
	s->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	REQUIRE(t, s->uffd >= 0);
	REQUIRE_EQ(t, ioctl(s->uffd, UFFDIO_API, &api), 0);
	s->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(t, s->page != MAP_FAILED);
	range.range.start = (uintptr_t)s->page;
	range.range.len = PAGE;
	REQUIRE_EQ(t, ioctl(s->uffd, UFFDIO_REGISTER, &range), 0);

	REQUIRE(t, !pthread_create(&s->thread, NULL, stuck_thread, s));
	REQUIRE(t, read(s->uffd, &msg, sizeof(msg)) == sizeof(msg));
	REQUIRE_EQ(t, msg.event, UFFD_EVENT_PAGEFAULT);
}

int ne_stuck_end(struct ne_test *t, struct ne_stuck *s)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)s->page, .len = PAGE },
	};

	REQUIRE_EQ(t, ioctl(s->uffd, UFFDIO_ZEROPAGE, &zero), 0);
	REQUIRE(t, !pthread_join(s->thread, NULL));
	close(s->uffd);
	munmap(s->page, PAGE);
	return s->result;
}
