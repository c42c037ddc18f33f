/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an enclave does, for "ne-emu trace": events of its devices, as strace shows calls.
 *
 * Any thread puts events into a ring; the main thread takes them out and sends them to clients
 * as JSON, a line each. A client that is too slow loses events, which are counted; nobody waits.
 * Events have names and sizes, never what is in requests and packets. Without a client, an event
 * costs one load.
 */

#ifndef NE_EMU_VMM_TRACE_TRACE_H
#define NE_EMU_VMM_TRACE_TRACE_H

#include "common/session.h"
#include "vmm/loop.h"

#include <linux/virtio_vsock.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_kind {
	TRACE_NSM,		/* requests to the NSM */
	TRACE_VSOCK,		/* connections */
	TRACE_HEARTBEAT,	/* the connection that reports the boot */
	TRACE_DEVICE,		/* resets and status of virtio devices */
	TRACE_EXIT,		/* exits to the VMM that no device handles */
	TRACE_CONSOLE,		/* lines of the console of a debug enclave */
	NR_TRACE_KINDS,
};

#define TRACE_TEXT_SIZE		160
#define TRACE_ERROR_SIZE	32
#define TRACE_RING_SIZE		1024
#define TRACE_CONNECTIONS	512
/* Longest line, bytes: a text, each byte of which is escaped, and as much for all else. */
#define TRACE_LINE_MAX		2048

/** struct trace_nsm - a request; an absent field has the size -1 */
struct trace_nsm {
	bool valid;			/* @operation and the fields are known */
	uint8_t operation;		/* enum nsm_operation */
	uint16_t index;
	int32_t data, user_data, nonce, public_key;
	uint32_t request_bytes;
	uint32_t response_bytes;
	int64_t duration_ns;
	char error[TRACE_ERROR_SIZE];	/* "": none */
};

enum trace_vsock_what {
	TRACE_VSOCK_REQUEST,
	TRACE_VSOCK_OPEN,
	TRACE_VSOCK_REFUSED,
	TRACE_VSOCK_CLOSED,
	TRACE_VSOCK_RESET,
	TRACE_VSOCK_BYTE,		/* of the heartbeat */
};

/**
 * struct trace_vsock - something that happens to a connection
 * @by_guest: the guest does it
 * @byte: first byte, for TRACE_VSOCK_BYTE
 * @to_parent, @to_guest: bytes so far
 * @duration_ns: since the request or, if that was not seen, since the first packet that was
 */
struct trace_vsock {
	enum trace_vsock_what what;
	bool by_guest;
	uint8_t byte;
	uint32_t guest_port;
	uint32_t peer_port;
	uint64_t peer_cid;
	uint64_t to_parent;
	uint64_t to_guest;
	int64_t duration_ns;
};

enum trace_device_what { TRACE_DEVICE_RESET, TRACE_DEVICE_STATUS, TRACE_DEVICE_BROKEN };

/** struct trace_device - @why: literal text, for TRACE_DEVICE_BROKEN */
struct trace_device {
	enum trace_device_what what;
	uint32_t id;			/* virtio device id */
	uint8_t status;
	const char *why;
};

enum trace_exit { TRACE_EXIT_PORT, TRACE_EXIT_ADDRESS, TRACE_EXIT_INTERRUPTED, NR_TRACE_EXITS };

/** struct trace_exits - exits of each kind in @period_ns */
struct trace_exits {
	uint64_t counts[NR_TRACE_EXITS];
	int64_t period_ns;
};

/** struct trace_text - a line, or a piece of a long one; may hold any bytes */
struct trace_text {
	size_t len;
	char bytes[TRACE_TEXT_SIZE];
};

/** struct trace_event - @at_ns: CLOCK_MONOTONIC */
struct trace_event {
	enum trace_kind kind;
	int64_t at_ns;
	union {
		struct trace_nsm nsm;
		struct trace_vsock vsock;
		struct trace_device device;
		struct trace_exits exits;
		struct trace_text console;
	};
};

