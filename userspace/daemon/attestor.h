/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attestation of each enclave: its settings, and the messages to the NSM in its VMM
 * (common/nsm_control.h). A failure here never prevents an enclave from running.
 */

#ifndef NE_EMU_DAEMON_ATTESTOR_H
#define NE_EMU_DAEMON_ATTESTOR_H

#include "daemon/authority.h"
#include "daemon/lab.h"
#include "daemon/session_lines.h"

#include <sys/queue.h>

/* Maximum number of certificates issued in one go, so that other work is not delayed. */
#define ATTESTOR_ISSUES_MAX	8
/* Maximum number of users with settings for their next enclave. */
#define ATTESTOR_NEXT_MAX	1024

/**
 * struct attestee - one enclave
 * @owner: user who created it
 * @debug: it is in debug mode
 * @running: its VMM has been started
 * @failing: the last attempt to issue an identity failed, which has been logged
 * @issued: when its current identity was issued, seconds since 1970 by the host's clock;
 *	0 if that never expires, or if there is none
 * @due: when to issue the next one, by the same clock
 * @agent_key: with which its owner proves itself to the agent in it
 * @has_agent_key: there is one
 */
struct attestee {
	TAILQ_ENTRY(attestee) node;
	uint64_t slot_uid;
	uid_t owner;
	bool debug;
	bool running;
	bool failing;
	int64_t issued;
	int64_t due;
	struct lab_settings settings;
	uint8_t agent_key[NSM_CONTROL_AGENT_KEY_SIZE];
	bool has_agent_key;
};

/** struct attestor_next - settings of the next enclave that @owner starts */
struct attestor_next {
	TAILQ_ENTRY(attestor_next) node;
	uid_t owner;
	struct lab_settings settings;
};

/**
 * struct attestor - the enclaves and their settings; used by one thread
 * @run_dir: directory of the sockets; kept by reference
 * @defaults: settings of enclaves without other settings
 * @next: settings of users for their next enclave, @nr_next entries
 */
struct attestor {
	const char *run_dir;
	struct authority authority;
	struct lab_settings defaults;
	TAILQ_HEAD(attestor_nexts, attestor_next) next;
	size_t nr_next;
	TAILQ_HEAD(attestees, attestee) attestees;
};

/** attestor_init() - no enclaves yet; copies @defaults, keeps the paths by reference */
void attestor_init(struct attestor *attestor, const char *run_dir, const char *state_dir,
		   const struct lab_settings *defaults);
void attestor_exit(struct attestor *attestor);

/** attestor_next() - Return: the settings that the next enclave of @owner will get */
const struct lab_settings *attestor_next(const struct attestor *attestor, uid_t owner);

/**
 * attestor_set_next() - set the settings for the next enclave of @owner
 *
 * Return: 0, -ENOMEM, or -EUSERS (ATTESTOR_NEXT_MAX other users have settings).
 */
int attestor_set_next(struct attestor *attestor, uid_t owner,
		      const struct lab_settings *settings);

/** attestor_reset_next() - use @defaults for the next enclave of @owner */
void attestor_reset_next(struct attestor *attestor, uid_t owner);

/**
 * attestor_prepare() - prepare an enclave that is about to be started
 * @owner: user who created it; the settings for their next enclave are used up
 * @debug: it is in debug mode
 * @ret_fd: receives the VMM's end of the socket, into which the settings have been sent;
 *	-1 on failure
 *
 * Logs failures. Return: the settings of the enclave, or NULL (out of memory).
 */
const struct lab_settings *attestor_prepare(struct attestor *attestor, uint64_t slot_uid,
					    uid_t owner, bool debug, int *ret_fd);

/**
 * attestor_open_lines() - make the lines on which clients will look into a prepared enclave
 * @ret: receives the VMM's ends, which the caller closes; unchanged on failure
 *
 * Logs failures: the enclave can run without.
 */
void attestor_open_lines(const struct attestor *attestor, uint64_t slot_uid,
			 struct session_fds *ret);

/**
 * attestor_open_session() - connect a client with the VMM of an enclave
 * @session: all but its line, which is set here
 * @ret: receives the client's ends
 *
 * Return: 0, -ENOENT (it has no lines), -EBUSY (all are in use) or another negative errno.
 */
int attestor_open_session(const struct attestor *attestor, const struct attestee *attestee,
			  struct session_request *session, struct session_ends *ret);

/** attestor_started() - issue an identity to an enclave whose VMM has been started */
void attestor_started(struct attestor *attestor, uint64_t slot_uid, int64_t now);

/** attestor_adopt() - add an enclave that an earlier supervisor has started */
void attestor_adopt(struct attestor *attestor, uint64_t slot_uid, uid_t owner, bool debug,
		    int64_t now);

/** attestor_forget() - remove an enclave, and its directory if nothing else is in it */
void attestor_forget(struct attestor *attestor, uint64_t slot_uid);

/** attestor_folder() - get the directory of an enclave; Return: 0 or -ENAMETOOLONG */
int attestor_folder(const struct attestor *attestor, uint64_t slot_uid, char *path, size_t size);

/** attestor_find() - Return: the enclave or NULL */
struct attestee *attestor_find(struct attestor *attestor, uint64_t slot_uid);

/**
 * attestor_change() - apply new settings to a running enclave
 *
 * Return: 0 or a negative errno.
 */
int attestor_change(struct attestor *attestor, struct attestee *attestee,
		    const struct lab_settings *settings, int64_t now);

/** attestor_reissue() - a root has changed: an identity is due for each enclave */
void attestor_reissue(struct attestor *attestor);

/**
 * attestor_run() - issue the identities that are due, at most ATTESTOR_ISSUES_MAX
 *
 * Return: seconds until it has to be called again, or -1 if there is nothing to do.
 */
int64_t attestor_run(struct attestor *attestor, int64_t now);

#endif
