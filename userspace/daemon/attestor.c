// SPDX-License-Identifier: Apache-2.0
/* Attestation of each enclave: its settings, and the messages to its NSM. */

#include "daemon/attestor.h"

#include "common/log.h"
#include "common/util.h"
#include "daemon/agent_key.h"
#include "daemon/settings_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Delay after a failure. A leaf that is due is still valid for longer than this. */
#define RETRY_SECONDS	60
/* Longest time between reads of the clock, which someone may set. */
#define LOOK_SECONDS	300

void attestor_init(struct attestor *attestor, const char *run_dir, const char *state_dir,
		   const struct lab_settings *defaults)
{
	*attestor = (struct attestor){ .run_dir = run_dir, .defaults = *defaults };
	authority_init(&attestor->authority, state_dir, run_dir);
	TAILQ_INIT(&attestor->next);
	TAILQ_INIT(&attestor->attestees);
}

static struct attestor_next *find_next(const struct attestor *attestor, uid_t owner)
{
	struct attestor_next *next;

	TAILQ_FOREACH(next, &attestor->next, node)
		if (next->owner == owner)
			return next;
	return NULL;
}

static void next_del(struct attestor *attestor, struct attestor_next *next)
{
	TAILQ_REMOVE(&attestor->next, next, node);
	attestor->nr_next--;
	free(next);
}

const struct lab_settings *attestor_next(const struct attestor *attestor, uid_t owner)
{
	const struct attestor_next *next = find_next(attestor, owner);

	return next ? &next->settings : &attestor->defaults;
}

int attestor_set_next(struct attestor *attestor, uid_t owner,
		      const struct lab_settings *settings)
{
	struct attestor_next *next = find_next(attestor, owner);

	if (!next) {
		if (attestor->nr_next == ATTESTOR_NEXT_MAX)
			return -EUSERS;
		next = calloc(1, sizeof(*next));
		if (!next)
			return -ENOMEM;
		next->owner = owner;
		TAILQ_INSERT_TAIL(&attestor->next, next, node);
		attestor->nr_next++;
	}
	next->settings = *settings;
	return 0;
}

void attestor_reset_next(struct attestor *attestor, uid_t owner)
{
	struct attestor_next *next = find_next(attestor, owner);

	if (next)
		next_del(attestor, next);
}

static void attestee_del(struct attestor *attestor, struct attestee *attestee)
{
	TAILQ_REMOVE(&attestor->attestees, attestee, node);
	OPENSSL_cleanse(attestee->agent_key, sizeof(attestee->agent_key));
	free(attestee);
}

void attestor_exit(struct attestor *attestor)
{
	struct attestor_next *next;
	struct attestee *attestee;

	while ((next = TAILQ_FIRST(&attestor->next)))
		next_del(attestor, next);
	while ((attestee = TAILQ_FIRST(&attestor->attestees)))
		attestee_del(attestor, attestee);
	authority_exit(&attestor->authority);
}

struct attestee *attestor_find(struct attestor *attestor, uint64_t slot_uid)
{
	struct attestee *attestee;

	TAILQ_FOREACH(attestee, &attestor->attestees, node)
		if (attestee->slot_uid == slot_uid)
			return attestee;
	return NULL;
}

static struct attestee *attestee_add(struct attestor *attestor, uint64_t slot_uid, uid_t owner)
{
	struct attestee *attestee = attestor_find(attestor, slot_uid);

	if (attestee)
		return attestee;
	attestee = calloc(1, sizeof(*attestee));
	if (!attestee) {
		log_enclave(LOG_ERR, slot_uid, "no attestation: out of memory");
		return NULL;
	}
	attestee->slot_uid = slot_uid;
	attestee->owner = owner;
	TAILQ_INSERT_TAIL(&attestor->attestees, attestee, node);
	return attestee;
}

