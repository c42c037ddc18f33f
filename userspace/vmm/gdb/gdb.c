// SPDX-License-Identifier: Apache-2.0
/* The stub: which packet is handled where. */

#include "vmm/gdb/gdb.h"

#include "common/util.h"
#include "vmm/gdb/stub.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

void gdb_answer_bytes(struct gdb *gdb, const void *bytes, size_t len)
{
	size_t n = MIN(len, sizeof(gdb->answer) - gdb->answer_len);

	memcpy(gdb->answer + gdb->answer_len, bytes, n);
	gdb->answer_len += n;
}

static void answer_format(struct gdb *gdb, const char *fmt, va_list args)
{
	char text[256];
	int n = vsnprintf(text, sizeof(text), fmt, args);

	if (n > 0)
		gdb_answer_bytes(gdb, text, MIN((size_t)n, sizeof(text) - 1));
}

void gdb_answer(struct gdb *gdb, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	answer_format(gdb, fmt, args);
	va_end(args);
}

void gdb_answer_hex(struct gdb *gdb, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	char text[3];

	for (size_t i = 0; i < len; i++) {
		hex_encode(p + i, 1, text);
		gdb_answer_bytes(gdb, text, 2);
	}
}

int gdb_fail(struct gdb *gdb, const char *fmt, ...)
{
	va_list args;

	gdb->answer_len = 0;
	gdb_answer(gdb, "E.");
	va_start(args, fmt);
	answer_format(gdb, fmt, args);
	va_end(args);
	return 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *gdb_read_number(char *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	char *p = text;

	if (!text)
		return NULL;
	for (; digit(*p) >= 0; p++) {
		if (number >> 60)
			return NULL;
		number = number << 4 | digit(*p);
	}
	if (p == text)
		return NULL;
	*ret_number = number;
	return p;
}

char *gdb_read_char(char *text, char c)
{
	return text && *text == c ? text + 1 : NULL;
}

char *gdb_read_thread(const struct gdb *gdb, char *text, int *ret_cpu)
{
	uint64_t thread;

	if (text && text[0] == '-' && text[1] == '1') {
		*ret_cpu = -1;
		return text + 2;
	}
	text = gdb_read_number(text, &thread);
	if (!text || thread > gdb->target->nr_cpus)
		return NULL;
	/* 0 is any thread. */
	*ret_cpu = thread ? thread - 1 : gdb->cpu;
	return text;
}

char *gdb_read_hex(char *text, uint8_t *bytes, size_t len)
{
	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i++, text += 2) {
		if (digit(text[0]) < 0 || digit(text[1]) < 0)
			return NULL;
		bytes[i] = digit(text[0]) << 4 | digit(text[1]);
	}
	return text;
}

static int handle_supported(struct gdb *gdb, char *args, size_t len)
{
	gdb->tells_breakpoints = strstr(args, "swbreak+") && strstr(args, "hwbreak+");
	gdb_answer(gdb, "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+;"
		   "swbreak+;hwbreak+", GDB_PACKET_MAX);
	return 0;
}

static int handle_no_acks(struct gdb *gdb, char *args, size_t len)
{
	gdb->link.acks = false;
	gdb_answer(gdb, "OK");
	return 0;
}

/* ANNEX:OFFSET,LENGTH */
static int handle_features(struct gdb *gdb, char *args, size_t len)
{
	const char *text = gdb->target->description;
	uint64_t offset, n, size = strlen(text);
	char *p = strchr(args, ':');

	if (!p)
		return -EINVAL;
	*p++ = '\0';
	if (strcmp(args, "target.xml"))
		return -ENOENT;
	p = gdb_read_number(p, &offset);
	p = gdb_read_char(p, ',');
	p = gdb_read_number(p, &n);
	if (!p || *p || offset > size)
		return -EINVAL;
	n = MIN(MIN(n, size - offset), GDB_PACKET_MAX - 1);
	gdb_answer(gdb, "%c", offset + n < size ? 'm' : 'l');
	gdb_answer_bytes(gdb, text + offset, n);
	return 0;
}

/* The stub was attached to a guest that existed before: gdb detaches when it ends. */
static int handle_attached(struct gdb *gdb, char *args, size_t len)
{
	gdb_answer(gdb, "1");
	return 0;
}

