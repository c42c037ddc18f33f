/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attestation of each enclave: its settings, and the messages to the module in its VMM
 * (common/nsm_control.h). No failure here keeps an enclave from running.
 */

#ifndef NE_EMU_DAEMON_ATTESTOR_H
#define NE_EMU_DAEMON_ATTESTOR_H

#include "daemon/authority.h"
#include "daemon/lab.h"

#include <sys/queue.h>

/* Certificates issued at a time, so that other work does not wait. */
#define ATTESTOR_ISSUES_MAX	8
/* Users who have settings for their next enclave. */
#define ATTESTOR_NEXT_MAX	1024

/**
 * struct attestee - one enclave
 * @owner: who created it
 * @running: its VMM has been started
 * @failing: the last try to issue one failed, and the log knows
 * @issued: when it got its last identity, seconds since 1970 by the host's clock; 0 if
 *	that is good at any time, or there is none
 * @due: when to issue its next one, by the same clock
 */
struct attestee {
	TAILQ_ENTRY(attestee) node;
	uint64_t slot_uid;
	uid_t owner;
	bool running;
	bool failing;
	int64_t issued;
	int64_t due;
	struct lab_settings settings;
};

/** struct attestor_next - settings of the next enclave that @owner starts */
struct attestor_next {
	TAILQ_ENTRY(attestor_next) node;
	uid_t owner;
	struct lab_settings settings;
};

/**
 * struct attestor - all of them; one thread
 * @run_dir: directory of sockets; kept by reference
 * @defaults: settings of enclaves that have no others
 * @next: settings of next enclaves, @nr_next of them
 */
struct attestor {
	const char *run_dir;
	struct authority authority;
	struct lab_settings defaults;
	TAILQ_HEAD(attestor_nexts, attestor_next) next;
	size_t nr_next;
	TAILQ_HEAD(attestees, attestee) attestees;
};

/** attestor_init() - @defaults is copied, the others are kept by reference */
void attestor_init(struct attestor *attestor, const char *run_dir, const char *state_dir,
		   const struct lab_settings *defaults);
void attestor_exit(struct attestor *attestor);

/** attestor_next() - what the next enclave of this user will get */
const struct lab_settings *attestor_next(const struct attestor *attestor, uid_t owner);

/**
 * attestor_set_next() - settings for the next enclave of this user
 *
 * Return: 0, -ENOMEM, or -EUSERS (ATTESTOR_NEXT_MAX others have some).
 */
int attestor_set_next(struct attestor *attestor, uid_t owner,
		      const struct lab_settings *settings);

/** attestor_reset_next() - no settings of its own for the next enclave of this user */
void attestor_reset_next(struct attestor *attestor, uid_t owner);

/**
 * attestor_prepare() - an enclave is about to be started
 * @owner: who created it; what was set for their next enclave is used up
 * @ret_fd: the module's end of the socket for its VMM, with settings in it; -1 on failure
 *
 * Trouble is logged. Return: its settings, or NULL (no memory).
 */
const struct lab_settings *attestor_prepare(struct attestor *attestor, uint64_t slot_uid,
					    uid_t owner, int *ret_fd);

/** attestor_started() - its VMM runs: issue an identity */
void attestor_started(struct attestor *attestor, uint64_t slot_uid, int64_t now);

/** attestor_adopt() - an earlier supervisor has started it */
void attestor_adopt(struct attestor *attestor, uint64_t slot_uid, uid_t owner, int64_t now);

/** attestor_forget() - it is gone; so is its directory if nothing else is in it */
void attestor_forget(struct attestor *attestor, uint64_t slot_uid);

/** attestor_folder() - the directory of an enclave; Return: 0 or -ENAMETOOLONG */
int attestor_folder(const struct attestor *attestor, uint64_t slot_uid, char *path, size_t size);

/** attestor_find() - Return: the enclave or NULL */
struct attestee *attestor_find(struct attestor *attestor, uint64_t slot_uid);

/**
 * attestor_change() - put new settings in force for a running enclave
 *
 * Return: 0 or a negative errno.
 */
int attestor_change(struct attestor *attestor, struct attestee *attestee,
		    const struct lab_settings *settings, int64_t now);

/**
 * attestor_run() - issue what is due, ATTESTOR_ISSUES_MAX at most
 *
 * Return: seconds until the next time, or -1.
 */
int64_t attestor_run(struct attestor *attestor, int64_t now);

#endif
