// SPDX-License-Identifier: Apache-2.0
/* ne-emu exec: run a command in a debug enclave. */

#include "cli/commands.h"
#include "cli/enclave/agent_client.h"
#include "cli/enclave/outcome.h"
#include "cli/enclave/remote.h"

#include "common/util.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define TERM_SIZE	80

struct exec_options {
	bool latest;
	bool interactive;
	bool terminal;
	const char *user;
	const char *workdir;
	struct opt_strings env;
};

static const struct opt options[] = {
	OPT_FLAG("interactive", struct exec_options, interactive, "pass standard input on",
		 .letter = 'i'),
	OPT_FLAG("tty", struct exec_options, terminal, "give the command a terminal",
		 .letter = 't',
		 .manual = "Give the command a terminal. With *-i* and a terminal at standard input, "
			   "keys go to the command as they are typed."),
	OPT_STRING("user", struct exec_options, user, "USER[:GROUP]",
		   "user in the enclave; default: the program's",
		   .letter = 'u',
		   .manual = "User of the command, by name or number. Default: that of the image's "
			     "program."),
	OPT_STRING("workdir", struct exec_options, workdir, "DIR",
		   "directory in the enclave; default: the program's",
		   .letter = 'w',
		   .manual = "Working directory of the command. Default: that of the image's "
			     "program."),
	OPT_STRINGS("env", struct exec_options, env, "NAME=VALUE", "set a variable",
		    .letter = 'e',
		    .manual = "Set a variable, in addition to those of the image's program. May be "
			      "repeated."),
	OPT_LATEST(struct exec_options, latest),
	{}
};

/*
 * The first word is the enclave if there is such an enclave; otherwise it belongs to the command.
 *
 * @ret_words: words that are not part of the command
 */
static int find_enclave(const struct command_call *call, bool latest, struct ne_nl_enclave *ret,
			int *ret_words, struct error *error)
{
	struct select wanted = { .latest = latest };
	struct ne_nl *nl;
	int err;

	*ret_words = 0;
	err = state_open(&nl, error);
	if (err)
		return err;
	if (!latest) {
		err = state_find(nl, call->args[0], ret, error);
		*ret_words = !err;
	}
	if (latest || err == -ENOENT || err == -EINVAL)
		err = select_find(nl, &wanted, ret, error);
	ne_nl_close(nl);
	return err;
}

static int check_usage(const struct command_call *call, const struct exec_options *given)
{
	for (size_t i = 0; i < given->env.count; i++)
		if (!strchr(given->env.list[i], '=') || *given->env.list[i] == '=')
			return command_usage_error(call, "--env %s: not NAME=VALUE",
						   given->env.list[i]);
	return COMMAND_OK;
}

/* Return: the exit code. */
static int exec_in(const struct ne_nl_enclave *enclave, struct agent_exec *exec)
{
	static struct agent_link link;
	struct error error = {};
	__cleanup_fd int fd = agent_client_connect(enclave, &link, &error);
	int code = OUTCOME_FAILED, err;

	if (fd < 0)
		return outcome_fail(fd, &error);
	err = remote_run(&link, exec, &code, &error);
	if (err && err != -EREMOTEIO)
		return outcome_fail(err, &error);
	if (err)
		(void)term_result(err, &error);
	return code;
}

static int exec_run(const struct command_call *call)
{
	const struct exec_options *given = call->options;
	const char *env[OPT_STRINGS_MAX + 1], *term = getenv("TERM");
	struct agent_exec exec = {
		.terminal = given->terminal,
		.input = given->interactive,
		.user = given->user ?: "",
		.workdir = given->workdir ?: "",
		.env = env,
	};
	struct ne_nl_enclave enclave;
	char term_text[TERM_SIZE];
	struct error error = {};
	int words, code = check_usage(call, given), err;

	if (code)
		return code;
	err = find_enclave(call, given->latest, &enclave, &words, &error);
	if (err)
		return outcome_fail(err, &error);
	exec.args = (const char *const *)call->args + words;
	exec.nr_args = call->count - words;
	if (given->terminal && term && strlen(term) < TERM_SIZE - sizeof("TERM=")) {
		snprintf(term_text, sizeof(term_text), "TERM=%s", term);
		env[exec.nr_env++] = term_text;
	}
	for (size_t i = 0; i < given->env.count; i++)
		env[exec.nr_env++] = given->env.list[i];
	if (exec.nr_args)
		code = exec_in(&enclave, &exec);
	else
		code = command_usage_error(call, "%s is an enclave; which command?", call->args[0]);
	ne_nl_enclave_done(&enclave);
	return code;
}

const struct command cmd_exec = {
	.name = "exec",
	.summary = "run a command in a debug enclave",
	.args = "[ENCLAVE] COMMAND [ARGUMENT]...",
	.about = "Run a command in a running debug enclave, with the environment, user and\n"
		 "directory of the image's program. \"exec -it sh\" is a shell in the only enclave.\n\n"
		 "Exit codes: that of the command (128 + n: killed by signal n; 126: cannot be\n"
		 "run; 127: not found); 2 incorrect usage, 125 the agent cannot be reached",
	.options = options,
	.values = { VALUES_ENCLAVES },
	.takes_command = true,
	.min_args = 1,
	.max_args = INT_MAX,
	.size = sizeof(struct exec_options),
	.run = exec_run,
};
