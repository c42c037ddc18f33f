/* SPDX-License-Identifier: Apache-2.0 */
/* The local CA as the supervisor uses it: roots on disk, and chains made below them. */

#ifndef NE_EMU_DAEMON_AUTHORITY_H
#define NE_EMU_DAEMON_AUTHORITY_H

#include "ca/issuer.h"
#include "ca/store.h"
#include "daemon/lab.h"

#include <sys/queue.h>

/* Maximum number of roots, up to which one is made on demand. */
#define AUTHORITY_ROOTS_MAX	64

struct authority_entry;

/**
 * struct authority - certificates by project and place; used by one thread
 * @state_dir: directory of the roots; kept by reference
 * @public_dir: directory in which everyone can read the default root's certificate; kept
 *	by reference
 * @entries: chains that enclaves share
 * @published: version of the root whose certificate is in @public_dir
 * @error: why the last identity could not be issued; "" if it was
 * @root_sha256: fingerprint of the default root in hexadecimal digits, or ""
 */
struct authority {
	const char *state_dir;
	const char *public_dir;
	TAILQ_HEAD(authority_entries, authority_entry) entries;
	struct ca_version published;
	struct error error;
	char root_sha256[2 * CA_SHA256_SIZE + 1];
};

/** authority_init() - set up the structure; reads nothing yet */
void authority_init(struct authority *authority, const char *state_dir,
		    const char *public_dir);
void authority_exit(struct authority *authority);

/**
 * authority_issue() - issue an identity for an enclave
 * @enclave_id: its slot uid
 * @now: the host's time, seconds since 1970
 * @ret: receives the identity, to be released with ca_identity_wipe()
 *
 * Return: 0, or a negative errno with the reason in @authority->error.
 */
int authority_issue(struct authority *authority, const struct lab_settings *settings,
		    uint64_t enclave_id, int64_t now, struct ca_identity *ret);

/**
 * authority_publish() - put the default root's certificate into the public directory
 *
 * Creates the root if it does not exist.
 *
 * Return: 0 or a negative errno with @error.
 */
int authority_publish(struct authority *authority, struct error *error);

#endif
