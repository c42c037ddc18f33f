/* SPDX-License-Identifier: Apache-2.0 */
/* What "ne-emu attest" reads: documents, roots, expectations. Says what is wrong. */

#ifndef NE_EMU_CLI_ATTEST_INPUT_H
#define NE_EMU_CLI_ATTEST_INPUT_H

#include "attest/verify.h"

#include <openssl/x509.h>

/* A document that was read and failed a check. */
#define ATTEST_REJECTED	3

/**
 * attest_read_document() - a file, or "-" for standard input
 * @ret: the document's bytes, also when the file has them in base64 or hexadecimal
 *	digits; the caller frees them
 *
 * Return: 0 or a negative errno, after printing the error.
 */
int attest_read_document(const char *path, uint8_t **ret, size_t *ret_len);

/**
 * attest_read_root() - a certificate in PEM or DER
 * @path: NULL for the root of this host
 *
 * Return: 0 or a negative errno, after printing the error.
 */
int attest_read_root(const char *path, X509 **ret);

/**
 * attest_read_value() - hexadecimal digits, or "@FILE" for the bytes of a file
 * @ret: the caller frees its data
 *
 * Return: 0 or a negative errno, after printing the error.
 */
int attest_read_value(const char *option, const char *text, struct nsm_bytes *ret);

#endif
