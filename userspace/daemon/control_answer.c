// SPDX-License-Identifier: Apache-2.0
/* Answers to each kind of request on the control socket. */

#include "daemon/control.h"

#include "common/enclave_name.h"
#include "common/error.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/pause.h"
#include "common/text.h"
#include "common/util.h"
#include "daemon/health.h"
#include "daemon/image_file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define TARGET_NEXT	"next"
#define TARGET_DEFAULTS	"defaults"
#define UID_DIGITS	16

/* Room for a text of the client in an error. */
#define QUOTE_SIZE	48

/* A request that is being answered; @ends go with the answer, @error is why it failed. */
struct request {
	struct attestor *attestor;
	const struct log_root *logs;
	const struct start_config *start;
	struct holds *holds;
	uid_t uid;
	json_t *json;
	int64_t now;
	struct session_ends ends;
	struct error error;
};

static const char *member(const struct request *request, const char *key)
{
	const char *value = json_string_value(json_object_get(request->json, key));

	return value ? value : "";
}

static bool is_root(const struct request *request)
{
	return request->uid == 0 || request->uid == geteuid();
}

static struct attestee *find_enclave(struct request *request)
{
	const char *target = member(request, "target");
	struct attestee *attestee = NULL;
	char quote[QUOTE_SIZE];
	uint64_t slot_uid;

	if (strlen(target) == UID_DIGITS && !parse_u64(target, 16, UINT64_MAX, &slot_uid))
		attestee = attestor_find(request->attestor, slot_uid);
	if (!attestee || !attestee->running) {
		(void)error_set(&request->error, -EINVAL, "no running enclave \"%s\"",
				text_clean(quote, sizeof(quote), target, strlen(target)));
		return NULL;
	}
	if (attestee->owner != request->uid && !is_root(request)) {
		(void)error_set(&request->error, -EINVAL,
				"enclave %s belongs to user %" PRIu32 "; use sudo", target,
				attestee->owner);
		return NULL;
	}
	return attestee;
}

/* The owner of the next enclave is the client, unless root names another user. */
static int find_owner(struct request *request, uid_t *ret_owner)
{
	const json_t *user = json_object_get(request->json, "user");
	json_int_t value = json_integer_value(user);

	*ret_owner = request->uid;
	if (!user)
		return 0;
	if (!json_is_integer(user) || value < 0 || value >= UINT32_MAX)
		return error_set(&request->error, -EINVAL, "\"user\" is not a user id");
	if (value != request->uid && !is_root(request))
		return error_set(&request->error, -EINVAL,
				 "what belongs to user %" PRIu32 " is not yours; use sudo",
				 (uint32_t)value);
	*ret_owner = value;
	return 0;
}

static int put_settings(json_t *answer, const struct lab_settings *settings)
{
	json_t *object = json_object();
	char value[LAB_VALUE_SIZE];
	int err = 0;

	for (size_t i = 0; !err && lab_name(i); i++) {
		lab_get(settings, i, value);
		err = json_object_set_new(object, lab_name(i), json_string(value));
	}
	/* Steals the reference even on failure. */
	return json_object_set_new(answer, "settings", object) || err ? -ENOMEM : 0;
}

static int lab_show(struct request *request, json_t *answer)
{
	struct attestor *attestor = request->attestor;
	const char *target = member(request, "target");
	struct attestee *attestee;
	uid_t owner;

	if (!strcmp(target, TARGET_DEFAULTS))
		return put_settings(answer, &attestor->defaults);
	if (!strcmp(target, TARGET_NEXT)) {
		int err = find_owner(request, &owner);

		return err ? err : put_settings(answer, attestor_next(attestor, owner));
	}
	attestee = find_enclave(request);
	return attestee ? put_settings(answer, &attestee->settings) : -EINVAL;
}

/* Apply all settings or none. */
static int answer_apply(struct request *request, struct lab_settings *settings, bool running)
{
	json_t *object = json_object_get(request->json, "settings");
	char quote[QUOTE_SIZE];
	struct error error;
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return error_set(&request->error, -EINVAL, "there is no object \"settings\"");
	json_object_foreach(object, name, value) {
		text_clean(quote, sizeof(quote), name, strlen(name));
		if (!json_is_string(value))
			return error_set(&request->error, -EINVAL, "%s: not a string", quote);
		if (lab_set(settings, name, json_string_value(value), running, &error))
			return error_set(&request->error, -EINVAL, "%s: %s", quote, error.text);
	}
	return 0;
}

