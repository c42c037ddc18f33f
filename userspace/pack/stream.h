/* SPDX-License-Identifier: Apache-2.0 */
/* Read an archive that may be compressed as a whole, piece by piece, and hash it. */

#ifndef NE_EMU_PACK_STREAM_H
#define NE_EMU_PACK_STREAM_H

#include "common/util.h"

#include <openssl/types.h>

struct archive;

/**
 * struct stream - a file that is being decompressed; treat as opaque
 * @fd: the file
 * @at: offset of what has not been read yet, @left bytes; -1: read from the current
 *	position, as from a pipe
 * @raw: the decompressor
 * @hash: hash of what it returned, or NULL
 * @empty: there is nothing to decompress
 * @allowed: bytes that it may return; more are an error
 * @done: bytes that it returned
 * @err: 0, or the negative errno of a failure; -EBADMSG: the decompressor failed
 */
struct stream {
	int fd;
	off_t at;
	uint64_t left;
	struct archive *raw;
	EVP_MD_CTX *hash;
	bool empty;
	uint64_t allowed;
	uint64_t done;
	int err;
	uint8_t buf[64 * KIB];
};

/**
 * stream_open() - begin to decompress
 * @stream: fd, at, left and allowed are set, all else is zero
 * @md: hash to compute, or NULL
 *
 * Return: 0, -ENOMEM or -EIO; call stream_close() in any case.
 */
int stream_open(struct stream *stream, const EVP_MD *md);
void stream_close(struct stream *stream);

/**
 * stream_next() - decompress a piece
 * @ret: receives the piece, which lives until the next call
 *
 * Return: its length, 0 at the end, or a negative errno: -EFBIG if there is more than allowed.
 */
ssize_t stream_next(struct stream *stream, const void **ret);

/**
 * stream_hash() - read the rest, and write the digits of the hash of all
 * @ret: receives the digits, DIGEST_HEX_SIZE bytes
 *
 * Return: 0 or as stream_next().
 */
int stream_hash(struct stream *stream, char *ret);

/** stream_failure() - Return: what is wrong with the compressed data */
const char *stream_failure(const struct stream *stream);

#endif
