/* SPDX-License-Identifier: Apache-2.0 */
/* Digests as container images write them: "sha256:0123...". */

#ifndef NE_EMU_PACK_DIGEST_H
#define NE_EMU_PACK_DIGEST_H

#include "common/error.h"

#include <openssl/types.h>
#include <stddef.h>

/* Bytes for the digits of the longest hash and a NUL. */
#define DIGEST_HEX_SIZE	129

/**
 * struct digest - a digest that has been parsed
 * @name: name of its algorithm, such as "sha256"
 * @md: the algorithm
 * @hex: its digits, lower case; points into the text that was parsed
 */
struct digest {
	const char *name;
	const EVP_MD *md;
	const char *hex;
};

/**
 * digest_parse() - check the form of a digest
 * @text: untrusted; must live as long as @ret
 * @ret: set on success only
 * @error: set on failure
 *
 * Return: 0 or -EBADMSG with a text.
 */
int digest_parse(const char *text, struct digest *ret, struct error *error);

/**
 * digest_finish() - finish a hash and write its digits
 * @context: context of the hash
 * @ret: receives the digits
 *
 * Return: 0 or -EIO (the crypto library failed).
 */
int digest_finish(EVP_MD_CTX *context, char ret[DIGEST_HEX_SIZE]);

#endif
