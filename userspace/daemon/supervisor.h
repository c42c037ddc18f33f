/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor: one loop over notifications, VMMs, signals and control clients. */

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
 * @start: settings for starting VMMs
 * @logs: directory in which ends are recorded
 * @partition: isolates the CPU pool; does nothing before partition_init()
 * @now: reads the clock
 * @abort_heartbeat: begins to notify the client of the enclave with this CID that no
 *	heartbeat will come
 * @abort: the notification in progress; its descriptor is -1 if there is none
 * @nl: connection to the kernel module
 * @enclaves: the enclaves that exist, and those whose VMM still runs
 * @vmms: VMMs to be waited for, including adopted ones
 * @attestor: settings and certificates of enclaves
 * @control: requests of "ne-emu lab" and "ne-emu doctor"
 * @epoll_fd: @nl's notifications, @signal_fd, @control, @abort, and the pidfds of @vmms
 * @signal_fd: SIGTERM and SIGINT
 * @accept_more: there may be start requests without a further notification
 * @accept_failures: number of failures in a row
 * @nr_told: number of running enclaves last reported to the service manager
 * @oom_kills: processes of our control group that the kernel has killed, as last seen
 * @stop: leave the loop
 * @err: why, if not because of a signal: a negative errno, -ENOENT for "module gone"
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
	struct holds holds;
	struct control control;
	int epoll_fd;
	int signal_fd;
	bool accept_more;
	unsigned int accept_failures;
	size_t nr_told;
	uint64_t oom_kills;
	bool stop;
	int err;
};

/**
 * struct supervisor_paths - directories; kept by reference
 * @run_dir: sockets, and the root certificate, which everyone can read
 * @state_dir: roots with their keys
 */
struct supervisor_paths {
	const char *run_dir;
	const char *state_dir;
};

/**
 * supervisor_init() - set up an idle supervisor
 * @start: copied; its strings are kept by reference
 * @logs: moved into @s
 * @defaults: default attestation settings; copied
 */
void supervisor_init(struct supervisor *s, const struct start_config *start,
		     struct log_root *logs, const struct supervisor_paths *paths,
		     const struct lab_settings *defaults);
/** supervisor_exit() - release everything; VMMs keep running, and the partition stays */
void supervisor_exit(struct supervisor *s);

/**
 * supervisor_connect() - connect to the module, block signals, adopt existing enclaves
 *
 * Return: 0, -ENOENT (the module is not loaded) or another negative errno.
 */
int supervisor_connect(struct supervisor *s);

/**
 * supervisor_run() - serve until a signal arrives or the module is unloaded
 *
 * Return: 0 (a signal), -ENOENT (the module was unloaded) or another negative errno.
 */
int supervisor_run(struct supervisor *s);

/** supervisor_watch_vmm() - watch for the end of a VMM; Return: 0 or a negative errno */
int supervisor_watch_vmm(struct supervisor *s, struct vmm *vmm);

/* lifecycle.c: apply changes of enclaves and VMMs */

/** lifecycle_notice() - apply what the kernel reports about an enclave */
void lifecycle_notice(struct supervisor *s, const struct ne_nl_enclave *info);

/**
 * lifecycle_sync() - compare the table with the list of all enclaves
 *
 * Enclaves that are not in the list have been released.
 */
void lifecycle_sync(struct supervisor *s, const struct ne_nl_enclave *list, size_t count);

/**
 * lifecycle_starting() - add the enclave of an accepted start request
 *
 * Kills a VMM that is left over from an earlier attempt. Return: 0 or -ENOMEM.
 */
int lifecycle_starting(struct supervisor *s, const struct ne_nl_enclave *request);

/** lifecycle_vmm_started() - assign a started VMM to its enclave; takes ownership of @vmm */
void lifecycle_vmm_started(struct supervisor *s, struct vmm *vmm);

/** lifecycle_vmm_ended() - record the end of a VMM that has been waited for, and free it */
void lifecycle_vmm_ended(struct supervisor *s, struct vmm *vmm, const struct vmm_end *end);

/** lifecycle_is_known() - callback &struct log_root.live; @arg: the supervisor */
bool lifecycle_is_known(uint64_t slot_uid, void *arg);

/**
 * lifecycle_sweep() - clean up after enclaves that ended while no supervisor was running
 *
 * Kills their VMMs if they still run. Call it once all existing enclaves are known.
 */
void lifecycle_sweep(struct supervisor *s);

/** lifecycle_prune() - remove old directories from the log directory */
void lifecycle_prune(struct supervisor *s);

#endif
