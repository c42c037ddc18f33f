// SPDX-License-Identifier: Apache-2.0
/* Print results of checks. */

#include "cli/finding.h"

#include "command/terminal.h"

#include <stdio.h>
#include <unistd.h>

static const struct {
	const char *name;
	enum term_colour colour;
} statuses[] = {
	[FINDING_OK] = { "ok", TERM_GREEN },
	[FINDING_WARNING] = { "warning", TERM_YELLOW },
	[FINDING_ERROR] = { "error", TERM_RED },
};

void finding_print(enum finding_status status, const char *check, const char *text)
{
	printf("%s%-8s%s ", term_colour(STDOUT_FILENO, statuses[status].colour),
	       statuses[status].name, term_colour(STDOUT_FILENO, TERM_PLAIN));
	printf(*text ? "%-12s %s\n" : "%s%s\n", check, text);
}

void finding_begin_json(struct json_out *out, enum finding_status status, const char *check,
			const char *text)
{
	json_out_object(out, NULL);
	json_out_str(out, "Check", check);
	json_out_str(out, "Status", statuses[status].name);
	json_out_str(out, "Text", *text ? text : NULL);
}
