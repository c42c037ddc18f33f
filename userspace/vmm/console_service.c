// SPDX-License-Identifier: Apache-2.0
/* vsock server on CID 0 that lets the parent read a debug enclave's console. */

#include "vmm/console_service.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <endian.h>
#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

/* Receive window of readers, bytes. What they send is discarded. */
#define RECEIVE_WINDOW		(64 * KIB)
/* Maximum number of packets read in one go. */
#define BATCH			64

static void service_wait_for_channel(struct console_service *service)
{
	loop_wait_for(service->loop, &service->source,
		      EPOLLIN | (service->blocked ? EPOLLOUT : 0));
}

/* Return: 0 or a negative errno; only after -EAGAIN should the caller retry. */
static int write_packet(struct console_service *service, const struct iovec *iov, int n)
{
	ssize_t done;

	if (service->dead)
		return -EPIPE;
	if (service->blocked)
		return -EAGAIN;
	do {
		done = writev(service->channel_fd, iov, n);
	} while (done < 0 && errno == EINTR);
	if (done >= 0)
		return 0;
	if (errno == EAGAIN)
		service->blocked = true;
	else if (errno == EPIPE)
		service->dead = true;
	return -errno;
}

static struct virtio_vsock_hdr make_header(const struct console_service *service, uint32_t port,
					   uint16_t op, uint32_t received)
{
	return (struct virtio_vsock_hdr){
		.src_cid = htole64(NE_EMU_CID_HYPERVISOR),
		.dst_cid = htole64(NE_EMU_CID_PARENT),
		.src_port = htole32(service->port),
		.dst_port = htole32(port),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
		.op = htole16(op),
		.buf_alloc = htole32(RECEIVE_WINDOW),
		.fwd_cnt = htole32(received),
	};
}

static void flush_replies(struct console_service *service)
{
	while (service->nr_replies) {
		struct iovec iov = {
			&service->replies[service->first_reply], sizeof(service->replies[0])
		};

		if (write_packet(service, &iov, 1) == -EAGAIN)
			return;
		service->first_reply = (service->first_reply + 1) % CONSOLE_REPLIES_MAX;
		service->nr_replies--;
	}
}

/* Send now or, to keep the order, when the channel has room. */
static void send_reply(struct console_service *service, const struct virtio_vsock_hdr *hdr)
{
	unsigned int slot = (service->first_reply + service->nr_replies) % CONSOLE_REPLIES_MAX;

	/*
	 * The channel is full only while many packets wait for us, and reading each of them
	 * makes room. Peers that get no answer time out.
	 */
	if (service->nr_replies == CONSOLE_REPLIES_MAX)
		return;
	service->replies[slot] = *hdr;
	service->nr_replies++;
	flush_replies(service);
}

static void service_send_op(struct console_service *service, struct console_reader *reader,
			    uint16_t op, uint32_t flags)
{
	struct virtio_vsock_hdr hdr = make_header(service, reader->port, op, reader->received);

	hdr.flags = htole32(flags);
	reader->told = reader->received;
	send_reply(service, &hdr);
}

static void drop_reader(struct console_service *service, struct console_reader *reader)
{
	service_send_op(service, reader, VIRTIO_VSOCK_OP_RST, 0);
	reader->used = false;
}

/* Return: bytes sent, 0 if there is nothing to send, or a negative errno. */
static ssize_t send_piece(struct console_service *service, struct console_reader *reader)
{
	struct virtio_vsock_hdr hdr =
		make_header(service, reader->port, VIRTIO_VSOCK_OP_RW, reader->received);
	size_t credit = reader->credit_end - reader->sent;
	struct iovec iov[] = { { &hdr, sizeof(hdr) }, { service->piece, 0 } };
	size_t len;
	int err;

	len = console_copy(service->console, &reader->pos, service->piece,
			   MIN(credit, sizeof(service->piece)));
	if (!len)
		return 0;
	hdr.len = htole32(len);
	iov[1].iov_len = len;
	err = write_packet(service, iov, ARRAY_SIZE(iov));
	if (err)
		return err;
	reader->pos += len;
	reader->sent += len;
	return len;
}

