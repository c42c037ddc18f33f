// SPDX-License-Identifier: Apache-2.0
/* ne-emu gdb: debug an enclave with gdb. */

#include "cli/commands.h"
#include "cli/enclave/select.h"
#include "cli/enclave/session.h"
#include "cli/enclave/symbols.h"
#include "cli/enclave/view.h"

#include "common/util.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Words of gdb's command line besides those of --eval-command. */
#define GDB_ARGS_MAX	16

struct gdb_options {
	bool latest;
	bool stdio;
	bool batch;
	const char *gdb;
	struct opt_strings commands;
};

static const struct gdb_options defaults = { .gdb = "gdb" };

static const struct opt options[] = {
	OPT_STRING("gdb", struct gdb_options, gdb, "PROGRAM", "gdb, or another one for its "
		   "commands", .values = VALUES_FILES,
		   .manual = "Run this program instead of *gdb*, for example *gdb-multiarch*."),
	OPT_STRINGS("eval-command", struct gdb_options, commands, "COMMAND",
		    "run a command of gdb once it is connected", .letter = 'e',
		    .manual = "Run a command of gdb once it is connected. May be repeated."),
	OPT_FLAG("batch", struct gdb_options, batch, "leave gdb after these commands"),
	OPT_FLAG("stdio", struct gdb_options, stdio,
		 "be the connection: gdb's protocol on stdin and stdout",
		 .manual = "Do not run gdb, but connect standard input and output with the "
			   "enclave, for gdb's *target remote | ne-emu gdb --stdio* _ENCLAVE_, or "
			   "another program that speaks its protocol."),
	OPT_LATEST(struct gdb_options, latest),
	{}
};

/* The words of the command line: the enclave, and the file with symbols. */
struct gdb_words {
	struct select wanted;
	const char *symbols;
};

static bool is_path(const char *word)
{
	return strchr(word, '/');
}

/* A word alone is a file if it has a slash: names of enclaves have none. */
static int read_words(const struct command_call *call, struct gdb_words *ret)
{
	const struct gdb_options *given = call->options;
	char **words = call->args;
	int count = call->count;

	*ret = (struct gdb_words){ .wanted.latest = given->latest };
	if (count && !is_path(words[0]) && !given->latest) {
		ret->wanted.name = *words++;
		count--;
	}
	if (count)
		ret->symbols = *words++;
	if (count > 1)
		return command_usage_error(call, "unexpected \"%s\"", *words);
	if (given->stdio && (ret->symbols || given->commands.count || given->batch))
		return command_usage_error(call, "--stdio takes nothing but an enclave");
	return select_check(call, &ret->wanted);
}

/* Copy what has arrived. Return: 0 at the end, 1, or a negative errno with a message. */
static int copy_input(struct session_client *client, struct error *error)
{
	uint8_t bytes[4096];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (n < 0 && errno == EINTR)
		return 1;
	if (n < 0)
		return error_set(error, -errno, "cannot read: %s", strerror(errno));
	return n ? session_write(client, bytes, n, error) ?: 1 : 0;
}

static int copy_output(struct session_client *client, struct error *error)
{
	uint8_t bytes[4096];
	int err = 0;

	while (!err) {
		ssize_t n = session_read(client, bytes, sizeof(bytes), error);

		if (n <= 0)
			return n == -EAGAIN ? 1 : n;
		err = write_full(STDOUT_FILENO, bytes, n);
	}
	return error_set(error, err, "cannot write: %s", strerror(-err));
}

/* If the enclave takes no more, it has said why. Return: as copy_input(). */
static int pass_input(struct session_client *client, struct error *error)
{
	struct error reason;
	int r = copy_input(client, error);

	if (r < 0 && copy_output(client, &reason) < 0)
		*error = reason;
	return r;
}

/* Until gdb closes its end, or the enclave does. Return: 0 or a negative errno with a message. */
static int relay(struct session_client *client, struct error *error)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = client->read_fd, .events = POLLIN },
	};
	int r;

	/* First, because what has come with the beginning of the session does not wake poll(). */
	while ((r = copy_output(client, error)) > 0) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno != EINTR)
				return error_set(error, -errno, "poll: %s", strerror(errno));
			continue;
		}
		r = fds[0].revents ? pass_input(client, error) : 1;
		if (r <= 0)
			return r;
	}
	return r;
}