static int answer_change(struct request *request, struct attestee *attestee,
			 const struct lab_settings *settings)
{
	int err = attestor_change(request->attestor, attestee, settings, request->now);
	const char *cause = request->attestor->authority.error.text;

	if (!err)
		return 0;
	return error_set(&request->error, -EINVAL,
			 "set, but the enclave has no certificate for it yet: %s",
			 *cause ? cause : strerror(-err));
}

static int set_next(struct request *request)
{
	struct attestor *attestor = request->attestor;
	struct lab_settings settings;
	uid_t owner;
	int err;

	err = find_owner(request, &owner);
	if (err)
		return err;
	settings = *attestor_next(attestor, owner);
	err = answer_apply(request, &settings, false);
	if (err)
		return err;
	err = attestor_set_next(attestor, owner, &settings);
	if (err == -EUSERS)
		return error_set(&request->error, -EINVAL,
				 "%d users have settings for their next enclave: "
				 "\"sudo ne-emu lab reset --user NAME\" makes room",
				 ATTESTOR_NEXT_MAX);
	return err;
}

static int lab_set_request(struct request *request, json_t *answer)
{
	struct lab_settings settings;
	struct attestee *attestee;
	int err;

	if (!strcmp(member(request, "target"), TARGET_NEXT))
		return set_next(request);
	attestee = find_enclave(request);
	if (!attestee)
		return -EINVAL;
	settings = attestee->settings;
	err = answer_apply(request, &settings, true);
	return err ? err : answer_change(request, attestee, &settings);
}

static int lab_reset_request(struct request *request, json_t *answer)
{
	struct attestor *attestor = request->attestor;
	struct lab_settings settings;
	struct attestee *attestee;
	uid_t owner;

	if (!strcmp(member(request, "target"), TARGET_NEXT)) {
		int err = find_owner(request, &owner);

		if (!err)
			attestor_reset_next(attestor, owner);
		return err;
	}
	attestee = find_enclave(request);
	if (!attestee)
		return -EINVAL;
	settings = attestee->settings;
	lab_reset(&settings, &attestor->defaults);
	return answer_change(request, attestee, &settings);
}

/* Another running enclave of the same user with this name, or NULL. */
static const struct attestee *find_named(const struct request *request,
					 const struct attestee *named, const char *name)
{
	const struct attestee *other;
	char taken[NE_EMU_NAME_MAX + 1];

	TAILQ_FOREACH(other, &request->attestor->attestees, node)
		if (other != named && other->running && other->owner == named->owner &&
		    !folder_get_name(request->logs, other->owner, other->slot_uid, taken) &&
		    !strcmp(taken, name))
			return other;
	return NULL;
}

static int name_request(struct request *request, json_t *answer)
{
	const char *name = member(request, "name");
	const struct attestee *other, *attestee = find_enclave(request);
	int err;

	if (!attestee)
		return -EINVAL;
	if (!enclave_name_valid(name))
		return error_set(&request->error, -EINVAL, ENCLAVE_NAME_RULE);
	other = find_named(request, attestee, name);
	if (other)
		return error_set(&request->error, -EINVAL,
				 "enclave %016" PRIx64 " has the name \"%s\" already",
				 other->slot_uid, name);
	err = folder_set_name(request->logs, attestee->owner, attestee->slot_uid, name);
	return err ? error_set(&request->error, err, "cannot store the name: %s",
			       strerror(-err)) : 0;
}

/* What its owner reports about an enclave. */
static int describe_request(struct request *request, json_t *answer)
{
	const struct attestee *attestee = find_enclave(request);

	return attestee ? image_file_update(request->logs, attestee->owner, attestee->slot_uid,
					    request->json, &request->error) : -EINVAL;
}

/* Remove the log and the record of an ended enclave. */
static int forget_request(struct request *request, json_t *answer)
{
	const char *target = member(request, "target");
	const struct log_root *logs = request->logs;
	uint64_t slot_uid;
	uid_t owner;
	int err;

	err = find_owner(request, &owner);
	if (err)
		return err;
	if (strlen(target) != UID_DIGITS || parse_u64(target, 16, UINT64_MAX, &slot_uid))
		return error_set(&request->error, -EINVAL, "\"target\" is not a slot uid");
	if (logs->live && logs->live(slot_uid, logs->live_arg))
		return error_set(&request->error, -EBUSY, "the enclave has not ended yet");
	err = folder_remove(logs, owner, slot_uid);
	return err ? error_set(&request->error, err, "cannot remove its log: %s",
			       strerror(-err)) : 0;
}