static bool is_at_end(struct console_service *service, const struct console_reader *reader)
{
	uint64_t pos = reader->pos;
	uint8_t byte;

	return !console_copy(service->console, &pos, &byte, 1);
}

static void feed_reader(struct console_service *service, struct console_reader *reader)
{
	ssize_t n = 0;

	if (!reader->used || reader->shut_down)
		return;
	/* Answers go first, including the one to this reader's connect request. */
	while (!service->nr_replies) {
		n = send_piece(service, reader);
		if (n <= 0)
			break;
	}
	if (n < 0 && n != -EAGAIN) {
		log_debug("console reader at port %u dropped: %s", reader->port, strerror(-n));
		drop_reader(service, reader);
	} else if (!n && service->ending && is_at_end(service, reader)) {
		reader->shut_down = true;
		service_send_op(service, reader, VIRTIO_VSOCK_OP_SHUTDOWN,
				VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND);
	}
}

static void feed_readers(void *arg)
{
	struct console_service *service = arg;

	for (unsigned int i = 0; i < CONSOLE_READERS_MAX; i++)
		feed_reader(service, &service->readers[i]);
	if (!service->ending && !service->dead)
		service_wait_for_channel(service);
}

static struct console_reader *find_reader(struct console_service *service, uint32_t port)
{
	for (unsigned int i = 0; i < CONSOLE_READERS_MAX; i++)
		if (service->readers[i].used && service->readers[i].port == port)
			return &service->readers[i];
	return NULL;
}

static struct console_reader *find_free(struct console_service *service)
{
	for (unsigned int i = 0; i < CONSOLE_READERS_MAX; i++)
		if (!service->readers[i].used)
			return &service->readers[i];
	return NULL;
}

static void refuse(struct console_service *service, const struct virtio_vsock_hdr *hdr)
{
	struct virtio_vsock_hdr rst =
		make_header(service, le32toh(hdr->src_port), VIRTIO_VSOCK_OP_RST, 0);

	rst.dst_cid = hdr->src_cid;
	rst.type = hdr->type;
	send_reply(service, &rst);
}

static void update_credit(struct console_reader *reader, const struct virtio_vsock_hdr *hdr)
{
	reader->credit_end = le32toh(hdr->fwd_cnt) + le32toh(hdr->buf_alloc);
	/* A peer that reduces its credit gets nothing until it grants new credit. */
	if ((int32_t)(reader->credit_end - reader->sent) < 0)
		reader->credit_end = reader->sent;
}

static void accept_reader(struct console_service *service, const struct virtio_vsock_hdr *hdr)
{
	struct console_reader *reader = find_free(service);

	if (!reader) {
		refuse(service, hdr);
		return;
	}
	*reader = (struct console_reader){ .used = true, .port = le32toh(hdr->src_port) };
	update_credit(reader, hdr);
	service_send_op(service, reader, VIRTIO_VSOCK_OP_RESPONSE, 0);
	feed_reader(service, reader);
}

static void handle_shutdown(struct console_service *service, struct console_reader *reader,
			    uint32_t flags)
{
	/* A peer that only stops sending keeps reading. */
	if (flags & VIRTIO_VSOCK_SHUTDOWN_RCV)
		drop_reader(service, reader);
}

