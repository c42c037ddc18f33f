// SPDX-License-Identifier: Apache-2.0
/* The core file of an enclave that crashes. */

#include "cli/enclave/crash_dump.h"

#include "cli/enclave/state.h"
#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long the rest may take; the VMM waits for no longer either. */
#define FINISH_MS	2000

/* A process in the background leaves the current directory. Return: the path, or NULL. */
static char *absolute_path(const char *path, uint64_t slot_uid)
{
	char here[PATH_MAX] = "", id[STATE_ID_SIZE];
	struct stat st;
	bool is_dir = !stat(path, &st) && S_ISDIR(st.st_mode);
	char *ret;

	if (*path != '/' && !getcwd(here, sizeof(here)))
		return NULL;
	if (asprintf(&ret, "%s%s%s%s%s%s", here, *here ? "/" : "", path, is_dir ? "/" : "",
		     is_dir ? state_id(slot_uid, id) : "", is_dir ? ".core" : "") < 0)
		return NULL;
	return ret;
}

int crash_dump_open(const char *path, uint64_t slot_uid, struct crash_dump **ret,
		    struct error *error)
{
	struct crash_dump *dump = calloc(1, sizeof(*dump));
	int err;

	*ret = NULL;
	if (!dump)
		return error_set(error, -ENOMEM, "out of memory");
	dump->session.read_fd = dump->session.write_fd = -1;
	dump->file.file.fd = dump->file.file.sink = -1;
	dump->path = absolute_path(path, slot_uid);
	if (dump->path)
		err = core_file_open(&dump->file, dump->path, false, false, error);
	else
		err = error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (err) {
		crash_dump_close(dump);
		return error_set(error, err, "--dump-on-crash: %s", error->text);
	}
	*ret = dump;
	return 0;
}

int crash_dump_wait(struct crash_dump *dump, uint64_t slot_uid, struct error *error)
{
	int err = session_open(slot_uid, "dump", "crash", &dump->session, error);

	return err ? error_set(error, err, "--dump-on-crash: %s", error->text) : 0;
}

/* Without a crash, the session ends with the enclave, and there is no file. */
static void end(struct crash_dump *dump, ssize_t n)
{
	session_close(&dump->session);
	if (!dump->began && n != -EREMOTEIO)
		return;
	if (!n)
		dump->err = core_file_commit(&dump->file, &dump->error);
	else if (dump->began)
		dump->err = n;
	dump->done = !n && !dump->err;
}

void crash_dump_take(struct crash_dump *dump)
{
	static uint8_t buf[SESSION_PIECE_MAX];
	ssize_t n = 0;

	while (dump->session.read_fd >= 0) {
		n = session_read(&dump->session, buf, sizeof(buf), &dump->error);
		if (n == -EAGAIN)
			return;
		if (n > 0) {
			dump->began = true;
			n = core_file_take(&dump->file, buf, n, &dump->error);
			if (!n)
				continue;
		}
		end(dump, n);
	}
}

void crash_dump_finish(struct crash_dump *dump)
{
	int64_t deadline = clock_ms() + FINISH_MS;

	while (dump->session.read_fd >= 0 && clock_ms() < deadline) {
		struct pollfd fd = { .fd = dump->session.read_fd, .events = POLLIN };

		(void)poll(&fd, 1, MAX(deadline - clock_ms(), 0));
		crash_dump_take(dump);
	}
	if (dump->done)
		fprintf(stderr, "%s: memory of the enclave when it crashed\n", dump->path);
	else if (dump->began)
		term_error("no dump: %s", dump->err ? dump->error.text : "it takes too long");
}

void crash_dump_close(struct crash_dump *dump)
{
	if (!dump)
		return;
	session_close(&dump->session);
	core_file_close(&dump->file);
	free(dump->path);
	free(dump);
}
