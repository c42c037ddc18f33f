// SPDX-License-Identifier: Apache-2.0
/* Faults on request of vsock: packets that wait, change, or do not arrive. */

#include "vmm/virtio/vsock_link.h"

#include "common/clock.h"
#include "common/util.h"

#include <endian.h>
#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define HDR_SIZE	sizeof(struct virtio_vsock_hdr)

/* Memory of packets in one direction. Linux sends 256 KiB of a connection ahead. */
#define HELD_MAX	MIB
/* Connections with faults; the oldest one that is more goes on without. */
#define CONNS_MAX	1024

/* What the guest may send before the host answers an early heartbeat. */
#define HEARTBEAT_ROOM	4096

enum conn_state {
	CONN_OPEN,
	CONN_ANSWERED,		/* the guest has its answer, that of the host is dropped */
	CONN_SWALLOWED,		/* the host does not know of it */
	CONN_DEAD,		/* both sides have got a reset */
};

/**
 * struct vsock_conn - a connection that some fault has hit
 * @peer: CID of the host's side
 * @delay_ns: time that its packets take longer
 * @rate: bytes per second in each direction, or 0
 * @left: bytes until the reset
 * @heartbeat: enum fault_heartbeat, or -1
 * @free_ns: when the last packet in this direction has passed
 */
struct vsock_conn {
	TAILQ_ENTRY(vsock_conn) node;
	uint64_t peer;
	uint32_t guest_port;
	uint32_t host_port;
	uint16_t type;
	enum conn_state state;
	int64_t delay_ns;
	uint64_t rate;
	uint64_t left;
	int heartbeat;
	int64_t free_ns[NR_VSOCK_WAYS];
};

static enum vsock_way other_way(enum vsock_way way)
{
	return way == VSOCK_TO_HOST ? VSOCK_TO_GUEST : VSOCK_TO_HOST;
}

static void conn_del(struct vsock_link *link, struct vsock_conn *conn)
{
	TAILQ_REMOVE(&link->conns, conn, node);
	link->nr_conns--;
	free(conn);
}

/* The key of the connection that a packet belongs to; the rest is zero. */
static struct vsock_conn conn_key(enum vsock_way way, const struct virtio_vsock_hdr *hdr)
{
	bool to_host = way == VSOCK_TO_HOST;

	return (struct vsock_conn){
		.peer = le64toh(to_host ? hdr->dst_cid : hdr->src_cid),
		.guest_port = le32toh(to_host ? hdr->src_port : hdr->dst_port),
		.host_port = le32toh(to_host ? hdr->dst_port : hdr->src_port),
		.type = le16toh(hdr->type),
	};
}

static struct vsock_conn *conn_find(struct vsock_link *link, const struct vsock_conn *key)
{
	struct vsock_conn *conn;

	TAILQ_FOREACH(conn, &link->conns, node)
		if (conn->guest_port == key->guest_port && conn->host_port == key->host_port &&
		    conn->peer == key->peer && conn->type == key->type)
			return conn;
	return NULL;
}

static struct vsock_conn *conn_add(struct vsock_link *link, const struct vsock_conn *made)
{
	struct vsock_conn *conn = malloc(sizeof(*conn));

	if (!conn)
		return NULL;
	if (link->nr_conns == CONNS_MAX)
		conn_del(link, TAILQ_FIRST(&link->conns));
	*conn = *made;
	TAILQ_INSERT_TAIL(&link->conns, conn, node);
	link->nr_conns++;
	return conn;
}

static size_t held_cost(const struct vsock_held *held)
{
	return sizeof(*held) + held->len;
}

/* Queue a packet behind all that are due before or at the same time. */
static int link_queue(struct vsock_link *link, enum vsock_way way,
		      const struct virtio_vsock_hdr *hdr, const uint8_t *payload, int64_t due_ns)
{
	size_t len = le32toh(hdr->len);
	struct vsock_held *held = malloc(sizeof(*held) + HDR_SIZE + len), *before;

	if (!held)
		return -ENOMEM;
	held->due_ns = due_ns;
	held->len = HDR_SIZE + len;
	memcpy(held->bytes, hdr, HDR_SIZE);
	if (len)
		memcpy(held->bytes + HDR_SIZE, payload, len);
	TAILQ_FOREACH_REVERSE(before, &link->held[way], vsock_held_list, node)
		if (before->due_ns <= due_ns)
			break;
	if (before)
		TAILQ_INSERT_AFTER(&link->held[way], before, held, node);
	else
		TAILQ_INSERT_HEAD(&link->held[way], held, node);
	link->held_size[way] += held_cost(held);
	return 0;
}