int attestor_folder(const struct attestor *attestor, uint64_t slot_uid, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/%016" PRIx64, attestor->run_dir, slot_uid);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

/* The socket is addressed by its path, so that a later supervisor finds it. */
static int socket_address(const struct attestor *attestor, uint64_t slot_uid,
			  struct sockaddr_un *ret)
{
	int len;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	len = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/%016" PRIx64 "/"
		       NSM_CONTROL_SOCKET, attestor->run_dir, slot_uid);
	return len < 0 || (size_t)len >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

static int socket_bind(const struct attestor *attestor, uint64_t slot_uid, int *ret_fd)
{
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct sockaddr_un address;
	__cleanup_fd int fd = -1;
	int err;

	err = attestor_folder(attestor, slot_uid, folder, sizeof(folder));
	if (!err)
		err = socket_address(attestor, slot_uid, &address);
	if (err)
		return err;
	/* The directory keeps other users out until the socket has its mode. */
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (unlink(address.sun_path) < 0 && errno != ENOENT)
		return -errno;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(address.sun_path, 0600) < 0)
		return -errno;
	*ret_fd = fd_steal(&fd);
	return 0;
}

/* Does not block: a VMM that does not read must not delay the others. */
static int socket_send(const struct attestor *attestor, uint64_t slot_uid, const void *message,
		       size_t len)
{
	struct sockaddr_un address;
	__cleanup_fd int fd = -1;
	int err = socket_address(attestor, slot_uid, &address);

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
		   sizeof(address)) < 0)
		return -errno;
	return 0;
}

static int send_settings(const struct attestor *attestor, const struct attestee *attestee)
{
	uint8_t message[NSM_CONTROL_MAX];
	struct nsm_settings settings;
	ssize_t len;

	lab_module(&attestee->settings, &settings);
	len = nsm_control_encode_settings(&settings, message, sizeof(message));
	return len < 0 ? len : socket_send(attestor, attestee->slot_uid, message, len);
}

static int send_faults(const struct attestor *attestor, const struct attestee *attestee)
{
	uint8_t message[NSM_CONTROL_MAX];
	ssize_t len = nsm_control_encode_faults(&attestee->settings.faults, message,
						sizeof(message));

	return len < 0 ? len : socket_send(attestor, attestee->slot_uid, message, len);
}

static int send_agent_key(const struct attestor *attestor, const struct attestee *attestee)
{
	uint8_t message[NSM_CONTROL_MAX];
	ssize_t len = nsm_control_encode_agent_key(attestee->agent_key, message, sizeof(message));
	int err = len < 0 ? len : socket_send(attestor, attestee->slot_uid, message, len);

	OPENSSL_cleanse(message, sizeof(message));
	return err;
}

/* The file is for a later supervisor: the enclave gets the key only once. */
static void make_agent_key(const struct attestor *attestor, struct attestee *attestee)
{
	char folder[PATH_MAX];
	int err = attestor_folder(attestor, attestee->slot_uid, folder, sizeof(folder));

	if (!err)
		err = agent_key_create(folder, attestee->agent_key);
	if (!err)
		err = send_agent_key(attestor, attestee);
	attestee->has_agent_key = !err;
	if (err)
		log_enclave(LOG_WARNING, attestee->slot_uid, "\"ne-emu exec\" will not work: %s",
			    strerror(-err));
}

static struct nsm_bytes der_bytes(const struct ca_der *der)
{
	return (struct nsm_bytes){ .data = der->data, .len = der->len };
}

static int send_identity(const struct attestor *attestor, const struct attestee *attestee,
			 const struct ca_identity *made)
{
	struct nsm_identity identity = {
		.key = der_bytes(&made->key),
		.certificate = der_bytes(&made->leaf),
		.nr_cas = made->nr_bundle,
		.not_after = made->not_after,
	};
	uint8_t message[NSM_CONTROL_MAX];
	ssize_t len;
	int err;

	for (size_t i = 0; i < made->nr_bundle; i++)
		identity.cas[i] = der_bytes(&made->bundle[i]);
	len = nsm_control_encode_identity(&identity, message, sizeof(message));
	err = len < 0 ? len : socket_send(attestor, attestee->slot_uid, message, len);
	OPENSSL_cleanse(message, sizeof(message));
	return err;
}

/* A leaf with a fixed date is never renewed. */
static int64_t next_issue(const struct attestee *attestee, const struct ca_identity *identity,
			  int64_t now)
{
	int64_t left = identity->not_after - lab_now(&attestee->settings, now);

	if (attestee->settings.module.clock_ms)
		return INT64_MAX;
	return now + MAX(left - CA_LEAF_MARGIN, RETRY_SECONDS);
}

