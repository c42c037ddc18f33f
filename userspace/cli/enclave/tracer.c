// SPDX-License-Identifier: Apache-2.0
/* Receive the trace of an enclave and write it to a file. */

#include "cli/enclave/tracer.h"

#include "cli/enclave/session.h"
#include "cli/enclave/trace_text.h"
#include "command/file.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

#define PIECE_SIZE	16384

/** struct tracer - @path: name of the file, for messages */
struct tracer {
	const char *path;
	struct session_client session;
	struct trace_text_out out;
};

static int cannot_write(const struct tracer *tracer, struct error *error)
{
	return error_set(error, -errno, "cannot write %.400s: %s", tracer->path, strerror(errno));
}

int tracer_open(const char *path, bool json, struct tracer **ret, struct error *error)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));
	int err = 0;

	if (!tracer)
		return error_set(error, -ENOMEM, "out of memory");
	tracer->path = path;
	tracer->session.read_fd = tracer->session.write_fd = -1;
	tracer->out.json = json;
	tracer->out.to = stdout;
	if (strcmp(path, "-"))
		err = file_stream_open(path, &tracer->out.to, error);
	if (err) {
		free(tracer);
		return err;
	}
	*ret = tracer;
	return 0;
}

int tracer_attach(struct tracer *tracer, uint64_t slot_uid, const char *kinds,
		  struct error *error)
{
	return session_open(slot_uid, "trace", kinds, &tracer->session, error);
}

int tracer_fd(const struct tracer *tracer)
{
	return tracer->session.read_fd;
}

int tracer_out_fd(const struct tracer *tracer)
{
	return fileno(tracer->out.to);
}

int tracer_take(struct tracer *tracer, struct error *error)
{
	char piece[PIECE_SIZE];
	ssize_t n;

	while ((n = session_read(&tracer->session, piece, sizeof(piece), error)) > 0) {
		int err = trace_text_add(&tracer->out, piece, n, error);

		if (err)
			return err;
	}
	if (n && n != -EAGAIN)
		return n;
	if (fflush(tracer->out.to))
		return errno == EPIPE ? 1 : cannot_write(tracer, error);
	return !n;
}

int tracer_close(struct tracer *tracer, struct error *error)
{
	int err = 0;

	if (!tracer)
		return 0;
	session_close(&tracer->session);
	if (tracer->out.to != stdout && fclose(tracer->out.to) && errno != EPIPE)
		err = cannot_write(tracer, error);
	free(tracer);
	return err;
}
