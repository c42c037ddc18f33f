/* SPDX-License-Identifier: Apache-2.0 */
/* Names that users give to enclaves. */

#ifndef NE_EMU_COMMON_ENCLAVE_NAME_H
#define NE_EMU_COMMON_ENCLAVE_NAME_H

#include <stdbool.h>

/* Hexadecimal digits of a slot uid. */
#define ENCLAVE_UID_DIGITS	16

/* For messages. */
#define ENCLAVE_NAME_RULE \
	"names are up to 63 letters, digits, \"_\", \".\" and \"-\", begin with a letter, and " \
	"are neither an enclave id nor \"next\" or \"defaults\""

/**
 * enclave_id_digits() - find the digits in an id: "enc...", "i-...-enc..." or the 16 digits alone
 *
 * Return: what has to be digits, or NULL if @text has none of these forms.
 */
const char *enclave_id_digits(const char *text);

/**
 * enclave_name_valid() - does @name follow ENCLAVE_NAME_RULE?
 *
 * No name can be taken for a CID, an enclave id, a slot uid, a module id, or a word that
 * commands accept in place of them.
 */
bool enclave_name_valid(const char *name);

#endif
