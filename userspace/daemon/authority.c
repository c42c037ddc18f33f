// SPDX-License-Identifier: Apache-2.0
/* The local CA as the supervisor uses it: roots on disk, and chains made below them. */

#include "daemon/authority.h"

#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Chains that are kept; the oldest goes first. Projects and places seldom change. */
#define ENTRIES_MAX	8

/**
 * struct authority_entry - a chain for ordinary enclaves of one project and place
 * @version: version of the root that it chains to
 */
struct authority_entry {
	TAILQ_ENTRY(authority_entry) node;
	char project[CA_PROJECT_MAX + 1];
	struct ca_version version;
	struct ca_issuer issuer;
};

void authority_init(struct authority *authority, const char *state_dir,
		    const char *public_dir)
{
	*authority = (struct authority){ .state_dir = state_dir, .public_dir = public_dir };
	TAILQ_INIT(&authority->entries);
}

static void entry_del(struct authority *authority, struct authority_entry *entry)
{
	TAILQ_REMOVE(&authority->entries, entry, node);
	ca_issuer_clear(&entry->issuer);
	free(entry);
}

void authority_exit(struct authority *authority)
{
	struct authority_entry *entry;

	while ((entry = TAILQ_FIRST(&authority->entries)))
		entry_del(authority, entry);
}

