/* SPDX-License-Identifier: Apache-2.0 */
/* Lines about an enclave, which the journal finds by its id. */

#ifndef NE_EMU_CLI_ENCLAVE_SAY_H
#define NE_EMU_CLI_ENCLAVE_SAY_H

#include <stdio.h>

/**
 * say() - print a line
 * @to: stream to print to; if it leads to the journal, the line has the field ENCLAVE_ID
 * @id: the enclave, "enc0123456789abcdef"
 * @fmt: format of the line, as for printf(); without a newline
 */
__attribute__((format(printf, 3, 4)))
void say(FILE *to, const char *id, const char *fmt, ...);

#endif
