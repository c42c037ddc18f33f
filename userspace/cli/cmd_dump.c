// SPDX-License-Identifier: Apache-2.0
/* ne-emu dump: write the memory of a running enclave to a core file. */

#include "cli/commands.h"
#include "cli/enclave/core_file.h"
#include "cli/enclave/select.h"
#include "cli/enclave/session.h"
#include "cli/enclave/watch.h"

#include "common/util.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* How long the VMM may take until the guest stands still. */
#define STANDS_MS	30000
#define PROGRESS_MS	500

struct dump_options {
	bool latest;
	const char *output;
	bool compress;
	bool force;
};

static const struct opt options[] = {
	OPT_LATEST(struct dump_options, latest),
	OPT_STRING("output", struct dump_options, output, "FILE",
		   "write to this file; \"-\" is standard output", .letter = 'o', .required = true,
		   .manual = "Write to this file, which must not exist, and which only the caller "
			     "can read. It has holes where the memory is zero. _FILE_ can also be a "
			     "pipe or a device, or \"-\", standard output; zeros are written then.",
		   .values = VALUES_FILES),
	OPT_FLAG("compress", struct dump_options, compress, "compress with gzip",
		 .manual = "Compress with gzip. gdb, crash and drgn need the file as *gunzip* "
			   "unpacks it. The enclave stands still for longer."),
	OPT_FLAG("force", struct dump_options, force, "replace an existing file",
		 .letter = 'f',
		 .manual = "Replace an existing file once the dump is complete."),
	{}
};

/* Wait for bytes of the VMM. Return: 0 or a negative errno with a message. */
static int wait_for_bytes(const struct session_client *session, const struct core_file *core,
			  struct error *error)
{
	struct pollfd fds[] = {
		{ .fd = session->read_fd, .events = POLLIN },
		{ .fd = core->interrupt, .events = POLLIN },
	};
	int n = poll(fds, ARRAY_SIZE(fds), core->size ? -1 : STANDS_MS);

	if (n < 0 && errno != EINTR)
		return error_set(error, -errno, "poll: %s", strerror(errno));
	if (n > 0 && fds[1].revents)
		return error_set(error, -EINTR, "interrupted: the dump is not complete");
	if (!n)
		return error_set(error, -ETIMEDOUT, "the enclave's vCPUs do not stop");
	return 0;
}

static void show_progress(const struct core_file *core, uint64_t *shown_ns)
{
	uint64_t now_ns = watch_now_ns();

	if (!core->size || now_ns - *shown_ns < PROGRESS_MS * 1000000ULL)
		return;
	*shown_ns = now_ns;
	fprintf(stderr, "\rdumping, %u %% ", (unsigned int)(core->at * 100.0 / core->size));
}

static int receive(struct session_client *session, struct core_file *core, struct error *error)
{
	bool terminal = isatty(STDERR_FILENO);
	uint64_t shown_ns = watch_now_ns();
	static uint8_t buf[SESSION_PIECE_MAX];
	ssize_t n;
	int err = 0;

	do {
		n = session_read(session, buf, sizeof(buf), error);
		if (n == -EAGAIN)
			err = wait_for_bytes(session, core, error);
		else if (n > 0)
			err = core_file_take(core, buf, n, error);
		if (terminal)
			show_progress(core, &shown_ns);
	} while (!err && (n > 0 || n == -EAGAIN));
	if (terminal)
		fputs("\r\033[K", stderr);
	if (err || n < 0)
		return err ? err : (int)n;
	return core_file_commit(core, error);
}

static int dump(const struct ne_nl_enclave *enclave, struct core_file *core, struct error *error)
{
	static struct session_client session;
	int err = session_open(enclave->slot_uid, "dump", "", &session, error);

	if (!err)
		err = receive(&session, core, error);
	session_close(&session);
	return err;
}

static void report(const struct ne_nl_enclave *enclave, const struct core_file *core,
		   const char *path, uint64_t began_ns)
{
	char id[STATE_ID_SIZE];

	fprintf(core->file.sink >= 0 ? stderr : stdout,
		"%s: memory of %s, %llu MiB, %llu of them not zero, in %.1f s\n",
		path, state_id(enclave->slot_uid, id), core->size / MIB,
		(core->written + MIB - 1) / MIB, (watch_now_ns() - began_ns) / 1e9);
}

static int dump_to(const struct dump_options *given, const struct ne_nl_enclave *enclave,
		   struct error *error)
{
	uint64_t began_ns = watch_now_ns();
	struct core_file core;
	int err = core_file_open(&core, given->output, given->force, given->compress, error);

	if (err == -EEXIST) {
		(void)error_set(error, err, "%s: name another file, or use --force", error->text);
	} else if (!err) {
		core.interrupt = watch_open_signals();
		err = MIN(core.interrupt, 0);
		if (err)
			(void)error_set(error, err, "cannot watch signals: %s", strerror(-err));
	}
	if (!err)
		err = dump(enclave, &core, error);
	if (!err)
		report(enclave, &core, given->output, began_ns);
	fd_close(&core.interrupt);
	core_file_close(&core);
	return err;
}

static int dump_run(const struct command_call *call)
{
	const struct dump_options *given = call->options;
	struct ne_nl_enclave enclave;
	struct select wanted;
	struct error error;
	int err = select_read(call, given->latest, &wanted);

	if (err)
		return err;
	err = select_enclave(&wanted, &enclave, &error);
	if (err)
		return term_result(err, &error);
	err = dump_to(given, &enclave, &error);
	ne_nl_enclave_done(&enclave);
	return term_result(err, &error);
}

const struct command cmd_dump = {
	.name = "dump",
	.summary = "write the memory of a running enclave to a core file",
	.args = SELECT_ARG,
	.about = "Write memory and registers of a running debug enclave to a core file, which gdb,\n"
		 "crash and drgn read. The enclave stands still meanwhile, then goes on",
	.options = options,
	.values = { VALUES_ENCLAVES },
	.max_args = 1,
	.size = sizeof(struct dump_options),
	.run = dump_run,
};
