// SPDX-License-Identifier: Apache-2.0
/* ne-emu lab: change how enclaves attest themselves. */

#include "cli/commands.h"
#include "cli/enclave/daemon_client.h"
#include "cli/enclave/state.h"
#include "command/command.h"

#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS_MAX	32
#define TARGET_SIZE	17

/**
 * struct target - whose settings
 * @name: as the daemon has it: 16 digits, "next" or "defaults"
 * @user: whose next enclave; "": the caller's
 */
struct target {
	char name[TARGET_SIZE];
	const char *user;
};

#define OPT_USER(target) \
	OPT_STRING("user", &(target).user, "NAME", "whose next enclave, for root: a name or number")

/* The daemon decides, but does not look for names of users. */
static int check_owner(const struct ne_nl_enclave *enclave, struct error *why)
{
	char id[STATE_ID_SIZE], user[STATE_USER_SIZE];

	if (geteuid() == 0 || geteuid() == enclave->owner_uid ||
	    enclave->owner_uid == NE_NL_NO_OWNER)
		return 0;
	return error_set(why, -EPERM, "%s belongs to %s; use sudo", state_id(enclave->slot_uid, id),
			 state_user(enclave->owner_uid, user));
}

static int find_target(const char *name, struct target *ret, struct error *why)
{
	struct ne_nl_enclave enclave;
	struct ne_nl *nl;
	int r;

	if (*ret->user && strcmp(name, "next"))
		return error_set(why, -EINVAL, "--user is for the next enclave, not for %s", name);

	if (!strcmp(name, "next") || !strcmp(name, "defaults")) {
		snprintf(ret->name, sizeof(ret->name), "%s", name);
		return 0;
	}
	r = state_open(&nl, why);
	if (r)
		return r;
	r = state_find(nl, name, &enclave, why);
	if (!r) {
		snprintf(ret->name, sizeof(ret->name), "%016" PRIx64, enclave.slot_uid);
		r = check_owner(&enclave, why);
		ne_nl_enclave_done(&enclave);
	}
	ne_nl_close(nl);
	return r;
}

/* The first argument names an enclave unless it sets something. */
static const char *take_name(char ***args, int *count)
{
	if (!*count || strchr((*args)[0], '='))
		return "next";
	(*count)--;
	return *(*args)++;
}

/* A user id as JSON. */
static int find_user(const char *name, json_t **ret, struct error *why)
{
	const struct passwd *user = getpwnam(name);
	uint64_t uid;

	if (user)
		uid = user->pw_uid;
	else if (parse_u64(name, 10, UINT32_MAX - 1, &uid))
		return error_set(why, -ENOENT, "there is no user \"%s\"", name);
	*ret = json_integer(uid);
	return 0;
}

/* Takes @settings over, which may be NULL. */
static int request(const char *command, const char *name, struct target *target,
		   json_t *settings, json_t **ret_answer)
{
	json_t *user = NULL;
	struct error why;

	if (find_target(name, target, &why) ||
	    (*target->user && find_user(target->user, &user, &why))) {
		json_decref(settings);
		cli_error("%s", why.text);
		return -1;
	}
	if (!daemon_request(json_pack("{s:s, s:s, s:o*, s:o*}", "command", command, "target",
				      target->name, "user", user, "settings", settings),
			    ret_answer, &why))
		return 0;
	cli_error("%s", why.text);
	return -1;
}

static json_t *read_settings(const struct cli_usage *usage, char **args, int count)
{
	json_t *settings = json_object();

	for (int i = 0; i < count; i++) {
		char *equals = strchr(args[i], '=');

		if (!equals || equals == args[i]) {
			(void)cli_usage_error(usage, "not NAME=VALUE: %s", args[i]);
			json_decref(settings);
			return NULL;
		}
		if (json_object_setn_new(settings, args[i], equals - args[i],
					 json_string(equals + 1))) {
			(void)cli_usage_error(usage, "not UTF-8: %s", args[i]);
			json_decref(settings);
			return NULL;
		}
	}
	return settings;
}

static int cmd_lab_set(int argc, char **argv)
{
	struct target target = { .user = "" };
	const struct cli_opt opts[] = { OPT_USER(target), {} };
	const struct cli_usage usage = {
		"ne-emu lab set", "[ENCLAVE] NAME=VALUE...",
		"Change how an enclave attests itself; without ENCLAVE, the next one that you "
		"start.\nThe names are those that \"ne-emu lab show\" lists, see ne-emu(1)",
		opts, 1, SETTINGS_MAX,
	};
	json_t *settings, *answer;
	const char *name;
	char **args;
	int r;

	r = cli_parse(&usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	name = take_name(&args, &r);
	if (!r)
		return cli_usage_error(&usage, "nothing to set");
	if (!strcmp(name, "defaults"))
		return cli_usage_error(&usage, "defaults are set in /etc/ne-emu/ne-emud.conf");
	settings = read_settings(&usage, args, r);
	if (!settings)
		return CLI_USAGE;
	if (request("lab-set", name, &target, settings, &answer))
		return CLI_FAILED;
	json_decref(answer);
	return CLI_OK;
}

static int print_settings(const json_t *answer, bool json)
{
	json_t *settings = json_object_get(answer, "settings"), *value;
	const char *name;

	if (json)
		return json_dumpf(settings, stdout, JSON_INDENT(2)) || puts("") == EOF ?
		       CLI_FAILED : CLI_OK;
	json_object_foreach(settings, name, value)
		printf("%-12s %s\n", name, json_string_value(value));
	return CLI_OK;
}

static int cmd_lab_show(int argc, char **argv)
{
	struct target target = { .user = "" };
	bool json = false;
	const struct cli_opt opts[] = {
		OPT_FLAG("json", &json, "print one JSON object"),
		OPT_USER(target),
		{}
	};
	const struct cli_usage usage = {
		"ne-emu lab show", "[ENCLAVE]",
		"Print how an enclave attests itself; without ENCLAVE, the next one that you "
		"start.\n\"defaults\" stands for those without settings of their own",
		opts, 0, 1,
	};
	json_t *answer;
	char **args;
	int r;

	r = cli_parse(&usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	if (request("lab-show", take_name(&args, &r), &target, NULL, &answer))
		return CLI_FAILED;
	r = print_settings(answer, json);
	json_decref(answer);
	return r;
}

static int cmd_lab_reset(int argc, char **argv)
{
	struct target target = { .user = "" };
	const struct cli_opt opts[] = { OPT_USER(target), {} };
	const struct cli_usage usage = {
		"ne-emu lab reset", "[ENCLAVE]",
		"Undo \"ne-emu lab set\", but for what holds from an enclave's start", opts, 0, 1,
	};
	json_t *answer;
	char **args;
	int r;

	r = cli_parse(&usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	if (request("lab-reset", take_name(&args, &r), &target, NULL, &answer))
		return CLI_FAILED;
	json_decref(answer);
	return CLI_OK;
}

static const struct cli_command commands[] = {
	{ "set", "change how an enclave attests itself", cmd_lab_set },
	{ "show", "print how an enclave attests itself", cmd_lab_show },
	{ "reset", "undo what was set", cmd_lab_reset },
	{}
};

int cmd_lab(int argc, char **argv)
{
	return cli_dispatch("ne-emu lab", commands, argc, argv);
}
