/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of data that arrives in pieces. */

#ifndef NE_EMU_COMMON_DIGEST_H
#define NE_EMU_COMMON_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Hexadecimal digits of a digest and a NUL. */
#define DIGEST_TEXT_SIZE	65

struct evp_md_ctx_st;

/** struct digest - a digest that is being computed; @failed: a step has failed */
struct digest {
	struct evp_md_ctx_st *context;
	bool failed;
};

/** digest_begin() - begin; failures are reported by digest_end() */
void digest_begin(struct digest *digest);
/** digest_add() - add @size bytes */
void digest_add(struct digest *digest, const void *data, size_t size);
/**
 * digest_add_text() - add a text and its length
 * @digest: begun with digest_begin()
 * @text: the text; NULL differs from ""
 *
 * Different lists of texts therefore have different digests.
 */
void digest_add_text(struct digest *digest, const char *text);
/** digest_add_u64() - add a number */
void digest_add_u64(struct digest *digest, uint64_t value);
/**
 * digest_add_fd() - add the rest of a file
 * @digest: begun with digest_begin()
 * @fd: read from its current position to its end
 * @copy_fd: what was read is also written to it; -1: it is not
 *
 * Return: 0 or a negative errno.
 */
int digest_add_fd(struct digest *digest, int fd, int copy_fd);
/** digest_end() - release @digest; write its digits to @ret; 0, -ENOMEM or -EIO */
int digest_end(struct digest *digest, char ret[DIGEST_TEXT_SIZE]);

#endif
