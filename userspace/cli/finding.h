/* SPDX-License-Identifier: Apache-2.0 */
/* Results of checks, as all commands print them. */

#ifndef NE_EMU_CLI_FINDING_H
#define NE_EMU_CLI_FINDING_H

#include "common/json_out.h"

enum finding_status {
	FINDING_OK,
	FINDING_WARNING,
	FINDING_ERROR,
};

/** finding_print() - print a line on stdout: status, name of the check, and what it found */
void finding_print(enum finding_status status, const char *check, const char *text);

/** finding_begin_json() - begin an object with Check, Status, and Text, null if empty */
void finding_begin_json(struct json_out *out, enum finding_status status, const char *check,
			const char *text);

#endif
