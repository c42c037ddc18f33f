/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of data that arrives in pieces. */

#ifndef NE_EMU_COMMON_SHA256_H
#define NE_EMU_COMMON_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Hexadecimal digits of a hash and a NUL. */
#define SHA256_TEXT_SIZE	65

struct evp_md_ctx_st;

/** struct sha256 - a hash that is being computed; @failed: a step has failed */
struct sha256 {
	struct evp_md_ctx_st *context;
	bool failed;
};

/** sha256_begin() - begin; failures are reported by sha256_end() */
void sha256_begin(struct sha256 *hash);
/** sha256_add() - add @size bytes */
void sha256_add(struct sha256 *hash, const void *data, size_t size);
/**
 * sha256_add_text() - add a text and its length
 * @hash: begun with sha256_begin()
 * @text: the text; NULL differs from ""
 *
 * Different lists of texts therefore have different hashes.
 */
void sha256_add_text(struct sha256 *hash, const char *text);
/** sha256_add_u64() - add a number */
void sha256_add_u64(struct sha256 *hash, uint64_t value);
/**
 * sha256_add_fd() - add the rest of a file
 * @hash: begun with sha256_begin()
 * @fd: read from its current position to its end
 * @copy_fd: what was read is also written to it; -1: it is not
 *
 * Return: 0 or a negative errno.
 */
int sha256_add_fd(struct sha256 *hash, int fd, int copy_fd);
/** sha256_end() - release @hash; write its digits to @ret; 0, -ENOMEM or -EIO */
int sha256_end(struct sha256 *hash, char ret[SHA256_TEXT_SIZE]);

#endif