/* Log only the first failure: later attempts most likely fail for the same reason. */
static int issue_failed(struct attestee *attestee, int err, const char *what, const char *why)
{
	log_enclave(attestee->failing ? LOG_DEBUG : LOG_ERR, attestee->slot_uid,
		    "no new certificate to attest itself with: %s%s", what, why);
	attestee->failing = true;
	return err;
}

static int attestor_issue(struct attestor *attestor, struct attestee *attestee, int64_t now)
{
	__cleanup(ca_identity_wipe) struct ca_identity identity = { 0 };
	int err;

	attestee->due = now + RETRY_SECONDS;
	err = authority_issue(&attestor->authority, &attestee->settings, attestee->slot_uid, now,
			      &identity);
	if (err)
		return issue_failed(attestee, err, "", attestor->authority.error.text);
	/* The root may have been rotated, or its publication may have failed before. */
	(void)authority_publish(&attestor->authority, NULL);
	err = send_identity(attestor, attestee, &identity);
	if (err)
		return issue_failed(attestee, err, "cannot send it to the VMM: ", strerror(-err));
	attestee->failing = false;
	attestee->issued = attestee->settings.module.clock_ms ? 0 : now;
	attestee->due = next_issue(attestee, &identity, now);
	log_enclave(LOG_DEBUG, attestee->slot_uid,
		    "certificate issued, the next in %" PRId64 " s", attestee->due - now);
	return 0;
}

static void attestor_save(const struct attestor *attestor, const struct attestee *attestee)
{
	char folder[PATH_MAX];
	int err = attestor_folder(attestor, attestee->slot_uid, folder, sizeof(folder));

	if (!err)
		err = settings_file_write(folder, &attestee->settings);
	if (err)
		log_enclave(LOG_WARNING, attestee->slot_uid,
			    "cannot save its attestation settings: %s", strerror(-err));
}

/* Log settings with which documents may differ from those of EC2. */
static void log_settings(const struct attestee *attestee)
{
	__cleanup_free char *text = lab_describe(&attestee->settings);

	if (text && *text)
		log_enclave(LOG_INFO, attestee->slot_uid, "lab settings: %s", text);
}

const struct lab_settings *attestor_prepare(struct attestor *attestor, uint64_t slot_uid,
					    uid_t owner, bool debug, int *ret_fd)
{
	struct attestee *attestee = attestee_add(attestor, slot_uid, owner);
	int err;

	if (!attestee)
		return NULL;
	attestee->debug = debug;
	attestee->running = false;
	attestee->settings = *attestor_next(attestor, owner);
	attestor_reset_next(attestor, owner);
	log_settings(attestee);
	err = socket_bind(attestor, slot_uid, ret_fd);
	if (!err) {
		make_agent_key(attestor, attestee);	/* logs a failure */
		err = send_settings(attestor, attestee);
		if (!err && fault_settings_any(&attestee->settings.faults))
			err = send_faults(attestor, attestee);
	}
	if (err) {
		log_enclave(LOG_ERR, slot_uid, "cannot attest itself: %s/%016" PRIx64 ": %s",
			    attestor->run_dir, slot_uid, strerror(-err));
		fd_close(ret_fd);
	} else {
		attestor_save(attestor, attestee);
	}
	return &attestee->settings;
}

void attestor_open_lines(const struct attestor *attestor, uint64_t slot_uid,
			 struct session_fds *ret)
{
	char folder[PATH_MAX];
	int err = attestor_folder(attestor, slot_uid, folder, sizeof(folder));

	if (!err)
		err = session_lines_create(folder, ret);
	if (err)
		log_enclave(LOG_WARNING, slot_uid, "nobody will be able to look into it: %s",
			    strerror(-err));
}

int attestor_open_session(const struct attestor *attestor, const struct attestee *attestee,
			  struct session_request *session, struct session_ends *ret)
{
	__cleanup(session_ends_close) struct session_ends ends = SESSION_ENDS_NONE;
	uint8_t message[NSM_CONTROL_MAX];
	char folder[PATH_MAX];
	ssize_t len;
	int err = attestor_folder(attestor, attestee->slot_uid, folder, sizeof(folder));

