// SPDX-License-Identifier: Apache-2.0
/* ne-emu console: copy the console of a running debug enclave. */

#include "cli/commands.h"
#include "cli/enclave/select.h"
#include "cli/enclave/vsock.h"
#include "cli/enclave/watch.h"

#include "command/progress.h"
#include "common/util.h"

#include <errno.h>
#include <linux/nitro_enclaves.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int find_cid(const struct select *wanted, uint32_t *ret_cid, struct error *error)
{
	struct ne_nl_enclave enclave;
	char id[STATE_ID_SIZE];
	int err;

	if (select_unchecked_cid(wanted, ret_cid))
		return 0;
	err = select_enclave(wanted, &enclave, error);
	if (err)
		return err;
	state_id(enclave.slot_uid, id);
	if (enclave.state != NE_EMU_ENCLAVE_STATE_RUNNING)
		err = error_set(error, -ENOTCONN, "%s is not running; \"ne-emu logs %s\" shows its "
				"log", id, id);
	else if (!(enclave.flags & NE_ENCLAVE_DEBUG_MODE))
		err = error_set(error, -EPERM, "%s is a production enclave, which has no console; "
				"start it with --debug", id);
	*ret_cid = enclave.cid;
	ne_nl_enclave_done(&enclave);
	return err;
}

/* What is written into a closed pipe ends a program without a word: so does the pipe alone. */
static int output_failed(int err)
{
	if (err == -EPIPE) {
		(void)raise(SIGPIPE);	/* returns if it is ignored */
		return COMMAND_FAILED;
	}
	term_error("cannot write the console: %s", strerror(-err));
	return COMMAND_FAILED;
}

/* Return: the exit code. */
static int copy(int console)
{
	struct pollfd fds[] = {
		{ .fd = console, .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};
	int err;

	do {
		while (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			term_error("cannot wait for the console: %s", strerror(errno));
			return COMMAND_FAILED;
		}
		err = watch_output_lost(fds[1].revents);
		if (!err)
			err = watch_copy_console(console);
	} while (err > 0);
	return err ? output_failed(err) : COMMAND_OK;
}

struct console_options {
	bool latest;
};

static const struct opt options[] = {
	OPT_LATEST(struct console_options, latest),
	{}
};

static int console_run(const struct command_call *call)
{
	const struct console_options *given = call->options;
	__cleanup_fd int fd = -1;
	struct select wanted;
	struct error error;
	uint32_t cid;
	int err;

	err = select_read(call, given->latest, &wanted);
	if (err)
		return err;
	err = find_cid(&wanted, &cid, &error);
	if (err)
		return term_result(err, &error);
	progress_begin("connecting to the console");
	fd = vsock_connect_console(cid);
	progress_end();
	if (fd < 0) {
		term_error("cannot connect to the console of CID %u: %s%s", cid, strerror(-fd),
			   fd == -ECONNRESET ? "; it has none: it is a production enclave or gone" :
			   "");
		return COMMAND_FAILED;
	}
	if (isatty(STDOUT_FILENO) && isatty(STDERR_FILENO))
		fprintf(stderr, "(Ctrl-C leaves the console; the enclave keeps running)\n");
	return copy(fd);
}

static const struct command_hint hints[] = {
	{ "--enclave-id", "ENCLAVE, an argument without an option" },
	{ "--enclave-name", "ENCLAVE, an argument without an option" },
	{}
};

const struct command cmd_console = {
	.name = "console",
	.summary = "show the console of a running debug enclave",
	.args = SELECT_ARG,
	.about = "Copy the console of a running debug enclave to stdout: first the stored\n"
		 "output, then new output until the enclave ends",
	.options = options,
	.hints = hints,
	.values = { VALUES_ENCLAVES },
	.max_args = 1,
	.size = sizeof(struct console_options),
	.run = console_run,
};