static void handle_input(struct console_service *service, struct console_reader *reader,
			 uint32_t len)
{
	reader->received += len;
	if (reader->received - reader->told >= RECEIVE_WINDOW / 2)
		service_send_op(service, reader, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
}

static void handle_reader_packet(struct console_service *service, struct console_reader *reader,
				 const struct virtio_vsock_hdr *hdr)
{
	update_credit(reader, hdr);
	switch (le16toh(hdr->op)) {
	case VIRTIO_VSOCK_OP_RST:
		reader->used = false;
		return;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		handle_shutdown(service, reader, le32toh(hdr->flags));
		return;
	case VIRTIO_VSOCK_OP_RW:
		handle_input(service, reader, le32toh(hdr->len));
		break;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		break;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		service_send_op(service, reader, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
		break;
	default:
		drop_reader(service, reader);
		return;
	}
	feed_reader(service, reader);
}

static void handle_packet(struct console_service *service, const struct virtio_vsock_hdr *hdr)
{
	struct console_reader *reader = NULL;
	uint16_t op = le16toh(hdr->op);
	bool ours = le64toh(hdr->src_cid) == NE_EMU_CID_PARENT &&
		    le16toh(hdr->type) == VIRTIO_VSOCK_TYPE_STREAM;

	if (ours)
		reader = find_reader(service, le32toh(hdr->src_port));
	if (reader)
		handle_reader_packet(service, reader, hdr);
	else if (ours && op == VIRTIO_VSOCK_OP_REQUEST)
		accept_reader(service, hdr);
	else if (op != VIRTIO_VSOCK_OP_RST)
		refuse(service, hdr);
}

/* Return: true if a packet was read. */
static bool read_packet(struct console_service *service)
{
	/* A longer packet arrives in pieces, each with its own header. */
	struct {
		struct virtio_vsock_hdr hdr;
		uint8_t payload[1024];
	} packet;
	ssize_t n = read(service->channel_fd, &packet, sizeof(packet));

	if (n >= (ssize_t)sizeof(packet.hdr)) {
		handle_packet(service, &packet.hdr);
		return true;
	}
	if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		service->dead = true;
	return false;
}

static void handle_events(struct console_service *service, bool input, bool room, bool gone)
{
	if (room) {
		service->blocked = false;
		flush_replies(service);
		feed_readers(service);
	}
	for (int i = 0; input && i < BATCH && !service->dead; i++)
		input = read_packet(service);
	if (gone)
		service->dead = true;
}

static void service_handle_channel(void *arg, uint32_t events)
{
	struct console_service *service = arg;

	handle_events(service, events & EPOLLIN, events & EPOLLOUT,
		      events & (EPOLLHUP | EPOLLERR));
	if (service->dead) {
		log_warn("the console's vsock channel is gone");
		loop_del(service->loop, &service->source);
		return;
	}
	service_wait_for_channel(service);
}

int console_service_create(struct console *console, struct loop *loop, int channel_fd,
			   uint32_t cid, struct console_service **ret_service)
{
	struct console_service *service = calloc(1, sizeof(*service));
	int err;

	if (!service)
		return -ENOMEM;
	service->console = console;
	service->loop = loop;
	service->channel_fd = channel_fd;
	service->port = NE_EMU_CONSOLE_PORT_BASE + cid;
	service->source = (struct loop_source){
		.fd = channel_fd,
		.events = EPOLLIN,
		.call = service_handle_channel,
		.arg = service,
	};
	err = loop_add(loop, &service->source);
	if (err) {
		free(service);
		return err;
	}
	console->more = feed_readers;
	console->more_arg = service;
	*ret_service = service;
	return 0;
}

static bool has_readers(const struct console_service *service)
{
	for (unsigned int i = 0; i < CONSOLE_READERS_MAX; i++)
		if (service->readers[i].used)
			return true;
	return service->nr_replies;
}

/* End the streams of readers that were too slow to get the rest. */
static void cut_off(struct console_service *service)
{
	for (unsigned int i = 0; i < CONSOLE_READERS_MAX; i++) {
		struct console_reader *reader = &service->readers[i];

		if (reader->used && !reader->shut_down)
			service_send_op(service, reader, VIRTIO_VSOCK_OP_SHUTDOWN,
					VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND);
	}
}

void console_service_finish(struct console_service *service, int timeout_ms)
{
	int64_t deadline = clock_ms() + timeout_ms;

	loop_del(service->loop, &service->source);
	service->ending = true;
	feed_readers(service);
	while (!service->dead && has_readers(service)) {
		struct pollfd pollfd = {
			.fd = service->channel_fd,
			.events = POLLIN | (service->blocked ? POLLOUT : 0),
		};
		int64_t left = deadline - clock_ms();

		if (left <= 0 || poll(&pollfd, 1, left) == 0) {
			cut_off(service);
			return;
		}
		handle_events(service, pollfd.revents & POLLIN, pollfd.revents & POLLOUT,
			      pollfd.revents & (POLLHUP | POLLERR));
	}
}

void console_service_destroy(struct console_service *service)
{
	if (!service)
		return;
	if (!service->ending)
		loop_del(service->loop, &service->source);
	service->console->more = NULL;
	free(service);
}