/** struct trace_connection - @shut: bit 0: by the parent, bit 1: by the guest; @first: who did */
struct trace_connection {
	bool used;
	bool open;
	bool shut;
	bool shut_by_guest;
	uint32_t guest_port;
	uint32_t peer_port;
	uint64_t peer_cid;
	uint64_t to_parent;
	uint64_t to_guest;
	int64_t since_ns;
};

/**
 * struct trace - all that is needed to trace one enclave
 * @wanted: bits of the kinds that a client wants
 * @lock: protects @ring, @head, @tail, @lost and @line
 * @ring: TRACE_RING_SIZE events; NULL while there is no client
 * @head: events put, of which @tail have been taken
 * @lost: events for which there was no room
 * @line: the line that the console prints
 * @ready: eventfd: the ring is not empty any more
 * @second: timerfd: time to report @counts
 * @counts: exits since @counted_ns
 * @connections: TRACE_CONNECTIONS entries; main thread, NULL while there is no client
 * @last: the entry that was found last
 * @clients: their sessions; main thread
 * @begun: there has been a client; main thread
 */
struct trace {
	atomic_uint wanted;
	pthread_mutex_t lock;
	struct trace_event *ring;
	unsigned int head;
	unsigned int tail;
	uint64_t lost;
	struct trace_text line;

	struct loop *loop;
	struct loop_source ready;
	struct loop_source second;
	_Atomic uint64_t counts[NR_TRACE_EXITS];
	int64_t counted_ns;
	struct trace_connection *connections;
	struct trace_connection *last;
	struct session *clients[SESSION_LINES];
	bool begun;
};

/** trace_init() - create the descriptors, before the process is sealed; 0 or a negative errno */
int trace_init(struct trace *trace, struct loop *loop);
/** trace_exit() - free everything; also allowed if all bytes of @trace are 0 */
void trace_exit(struct trace *trace);

/** trace_wanted() - does a client want events of this kind? @trace may be NULL */
static inline bool trace_wanted(const struct trace *trace, enum trace_kind kind)
{
	return trace && __builtin_expect(!!(atomic_load_explicit(&trace->wanted,
				memory_order_relaxed) & 1U << kind), false);
}

/* Call the functions below only for a kind that is wanted. */

/** trace_put() - put an event into the ring, with the present time; any thread */
void trace_put(struct trace *trace, struct trace_event *event);
/** trace_count() - count an exit; any thread */
void trace_count(struct trace *trace, enum trace_exit exit);
/** trace_console() - a byte of the console; any thread, but in order */
void trace_console(struct trace *trace, uint8_t byte);
/** trace_request() - a request to the NSM and its answer; CBOR */
void trace_request(struct trace *trace, const void *request, size_t request_len,
		   const void *response, size_t response_len, int64_t duration_ns);
/**
 * trace_packet() - a packet; main thread
 * @hdr: its header, as it is in the guest's memory
 * @byte: first byte of the payload; undefined without one
 * @to_guest: its direction
 */
void trace_packet(struct trace *trace, const struct virtio_vsock_hdr *hdr, uint8_t byte,
		  bool to_guest);

/* Of the service. */

/** trace_take() - take the oldest event; main thread; Return: false if there is none */
bool trace_take(struct trace *trace, struct trace_event *ret);
/** trace_take_lost() - Return: number of events lost since the last call */
uint64_t trace_take_lost(struct trace *trace);
/** trace_kind_name() - "nsm" */
const char *trace_kind_name(enum trace_kind kind);
/**
 * trace_format() - write an event as a line
 * @begin_ns: CLOCK_MONOTONIC from which times count
 * @ret: receives the text, with a newline and a NUL; TRACE_LINE_MAX bytes
 *
 * Return: its length.
 */
size_t trace_format(const struct trace_event *event, int64_t begin_ns, char *ret);
/** trace_escape() - write text as the contents of a JSON string, UTF-8; @size at least 1 */
void trace_escape(char *to, size_t size, const char *text, size_t len);

#endif
