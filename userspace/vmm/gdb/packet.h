/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of gdb's remote serial protocol: framing, checksums, escapes, acknowledgements
 * (the gdb manual, appendix "gdb Remote Serial Protocol", sections "Overview" and "Packet
 * Acknowledgment").
 */

#ifndef NE_EMU_VMM_GDB_PACKET_H
#define NE_EMU_VMM_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Contents of a packet in bytes, without escapes. */
#define GDB_PACKET_MAX	0x2000
/* The same on the wire: each byte may be escaped; '$', '#' and the checksum are added. */
#define GDB_FRAME_MAX	(2 * GDB_PACKET_MAX + 4)

/**
 * struct gdb_link_ops - where the bytes go
 * @packet: a packet has arrived; a NUL follows its @len bytes. @err is 0, or -E2BIG (@data is
 *	empty) or -EBADMSG (wrong checksum without acknowledgements) and wants an error reply
 * @interrupt: the client asks to stop the guest (Ctrl-C)
 * @send: bytes for the client
 */
struct gdb_link_ops {
	void (*packet)(void *arg, char *data, size_t len, int err);
	void (*interrupt)(void *arg);
	void (*send)(void *arg, const void *bytes, size_t len);
};

/**
 * struct gdb_link - one client
 * @sum: of the bytes of the packet so far
 * @claimed: checksum that the packet itself states
 * @acks: each packet is acknowledged
 * @data: the packet so far
 * @frame: the last packet that was sent, in case the client wants it again
 */
struct gdb_link {
	const struct gdb_link_ops *ops;
	void *arg;
	enum {
		GDB_LINK_IDLE, GDB_LINK_DATA, GDB_LINK_ESCAPED, GDB_LINK_SUM_1, GDB_LINK_SUM_2,
	} state;
	uint8_t sum;
	uint8_t claimed;
	bool too_long;
	bool acks;
	size_t len;
	char data[GDB_PACKET_MAX + 1];
	size_t frame_len;
	uint8_t frame[GDB_FRAME_MAX];
};

void gdb_link_init(struct gdb_link *link, const struct gdb_link_ops *ops, void *arg);
/** gdb_link_byte() - handle a byte of the client */
void gdb_link_byte(struct gdb_link *link, uint8_t byte);
/** gdb_link_send() - send a packet; @len is at most GDB_PACKET_MAX */
void gdb_link_send(struct gdb_link *link, const void *data, size_t len);

#endif