static bool version_equal(const struct ca_version *a, const struct ca_version *b)
{
	return a->inode == b->inode && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

static struct authority_entry *entry_find(struct authority *authority,
					  const struct lab_settings *settings)
{
	struct authority_entry *entry;

	TAILQ_FOREACH(entry, &authority->entries, node)
		if (!strcmp(entry->project, settings->project) &&
		    !strcmp(entry->issuer.place.region, settings->place.region) &&
		    !strcmp(entry->issuer.place.instance_id, settings->place.instance_id))
			return entry;
	return NULL;
}

static struct authority_entry *entry_add(struct authority *authority,
					 const struct lab_settings *settings)
{
	struct authority_entry *entry = calloc(1, sizeof(*entry));
	struct authority_entry *other;
	size_t count = 0;

	if (!entry)
		return NULL;
	strcpy(entry->project, settings->project);
	ca_issuer_init(&entry->issuer, &settings->place);
	TAILQ_FOREACH(other, &authority->entries, node)
		count++;
	if (count == ENTRIES_MAX)
		entry_del(authority, TAILQ_FIRST(&authority->entries));
	TAILQ_INSERT_TAIL(&authority->entries, entry, node);
	return entry;
}

static int count_project(const char *project, void *arg)
{
	++*(unsigned int *)arg;
	return 0;
}

/* Any member of the group may name a project, but must not fill the disk with roots. */
static int obtain_root(struct authority *authority, const struct ca_store *store,
		       const char *project, struct ca_signer *ret)
{
	unsigned int count = 0;
	int err = ca_store_load(store, project, ret, &authority->error);

	if (err != -ENOENT)
		return err;
	err = ca_store_each(store, count_project, &count);
	if (err)
		return error_set(&authority->error, err, "cannot list roots: %s", strerror(-err));
	if (count >= AUTHORITY_ROOTS_MAX)
		return error_set(&authority->error, -ENOSPC, "there are %u roots; \"sudo ne-emu-ca "
				 "create --project %s\" creates another", count, project);
	return ca_store_obtain(store, project, ret, &authority->error);
}

/* Bring a chain up to date. Reads the root's key only if it is needed. */
static int issuer_renew(struct authority *authority, const struct ca_store *store,
			const char *project, struct ca_issuer *issuer, int64_t now)
{
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	int err = 0;

	if (ca_issuer_needs_root(issuer, now))
		err = obtain_root(authority, store, project, &root);
	if (err)
		return err;
	return ca_issuer_renew(issuer, root.key ? &root : NULL, now, &authority->error);
}

static int issue_plain(struct authority *authority, const struct ca_store *store,
		       const struct lab_settings *settings, uint64_t enclave_id, int64_t now,
		       struct ca_identity *ret)
{
	struct ca_version version = ca_store_version(store, settings->project);
	struct authority_entry *entry = entry_find(authority, settings);
	int err;

	/* The root was rotated, restored or deleted. */
	if (entry && !version_equal(&entry->version, &version)) {
		entry_del(authority, entry);
		entry = NULL;
	}
	if (!entry)
		entry = entry_add(authority, settings);
	if (!entry)
		return error_set(&authority->error, -ENOMEM, "out of memory");
	err = issuer_renew(authority, store, settings->project, &entry->issuer, now);
	entry->version = ca_store_version(store, settings->project);
	return err ? err : ca_issuer_leaf(&entry->issuer, enclave_id, now, ret,
					  &authority->error);
}

/* Issue from a chain made for this enclave only: of another time, or with a flaw. */
static int issue_special(struct authority *authority, const struct ca_store *store,
			 const struct lab_settings *settings, uint64_t enclave_id, int64_t now,
			 struct ca_identity *ret)
{
	struct ca_issuer issuer;
	int err;

	ca_issuer_init(&issuer, &settings->place);
	err = issuer_renew(authority, store, settings->project, &issuer, now);
	if (!err)
		err = ca_issuer_leaf(&issuer, enclave_id, now, ret, &authority->error);
	ca_issuer_clear(&issuer);
	return err;
}

int authority_issue(struct authority *authority, const struct lab_settings *settings,
		    uint64_t enclave_id, int64_t now, struct ca_identity *ret)
{
	__cleanup(ca_store_close) struct ca_store store = { .fd = -1 };
	int err;

	err = ca_store_open(&store, authority->state_dir, true, &authority->error);
	if (err)
		return err;
	now = lab_now(settings, now);
	if (lab_is_plain(settings))
		err = issue_plain(authority, &store, settings, enclave_id, now, ret);
	else
		err = issue_special(authority, &store, settings, enclave_id, now, ret);
	if (!err)
		authority->error.text[0] = 0;
	return err;
}

/* Write the file atomically, readable by everyone regardless of the umask. */
static int put_public(struct authority *authority, X509 *cert)
{
	char path[PATH_MAX], temp[PATH_MAX + 8];
	__cleanup_free char *pem = ca_cert_pem(cert);
	__cleanup_fd int fd = -1;
	int err;

	snprintf(path, sizeof(path), "%s/" NE_EMU_ROOT_FILE, authority->public_dir);
	snprintf(temp, sizeof(temp), "%s.new", path);
	if (!pem)
		return -ENOMEM;
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	err = write_full(fd, pem, strlen(pem));
	if (!err && (fchmod(fd, 0644) < 0 || rename(temp, path) < 0))
		err = -errno;
	return err;
}

int authority_publish(struct authority *authority, struct error *error)
{
	__cleanup(ca_store_close) struct ca_store store = { .fd = -1 };
	__cleanup(ca_signer_clear) struct ca_signer root = { 0 };
	uint8_t sha256[CA_SHA256_SIZE];
	struct ca_version version;
	int err;

	err = ca_store_open(&store, authority->state_dir, true, error);
	if (err)
		return err;
	version = ca_store_version(&store, CA_PROJECT_DEFAULT);
	if (version.inode && version_equal(&version, &authority->published))
		return 0;
	err = ca_store_obtain(&store, CA_PROJECT_DEFAULT, &root, error);
	if (err)
		return err;
	if (ca_cert_fingerprint(root.cert, sha256))
		return ca_openssl_error(error, "cannot hash the root");
	hex_encode(sha256, sizeof(sha256), authority->root_sha256);
	err = put_public(authority, root.cert);
	if (err)
		return error_set(error, err, "cannot write %s/" NE_EMU_ROOT_FILE ": %s",
				 authority->public_dir, strerror(-err));
	authority->published = ca_store_version(&store, CA_PROJECT_DEFAULT);
	return 0;
}
