/* SPDX-License-Identifier: Apache-2.0 */
/* Who issues identities: roots on disk and what was made below them. */

#ifndef NE_EMU_DAEMON_AUTHORITY_H
#define NE_EMU_DAEMON_AUTHORITY_H

#include "ca/issuer.h"
#include "ca/store.h"
#include "daemon/lab.h"

#include <sys/queue.h>

/* Roots that are made on demand. */
#define AUTHORITY_ROOTS_MAX	64

struct authority_entry;

/**
 * struct authority - certificates by project and place; one thread
 * @state_dir: directory of the roots; kept by reference
 * @public_dir: where the default root's certificate is put for everybody; by reference
 * @entries: chains that enclaves share
 * @published: the root that is there
 * @error: why the last issue failed; "" if it did not
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

/** authority_init() - nothing is read yet */
void authority_init(struct authority *authority, const char *state_dir,
		    const char *public_dir);
void authority_exit(struct authority *authority);

/**
 * authority_issue() - an identity for an enclave
 * @enclave_id: its slot uid
 * @now: seconds since 1970, of the host
 * @ret: release with ca_identity_wipe()
 *
 * Return: 0, or a negative errno with the reason in @authority->error.
 */
int authority_issue(struct authority *authority, const struct lab_settings *settings,
		    uint64_t enclave_id, int64_t now, struct ca_identity *ret);

/**
 * authority_publish() - make the default root if need be, and put its certificate
 *
 * Return: 0 or a negative errno with @error.
 */
int authority_publish(struct authority *authority, struct error *error);

#endif