static int serve_stdio(uint64_t slot_uid)
{
	static struct session_client client;
	struct error error = {};
	int err;

	/* Keys of gdb's terminal are for gdb, which sends them on. */
	if (signal(SIGINT, SIG_IGN) == SIG_ERR || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		err = error_set(&error, -errno, "signal: %s", strerror(errno));
	else
		err = session_open(slot_uid, "gdb", "", &client, &error);
	if (!err)
		err = relay(&client, &error);
	session_close(&client);
	return term_result(err, &error);
}

/*
 * A command of gdb that moves the symbols to where a kernel with KASLR has moved itself. It needs
 * gdb's Python. Return: NULL without symbols, if their path cannot be quoted, or without memory.
 */
static char *relocation(const char *symbols)
{
	char *text;

	if (!symbols || strpbrk(symbols, "'\"\\") ||
	    asprintf(&text, "python import re; kaslr = re.match('offset 0x([0-9a-f]+)', "
		     "gdb.execute('monitor kaslr', to_string=True)); "
		     "kaslr and gdb.execute(\"symbol-file -o 0x%%s '%s'\" %% kaslr[1])",
		     symbols) < 0)
		return NULL;
	return text;
}

static void add(char **argv, size_t *count, const char *word)
{
	argv[(*count)++] = (char *)word;
}

/* Replaces this process. Return: the exit code of a failure. */
static int run_gdb(const struct gdb_options *given, const char *id, const char *symbols)
{
	char *argv[GDB_ARGS_MAX + 2 * OPT_STRINGS_MAX];
	__cleanup_free char *target = NULL, *moved = relocation(symbols);
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t count = 0;

	if (len < 0 || memchr(self, '\'', len)) {
		term_error("cannot find the path of this program");
		return COMMAND_FAILED;
	}
	self[len] = '\0';
	if (asprintf(&target, "target remote | '%s' gdb --stdio %s", self, id) < 0) {
		term_error("out of memory");
		return COMMAND_FAILED;
	}
	add(argv, &count, given->gdb);
	add(argv, &count, "-q");
	if (given->batch)
		add(argv, &count, "-batch");
	if (symbols)
		add(argv, &count, symbols);
	add(argv, &count, "-ex");
	add(argv, &count, target);
	if (moved) {
		add(argv, &count, "-ex");
		add(argv, &count, moved);
	}
	for (size_t i = 0; i < given->commands.count; i++) {
		add(argv, &count, "-ex");
		add(argv, &count, given->commands.list[i]);
	}
	argv[count] = NULL;
	execvp(given->gdb, argv);
	term_error("cannot run %s: %s%s", given->gdb, strerror(errno),
		   errno == ENOENT ? "; install gdb, or name it with --gdb" : "");
	return COMMAND_FAILED;
}

static int debug(const struct gdb_options *given, const struct gdb_words *words,
		 struct view *view)
{
	const struct ne_nl_enclave *enclave = &view->enclave;
	const char *symbols = words->symbols;
	struct error error = {};
	char id[STATE_ID_SIZE];

	state_id(enclave->slot_uid, id);
	if (enclave->state != NE_EMU_ENCLAVE_STATE_RUNNING)
		return term_result(error_set(&error, -ENOTCONN, "%s is not running", id), &error);
	if (given->stdio)
		return serve_stdio(enclave->slot_uid);
	if (symbols && access(symbols, R_OK))
		return term_result(error_set(&error, -errno, "%s: %s", symbols, strerror(errno)),
				   &error);
	if (!symbols)
		symbols = symbols_find(view_image(view));
	return run_gdb(given, id, symbols);
}

static int gdb_run(const struct command_call *call)
{
	struct ne_nl_enclave enclave;
	struct gdb_words words;
	struct error error;
	struct view view;
	int code = read_words(call, &words), err;

	if (code)
		return code;
	err = select_enclave(&words.wanted, &enclave, &error);
	if (err)
		return term_result(err, &error);
	view_live(&view, &enclave);
	code = debug(call->options, &words, &view);
	view_done(&view);
	return code;
}

const struct command cmd_gdb = {
	.name = "gdb",
	.summary = "debug an enclave with gdb, from its first instruction to its programs",
	.args = "[ENCLAVE] [VMLINUX]",
	.about = "Attach gdb to the CPUs of a running enclave, which stand still meanwhile.\n"
		 "VMLINUX is the enclave kernel's file with symbols; without ENCLAVE, it needs a\n"
		 "slash. Default: that of the package nitro-enclaves-emu-guest-dbg, if the enclave\n"
		 "has the kernel to which it belongs",
	.options = options,
	.values = { VALUES_ENCLAVES, VALUES_FILES },
	.max_args = 2,
	.size = sizeof(struct gdb_options),
	.defaults = &defaults,
	.run = gdb_run,
};
