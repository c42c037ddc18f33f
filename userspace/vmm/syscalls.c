// SPDX-License-Identifier: Apache-2.0
/*
 * The system calls of a running enclave; any other ends the process.
 *
 * No call in these lists creates a descriptor, a thread, a process or an executable page,
 * or takes the name of a file. If code that runs after containment_seal() needs another
 * call, the VMM ends with SIGSYS, and the kernel log (audit) shows the number of the call.
 */

#include "vmm/syscalls.h"

#include "common/util.h"
#include "vmm/arch/arch.h"

#include <errno.h>
#include <linux/kvm.h>
#include <linux/nitro_enclaves_emu.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* New in Linux 6.11; older headers do not have it. */
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE	0x08
#endif

/* Allowed with any arguments. */
static const int plain_calls[] = {
	/* Devices: eventfds, timers, channels, the console's log; KVM's statistics */
	SCMP_SYS(read),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(recvfrom),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(close),

	/* Main loop */
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),

	/* Threads of the C library: locks, exit */
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),

	/* Signals: the kick of a vCPU, lost memory */
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),

	/* The heap and stacks; mmap and mprotect are below */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),

	/* Random numbers and time, if the vDSO cannot provide them */
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
};

/* Requests of the running machine to KVM and the modules, besides arch_run_ioctls. */
static const unsigned long ioctls[] = {
	KVM_RUN,
	KVM_GET_MP_STATE,
	NE_EMU_BACKEND_DONE,
	NE_EMU_BACKEND_EXIT,
	NE_EMU_VSOCK_SEQPACKET,
	NE_EMU_VSOCK_RECV,
	NE_EMU_VSOCK_SEND,
};

static void free_filter(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int allow_ioctl(scmp_filter_ctx filter, unsigned long request)
{
	/* The kernel uses only 32 bits of the request. */
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				SCMP_A1_64(SCMP_CMP_MASKED_EQ, UINT32_MAX, request));
}

static int allow_ioctls(scmp_filter_ctx filter)
{
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(ioctls); i++)
		err = allow_ioctl(filter, ioctls[i]);
	for (size_t i = 0; !err && i < arch_nr_run_ioctls; i++)
		err = allow_ioctl(filter, arch_run_ioctls[i]);
	return err;
}

/*
 * Allow new memory for the heap and for the state of the C library's getrandom()
 * (MAP_DROPPABLE), all of which counts for RLIMIT_DATA. Shared memory, stacks and
 * replacements of other mappings would not count. Huge pages are for enclaves.
 */
static int allow_memory(scmp_filter_ctx filter)
{
	static const uint64_t types[] = { MAP_PRIVATE, MAP_DROPPABLE };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		int err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
					   SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
					   SCMP_A3_64(SCMP_CMP_EQ, types[i] | MAP_ANONYMOUS));

		if (err)
			return err;
	}
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* Allow zero pages in place of the enclave's memory if that is lost (memory.c). */
static int allow_replacement(scmp_filter_ctx filter, const void *memory, uint64_t size)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 4,
				SCMP_A0_64(SCMP_CMP_EQ, (uintptr_t)memory),
				SCMP_A1_64(SCMP_CMP_EQ, size),
				SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
				SCMP_A3_64(SCMP_CMP_EQ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
					   MAP_NORESERVE));
}

/* vCPUs are kicked by a signal. */
static int allow_kicks(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0_64(SCMP_CMP_EQ, getpid()));
}

static int allow_plain_calls(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain_calls); i++) {
		int err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain_calls[i], 0);

		if (err)
			return err;
	}
	return 0;
}

int syscalls_restrict(const void *memory, uint64_t memory_size)
{
	__cleanup(free_filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err;

	if (!filter)
		return -ENOMEM;
	err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* Use a binary tree, since each exit of a vCPU passes the filter. */
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!err)
		err = allow_plain_calls(filter);
	if (!err)
		err = allow_memory(filter);
	if (!err)
		err = allow_replacement(filter, memory, memory_size);
	if (!err)
		err = allow_kicks(filter);
	if (!err)
		err = allow_ioctls(filter);
	return err ? err : seccomp_load(filter);
}