/* Send a packet without payload on behalf of the other side. */
static int link_send(struct vsock_link *link, enum vsock_way way, const struct vsock_conn *conn,
		     uint16_t op, int64_t due_ns)
{
	bool to_host = way == VSOCK_TO_HOST;
	struct virtio_vsock_hdr hdr = {
		.src_cid = htole64(to_host ? link->guest_cid : conn->peer),
		.dst_cid = htole64(to_host ? conn->peer : link->guest_cid),
		.src_port = htole32(to_host ? conn->guest_port : conn->host_port),
		.dst_port = htole32(to_host ? conn->host_port : conn->guest_port),
		.type = htole16(conn->type),
		.op = htole16(op),
		.buf_alloc = htole32(op == VIRTIO_VSOCK_OP_RST ? 0 : HEARTBEAT_ROOM),
	};

	return link_queue(link, way, &hdr, NULL, due_ns);
}

/* Return: when a packet with @len bytes of payload arrives. */
static int64_t conn_due(struct vsock_conn *conn, enum vsock_way way, size_t len)
{
	int64_t due_ns = MAX(conn->free_ns[way], clock_ns(CLOCK_MONOTONIC));

	if (conn->rate)
		due_ns += len * NSEC_PER_SEC / conn->rate;
	conn->free_ns[way] = due_ns;
	return due_ns + conn->delay_ns;
}

static bool is_heartbeat(enum vsock_way way, const struct vsock_conn *key)
{
	return way == VSOCK_TO_HOST && key->peer == NE_EMU_CID_PARENT &&
	       key->host_port == NE_EMU_HEARTBEAT_PORT && key->type == VIRTIO_VSOCK_TYPE_STREAM;
}

/* Decide the fate of the heartbeat's connection. Return: whether some fault hits it. */
static bool judge_heartbeat(struct vsock_link *link, struct vsock_conn *conn)
{
	const struct fault_event event = { 0 };
	uint64_t value;

	if (fault_hits(link->faults, FAULT_HEARTBEAT, &event, &value)) {
		conn->heartbeat = value;
		if (value == FAULT_HEARTBEAT_MISSING)
			conn->state = CONN_SWALLOWED;
	}
	if (fault_hits(link->faults, FAULT_HEARTBEAT_DELAY, &event, &value) && value &&
	    conn->state == CONN_OPEN) {
		conn->state = CONN_ANSWERED;
		conn->free_ns[VSOCK_TO_HOST] =
			clock_ns(CLOCK_MONOTONIC) + (int64_t)value * NSEC_PER_MSEC;
	}
	return conn->heartbeat >= 0 || conn->state != CONN_OPEN;
}

/* Decide the fate of any other connection: every fault sees every connection. */
static bool judge_conn(struct vsock_link *link, enum vsock_way way, struct vsock_conn *conn,
		       bool *ret_refuse)
{
	const struct fault_event event = {
		.from = way == VSOCK_TO_HOST ? FAULT_FROM_GUEST : FAULT_FROM_HOST,
		.port = way == VSOCK_TO_HOST ? conn->host_port : conn->guest_port,
	};
	bool hit = false;
	uint64_t value;

	*ret_refuse = fault_hits(link->faults, FAULT_VSOCK_REFUSE, &event, &value);
	if (fault_hits(link->faults, FAULT_VSOCK_RESET, &event, &value)) {
		conn->left = value;
		hit = true;
	}
	if (fault_hits(link->faults, FAULT_VSOCK_DELAY, &event, &value)) {
		conn->delay_ns = (int64_t)value * NSEC_PER_MSEC;
		hit = true;
	}
	if (fault_hits(link->faults, FAULT_VSOCK_RATE, &event, &value)) {
		conn->rate = value;
		hit = true;
	}
	return hit;
}

