// SPDX-License-Identifier: Apache-2.0
/* ne-emu cp: copy files into a debug enclave, and out of it. */

#include "cli/commands.h"
#include "cli/enclave/agent_client.h"
#include "cli/enclave/copy.h"

#include "common/enclave_name.h"
#include "common/util.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define ENCLAVE_SIZE	128

struct cp_options {
	bool latest;
};

static const struct opt options[] = {
	OPT_LATEST(struct cp_options, latest),
	{}
};

/**
 * struct place - what a word names
 * @in_enclave: it has a colon in front of the first slash
 * @enclave: what is in front of the colon; "": the only one
 * @path: the rest
 */
struct place {
	bool in_enclave;
	char enclave[ENCLAVE_SIZE];
	const char *path;
};

static void parse_place(const char *word, struct place *ret)
{
	size_t len = strcspn(word, ":/");

	*ret = (struct place){ .path = word };
	if (word[len] != ':' || len >= sizeof(ret->enclave))
		return;
	ret->in_enclave = true;
	memcpy(ret->enclave, word, len);
	ret->path = word + len + 1;
}

static int copy(const struct ne_nl_enclave *enclave, const struct place *from,
		const struct place *to, struct error *error)
{
	static struct agent_link link;
	__cleanup_fd int fd = agent_client_connect(enclave, &link, error);

	if (fd < 0)
		return fd;
	return to->in_enclave ? copy_to(&link, from->path, to->path, error) :
	       copy_from(&link, from->path, to->path, error);
}

static int cp_run(const struct command_call *call)
{
	const struct cp_options *given = call->options;
	struct select wanted = { .latest = given->latest };
	struct ne_nl_enclave enclave;
	struct place from, to, *there;
	struct error error = {};
	int err;

	parse_place(call->args[0], &from);
	parse_place(call->args[1], &to);
	if (from.in_enclave == to.in_enclave)
		return command_usage_error(call, "one of both is in an enclave: ENCLAVE:PATH, or "
					   ":PATH in the only one%s", from.in_enclave ? "" :
					   "; a file here with a colon is ./NAME");
	there = from.in_enclave ? &from : &to;
	if (!*there->path)
		return command_usage_error(call, "%s:PATH: there is no path", there->enclave);
	wanted.name = *there->enclave ? there->enclave : NULL;
	err = select_check(call, &wanted);
	if (err)
		return err;
	err = select_enclave(&wanted, &enclave, &error);
	if (err)
		return term_result(err, &error);
	(void)signal(SIGPIPE, SIG_IGN);		/* a closed pipe is an error of the copy */
	err = copy(&enclave, &from, &to, &error);
	ne_nl_enclave_done(&enclave);
	return term_result(err, &error);
}

const struct command cmd_cp = {
	.name = "cp",
	.summary = "copy files into a debug enclave, and out of it",
	.args = "FILE|- [ENCLAVE]:PATH | [ENCLAVE]:PATH FILE|-",
	.about = "Copy a file or directory between this host and a running debug enclave. Modes\n"
		 "are kept. \"-\" is a tar archive on standard input or output",
	.options = options,
	.values = { VALUES_FILES },
	.min_args = 2,
	.max_args = 2,
	.size = sizeof(struct cp_options),
	.run = cp_run,
};