/* With it, the agent of a debug enclave does what root may do in the enclave. */
static int agent_key_request(struct request *request, json_t *answer)
{
	const struct attestee *attestee = find_enclave(request);
	char key[2 * NSM_CONTROL_AGENT_KEY_SIZE + 1];
	int err;

	if (!attestee)
		return -EINVAL;
	if (!attestee->has_agent_key)
		return error_set(&request->error, -EINVAL, "enclave %s has no key for its agent; "
				 "start it again", member(request, "target"));
	hex_encode(attestee->agent_key, sizeof(attestee->agent_key), key);
	err = json_object_set_new(answer, "key", json_string(key)) ? -ENOMEM : 0;
	explicit_bzero(key, sizeof(key));
	return err;
}

/*
 * What clients can do with a running enclave. Services that show what is in it are only for
 * debug enclaves, unless a setting says otherwise.
 */
static const struct {
	const char *name;
	bool shows_contents;
} services[] = {
	{ "gdb", true },
	{ "dump", true },
	{ PAUSE_SERVICE, false },
	{ "stats", false },
	{ "trace", false },
};

static int check_service(struct request *request, const struct attestee *attestee)
{
	const char *service = member(request, "service");
	char quote[QUOTE_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		if (strcmp(services[i].name, service))
			continue;
		if (!services[i].shows_contents || attestee->debug ||
		    attestee->settings.look_inside)
			return 0;
		return error_set(&request->error, -EINVAL,
				 "enclave %s is not in debug mode: \"ne-emu lab set %s "
				 "look-inside=always\" lets you look into it all the same",
				 member(request, "target"), member(request, "target"));
	}
	return error_set(&request->error, -EINVAL,
			 "no service \"%s\": the programs come from different versions?",
			 text_clean(quote, sizeof(quote), service, strlen(service)));
}

static int fill_session(struct request *request, struct session_request *session)
{
	const char *options = member(request, "options");

	snprintf(session->service, sizeof(session->service), "%s", member(request, "service"));
	if (strlen(options) > SESSION_OPTIONS_MAX)
		return error_set(&request->error, -EINVAL, "\"options\" are too long");
	strcpy(session->options, options);
	if (getrandom(session->nonce, sizeof(session->nonce), 0) != sizeof(session->nonce))
		return error_set(&request->error, -EIO, "no random numbers: %s", strerror(errno));
	return 0;
}

static int session_failed(struct request *request, int err)
{
	const char *target = member(request, "target");

	switch (err) {
	case -ENOENT:
		return error_set(&request->error, err, "enclave %s cannot be looked into: it is "
				 "ending, or was started by an earlier version", target);
	case -EBUSY:
		return error_set(&request->error, err, "%d clients look into enclave %s already",
				 SESSION_LINES, target);
	default:
		return error_set(&request->error, err, "cannot reach the VMM of enclave %s: %s",
				 target, strerror(-err));
	}
}

/* So that others see it, too. The VMM can only do as it is told. */
static void note_pause(const struct request *request, const struct attestee *attestee,
		       const char *options)
{
	int err = folder_set_paused(request->logs, attestee->owner, attestee->slot_uid,
				    !strcmp(options, PAUSE_ON));

	if (err)
		log_enclave(LOG_WARNING, attestee->slot_uid, "cannot note that it is paused: %s",
			    strerror(-err));
}

/* Connect the client with the VMM of an enclave, see common/session.h. */
static int session_request(struct request *request, json_t *answer)
{
	const struct attestee *attestee = find_enclave(request);
	char nonce[2 * SESSION_NONCE_SIZE + 1];
	struct session_request session;
	int err = attestee ? check_service(request, attestee) : -EINVAL;

	if (!err)
		err = fill_session(request, &session);
	if (err)
		return err;
	err = attestor_open_session(request->attestor, attestee, &session, &request->ends);
	if (err)
		return session_failed(request, err);
	if (!strcmp(session.service, PAUSE_SERVICE))
		note_pause(request, attestee, session.options);
	hex_encode(session.nonce, sizeof(session.nonce), nonce);
	return json_object_set_new(answer, "nonce", json_string(nonce)) ? -ENOMEM : 0;
}

