// SPDX-License-Identifier: Apache-2.0
/* Read an archive that may be compressed as a whole, piece by piece, and hash it. */

#include "pack/stream.h"

#include "pack/digest.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

static la_ssize_t feed(struct archive *archive, void *arg, const void **ret)
{
	struct stream *stream = arg;
	size_t size = MIN(stream->left, sizeof(stream->buf));
	ssize_t n;

	if (stream->at < 0) {
		n = read_full(stream->fd, stream->buf, size);
	} else {
		n = pread(stream->fd, stream->buf, size, stream->at);
		if (n < 0)
			n = -errno;
	}
	if (n < 0) {
		stream->err = n;
		return ARCHIVE_FATAL;
	}
	if (stream->at >= 0)
		stream->at += n;
	stream->left -= n;
	*ret = stream->buf;
	return n;
}

/* Decompressors treat a failed read as the end of the archive, so its error comes first. */
static ssize_t fail(struct stream *stream)
{
	stream->err = stream->err ?: -EBADMSG;
	return stream->err;
}

int stream_open(struct stream *stream, const EVP_MD *md)
{
	struct archive_entry *entry;
	int status;

	stream->raw = archive_read_new();
	if (!stream->raw)
		return -ENOMEM;
	/* Only built-in filters of libarchive, which run no program. */
	archive_read_support_filter_gzip(stream->raw);
	archive_read_support_filter_zstd(stream->raw);
	archive_read_support_filter_xz(stream->raw);
	archive_read_support_filter_bzip2(stream->raw);
	archive_read_support_format_raw(stream->raw);
	archive_read_support_format_empty(stream->raw);
	if (md) {
		stream->hash = EVP_MD_CTX_new();
		if (!stream->hash || !EVP_DigestInit_ex(stream->hash, md, NULL))
			return -ENOMEM;
	}
	status = archive_read_open(stream->raw, stream, NULL, feed, NULL);
	if (status == ARCHIVE_OK)
		status = archive_read_next_header(stream->raw, &entry);
	stream->empty = status == ARCHIVE_EOF;
	if (status < ARCHIVE_WARN || stream->err)
		(void)fail(stream);
	return 0;
}

void stream_close(struct stream *stream)
{
	archive_read_free(stream->raw);
	EVP_MD_CTX_free(stream->hash);
}

ssize_t stream_next(struct stream *stream, const void **ret)
{
	size_t size = 0;
	int64_t offset;
	int status;

	if (stream->err || stream->empty)
		return stream->err;
	do
		status = archive_read_data_block(stream->raw, ret, &size, &offset);
	while (status == ARCHIVE_OK && !size);
	if ((status != ARCHIVE_OK && status != ARCHIVE_EOF) || stream->err)
		return fail(stream);
	if (status == ARCHIVE_EOF)
		return 0;
	if (stream->done > stream->allowed) {
		stream->err = -EFBIG;
		return -EFBIG;
	}
	stream->done += size;
	if (stream->hash && !EVP_DigestUpdate(stream->hash, *ret, size))
		stream->err = -EIO;
	return stream->err ?: (ssize_t)size;
}

int stream_hash(struct stream *stream, char *ret)
{
	const void *piece;
	ssize_t n;

	while ((n = stream_next(stream, &piece)) > 0)
		;
	return n < 0 ? (int)n : digest_finish(stream->hash, ret);
}

const char *stream_failure(const struct stream *stream)
{
	return archive_error_string(stream->raw) ?: "unreadable archive";
}