	if (!err)
		err = session_lines_take(folder, &session->line, &ends);
	if (err)
		return err;
	len = nsm_control_encode_session(session, message, sizeof(message));
	err = len < 0 ? len : socket_send(attestor, attestee->slot_uid, message, len);
	if (err)
		return err;
	*ret = ends;
	ends = (struct session_ends)SESSION_ENDS_NONE;
	return 0;
}

void attestor_started(struct attestor *attestor, uint64_t slot_uid, int64_t now)
{
	struct attestee *attestee = attestor_find(attestor, slot_uid);

	if (!attestee || attestee->running)
		return;
	attestee->running = true;
	(void)attestor_issue(attestor, attestee, now);	/* logs a failure and retries later */
}

void attestor_adopt(struct attestor *attestor, uint64_t slot_uid, uid_t owner, bool debug,
		    int64_t now)
{
	struct attestee *attestee;
	struct error error;
	char folder[PATH_MAX];
	int err;

	if (attestor_find(attestor, slot_uid))
		return;
	attestee = attestee_add(attestor, slot_uid, owner);
	if (!attestee)
		return;
	attestee->debug = debug;
	attestee->settings = attestor->defaults;
	err = attestor_folder(attestor, slot_uid, folder, sizeof(folder));
	attestee->has_agent_key = !err && !agent_key_read(folder, attestee->agent_key);
	if (!err)
		err = settings_file_read(folder, &attestee->settings, &error);
	if (err && err != -ENOENT) {
		log_enclave(LOG_WARNING, slot_uid, "%s; using the defaults", error.text);
		attestee->settings = attestor->defaults;
	}
	attestor_started(attestor, slot_uid, now);
}

void attestor_forget(struct attestor *attestor, uint64_t slot_uid)
{
	struct attestee *attestee = attestor_find(attestor, slot_uid);
	struct sockaddr_un address;
	char folder[PATH_MAX];

	if (attestee)
		attestee_del(attestor, attestee);
	/* Leftover files take a few bytes of memory and do no harm. */
	if (socket_address(attestor, slot_uid, &address) ||
	    attestor_folder(attestor, slot_uid, folder, sizeof(folder)))
		return;
	(void)unlink(address.sun_path);
	settings_file_remove(folder);
	agent_key_remove(folder);
	session_lines_remove(folder);
	(void)rmdir(folder);
}

int attestor_change(struct attestor *attestor, struct attestee *attestee,
		    const struct lab_settings *settings, int64_t now)
{
	/* A VMM of an earlier version does not know this message. */
	bool changed = attestee->settings.faults.changes != settings->faults.changes &&
		       (fault_settings_any(&attestee->settings.faults) ||
			fault_settings_any(&settings->faults));
	int err;

	attestee->settings = *settings;
	log_settings(attestee);
	attestor_save(attestor, attestee);
	err = send_settings(attestor, attestee);
	if (!err && changed)
		err = send_faults(attestor, attestee);
	return err ? err : attestor_issue(attestor, attestee, now);
}

/*
 * Return: whether the leaf expires soon, or is not valid yet because the clock was set
 * back. Setting the clock back must not delay the next attempt after a failure either.
 */
static bool is_due(const struct attestee *attestee, int64_t now)
{
	return attestee->due <= now || now < attestee->issued - CA_LEAF_BACKDATE ||
	       (attestee->failing && attestee->due > now + RETRY_SECONDS);
}

void attestor_reissue(struct attestor *attestor)
{
	struct attestee *attestee;

	TAILQ_FOREACH(attestee, &attestor->attestees, node)
		attestee->due = 0;
}

int64_t attestor_run(struct attestor *attestor, int64_t now)
{
	struct attestee *attestee;
	unsigned int issues = 0;
	int64_t left = -1;

	TAILQ_FOREACH(attestee, &attestor->attestees, node) {
		if (!attestee->running)
			continue;
		if (is_due(attestee, now)) {
			if (issues++ == ATTESTOR_ISSUES_MAX)
				return 0;
			(void)attestor_issue(attestor, attestee, now);	/* logs a failure */
		}
		left = left < 0 ? LOOK_SECONDS : left;
		left = MIN(left, attestee->due - now);
	}
	return left;
}