/* Packets by how they begin; the first that fits counts. The rest gets an empty answer. */
static const struct {
	const char *name;
	bool whole;		/* nothing follows the name */
	int (*handle)(struct gdb *gdb, char *args, size_t len);
} packets[] = {
	{ "?", true, gdb_why },
	{ "g", true, gdb_get_registers },
	{ "G", false, gdb_set_registers },
	{ "p", false, gdb_get_register },
	{ "P", false, gdb_set_register },
	{ "m", false, gdb_get_memory },
	{ "M", false, gdb_set_memory },
	{ "X", false, gdb_set_memory_binary },
	{ "Z", false, gdb_insert_point },
	{ "z", false, gdb_remove_point },
	{ "H", false, gdb_select_thread },
	{ "T", false, gdb_thread_alive },
	{ "c", false, gdb_continue },
	{ "s", false, gdb_step },
	{ "D", true, gdb_detach },
	{ "k", true, gdb_kill },
	{ "vKill;", false, gdb_kill_answered },
	{ "vCont", false, gdb_actions },
	{ "qSupported", false, handle_supported },
	{ "QStartNoAckMode", true, handle_no_acks },
	{ "qXfer:features:read:", false, handle_features },
	{ "qAttached", false, handle_attached },
	{ "qC", true, gdb_current_thread },
	{ "qfThreadInfo", true, gdb_first_threads },
	{ "qsThreadInfo", true, gdb_next_threads },
	{ "qThreadExtraInfo,", false, gdb_thread_info },
	{ "qRcmd,", false, gdb_monitor },
	{ "qqemu.PhyMemMode", true, gdb_get_physical },
	{ "Qqemu.PhyMemMode:", false, gdb_set_physical },
};

static int handle(struct gdb *gdb, char *data, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		size_t n = strlen(packets[i].name);

		if (len >= n && !memcmp(data, packets[i].name, n) &&
		    (len == n || !packets[i].whole))
			return packets[i].handle(gdb, data + n, len - n);
	}
	return 0;
}

static void handle_packet(void *arg, char *data, size_t len, int err)
{
	struct gdb *gdb = arg;

	if (gdb->ended)
		return;
	gdb->answer_len = 0;
	if (err)
		(void)gdb_fail(gdb, err == -E2BIG ? "the packet is too long" :
			       "the packet has a wrong checksum");
	else if (gdb->running)
		(void)gdb_fail(gdb, "the enclave is running");
	else
		err = handle(gdb, data, len);
	if (err == GDB_NO_ANSWER)
		return;
	if (err < 0 && !gdb->answer_len)
		gdb_answer(gdb, "E%02x", -err & 0xff);
	gdb_link_send(&gdb->link, gdb->answer, gdb->answer_len);
	if (gdb->ended)
		gdb->target->finish(gdb->target->arg);
}

static void handle_interrupt(void *arg)
{
	gdb_interrupt(arg);
}

static void send_bytes(void *arg, const void *bytes, size_t len)
{
	struct gdb *gdb = arg;

	gdb->target->send(gdb->target->arg, bytes, len);
}

int gdb_create(const struct gdb_target *target, struct gdb **ret_gdb)
{
	static const struct gdb_link_ops ops = {
		.packet = handle_packet,
		.interrupt = handle_interrupt,
		.send = send_bytes,
	};
	struct gdb *gdb;

	if (!target->nr_cpus || target->nr_cpus > GDB_CPUS_MAX ||
	    target->registers_size > GDB_REGISTERS_MAX || target->hardware_max > GDB_HARDWARE_MAX)
		return -EINVAL;
	gdb = calloc(1, sizeof(*gdb));
	if (!gdb)
		return -ENOMEM;
	gdb->target = target;
	gdb->last_signal = GDB_SIGNAL_TRAP;
	gdb_link_init(&gdb->link, &ops, gdb);
	*ret_gdb = gdb;
	return 0;
}

void gdb_input(struct gdb *gdb, uint8_t byte)
{
	gdb_link_byte(&gdb->link, byte);
}

void gdb_destroy(struct gdb *gdb)
{
	if (!gdb)
		return;
	if (!gdb->ended) {
		gdb_remove_points(gdb);
		gdb->target->release(gdb->target->arg);
	}
	free(gdb);
}
