// SPDX-License-Identifier: Apache-2.0
/* ne-emu lab: change the settings of enclaves for tests: attestation, faults on request. */

#include "cli/commands.h"
#include "cli/enclave/daemon_client.h"
#include "cli/enclave/select.h"

#include "common/json_out.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS_MAX	32
#define TARGET_SIZE	17

/* For completion. */
#define FAULT_WORDS \
	"nsm-error= nsm-latency= nsm-hang= nsm-entropy= heartbeat= heartbeat-delay= " \
	"vsock-refuse= vsock-reset= vsock-delay= vsock-rate= crash= stall= " \
	"start-error= image-flip= clock-skew= fault-seed="

/**
 * struct target - what the settings apply to
 * @name: in the form that ne-emud takes: 16 hexadecimal digits, "next" or "defaults"
 * @user: user whose next enclave is meant; "": the caller
 */
struct target {
	char name[TARGET_SIZE];
	const char *user;
};

/* The command line. */
struct lab_options {
	struct target target;
	bool latest;
	bool json;
};

static const struct lab_options defaults = { .target.user = "" };

#define OPT_USER \
	OPT_STRING("user", struct lab_options, target.user, "NAME", \
		   "apply to the next enclave of this user; for root", .values = VALUES_USERS)

static const struct opt options[] = {
	OPT_LATEST(struct lab_options, latest),
	OPT_USER,
	{}
};

/* ne-emud refuses the request anyway, but its message has no user name. */
static int check_owner(const struct ne_nl_enclave *enclave, struct error *error)
{
	char id[STATE_ID_SIZE], user[STATE_USER_SIZE];

	if (geteuid() == 0 || geteuid() == enclave->owner_uid ||
	    enclave->owner_uid == NE_NL_NO_OWNER)
		return 0;
	return error_set(error, -EPERM, "%s belongs to %s; use sudo",
			 state_id(enclave->slot_uid, id), state_user(enclave->owner_uid, user));
}

static int find_target(const struct select *wanted, struct target *ret, struct error *error)
{
	const char *name = wanted->name ? wanted->name : "";
	struct ne_nl_enclave enclave;
	int err;

	if (*ret->user && strcmp(name, "next"))
		return error_set(error, -EINVAL, "--user is for the next enclave, not for %s",
				 wanted->name ? name : "the latest one");

	if (!strcmp(name, "next") || !strcmp(name, "defaults")) {
		snprintf(ret->name, sizeof(ret->name), "%s", name);
		return 0;
	}
	err = select_enclave(wanted, &enclave, error);
	if (!err) {
		snprintf(ret->name, sizeof(ret->name), "%016" PRIx64, enclave.slot_uid);
		err = check_owner(&enclave, error);
		ne_nl_enclave_done(&enclave);
	}
	return err;
}

/* The first argument names the enclave unless it is a NAME=VALUE, or there is --latest. */
static struct select take_name(const struct lab_options *given, char ***args, int *count)
{
	if (given->latest)
		return (struct select){ .latest = true };
	if (!*count || strchr((*args)[0], '='))
		return (struct select){ .name = "next" };
	(*count)--;
	return (struct select){ .name = *(*args)++ };
}

/* The id of a user who is given by name or number. */
static int find_user(const char *name, json_t **ret, struct error *error)
{
	const struct passwd *user = getpwnam(name);
	uint64_t uid;

	if (user)
		uid = user->pw_uid;
	else if (parse_u64(name, 10, UINT32_MAX - 1, &uid))
		return error_set(error, -ENOENT, "unknown user \"%s\"", name);
	*ret = json_integer(uid);
	return 0;
}

/* Takes ownership of @settings, which may be NULL. */
static int request(const char *command, const struct select *wanted, struct target *target,
		   json_t *settings, json_t **ret_answer)
{
	json_t *user = NULL;
	struct error error;

	if (find_target(wanted, target, &error) ||
	    (*target->user && find_user(target->user, &user, &error))) {
		json_decref(settings);
		term_error("%s", error.text);
		return -1;
	}
	if (!daemon_request(json_pack("{s:s, s:s, s:o*, s:o*}", "command", command, "target",
				      target->name, "user", user, "settings", settings),
			    ret_answer, &error))
		return 0;
	term_error("%s", error.text);
	return -1;
}

static json_t *read_settings(const struct command_call *call, char **args, int count)
{
	json_t *settings = json_object();

	for (int i = 0; i < count; i++) {
		char *equals = strchr(args[i], '=');

		if (!equals || equals == args[i]) {
			(void)command_usage_error(call, "\"%s\" is not NAME=VALUE", args[i]);
			json_decref(settings);
			return NULL;
		}
		if (json_object_setn_new(settings, args[i], equals - args[i],
					 json_string(equals + 1))) {
			(void)command_usage_error(call, "\"%s\" is not valid UTF-8", args[i]);
			json_decref(settings);
			return NULL;
		}
	}
	return settings;
}

static int lab_set(const struct command_call *call)
{
	struct lab_options *given = call->options;
	int count = call->count;
	char **args = call->args;
	struct select wanted = take_name(given, &args, &count);
	json_t *settings, *answer;

	if (!count)
		return command_usage_error(call, "no setting is given");
	if (wanted.name && !strcmp(wanted.name, "defaults"))
		return command_usage_error(call, "set the defaults in /etc/ne-emu/ne-emud.conf");
	settings = read_settings(call, args, count);
	if (!settings)
		return COMMAND_USAGE;
	if (request("lab-set", &wanted, &given->target, settings, &answer))
		return COMMAND_FAILED;
	json_decref(answer);
	return COMMAND_OK;
}

