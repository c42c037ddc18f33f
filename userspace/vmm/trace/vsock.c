// SPDX-License-Identifier: Apache-2.0
/* Connections, followed by their packets. */

#include "vmm/trace/trace.h"

#include "common/clock.h"
#include "common/util.h"

#include <endian.h>
#include <linux/nitro_enclaves_emu.h>
#include <string.h>

/** struct packet - a header in host byte order */
struct packet {
	bool to_guest;
	uint16_t op;
	uint32_t len;
	uint8_t byte;
	uint32_t guest_port;
	uint32_t peer_port;
	uint64_t peer_cid;
};

static struct packet read_packet(const struct virtio_vsock_hdr *hdr, uint8_t byte, bool to_guest)
{
	return (struct packet){
		.to_guest = to_guest,
		.op = le16toh(hdr->op),
		.len = le32toh(hdr->len),
		.byte = byte,
		.guest_port = le32toh(to_guest ? hdr->dst_port : hdr->src_port),
		.peer_port = le32toh(to_guest ? hdr->src_port : hdr->dst_port),
		.peer_cid = le64toh(to_guest ? hdr->src_cid : hdr->dst_cid),
	};
}

static bool is_of(const struct trace_connection *connection, const struct packet *packet)
{
	return connection->used && connection->guest_port == packet->guest_port &&
		connection->peer_port == packet->peer_port &&
		connection->peer_cid == packet->peer_cid;
}

static struct trace_connection *find(struct trace *trace, const struct packet *packet)
{
	if (trace->last && is_of(trace->last, packet))
		return trace->last;
	for (size_t i = 0; i < TRACE_CONNECTIONS; i++)
		if (is_of(&trace->connections[i], packet)) {
			trace->last = &trace->connections[i];
			return trace->last;
		}
	return NULL;
}

/* Return: NULL if there are too many; their events are lost. */
static struct trace_connection *find_or_add(struct trace *trace, const struct packet *packet)
{
	struct trace_connection *connection = find(trace, packet);

	for (size_t i = 0; !connection && i < TRACE_CONNECTIONS; i++) {
		if (trace->connections[i].used)
			continue;
		connection = &trace->connections[i];
		*connection = (struct trace_connection){
			.used = true,
			.guest_port = packet->guest_port,
			.peer_port = packet->peer_port,
			.peer_cid = packet->peer_cid,
			.since_ns = clock_ns(CLOCK_MONOTONIC),
		};
	}
	if (!connection) {
		pthread_mutex_lock(&trace->lock);
		trace->lost++;
		pthread_mutex_unlock(&trace->lock);
	}
	return connection;
}

static bool is_heartbeat(const struct packet *packet)
{
	return packet->peer_port == NE_EMU_HEARTBEAT_PORT &&
		packet->peer_cid == NE_EMU_CID_PARENT;
}

static void tell(struct trace *trace, const struct trace_connection *connection,
		 const struct packet *packet, enum trace_vsock_what what, bool by_guest)
{
	struct trace_event event = {
		.kind = is_heartbeat(packet) ? TRACE_HEARTBEAT : TRACE_VSOCK,
		.vsock = {
			.what = what,
			.by_guest = by_guest,
			.byte = packet->byte,
			.guest_port = packet->guest_port,
			.peer_port = packet->peer_port,
			.peer_cid = packet->peer_cid,
			.to_parent = connection->to_parent,
			.to_guest = connection->to_guest,
			.duration_ns = clock_ns(CLOCK_MONOTONIC) - connection->since_ns,
		},
	};

	if (trace_wanted(trace, event.kind))
		trace_put(trace, &event);
}

static void handle_data(struct trace *trace, struct trace_connection *connection,
			const struct packet *packet)
{
	connection->open = true;
	if (packet->to_guest)
		connection->to_guest += packet->len;
	else
		connection->to_parent += packet->len;
	if (is_heartbeat(packet) && packet->len)
		tell(trace, connection, packet, TRACE_VSOCK_BYTE, !packet->to_guest);
}

static void handle_end(struct trace *trace, struct trace_connection *connection,
		       const struct packet *packet)
{
	enum trace_vsock_what what = !connection->open ? TRACE_VSOCK_REFUSED :
				     connection->shut ? TRACE_VSOCK_CLOSED : TRACE_VSOCK_RESET;

	/* The reset only confirms what one of them has begun. */
	tell(trace, connection, packet, what,
	     what == TRACE_VSOCK_CLOSED ? connection->shut_by_guest : !packet->to_guest);
	connection->used = false;
}

void trace_packet(struct trace *trace, const struct virtio_vsock_hdr *hdr, uint8_t byte,
		  bool to_guest)
{
	const struct packet packet = read_packet(hdr, byte, to_guest);
	struct trace_connection *connection;

	/* Skip the end of a connection that is not known, and credit. */
	if (!trace->connections || (packet.op == VIRTIO_VSOCK_OP_RST && !find(trace, &packet)) ||
	    packet.op == VIRTIO_VSOCK_OP_CREDIT_UPDATE ||
	    packet.op == VIRTIO_VSOCK_OP_CREDIT_REQUEST)
		return;
	connection = find_or_add(trace, &packet);
	if (!connection)
		return;
	switch (packet.op) {
	case VIRTIO_VSOCK_OP_REQUEST:
		tell(trace, connection, &packet, TRACE_VSOCK_REQUEST, !to_guest);
		break;
	case VIRTIO_VSOCK_OP_RESPONSE:
		connection->open = true;
		tell(trace, connection, &packet, TRACE_VSOCK_OPEN, !to_guest);
		break;
	case VIRTIO_VSOCK_OP_RW:
		handle_data(trace, connection, &packet);
		break;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		connection->open = true;
		if (!connection->shut)
			connection->shut_by_guest = !to_guest;
		connection->shut = true;
		break;
	case VIRTIO_VSOCK_OP_RST:
		handle_end(trace, connection, &packet);
		break;
	}
}
