// SPDX-License-Identifier: Apache-2.0
/* The packet qRcmd: gdb's command "monitor". */

#include "vmm/gdb/stub.h"

#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COMMAND_MAX	128
#define LINE_BYTES	16
#define XP_DEFAULT	64
#define XP_MAX		512
/* The answer is one packet: 'O' and the text in hexadecimal. */
#define TEXT_MAX	((GDB_PACKET_MAX - 1) / 2)

static void print_help(const struct gdb *gdb, FILE *to)
{
	fprintf(to, "help                  this list\n"
		"xp ADDRESS [BYTES]    dump physical memory, at most %d bytes\n", XP_MAX);
	for (const struct gdb_monitor *m = gdb->target->monitors; m && m->name; m++)
		fprintf(to, "%-20s  %s\n", m->name, m->help);
	fprintf(to, "\"maintenance packet Qqemu.PhyMemMode:1\" makes all addresses physical ones\n");
}

static void print_line(uint64_t gpa, const uint8_t *bytes, size_t len, FILE *to)
{
	fprintf(to, "%016" PRIx64 ":", gpa);
	for (size_t i = 0; i < len; i++)
		fprintf(to, " %02x", bytes[i]);
	fputc('\n', to);
}

static void print_memory(struct gdb *gdb, uint64_t gpa, uint64_t len, FILE *to)
{
	uint8_t bytes[LINE_BYTES];
	uint64_t n;

	for (; len; gpa += n, len -= n) {
		n = MIN(len, LINE_BYTES);
		if (!gdb_read_physical(gdb, gpa, bytes, n)) {
			fprintf(to, "%016" PRIx64 ": no memory\n", gpa);
			return;
		}
		print_line(gpa, bytes, n, to);
	}
}

static void run_xp(struct gdb *gdb, const char *address, const char *bytes, FILE *to)
{
	uint64_t gpa, len = XP_DEFAULT;

	if (!address || parse_u64(address, 0, UINT64_MAX, &gpa) ||
	    (bytes && (parse_u64(bytes, 0, XP_MAX, &len) || !len)))
		fprintf(to, "usage: monitor xp ADDRESS [BYTES], at most %d bytes\n", XP_MAX);
	else
		print_memory(gdb, gpa, len, to);
}

static void run_command(struct gdb *gdb, char *command, FILE *to)
{
	char *state, *word = strtok_r(command, " \t\n", &state);
	char *first = word ? strtok_r(NULL, " \t\n", &state) : NULL;

	if (!word || !strcmp(word, "help")) {
		print_help(gdb, to);
		return;
	}
	if (!strcmp(word, "xp")) {
		run_xp(gdb, first, first ? strtok_r(NULL, " \t\n", &state) : NULL, to);
		return;
	}
	for (const struct gdb_monitor *m = gdb->target->monitors; m && m->name; m++) {
		if (!strcmp(word, m->name)) {
			m->print(gdb->target->arg, to);
			return;
		}
	}
	fprintf(to, "unknown; \"monitor help\" lists what there is\n");
}

static void send_text(struct gdb *gdb, const char *text, size_t len)
{
	if (!len)
		return;
	gdb_answer(gdb, "O");
	gdb_answer_hex(gdb, text, MIN(len, TEXT_MAX));
	gdb_link_send(&gdb->link, gdb->answer, gdb->answer_len);
	gdb->answer_len = 0;
}

int gdb_monitor(struct gdb *gdb, char *args, size_t len)
{
	__cleanup_free char *text = NULL;
	uint8_t command[COMMAND_MAX + 1];
	size_t text_len = 0;
	FILE *to;

	if (len % 2 || len / 2 > COMMAND_MAX || !gdb_read_hex(args, command, len / 2))
		return -EINVAL;
	command[len / 2] = '\0';
	to = open_memstream(&text, &text_len);
	if (!to)
		return -ENOMEM;
	run_command(gdb, (char *)command, to);
	if (fclose(to))
		return -ENOMEM;
	send_text(gdb, text, text_len);
	gdb_answer(gdb, "OK");
	return 0;
}