static const struct command cmd_lab_set = {
	.name = "set",
	.summary = "change what attestation says and what goes wrong in an enclave",
	.args = "[ENCLAVE] NAME=VALUE...",
	.about = "Change the settings of an enclave for tests; without ENCLAVE, of the next one\n"
		 "that you start. ne-emud.conf(5) explains the settings.\n\n"
		 "Attestation: project, region, instance-id, role-arn, leaf-life, clock, flaws,\n"
		 "map, limits, debug-pcrs, pcr0... For debuggers: look-inside\n"
		 "Faults: nsm-error, nsm-latency, nsm-hang, nsm-entropy, heartbeat,\n"
		 "heartbeat-delay, vsock-refuse, vsock-reset, vsock-delay, vsock-rate,\n"
		 "crash, stall, start-error, image-flip, clock-skew, fault-seed\n\n"
		 "Flaws of certificates: expired, not-yet-valid, ca-expired, wrong-root,\n"
		 "wrong-issuer, cert-signature, curve, no-ca, path-length, ca-key-usage,\n"
		 "leaf-key-usage, bundle-reversed, bundle-no-root, bundle-gap\n"
		 "Flaws of documents: signature, payload, algorithm, tagged, trailing, oversized,\n"
		 "key-order, duplicate, stale, future, time-zero, module-id-empty, digest,\n"
		 "pcrs-empty, pcrs-33, pcr-index, pcr-size, pcrs-zero, pcr0, cabundle-empty,\n"
		 "cabundle-entry, nonce, no-module-id, no-digest, no-timestamp, no-pcrs,\n"
		 "no-certificate, no-cabundle, no-public-key, no-user-data, no-nonce",
	.options = options,
	.values = {
		VALUES_ENCLAVES,
		{ OPT_COMPLETE_WORDS,
		  "project= region= instance-id= role-arn= leaf-life= clock= flaws= map= "
		  "limits= debug-pcrs= look-inside= " FAULT_WORDS },
	},
	.min_args = 1,
	.max_args = SETTINGS_MAX,
	.size = sizeof(struct lab_options),
	.defaults = &defaults,
	.run = lab_set,
};

static int print_settings(const json_t *answer, bool json)
{
	json_t *settings = json_object_get(answer, "settings"), *value;
	struct json_out out = {};
	const char *name;

	if (!json) {
		json_object_foreach(settings, name, value)
			printf("%-15s %s\n", name, json_string_value(value));
		return COMMAND_OK;
	}
	json_out_document(&out);
	json_object_foreach(settings, name, value)
		json_out_str(&out, name, json_string_value(value));
	return json_out_print(&out, stdout, 2) ? COMMAND_FAILED : COMMAND_OK;
}

static int lab_show(const struct command_call *call)
{
	struct lab_options *given = call->options;
	int code, count = call->count;
	char **args = call->args;
	struct select wanted = take_name(given, &args, &count);
	json_t *answer;

	if (count)
		return command_usage_error(call, "unexpected \"%s\"", *args);
	if (request("lab-show", &wanted, &given->target, NULL, &answer))
		return COMMAND_FAILED;
	code = print_settings(answer, given->json);
	json_decref(answer);
	return code;
}

static const struct opt show_options[] = {
	OPT_FLAG("json", struct lab_options, json, "print one JSON object"),
	OPT_LATEST(struct lab_options, latest),
	OPT_USER,
	{}
};

static const struct command cmd_lab_show = {
	.name = "show",
	.summary = "print the settings of an enclave for tests",
	.args = "[ENCLAVE]",
	.about = "Print the settings of an enclave for tests; without ENCLAVE, of the next one\n"
		 "that you start. ENCLAVE can be \"defaults\"",
	.options = show_options,
	.values = { VALUES_ENCLAVES },
	.max_args = 1,
	.size = sizeof(struct lab_options),
	.defaults = &defaults,
	.run = lab_show,
};

static int lab_reset(const struct command_call *call)
{
	struct lab_options *given = call->options;
	int count = call->count;
	char **args = call->args;
	struct select wanted = take_name(given, &args, &count);
	json_t *answer;

	if (count)
		return command_usage_error(call, "unexpected \"%s\"", *args);
	if (request("lab-reset", &wanted, &given->target, NULL, &answer))
		return COMMAND_FAILED;
	json_decref(answer);
	return COMMAND_OK;
}

static const struct command cmd_lab_reset = {
	.name = "reset",
	.summary = "reset the settings of an enclave for tests",
	.args = "[ENCLAVE]",
	.about = "Undo \"ne-emu lab set\", except for settings that are fixed when an enclave\n"
		 "starts",
	.options = options,
	.values = { VALUES_ENCLAVES },
	.max_args = 1,
	.size = sizeof(struct lab_options),
	.defaults = &defaults,
	.run = lab_reset,
};

static const struct command *const commands[] = {
	&cmd_lab_set, &cmd_lab_show, &cmd_lab_reset, NULL,
};

const struct command cmd_lab = {
	.name = "lab",
	.summary = "change what attestation says and what goes wrong in enclaves",
	.commands = commands,
};
