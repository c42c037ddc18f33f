/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor: one loop over notifications, VMMs and signals. */

#ifndef NE_EMU_DAEMON_SUPERVISOR_H
#define NE_EMU_DAEMON_SUPERVISOR_H

#include "common/heartbeat.h"
#include "daemon/attestor.h"
#include "daemon/control.h"
#include "daemon/enclave_table.h"
#include "daemon/folder.h"
#include "daemon/instant.h"
#include "daemon/partition.h"
#include "daemon/start.h"
#include "daemon/vmm_process.h"

/**
 * struct supervisor - all state of the program; one thread, so no locks
 * @start: how VMMs are started
 * @logs: where ends are recorded
 * @partition: isolates the CPU pool; does nothing before partition_init()
 * @now: the clock
 * @abort_heartbeat: begin to tell the client of the enclave with this CID that no
 *	heartbeat will come
 * @abort: what that has begun; its descriptor is -1 when it is over
 * @nl: the kernel module
 * @enclaves: the enclaves that exist, and those whose VMM still runs
 * @vmms: VMMs to be waited for, adopted ones included
 * @attestor: settings and certificates of enclaves
 * @control: requests of "ne-emu lab" and "ne-emu doctor"
 * @epoll_fd: @nl's notifications, @signal_fd, @control, @abort, and the pidfds of @vmms
 * @signal_fd: SIGTERM and SIGINT
 * @accept_more: there may be start requests that no notification will tell of
 * @accept_failures: in a row
 * @nr_told: number of running enclaves last told to the service manager
 * @stop: leave the loop
 * @err: why, if not by a signal: a negative errno, -ENOENT for "module gone"
 */
struct supervisor {
	struct start_config start;
	struct log_root logs;
	struct partition partition;
	struct instant (*now)(void);
	void (*abort_heartbeat)(struct supervisor *s, uint32_t cid);
	struct heartbeat_abort abort;
	struct ne_nl *nl;
	struct enclave_table enclaves;
	struct vmm_list vmms;
	struct attestor attestor;
	struct control control;
	int epoll_fd;
	int signal_fd;
	bool accept_more;
	unsigned int accept_failures;
	size_t nr_told;
	bool stop;
	int err;
};

/**
 * struct supervisor_paths - where things are; kept by reference
 * @run_dir: sockets, and the root certificate for everybody
 * @state_dir: roots with their keys
 */
struct supervisor_paths {
	const char *run_dir;
	const char *state_dir;
};

/**
 * supervisor_init() - an idle supervisor
 * @start: copied; its strings are kept by reference
 * @logs: taken over
 * @defaults: of attestation; copied
 */
void supervisor_init(struct supervisor *s, const struct start_config *start,
		     struct log_root *logs, const struct supervisor_paths *paths,
		     const struct lab_settings *defaults);
/** supervisor_exit() - release everything; VMMs run on, and the partition stays */
void supervisor_exit(struct supervisor *s);

/**
 * supervisor_connect() - find the module, block signals, see what is there
 *
 * Return: 0, -ENOENT (the module is not loaded) or another negative errno.
 */
int supervisor_connect(struct supervisor *s);

/**
 * supervisor_run() - serve until a signal or the end of the module
 *
 * Return: 0 (a signal), -ENOENT (the module was unloaded) or another negative
 * errno.
 */
int supervisor_run(struct supervisor *s);

/** supervisor_watch_vmm() - have its end noticed; Return: 0 or a negative errno */
int supervisor_watch_vmm(struct supervisor *s, struct vmm *vmm);

/* lifecycle.c: what is news about an enclave, and what follows from it */

/** lifecycle_notice() - the kernel describes an enclave */
void lifecycle_notice(struct supervisor *s, const struct ne_nl_enclave *info);

/**
 * lifecycle_sync() - compare the table with the list of all enclaves
 *
 * Enclaves that are not on the list are gone.
 */
void lifecycle_sync(struct supervisor *s, const struct ne_nl_enclave *list, size_t count);

/**
 * lifecycle_starting() - a start request was accepted
 *
 * A VMM left over from an earlier try is killed. Return: 0 or -ENOMEM.
 */
int lifecycle_starting(struct supervisor *s, const struct ne_nl_enclave *request);

/** lifecycle_vmm_started() - put a VMM in charge of its enclave; @vmm is taken over */
void lifecycle_vmm_started(struct supervisor *s, struct vmm *vmm);

/** lifecycle_vmm_ended() - a VMM has been waited for; it is freed */
void lifecycle_vmm_ended(struct supervisor *s, struct vmm *vmm, const struct vmm_end *end);

/** lifecycle_is_known() - struct log_root's @live; @arg: the supervisor */
bool lifecycle_is_known(uint64_t slot_uid, void *arg);

/**
 * lifecycle_sweep() - remove what enclaves left that ended while there was no supervisor
 *
 * Once all enclaves that exist are known. Their VMMs are killed if they still run.
 */
void lifecycle_sweep(struct supervisor *s);

/** lifecycle_prune() - keep the log directory at its size */
void lifecycle_prune(struct supervisor *s);

#endif
