/* SPDX-License-Identifier: Apache-2.0 */
/* The process of one VMM: its command line, its descriptors, its end. */

#ifndef NE_EMU_DAEMON_VMM_PROCESS_H
#define NE_EMU_DAEMON_VMM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

/**
 * struct vmm - a VMM whose end has not been noticed yet
 * @adopted: an earlier supervisor has started it, so it is not our child
 * @pid: its process id
 * @pidfd: readable when it has ended
 * @slot_uid: the enclave that it was started for
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
 * @code: CLD_EXITED, CLD_KILLED or CLD_DUMPED; 0: not known, because it was adopted
 * @status: exit code or signal number
 */
struct vmm_end {
	int code;
	int status;
};

/**
 * vmm_spawn() - start the program with the descriptors of @options and no others
 * @options: the caller keeps the descriptors
 *
 * Standard input is /dev/null; standard output and error are those of this process. The
 * environment contains at most $JOURNAL_STREAM. The process is the leader of a new
 * session, without blocked or ignored signals.
 *
 * Return: 0 or a negative errno, which may be that of execve().
 */
int vmm_spawn(const char *path, const struct vmm_options *options, struct vmm **ret);

/**
 * vmm_reap() - check whether the process has ended
 *
 * Return: 0 with @ret filled, or -EAGAIN while it is running.
 */
int vmm_reap(const struct vmm *vmm, struct vmm_end *ret);

/** vmm_kill() - send SIGKILL; the caller still has to call vmm_reap() */
int vmm_kill(const struct vmm *vmm);

/** vmm_abort() - kill the process, wait for its end and free @vmm */
void vmm_abort(struct vmm *vmm);

/** vmm_free() - free @vmm; the process may still be running */
void vmm_free(struct vmm *vmm);

#endif
