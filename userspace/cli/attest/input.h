/* SPDX-License-Identifier: Apache-2.0 */
/* Read the inputs of "ne-emu attest". All functions print an error before they return it. */

#ifndef NE_EMU_CLI_ATTEST_INPUT_H
#define NE_EMU_CLI_ATTEST_INPUT_H

#include "attest/verify.h"

#include <openssl/x509.h>

/* Exit code: the document was read, but failed a check. */
#define ATTEST_REJECTED	3

/**
 * attest_read_document() - read a document
 * @path: its file; "-" is standard input
 * @ret: the document in binary, decoded if the file is base64 or hexadecimal digits; the
 *	caller frees it
 * @ret_len: length of *@ret in bytes
 *
 * Return: 0 or a negative errno, after printing the error.
 */
int attest_read_document(const char *path, uint8_t **ret, size_t *ret_len);

/**
 * attest_read_root() - read a root certificate, PEM or DER
 * @path: its file; NULL for the root of this host
 * @ret: the certificate; the caller frees it with X509_free()
 *
 * Return: 0 or a negative errno, after printing the error.
 */
int attest_read_root(const char *path, X509 **ret);

/** attest_hex() - Return: hexadecimal digits without the "0x" that may precede them */
const char *attest_hex(const char *text);

/** attest_is_value() - has the argument of an option the form of attest_read_value()? */
bool attest_is_value(const char *text);

/**
 * attest_read_value() - read the argument of an option
 * @text: hexadecimal digits, perhaps after "0x", or "@FILE" for the bytes of a file
 * @ret: the value; the caller frees its data
 *
 * Return: 0 or a negative errno, after printing the error.
 */
int attest_read_value(const char *text, struct nsm_bytes *ret);

#endif
