// SPDX-License-Identifier: Apache-2.0
/* Requests of the control socket, one by one. */

#include "control.h"

#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define TARGET_NEXT	"next"
#define TARGET_DEFAULTS	"defaults"
#define UID_DIGITS	16
#define TEXT_SIZE	400

/* One request being answered; @err sticks and @text says why. */
struct request {
	struct attestor *attestor;
	json_t *json;
	int64_t now;
	char text[TEXT_SIZE];
};

__attribute__((format(printf, 2, 3)))
static int fail(struct request *request, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(request->text, sizeof(request->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

static const char *member(const struct request *request, const char *key)
{
	const char *value = json_string_value(json_object_get(request->json, key));

	return value ? value : "";
}

static struct attestee *find_enclave(struct request *request)
{
	const char *target = member(request, "target");
	struct attestee *attestee = NULL;
	uint64_t slot_uid;

	if (strlen(target) == UID_DIGITS && !parse_u64(target, 16, UINT64_MAX, &slot_uid))
		attestee = attestor_find(request->attestor, slot_uid);
	if (!attestee || !attestee->running) {
		(void)fail(request, "no running enclave \"%.40s\"", target);
		return NULL;
	}
	return attestee;
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
	/* Takes it over also when it fails. */
	return json_object_set_new(answer, "settings", object) || err ? -ENOMEM : 0;
}

static int lab_show(struct request *request, json_t *answer)
{
	struct attestor *attestor = request->attestor;
	const char *target = member(request, "target");
	struct attestee *attestee;

	if (!strcmp(target, TARGET_DEFAULTS))
		return put_settings(answer, &attestor->defaults);
	if (!strcmp(target, TARGET_NEXT))
		return put_settings(answer, attestor->has_next ? &attestor->next :
				    &attestor->defaults);
	attestee = find_enclave(request);
	return attestee ? put_settings(answer, &attestee->settings) : -EINVAL;
}

/* All or none of them. */
static int apply(struct request *request, struct lab_settings *settings, bool running)
{
	json_t *object = json_object_get(request->json, "settings");
	struct lab_error error;
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return fail(request, "there is no object \"settings\"");
	json_object_foreach(object, name, value) {
		if (!json_is_string(value))
			return fail(request, "%.40s: not a string", name);
		if (lab_set(settings, name, json_string_value(value), running, &error))
			return fail(request, "%.40s: %s", name, error.text);
	}
	return 0;
}

static int change(struct request *request, struct attestee *attestee,
		  const struct lab_settings *settings)
{
	int err = attestor_change(request->attestor, attestee, settings, request->now);
	const char *cause = request->attestor->authority.error.text;

	if (!err)
		return 0;
	return fail(request, "set, but the enclave has no certificate for it yet: %s",
		    *cause ? cause : strerror(-err));
}

static int lab_set_request(struct request *request, json_t *answer)
{
	struct attestor *attestor = request->attestor;
	struct lab_settings settings;
	struct attestee *attestee;
	int err;

	if (!strcmp(member(request, "target"), TARGET_NEXT)) {
		settings = attestor->has_next ? attestor->next : attestor->defaults;
		err = apply(request, &settings, false);
		if (err)
			return err;
		attestor->next = settings;
		attestor->has_next = true;
		return 0;
	}
	attestee = find_enclave(request);
	if (!attestee)
		return -EINVAL;
	settings = attestee->settings;
	err = apply(request, &settings, true);
	return err ? err : change(request, attestee, &settings);
}

static int lab_reset_request(struct request *request, json_t *answer)
{
	struct attestor *attestor = request->attestor;
	struct lab_settings settings;
	struct attestee *attestee;

	if (!strcmp(member(request, "target"), TARGET_NEXT)) {
		attestor->has_next = false;
		return 0;
	}
	attestee = find_enclave(request);
	if (!attestee)
		return -EINVAL;
	settings = attestee->settings;
	lab_reset(&settings, &attestor->defaults);
	return change(request, attestee, &settings);
}

static int status(struct request *request, json_t *answer)
{
	struct authority *authority = &request->attestor->authority;
	struct ca_error error;
	int failed;

	/* Why the root cannot be used, or else why the last issue failed. */
	if (!authority_publish(authority, &error))
		error = authority->error;
	failed = json_object_set_new(answer, "state_dir", json_string(authority->state_dir)) ||
		 json_object_set_new(answer, "root_sha256",
				     json_string(authority->root_sha256)) ||
		 json_object_set_new(answer, "error", error.text[0] ? json_string(error.text) :
				     json_null());
	return failed ? -ENOMEM : 0;
}

static const struct {
	const char *name;
	int (*answer)(struct request *request, json_t *answer);
} commands[] = {
	{ "status", status },
	{ "lab-show", lab_show },
	{ "lab-set", lab_set_request },
	{ "lab-reset", lab_reset_request },
};

static int dispatch(struct request *request, json_t *answer)
{
	const char *command = member(request, "command");

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, command))
			return commands[i].answer(request, answer);
	return fail(request, "no command \"%.40s\": the programs come from different versions?",
		    command);
}

char *control_answer(struct attestor *attestor, const char *text, size_t len, int64_t now)
{
	struct request request = { .attestor = attestor, .now = now, .text = "out of memory" };
	json_t *answer = json_object();
	char *out;
	int err;

	if (len <= CONTROL_REQUEST_MAX)
		request.json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(request.json))
		err = dispatch(&request, answer);
	else
		err = fail(&request, "the request is no JSON object, or too long");
	if (err)
		(void)json_object_set_new(answer, "error", json_string(request.text));
	(void)json_object_set_new(answer, "emulated", json_true());
	(void)json_object_set_new(answer, "ok", json_boolean(!err));
	out = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	json_decref(request.json);
	return out;
}