/* A connection is requested. */
static int link_request(struct vsock_link *link, enum vsock_way way, struct vsock_conn *made,
			const struct virtio_vsock_hdr *hdr, const uint8_t *payload)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	struct vsock_conn *conn;
	bool heartbeat = is_heartbeat(way, made), refuse = false, hit;
	int err = 0;

	made->left = UINT64_MAX;
	made->heartbeat = -1;
	fault_event_happens(link->faults, heartbeat ? FAULT_AT_HEARTBEAT : FAULT_AT_CONNECTION);
	hit = heartbeat ? judge_heartbeat(link, made) : judge_conn(link, way, made, &refuse);
	if (refuse)
		return link_send(link, other_way(way), made, VIRTIO_VSOCK_OP_RST, now_ns);
	if (!hit)
		return link_queue(link, way, hdr, payload, now_ns);
	conn = conn_add(link, made);
	if (!conn)
		return -ENOMEM;
	/* The guest must not notice that its heartbeat does not arrive yet. */
	if (conn->state != CONN_OPEN)
		err = link_send(link, VSOCK_TO_GUEST, conn, VIRTIO_VSOCK_OP_RESPONSE, now_ns);
	if (err || conn->state == CONN_SWALLOWED)
		return err;
	return link_queue(link, way, hdr, payload, conn_due(conn, way, 0));
}

static int link_data(struct vsock_link *link, enum vsock_way way, struct vsock_conn *conn,
		     struct virtio_vsock_hdr *hdr, const uint8_t *payload)
{
	size_t len = MIN(le32toh(hdr->len), conn->left);
	enum vsock_way back = other_way(way);
	uint8_t wrong;
	int64_t due_ns = conn_due(conn, way, len);
	int err = 0;

	hdr->len = htole32(len);
	if (conn->heartbeat == FAULT_HEARTBEAT_WRONG && way == VSOCK_TO_HOST && len == 1) {
		wrong = *payload ^ 0xff;
		payload = &wrong;
	}
	if (len)
		err = link_queue(link, way, hdr, payload, due_ns);
	if (!err && conn->heartbeat == FAULT_HEARTBEAT_TWICE && way == VSOCK_TO_HOST)
		err = link_queue(link, way, hdr, payload, due_ns);
	if (err || conn->left == UINT64_MAX)
		return err;
	conn->left -= len;
	if (conn->left)
		return 0;
	conn->state = CONN_DEAD;
	err = link_send(link, way, conn, VIRTIO_VSOCK_OP_RST, due_ns);
	return err ? err : link_send(link, back, conn, VIRTIO_VSOCK_OP_RST,
				     conn_due(conn, back, 0));
}

/* Should a packet of this connection disappear? */
static bool conn_drops(const struct vsock_conn *conn, enum vsock_way way, uint16_t op)
{
	switch (conn->state) {
	case CONN_OPEN:
		return false;
	case CONN_ANSWERED:
		return way == VSOCK_TO_GUEST && op == VIRTIO_VSOCK_OP_RESPONSE;
	case CONN_SWALLOWED:
	case CONN_DEAD:
		return true;
	}
	return false;
}

/* Settings have changed: connections that they have not reset go on without a fault. */
static void link_refresh(struct vsock_link *link)
{
	struct vsock_conn *conn;

	if (link->applied == link->faults->applied)
		return;
	link->applied = link->faults->applied;
	TAILQ_FOREACH(conn, &link->conns, node) {
		conn->delay_ns = 0;
		conn->rate = 0;
		conn->left = UINT64_MAX;
	}
}

int vsock_link_put(struct vsock_link *link, enum vsock_way way, const uint8_t *packet,
		   size_t len)
{
	const uint8_t *payload = packet + HDR_SIZE;
	struct virtio_vsock_hdr hdr;
	struct vsock_conn key, *conn;
	uint16_t op;
	int err;

	memcpy(&hdr, packet, sizeof(hdr));
	hdr.len = htole32(MIN(le32toh(hdr.len), len - HDR_SIZE));
	op = le16toh(hdr.op);
	link_refresh(link);
	key = conn_key(way, &hdr);
	conn = conn_find(link, &key);
	if (op == VIRTIO_VSOCK_OP_REQUEST) {
		if (conn)
			conn_del(link, conn);
		return link_request(link, way, &key, &hdr, payload);
	}
	if (!conn)
		return link_queue(link, way, &hdr, payload, clock_ns(CLOCK_MONOTONIC));
	if (conn_drops(conn, way, op))
		return 0;
	if (op == VIRTIO_VSOCK_OP_RW)
		return link_data(link, way, conn, &hdr, payload);
	err = link_queue(link, way, &hdr, payload, conn_due(conn, way, 0));
	if (op == VIRTIO_VSOCK_OP_RST)
		conn_del(link, conn);
	return err;
}

