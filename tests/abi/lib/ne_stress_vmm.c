// SPDX-License-Identifier: Apache-2.0
/* Supervisors that accept start requests, and VMMs that behave and misbehave. */

#include "ne_stress.h"
#include "ne_backend.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENT_MS	20
#define MAX_VMMS	4
#define MAP_TRIES	8

struct vmm {
	struct ne_stress_worker *w;
	int fd;
	uint64_t size;
};

/* Report a status with any code and any text, with or without NUL, at any pointer. */
static void garbage_status(struct vmm *vmm)
{
	static const unsigned long requests[] = { NE_EMU_BACKEND_DONE, NE_EMU_BACKEND_EXIT };
	unsigned long request = requests[ne_stress_below(vmm->w, ARRAY_SIZE(requests))];
	struct ne_emu_backend_status status = { .code = ne_stress_nasty(vmm->w) };

	memset(status.text, ne_stress_below(vmm->w, 256),
	       ne_stress_below(vmm->w, sizeof(status.text) + 1));
	if (ne_stress_chance(vmm->w, 4))
		status.guest_status = ne_stress_nasty(vmm->w);
	if (ne_stress_chance(vmm->w, 4))
		ne_ioctl(vmm->fd, request, (void *)(uintptr_t)ne_stress_nasty(vmm->w));
	else
		ne_ioctl(vmm->fd, request, &status);
}

/* Apply memory calls to a mapping, mostly to a part of it. */
static void abuse_mapping(struct vmm *vmm, char *map, uint64_t size)
{
	uint64_t offset = ne_stress_below(vmm->w, size) & -4096ULL;
	uint64_t len = size - offset;

	if (ne_stress_chance(vmm->w, 2))
		len = 4096;
	switch (ne_stress_below(vmm->w, 8)) {
	case 0:
		munmap(map + offset, len);
		break;
	case 1:
		mprotect(map + offset, len, ne_stress_chance(vmm->w, 2) ? PROT_READ : PROT_NONE);
		break;
	case 2:
		mremap(map + offset, len, 4096, 0);
		break;
	case 3:
		mremap(map + offset, len, len + NE_PAGE, MREMAP_MAYMOVE);
		break;
	case 4:
		madvise(map + offset, len, ne_stress_below(vmm->w, 26));
		break;
	case 5:
		mlock(map + offset, len);
		break;
	}
}

/*
 * Map any part of the memory and have the kernel write there. When the enclave is gone, a
 * store of this program would raise SIGBUS, but read() fails with EFAULT.
 */
static void touch_memory(struct vmm *vmm, int zero_fd)
{
	uint64_t offset = ne_stress_below(vmm->w, vmm->size) & -4096ULL;
	uint64_t size = (ne_stress_below(vmm->w, vmm->size) & -4096ULL) + 4096;
	int share = ne_stress_chance(vmm->w, 16) ? MAP_PRIVATE : MAP_SHARED;
	uint64_t at;
	char *map;

	if (ne_stress_chance(vmm->w, 2))
		offset = 0;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, share, vmm->fd, offset);
	if (map == MAP_FAILED)
		return;
	for (at = 0; at < size; at += 1 + ne_stress_below(vmm->w, NE_PAGE))
		if (read(zero_fd, map + at, 1) < 0)
			break;
	abuse_mapping(vmm, map, size);
	/* The remaining mappings go with the process. */
	if (ne_stress_chance(vmm->w, 2))
		munmap(map, size);
}

static void wait_hup(struct vmm *vmm)
{
	struct pollfd pfd = { .fd = vmm->fd };

	poll(&pfd, 1, ne_stress_below(vmm->w, 200));
}

/* After "done": what a VMM may be doing in the kernel when it has to end. */
static void live(struct vmm *vmm, int zero_fd)
{
	unsigned int i;

	for (i = ne_stress_below(vmm->w, MAP_TRIES); i; i--)
		touch_memory(vmm, zero_fd);
	switch (ne_stress_below(vmm->w, 8)) {
	case 0:
		/* Never sleeps: the release waits until it is killed. */
		for (i = 0; i < 100000; i++)
			getppid();
		break;
	case 1:
		raise(SIGSTOP);
		break;
	case 2:
		if (!ne_stress_fork())
			wait_hup(vmm);	/* holds the descriptor, too */
		break;
	default:
		wait_hup(vmm);
		break;
	}
	for (i = ne_stress_below(vmm->w, MAP_TRIES); i; i--)
		touch_memory(vmm, zero_fd);
}

static void run_vmm(struct vmm *vmm)
{
	int zero_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	if (ne_stress_chance(vmm->w, 2))
		touch_memory(vmm, zero_fd);
	if (ne_stress_chance(vmm->w, 8))
		garbage_status(vmm);
	if (ne_stress_chance(vmm->w, 16))
		_exit(0);
	ne_backend_done(vmm->fd, 0, "");
	live(vmm, zero_fd);
	if (ne_stress_chance(vmm->w, 2))
		ne_backend_exit(vmm->fd, ne_stress_below(vmm->w, 10), "the end");
	if (ne_stress_chance(vmm->w, 8))
		garbage_status(vmm);
	_exit(0);
}

static void start_vmm(struct vmm *vmm)
{
	pid_t pid = ne_stress_fork();

	if (!pid) {
		/* A copy, because the parent goes on using the one in shared memory. */
		struct ne_stress_worker copy = *vmm->w;

		copy.seed = ~copy.seed;
		vmm->w = &copy;
		run_vmm(vmm);
	}
	if (pid > 0 && ne_stress_chance(vmm->w, 6)) {
		ne_stress_usleep(vmm->w, 3000);
		kill(pid, SIGKILL);
	}
}

/* Answer an accepted request. */
static void answer(struct vmm *vmm)
{
	switch (ne_stress_below(vmm->w, 12)) {
	case 0:
		ne_backend_done(vmm->fd, ne_stress_below(vmm->w, 600), "refused by the test");
		break;
	case 1:
		garbage_status(vmm);
		break;
	case 2:
		break;		/* closed without a word */
	case 3:
		/* The supervisor acts as the VMM. */
		ne_backend_done(vmm->fd, 0, "");
		ne_stress_usleep(vmm->w, 5000);
		break;
	case 4:
		ne_stress_usleep(vmm->w, 50000);
		break;
	default:
		start_vmm(vmm);
		break;
	}
	close(vmm->fd);
}

static void run_supervisor(struct ne_test *t, struct ne_stress_worker *w)
{
	struct ne_netlink nl;

	REQUIRE_EQ(t, ne_netlink_open(&nl, NE_EMU_MCGRP_BACKEND), 0);
	for (;;) {
		struct ne_info info;
		int cmd;

		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		ne_stress_next(w);
		ne_netlink_event(&nl, EVENT_MS, &cmd, &info);
		while (!ne_netlink_accept(&nl, &info)) {
			struct vmm vmm = {
				.w = w, .fd = info.backend_fd, .size = info.mem_size,
			};

			ne_stress_next(w);
			CHECK(t, info.backend_fd >= 0 && info.slot_uid && info.mem_size);
			answer(&vmm);
		}
	}
}

const struct ne_stress_role ne_stress_supervisor = { "supervisor", run_supervisor, 2 };
