// SPDX-License-Identifier: Apache-2.0
/* Both ends of vsock: channels that open and close, and sockets that connect to them. */

#include "ne_stress.h"
#include "ne_lib.h"
#include "ne_vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define NR_CHANNELS	4
#define NR_SOCKETS	24
/* Simultaneous connects whose channel then closes. */
#define BURST		300
#define BUFFER_SIZE	8192

/**
 * struct peer - the sockets and channels of a process
 * @cid: the CID to which the channel of the same index was last attached
 * @packet: last packet read, or packet to write
 * @batch: elements of a batch; the maximum number, because any count is tried
 */
struct peer {
	struct ne_stress_worker *w;
	int chan[NR_CHANNELS];
	uint32_t cid[NR_CHANNELS];
	int sock[NR_SOCKETS];
	struct ne_packet packet;
	struct ne_emu_vsock_packet batch[NE_EMU_VSOCK_MAX_BATCH];
	char buffer[BUFFER_SIZE];
};

static unsigned int any_channel(struct peer *p)
{
	return ne_stress_below(p->w, NR_CHANNELS);
}

static int any_socket(struct peer *p)
{
	return p->sock[ne_stress_below(p->w, NR_SOCKETS)];
}

static void put_socket(struct peer *p, int fd)
{
	int *to = &p->sock[ne_stress_below(p->w, NR_SOCKETS)];

	if (*to >= 0)
		close(*to);
	*to = fd;
}

static uint32_t any_port(struct peer *p)
{
	switch (ne_stress_below(p->w, 4)) {
	case 0:
		return NE_EMU_HEARTBEAT_PORT;
	case 1:
		return CONSOLE_PORT(ne_stress_cid(p->w));
	case 2:
		return ne_stress_nasty(p->w);
	default:
		return GUEST_PORT;
	}
}

static void op_attach(struct peer *p)
{
	unsigned int i = any_channel(p);
	struct ne_emu_vsock_attach attach = {
		.cid = ne_stress_cid(p->w), .flags = ne_stress_below(p->w, 2),
	};

	if (ne_stress_chance(p->w, 8))
		attach.flags = ne_stress_nasty(p->w);
	if (p->chan[i] >= 0)
		close(p->chan[i]);
	p->chan[i] = open(NE_VSOCK_NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	p->cid[i] = attach.cid;
	if (!ne_stress_chance(p->w, 8))
		ne_ioctl(p->chan[i], NE_EMU_VSOCK_ATTACH, &attach);
}

static void op_close_channel(struct peer *p)
{
	unsigned int i = any_channel(p);

	if (p->chan[i] >= 0)
		close(p->chan[i]);
	p->chan[i] = -1;
}

static void op_channel_ioctl(struct peer *p)
{
	static const unsigned long requests[] = {
		NE_EMU_VSOCK_ATTACH, NE_EMU_VSOCK_SEQPACKET, NE_EMU_VSOCK_RECV,
		NE_EMU_VSOCK_SEND, NE_EMU_BACKEND_DONE, 0,
	};
	unsigned long request = requests[ne_stress_below(p->w, ARRAY_SIZE(requests))];

	ne_ioctl(p->chan[any_channel(p)], request, (void *)(uintptr_t)ne_stress_nasty(p->w));
	ne_chan_info(p->chan[any_channel(p)], "queued");
}

/* The enclave's end: read what has arrived, and answer connects. */
static void op_serve(struct peer *p)
{
	struct virtio_vsock_hdr *hdr = &p->packet.hdr;
	unsigned int i = any_channel(p);
	unsigned int nr;

	for (nr = ne_stress_below(p->w, 32); nr; nr--) {
		uint64_t cid, space = HDR_SIZE + 1 + ne_stress_below(p->w, MAX_PAYLOAD);
		uint32_t port;

		if (read(p->chan[i], &p->packet, space) < (ssize_t)HDR_SIZE)
			return;
		if (hdr->op != VIRTIO_VSOCK_OP_REQUEST || ne_stress_chance(p->w, 8))
			continue;
		cid = hdr->src_cid;
		port = hdr->src_port;
		hdr->src_cid = hdr->dst_cid;
		hdr->src_port = hdr->dst_port;
		hdr->dst_cid = cid;
		hdr->dst_port = port;
		hdr->len = 0;
		hdr->op = VIRTIO_VSOCK_OP_RESPONSE;
		hdr->buf_alloc = CREDIT;
		ne_chan_write(p->chan[i], hdr, NULL, 0);
	}
}

/* A mostly valid header of a connection that may exist. */
static struct virtio_vsock_hdr any_header(struct peer *p, unsigned int i, size_t len)
{
	struct virtio_vsock_hdr hdr = p->packet.hdr;

	hdr.src_cid = p->cid[i];
	hdr.dst_cid = ne_stress_chance(p->w, 16) ? ne_stress_nasty(p->w) : NE_EMU_CID_PARENT;
	hdr.op = ne_stress_below(p->w, 9);
	hdr.type = 1 + ne_stress_below(p->w, 2);
	hdr.len = ne_stress_chance(p->w, 16) ? ne_stress_nasty(p->w) : len;
	hdr.buf_alloc = ne_stress_chance(p->w, 4) ? ne_stress_nasty(p->w) : CREDIT;
	hdr.flags = ne_stress_chance(p->w, 4) ? ne_stress_nasty(p->w) : 0;
	if (ne_stress_chance(p->w, 4)) {
		hdr.src_port = any_port(p);
		hdr.dst_port = any_port(p);
	}
	return hdr;
}

static void op_write(struct peer *p)
{
	unsigned int i = any_channel(p);
	size_t len = ne_stress_below(p->w, BUFFER_SIZE);
	struct virtio_vsock_hdr hdr = any_header(p, i, len);

	if (ne_stress_chance(p->w, 4))
		len = 0;
	ne_chan_write(p->chan[i], &hdr, p->buffer, len);
}

/* Send or receive a batch; all elements share the memory of one packet. */
static void op_batch(struct peer *p)
{
	unsigned int i = any_channel(p);
	size_t len = ne_stress_below(p->w, BUFFER_SIZE);
	struct iovec iov[] = {
		{ &p->packet, HDR_SIZE }, { p->packet.data, len },
		{ (void *)(uintptr_t)ne_stress_nasty(p->w), len },
	};
	struct ne_emu_vsock_batch batch = {
		.packets = (uintptr_t)p->batch, .count = 1 + ne_stress_below(p->w, 16),
	};
	size_t k;

	if (ne_stress_chance(p->w, 16))
		batch.count = ne_stress_nasty(p->w);
	for (k = 0; k < ARRAY_SIZE(p->batch); k++)
		p->batch[k] = (struct ne_emu_vsock_packet){
			.iov = (uintptr_t)iov, .iov_count = 2,
		};
	k = ne_stress_below(p->w, 16);
	p->batch[k].iov_count = ne_stress_below(p->w, 4);
	if (ne_stress_chance(p->w, 4))
		p->batch[k].iov = ne_stress_nasty(p->w);
	p->packet.hdr = any_header(p, i, len);
	ne_ioctl(p->chan[i], ne_stress_chance(p->w, 2) ? NE_EMU_VSOCK_RECV : NE_EMU_VSOCK_SEND,
		 &batch);
}

static int begin_connect(uint32_t cid, uint32_t port, int type)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port,
	};
	int fd = socket(AF_VSOCK, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	return fd;
}

