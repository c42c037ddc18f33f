// SPDX-License-Identifier: Apache-2.0
/* Write the core file of an enclave from the stream of its VMM. */

#include "cli/enclave/core_file.h"

#include "common/util.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* windowBits of deflateInit2() for the format of gzip. */
#define GZIP_FORMAT	(15 + 16)
#define DEFLATE_MEMORY	8		/* zlib's default */
#define DEFLATED_SIZE	(32 * KIB)

static const uint8_t zeros[DUMP_PIECE_MAX];

static int write_failed(const struct core_file *core, int err, struct error *error)
{
	if (err == -EINTR)
		return error_set(error, err, "interrupted: the dump is not complete");
	return error_set(error, err, "cannot write %s: %s", core->file.target ?: "the output",
			 strerror(-err));
}

/* Write to a pipe whose reader may take any time, as long as the user does not want to end. */
static int write_sink(const struct core_file *core, const uint8_t *bytes, size_t len)
{
	while (len) {
		struct pollfd fds[] = {
			{ .fd = core->file.sink, .events = POLLOUT },
			{ .fd = core->interrupt, .events = POLLIN },
		};
		/* A pipe that is ready takes so many at once. */
		size_t step = MIN(len, PIPE_BUF);
		int err;

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			return -errno;
		if (fds[1].revents)
			return -EINTR;
		err = write_full(core->file.sink, bytes, step);
		if (err)
			return err;
		bytes += step;
		len -= step;
	}
	return 0;
}

static int write_out(const struct core_file *core, const uint8_t *bytes, size_t len)
{
	return core->file.sink >= 0 ? write_sink(core, bytes, len) :
		write_full(core->file.fd, bytes, len);
}

/* Without bytes: the end. */
static int write_deflated(struct core_file *core, const uint8_t *bytes, size_t len)
{
	static uint8_t out[DEFLATED_SIZE];
	z_stream *deflate_to = &core->deflate;
	int err = 0;

	deflate_to->next_in = (uint8_t *)bytes;		/* not changed */
	deflate_to->avail_in = len;
	do {
		deflate_to->next_out = out;
		deflate_to->avail_out = sizeof(out);
		/* Cannot fail: the state is valid, and there is room. */
		(void)deflate(deflate_to, len ? Z_NO_FLUSH : Z_FINISH);
		err = write_out(core, out, sizeof(out) - deflate_to->avail_out);
	} while (!err && !deflate_to->avail_out);
	return err;
}

static int write_next(struct core_file *core, const uint8_t *bytes, size_t len)
{
	return core->compress ? write_deflated(core, bytes, len) : write_out(core, bytes, len);
}

/* Leave out what is zero up to @offset, or write it if the output cannot have holes. */
static int skip_to(struct core_file *core, uint64_t offset)
{
	int err = 0;

	if (core->sparse && lseek(core->file.fd, offset, SEEK_SET) < 0)
		return -errno;
	while (!err && !core->sparse && core->at < offset) {
		size_t len = MIN(offset - core->at, sizeof(zeros));

		err = write_next(core, zeros, len);
		core->at += len;
	}
	core->at = offset;
	return err;
}

static int wrong_stream(struct error *error)
{
	return error_set(error, -EPROTO, "the enclave's VMM sends something else than a dump");
}

static int take_head(struct core_file *core, struct error *error)
{
	struct dump_stream_head head;

	memcpy(&head, core->part, sizeof(head));
	if (memcmp(head.magic, DUMP_STREAM_MAGIC, sizeof(head.magic)) || !head.size ||
	    head.size > CORE_FILE_SIZE_MAX)
		return wrong_stream(error);
	core->size = head.size;
	return 0;
}

static int take_piece(struct core_file *core, struct error *error)
{
	struct dump_piece piece;
	int err;

	memcpy(&piece, core->part, sizeof(piece));
	if (piece.offset < core->at || piece.offset > core->size ||
	    piece.length > MIN(core->size - piece.offset, DUMP_PIECE_MAX))
		return wrong_stream(error);
	err = skip_to(core, piece.offset);
	if (err)
		return write_failed(core, err, error);
	core->left = piece.length;
	return 0;
}

static int take_bytes(struct core_file *core, const uint8_t *bytes, size_t len,
		      struct error *error)
{
	int err = write_next(core, bytes, len);

	if (err)
		return write_failed(core, err, error);
	core->at += len;
	core->written += len;
	core->left -= len;
	return 0;
}

_Static_assert(sizeof(struct dump_stream_head) == sizeof(struct dump_piece), "fill one buffer");

/* Return: bytes that were taken, or a negative errno with a message. */
static ssize_t take_part(struct core_file *core, const uint8_t *bytes, size_t len,
			 struct error *error)
{
	size_t n = MIN(len, sizeof(core->part) - core->part_len);
	int err;

	memcpy(core->part + core->part_len, bytes, n);
	core->part_len += n;
	if (core->part_len < sizeof(core->part))
		return n;
	core->part_len = 0;
	err = core->size ? take_piece(core, error) : take_head(core, error);
	return err ? err : (ssize_t)n;
}

int core_file_take(struct core_file *core, const void *bytes, size_t len, struct error *error)
{
	const uint8_t *next = bytes;

	while (len) {
		ssize_t n = MIN(len, core->left);

		if (n) {
			int err = take_bytes(core, next, n, error);

			if (err)
				return err;
		} else {
			n = take_part(core, next, len, error);
			if (n < 0)
				return n;
		}
		next += n;
		len -= n;
	}
	return 0;
}

static int init_deflate(struct core_file *core)
{
	/* The enclave stands still meanwhile: speed counts more than size. */
	if (deflateInit2(&core->deflate, Z_BEST_SPEED, Z_DEFLATED, GZIP_FORMAT, DEFLATE_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	core->compress = true;
	return 0;
}

int core_file_open(struct core_file *core, const char *path, bool replace, bool compress,
		   struct error *error)
{
	int err;

	*core = (struct core_file){ .interrupt = -1 };
	err = file_new_open_private(&core->file, path, replace, error);
	if (err)
		return err;
	core->sparse = core->file.sink < 0 && !compress;
	err = compress ? init_deflate(core) : 0;
	return err ? error_set(error, err, "out of memory") : 0;
}

int core_file_commit(struct core_file *core, struct error *error)
{
	int err = 0;

	if (!core->size || core->at != core->size || core->left || core->part_len)
		return error_set(error, -EPIPE, "the dump is not complete: the enclave or its VMM "
				 "has ended meanwhile");
	if (core->sparse && ftruncate(core->file.fd, core->size))
		err = -errno;
	if (core->compress)
		err = write_deflated(core, NULL, 0);
	if (err)
		return write_failed(core, err, error);
	return core->file.sink >= 0 ? 0 : file_new_commit(&core->file, error);
}

void core_file_close(struct core_file *core)
{
	if (core->compress)
		(void)deflateEnd(&core->deflate);
	core->compress = false;
	file_new_abort(&core->file);
}