/*
 * Hold an enclave that is not started yet. Who its owner is counts when it is; until then, the
 * wish of a stranger does nothing.
 */
static int hold_request(struct request *request, json_t *answer)
{
	const char *target = member(request, "target"), *whom = member(request, "for");
	unsigned int hold = !strcmp(whom, "gdb") ? HOLD_GDB : !strcmp(whom, "trace") ? HOLD_TRACE :
			    !strcmp(whom, "dump") ? HOLD_DUMP : 0;
	uint64_t slot_uid;

	if (strlen(target) != UID_DIGITS || parse_u64(target, 16, UINT64_MAX, &slot_uid))
		return error_set(&request->error, -EINVAL, "\"target\" is not a slot uid");
	if (!hold)
		return error_set(&request->error, -EINVAL, "\"for\" is not gdb, trace or dump");
	if (attestor_find(request->attestor, slot_uid))
		return error_set(&request->error, -EINVAL, "the enclave has been started already");
	holds_add(request->holds, slot_uid, request->uid, hold);
	return 0;
}

static int status(struct request *request, json_t *answer)
{
	struct authority *authority = &request->attestor->authority;
	struct error error;
	int failed;

	/* Report why the root cannot be used or, if it can, why the last issue failed. */
	if (!authority_publish(authority, &error))
		error = authority->error;
	failed = json_object_set_new(answer, "state_dir", json_string(authority->state_dir)) ||
		 json_object_set_new(answer, "root_sha256",
				     json_string(authority->root_sha256)) ||
		 json_object_set_new(answer, "error", error.text[0] ? json_string(error.text) :
				     json_null());
	if (!failed && request->start)
		failed = health_add(answer, request->start, request->logs,
				    request->attestor->run_dir);
	return failed ? -ENOMEM : 0;
}

/* An administrator has made or replaced a root. */
static int root_changed(struct request *request, json_t *answer)
{
	struct attestor *attestor = request->attestor;

	if (!is_root(request))
		return error_set(&request->error, -EPERM, "only root may change a root; use sudo");
	attestor_reissue(attestor);
	/* The supervisor continues if there are more enclaves than this issues for. */
	(void)attestor_run(attestor, request->now);
	return authority_publish(&attestor->authority, &request->error);
}

static const struct {
	const char *name;
	int (*answer)(struct request *request, json_t *answer);
} commands[] = {
	{ "status", status },
	{ "root-changed", root_changed },
	{ "lab-show", lab_show },
	{ "lab-set", lab_set_request },
	{ "lab-reset", lab_reset_request },
	{ "name", name_request },
	{ "describe", describe_request },
	{ "forget", forget_request },
	{ "agent-key", agent_key_request },
	{ "session", session_request },
	{ "hold", hold_request },
};

static int dispatch(struct request *request, json_t *answer)
{
	const char *command = member(request, "command");
	char quote[QUOTE_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, command))
			return commands[i].answer(request, answer);
	return error_set(&request->error, -EINVAL,
			 "no command \"%s\": the programs come from different versions?",
			 text_clean(quote, sizeof(quote), command, strlen(command)));
}

char *control_answer(const struct control_host *host, uid_t uid, const char *text, size_t len,
		     struct session_ends *ret_ends)
{
	struct request request = {
		.attestor = host->attestor, .logs = host->logs, .start = host->start,
		.holds = host->holds, .uid = uid, .now = host->now,
		.ends = SESSION_ENDS_NONE,
		.error.text = "out of memory",
	};
	json_t *answer = json_object();
	char *out;
	int err;

	if (len <= CONTROL_REQUEST_MAX)
		request.json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(request.json))
		err = dispatch(&request, answer);
	else
		err = error_set(&request.error, -EINVAL,
				"the request is not a JSON object, or too long");
	if (err)
		(void)json_object_set_new(answer, "error", json_string(request.error.text));
	(void)json_object_set_new(answer, "emulated", json_true());
	(void)json_object_set_new(answer, "ok", json_boolean(!err));
	out = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	json_decref(request.json);
	if (err || !out)
		session_ends_close(&request.ends);
	*ret_ends = request.ends;
	return out;
}
