/* SPDX-License-Identifier: Apache-2.0 */
/* Names that users give to enclaves. */

#ifndef NE_EMU_COMMON_ENCLAVE_NAME_H
#define NE_EMU_COMMON_ENCLAVE_NAME_H

#include <stdbool.h>

/* For messages. */
#define ENCLAVE_NAME_RULE \
	"names are up to 63 letters, digits, \"_\", \".\" and \"-\", begin with a letter, and " \
	"are neither an enclave id nor \"next\" or \"defaults\""

/**
 * enclave_name_valid() - does @name follow ENCLAVE_NAME_RULE?
 *
 * No name can be taken for a CID, an enclave id, a slot uid, a module id, or a word that
 * commands accept in place of them.
 */
bool enclave_name_valid(const char *name);

#endif