int vsock_link_prepare(struct vsock_link *link)
{
	if (!link->buffer)
		link->buffer = malloc(VSOCK_PACKET_MAX);
	return link->buffer ? 0 : -ENOMEM;
}

bool vsock_link_full(const struct vsock_link *link, enum vsock_way way)
{
	return link->held_size[way] >= HELD_MAX;
}

struct vsock_held *vsock_link_due(struct vsock_link *link, enum vsock_way way)
{
	struct vsock_held *held = TAILQ_FIRST(&link->held[way]);

	return held && held->due_ns <= clock_ns(CLOCK_MONOTONIC) ? held : NULL;
}

void vsock_link_pop(struct vsock_link *link, enum vsock_way way)
{
	struct vsock_held *held = TAILQ_FIRST(&link->held[way]);

	TAILQ_REMOVE(&link->held[way], held, node);
	link->held_size[way] -= held_cost(held);
	free(held);
}

void vsock_link_rest(struct vsock_link *link, enum vsock_way way, size_t len)
{
	struct vsock_held *held = TAILQ_FIRST(&link->held[way]);
	struct virtio_vsock_hdr hdr;

	memcpy(&hdr, held->bytes, sizeof(hdr));
	hdr.len = htole32(le32toh(hdr.len) - len);
	memcpy(held->bytes, &hdr, sizeof(hdr));
	memmove(held->bytes + HDR_SIZE, held->bytes + HDR_SIZE + len,
		held->len - HDR_SIZE - len);
	held->len -= len;
	link->held_size[way] -= len;
}

/* @at_ns: 0 stops the timer. */
static void link_set_timer(const struct vsock_link *link, int64_t at_ns)
{
	const struct itimerspec time = {
		.it_value = { at_ns / NSEC_PER_SEC, at_ns % NSEC_PER_SEC },
	};

	/* Cannot fail with these arguments. */
	(void)timerfd_settime(link->timer.fd, TFD_TIMER_ABSTIME, &time, NULL);
}

void vsock_link_expired(struct vsock_link *link)
{
	uint64_t count;

	(void)!read(link->timer.fd, &count, sizeof(count));
}

void vsock_link_wait(struct vsock_link *link)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC), first_ns = INT64_MAX;

	/* What is due and still here waits for buffers or for the channel. */
	for (enum vsock_way way = 0; way < NR_VSOCK_WAYS; way++) {
		const struct vsock_held *held;

		TAILQ_FOREACH(held, &link->held[way], node)
			if (held->due_ns > now_ns)
				break;
		if (held)
			first_ns = MIN(first_ns, held->due_ns);
	}
	link_set_timer(link, first_ns == INT64_MAX ? 0 : first_ns);
}

int vsock_link_init(struct vsock_link *link, struct faults *faults, uint32_t guest_cid,
		    struct loop *loop, void (*call)(void *arg, uint32_t events), void *arg)
{
	int err;

	link->faults = faults;
	link->guest_cid = guest_cid;
	TAILQ_INIT(&link->held[VSOCK_TO_HOST]);
	TAILQ_INIT(&link->held[VSOCK_TO_GUEST]);
	TAILQ_INIT(&link->conns);
	link->timer = (struct loop_source){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.events = EPOLLIN,
		.call = call,
		.arg = arg,
	};
	if (link->timer.fd < 0)
		return -errno;
	err = loop_add(loop, &link->timer);
	if (err)
		fd_close(&link->timer.fd);
	return err;
}

void vsock_link_reset(struct vsock_link *link)
{
	for (enum vsock_way way = 0; way < NR_VSOCK_WAYS; way++)
		while (!TAILQ_EMPTY(&link->held[way]))
			vsock_link_pop(link, way);
	while (!TAILQ_EMPTY(&link->conns))
		conn_del(link, TAILQ_FIRST(&link->conns));
	link_set_timer(link, 0);
}

void vsock_link_exit(struct vsock_link *link, struct loop *loop)
{
	vsock_link_reset(link);
	free(link->buffer);
	loop_del(loop, &link->timer);
	fd_close(&link->timer.fd);
}
