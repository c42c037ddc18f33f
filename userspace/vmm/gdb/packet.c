// SPDX-License-Identifier: Apache-2.0
/* Packets of gdb's remote serial protocol: framing, checksums, escapes, acknowledgements. */

#include "vmm/gdb/packet.h"

#include <errno.h>
#include <string.h>

#define INTERRUPT	0x03
#define ESCAPE		'}'
#define ESCAPE_XOR	0x20

void gdb_link_init(struct gdb_link *link, const struct gdb_link_ops *ops, void *arg)
{
	link->ops = ops;
	link->arg = arg;
	link->state = GDB_LINK_IDLE;
	link->acks = true;
	link->frame_len = 0;
}

static void begin(struct gdb_link *link)
{
	link->state = GDB_LINK_DATA;
	link->sum = 0;
	link->len = 0;
	link->too_long = false;
}

static void add(struct gdb_link *link, uint8_t byte)
{
	if (link->len < GDB_PACKET_MAX)
		link->data[link->len++] = byte;
	else
		link->too_long = true;
	link->state = GDB_LINK_DATA;
}

static void finish(struct gdb_link *link)
{
	bool good = link->sum == link->claimed;
	int err = 0;

	link->state = GDB_LINK_IDLE;
	if (link->acks) {
		link->ops->send(link->arg, good ? "+" : "-", 1);
		if (!good)
			return;
	}
	if (!good)
		err = -EBADMSG;
	else if (link->too_long)
		err = -E2BIG;
	if (err)
		link->len = 0;
	link->data[link->len] = '\0';
	link->ops->packet(link->arg, link->data, link->len, err);
}

/* Other characters make the checksum wrong. */
static uint8_t digit(const struct gdb_link *link, uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return (uint8_t)~link->sum & 0xf;
}

static void handle_outside(struct gdb_link *link, uint8_t byte)
{
	if (byte == '$')
		begin(link);
	else if (byte == INTERRUPT)
		link->ops->interrupt(link->arg);
	else if (byte == '-' && link->acks && link->frame_len)
		link->ops->send(link->arg, link->frame, link->frame_len);
	/* The rest, such as '+', needs no answer. */
}

static void handle_data(struct gdb_link *link, uint8_t byte)
{
	/* A client that begins anew has given up the packet before. */
	if (byte == '$') {
		begin(link);
		return;
	}
	if (byte == '#') {
		link->state = GDB_LINK_SUM_1;
		return;
	}
	link->sum += byte;
	if (byte == ESCAPE)
		link->state = GDB_LINK_ESCAPED;
	else
		add(link, byte);
}

void gdb_link_byte(struct gdb_link *link, uint8_t byte)
{
	switch (link->state) {
	case GDB_LINK_IDLE:
		handle_outside(link, byte);
		break;
	case GDB_LINK_DATA:
		handle_data(link, byte);
		break;
	case GDB_LINK_ESCAPED:
		link->sum += byte;
		add(link, byte ^ ESCAPE_XOR);
		break;
	case GDB_LINK_SUM_1:
		link->claimed = digit(link, byte) << 4;
		link->state = GDB_LINK_SUM_2;
		break;
	case GDB_LINK_SUM_2:
		link->claimed |= digit(link, byte);
		finish(link);
		break;
	}
}

/* '*' would be taken for a run-length encoding. */
static bool needs_escape(uint8_t byte)
{
	return byte == '$' || byte == '#' || byte == '*' || byte == ESCAPE;
}

void gdb_link_send(struct gdb_link *link, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = data;
	uint8_t *to = link->frame;
	uint8_t sum = 0;

	*to++ = '$';
	for (size_t i = 0; i < len; i++) {
		if (needs_escape(from[i])) {
			*to++ = ESCAPE;
			*to++ = from[i] ^ ESCAPE_XOR;
		} else {
			*to++ = from[i];
		}
	}
	for (const uint8_t *p = link->frame + 1; p < to; p++)
		sum += *p;
	*to++ = '#';
	*to++ = digits[sum >> 4];
	*to++ = digits[sum & 0xf];
	link->frame_len = to - link->frame;
	link->ops->send(link->arg, link->frame, link->frame_len);
}