static void op_connect(struct peer *p)
{
	int type = ne_stress_chance(p->w, 4) ? SOCK_SEQPACKET : SOCK_STREAM;
	uint32_t cid = ne_stress_chance(p->w, 4) ? NE_EMU_CID_HYPERVISOR : ne_stress_cid(p->w);
	uint32_t port = any_port(p);

	put_socket(p, begin_connect(cid, port, type));
}

static void op_send(struct peer *p)
{
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	if (ne_stress_chance(p->w, 4))
		flags |= MSG_EOR;
	send(any_socket(p), p->buffer, ne_stress_below(p->w, BUFFER_SIZE), flags);
}

static void op_receive(struct peer *p)
{
	recv(any_socket(p), p->buffer, ne_stress_below(p->w, BUFFER_SIZE), MSG_DONTWAIT);
}

static void op_shutdown(struct peer *p)
{
	shutdown(any_socket(p), ne_stress_below(p->w, 3));
}

static void op_close_socket(struct peer *p)
{
	put_socket(p, -1);
}

static void op_listen(struct peer *p)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = any_port(p),
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		listen(fd, 1 + ne_stress_below(p->w, 8));
	put_socket(p, fd);
}

static void op_accept(struct peer *p)
{
	int fd = accept4(any_socket(p), NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		put_socket(p, fd);
}

/* Close a channel with hundreds of connections, some of them answered. */
static void op_burst(struct peer *p)
{
	static int fds[BURST];
	uint32_t cid = ne_stress_cid(p->w);
	bool after = ne_stress_chance(p->w, 2);
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		fds[i] = begin_connect(cid, GUEST_PORT, SOCK_STREAM);
		if (!(i % 16))
			op_serve(p);
	}
	if (!after)
		op_close_channel(p);
	for (i = 0; i < BURST; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	op_close_channel(p);
}

static void run_vsock(struct ne_test *t, struct ne_stress_worker *w)
{
	static const struct {
		void (*run)(struct peer *p);
		unsigned int weight;
	} ops[] = {
		{ op_attach, 4 }, { op_close_channel, 1 }, { op_channel_ioctl, 1 },
		{ op_serve, 12 }, { op_write, 12 }, { op_batch, 8 }, { op_connect, 8 },
		{ op_send, 8 },
		{ op_receive, 8 }, { op_shutdown, 1 }, { op_close_socket, 2 },
		{ op_listen, 1 }, { op_accept, 4 }, { op_burst, 1 },
	};
	unsigned int total = 0;
	static struct peer p;
	size_t i;

	p.w = w;
	for (i = 0; i < NR_CHANNELS; i++)
		p.chan[i] = -1;
	for (i = 0; i < NR_SOCKETS; i++)
		p.sock[i] = -1;
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		total += ops[i].weight;
	REQUIRE_EQ(t, access(NE_VSOCK_NODE, R_OK | W_OK), 0);
	for (;;) {
		uint64_t choice;

		ne_stress_next(w);
		choice = ne_stress_below(w, total);
		for (i = 0; choice >= ops[i].weight; i++)
			choice -= ops[i].weight;
		ops[i].run(&p);
	}
}

const struct ne_stress_role ne_stress_vsock = { "vsock", run_vsock, 2 };
