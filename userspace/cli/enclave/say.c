// SPDX-License-Identifier: Apache-2.0
/* Lines about an enclave, which the journal finds by its id. */

#include "cli/enclave/say.h"

#include "common/journal.h"
#include "common/text.h"
#include "common/util.h"

#include <stdarg.h>
#include <syslog.h>

#define LINE_SIZE	1024

void say(FILE *to, const char *id, const char *fmt, ...)
{
	__cleanup_fd int journal = journal_open(fileno(to));
	char text[LINE_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	if (journal >= 0 && !journal_send(journal, LOG_INFO, "ne-emu", id, text))
		return;
	fprintf(to, "%s\n", text);
	fflush(to);
}
