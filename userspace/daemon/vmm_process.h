/* SPDX-License-Identifier: Apache-2.0 */
/* The process of one VMM: command line, descriptors, end. */

#ifndef NE_EMU_DAEMON_VMM_PROCESS_H
#define NE_EMU_DAEMON_VMM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

/**
 * struct vmm - a VMM whose end has not been noticed yet
 * @adopted: an earlier supervisor has started it, so that it is not a child
 * @pid: its process id
 * @pidfd: readable when it has ended
 * @slot_uid: enclave it was started for
 * @given_up: it no longer counts as the VMM of that enclave
 * @kill_ns: CLOCK_BOOTTIME when it is killed, nanoseconds; 0: never
 */
struct vmm {
	TAILQ_ENTRY(vmm) node;
	pid_t pid;
	int pidfd;
	uint64_t slot_uid;
	bool adopted;
	bool given_up;
	int64_t kill_ns;
};

TAILQ_HEAD(vmm_list, vmm);

struct vmm_options;

/**
 * struct vmm_end - how a process ended
 * @code: CLD_EXITED, CLD_KILLED or CLD_DUMPED; 0: not known, it was adopted
 * @status: exit code or signal number
 */
struct vmm_end {
	int code;
	int status;
};

/**
 * vmm_spawn() - start the program with the descriptors of @options and no others
 * @options: they stay with the caller
 *
 * Standard input is /dev/null, standard output and error are those of this
 * process; the environment holds $JOURNAL_STREAM at most; the process is the
 * leader of a session of its own, without blocked or ignored signals.
 *
 * Return: 0, or a negative errno, that of execve() included.
 */
int vmm_spawn(const char *path, const struct vmm_options *options, struct vmm **ret);

/**
 * vmm_reap() - look whether it has ended
 *
 * Return: 0 with @ret filled, or -EAGAIN while it runs.
 */
int vmm_reap(const struct vmm *vmm, struct vmm_end *ret);

/** vmm_kill() - send SIGKILL; vmm_reap() still has to follow */
int vmm_kill(const struct vmm *vmm);

/** vmm_abort() - kill it, wait for its end and free it */
void vmm_abort(struct vmm *vmm);

/** vmm_free() - forget the process, which may still run */
void vmm_free(struct vmm *vmm);

#endif
