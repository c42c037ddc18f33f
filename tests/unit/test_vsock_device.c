// SPDX-License-Identifier: Apache-2.0
/* The vsock device between rings and a channel, which a packet socket replaces. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "vmm/virtio/vsock.h"
#include "virtio_driver.h"

#include <endian.h>
#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { RX, TX, EVENT, QUEUES };

#define CID		16
#define HDR		sizeof(struct virtio_vsock_hdr)

/* How many batches fail for lack of memory, or are interrupted by a signal. */
static unsigned int no_memory, interrupted;
/* The channel belongs to another VMM. */
static bool taken;
/* Packets in the largest batch so far. */
static unsigned int largest_batch;
/* The SOCK_SEQPACKET setting passed to the kernel: 0 or 1; -1: none. */
static int seqpacket = -1;

/* The kernel's side of a batch: handle one packet after the other. */
int __wrap_ioctl(int fd, unsigned long request, void *arg);

static ssize_t send_one(int fd, const struct ne_emu_vsock_packet *packet)
{
	uint8_t bytes[HDR + DRIVER_MEMORY];
	struct virtio_vsock_hdr hdr;
	size_t len = 0;

	for (uint32_t i = 0; i < packet->iov_count; i++) {
		const struct iovec *iov = (const struct iovec *)(uintptr_t)packet->iov + i;

		if (iov->iov_len)
			memcpy(bytes + len, iov->iov_base, iov->iov_len);
		len += iov->iov_len;
	}
	assert_true(len >= sizeof(hdr));
	memcpy(&hdr, bytes, sizeof(hdr));
	if (le32toh(hdr.len) > len - sizeof(hdr)) {
		errno = EINVAL;
		return -1;
	}
	return write(fd, bytes, sizeof(hdr) + le32toh(hdr.len));
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	const struct ne_emu_vsock_batch *batch = arg;
	struct ne_emu_vsock_packet *packet;
	uint32_t n;

	if (request == NE_EMU_VSOCK_SEQPACKET) {
		seqpacket = (uintptr_t)arg;
		return 0;
	}
	assert_true(request == NE_EMU_VSOCK_RECV || request == NE_EMU_VSOCK_SEND);
	assert_in_range(batch->count, 1, NE_EMU_VSOCK_MAX_BATCH);
	largest_batch = MAX(largest_batch, batch->count);
	if (taken)
		return 0;
	errno = EINTR;
	if (interrupted && interrupted--)
		return -1;
	errno = ENOMEM;
	if (no_memory && no_memory--)
		return -1;
	packet = (struct ne_emu_vsock_packet *)(uintptr_t)batch->packets;
	for (n = 0; n < batch->count; n++, packet++) {
		ssize_t ret = request == NE_EMU_VSOCK_SEND ? send_one(fd, packet) :
			readv(fd, (struct iovec *)(uintptr_t)packet->iov, packet->iov_count);

		if (ret < 0 && errno == EINVAL)
			ret = -EINVAL;
		else if (ret <= 0)
			return n ? (int)n : (int)ret;
		packet->result = ret;
	}
	return n;
}

struct fixture {
	struct driver driver;
	struct ending ending;
	struct vsock *vsock;
	int channel;		/* the kernel's side */
	int vmm_channel;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fds[2];

	no_memory = 0;
	interrupted = 0;
	taken = false;
	largest_batch = 0;
	seqpacket = -1;
	driver_init(&f->driver);
	assert_int_equal(ending_init(&f->ending), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	f->channel = fds[0];
	f->vmm_channel = fds[1];
	assert_int_equal(vsock_create(&f->driver.memory, &f->driver.loop, f->driver.irq_fd,
				      fds[1], CID, &f->ending, &f->vsock), 0);
	f->driver.device = &f->vsock->mmio;
	driver_start(&f->driver, 1 << VIRTIO_VSOCK_F_SEQPACKET, QUEUES);
	driver_run(&f->driver);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vsock_destroy(f->vsock);
	ending_exit(&f->ending);
	fd_close(&f->channel);
	fd_close(&f->vmm_channel);
	driver_exit(&f->driver);
	free(f);
	return 0;
}

static struct virtio_vsock_hdr make_hdr(uint16_t op, uint32_t dst_port, uint32_t len)
{
	return (struct virtio_vsock_hdr){
		.src_cid = htole64(CID), .dst_cid = htole64(3), .src_port = htole32(1000),
		.dst_port = htole32(dst_port), .len = htole32(len),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM), .op = htole16(op),
	};
}

static void assert_broken(struct fixture *f, bool broken)
{
	uint32_t status = reg_read(&f->driver, VIRTIO_MMIO_STATUS);

	assert_int_equal(!!(status & VIRTIO_CONFIG_S_NEEDS_RESET), broken);
}

static enum ne_emu_exit_reason reason(struct fixture *f)
{
	struct error error;

	return ending_get(&f->ending, &error);
}

static void test_identity(void **state)
{
	struct fixture *f = *state;
	uint64_t cid;

	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_DEVICE_ID), 19);
	virtio_mmio_ops.read(f->driver.device, VIRTIO_MMIO_CONFIG, &cid, sizeof(cid));
	assert_int_equal(le64toh(cid), CID);
	reg_write(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	assert_int_equal(reg_read(&f->driver, VIRTIO_MMIO_DEVICE_FEATURES),
			 1U << VIRTIO_VSOCK_F_SEQPACKET | 1U << VIRTIO_RING_F_EVENT_IDX);
}

static void test_transmit(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 7, 5);
	uint8_t *p = driver_offer_buffer(&f->driver, TX, 0, HDR + 9, false);
	uint8_t packet[200];

	memcpy(p, &hdr, HDR);
	memcpy(p + HDR, "hello....", 9);	/* only five belong to the packet */
	driver_notify(&f->driver, TX);

	assert_int_equal(read(f->channel, packet, sizeof(packet)), HDR + 5);
	assert_memory_equal(packet, &hdr, HDR);
	assert_memory_equal(packet + HDR, "hello", 5);
	assert_int_equal(driver_used(&f->driver, TX)->idx, 1);
	assert_int_equal(driver_used(&f->driver, TX)->ring[0].len, 0);
	assert_int_equal(driver_interrupts(&f->driver), 1);
	assert_false(vsock_heartbeat_sent(f->vsock));
}

/* Header and payload are split at odd places. */
static void test_transmit_scattered(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 7, 6);
	static const uint32_t cuts[] = { 10, 0, 36, 3, 1 };
	uint8_t whole[HDR + 6], packet[200];
	size_t done = 0;

	memcpy(whole, &hdr, HDR);
	memcpy(whole + HDR, "abcdef", 6);
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		driver_desc(&f->driver, TX)[i] = (struct vring_desc){
			.addr = DRIVER_DATA_ADDR + 100 * i, .len = cuts[i],
			.flags = i + 1 < ARRAY_SIZE(cuts) ? VRING_DESC_F_NEXT : 0, .next = i + 1,
		};
		memcpy(f->driver.bytes + DRIVER_DATA_ADDR + 100 * i, whole + done, cuts[i]);
		done += cuts[i];
	}
	assert_int_equal(done, sizeof(whole));
	driver_offer(&f->driver, TX, 0);
	driver_notify(&f->driver, TX);
	assert_int_equal(read(f->channel, packet, sizeof(packet)), sizeof(whole));
	assert_memory_equal(packet, whole, sizeof(whole));
}

static void test_heartbeat_is_seen(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_REQUEST, 9000, 0);

	struct marks marks = { .fd = -1 };

	f->vsock->marks = &marks;
	memcpy(driver_offer_buffer(&f->driver, TX, 0, HDR, false), &hdr, HDR);
	driver_notify(&f->driver, TX);
	assert_true(vsock_heartbeat_sent(f->vsock));
	assert_int_equal(marks.set, 1U << MARK_HEARTBEAT);
	hdr.dst_port = htole32(8001);
	memcpy(driver_offer_buffer(&f->driver, TX, 1, HDR, false), &hdr, HDR);
	driver_notify(&f->driver, TX);
	assert_int_equal(marks.set, 1U << MARK_HEARTBEAT | 1U << MARK_VSOCK);
	f->vsock->marks = NULL;
}

/* What is traced are the packets that have been moved, in both directions. */
static void test_trace(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 9000, 1);
	struct trace_event event;
	struct trace trace;
	uint8_t *bytes;

	assert_int_equal(trace_init(&trace, &f->driver.loop), 0);
	trace.ring = calloc(TRACE_RING_SIZE, sizeof(*trace.ring));
	trace.connections = calloc(TRACE_CONNECTIONS, sizeof(*trace.connections));
	trace.wanted = 1U << TRACE_HEARTBEAT;
	f->vsock->mmio.trace = &trace;
	bytes = driver_offer_buffer(&f->driver, TX, 0, HDR + 1, false);
	memcpy(bytes, &hdr, HDR);
	bytes[HDR] = 0xb7;
	driver_notify(&f->driver, TX);
	assert_true(trace_take(&trace, &event));
	assert_int_equal(event.vsock.what, TRACE_VSOCK_BYTE);
	assert_int_equal(event.vsock.byte, 0xb7);
	assert_true(event.vsock.by_guest);
	assert_false(trace_take(&trace, &event));

	hdr = (struct virtio_vsock_hdr){
		.src_cid = hdr.dst_cid, .dst_cid = hdr.src_cid, .src_port = hdr.dst_port,
		.dst_port = hdr.src_port, .op = htole16(VIRTIO_VSOCK_OP_RST),
	};
	driver_offer_buffer(&f->driver, RX, 0, HDR + 100, true);
	driver_notify(&f->driver, RX);
	assert_int_equal(write(f->channel, &hdr, HDR), HDR);
	driver_run(&f->driver);
	assert_true(trace_take(&trace, &event));
	assert_int_equal(event.vsock.what, TRACE_VSOCK_RESET);
	assert_false(event.vsock.by_guest);
	assert_int_equal(event.vsock.to_parent, 1);
	f->vsock->mmio.trace = NULL;
	trace_exit(&trace);
}

/* Packets that differ in the operation, the CID or the port. */
static void test_other_packets_are_no_heartbeat(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr others[] = {
		make_hdr(VIRTIO_VSOCK_OP_RESPONSE, 9000, 0),
		make_hdr(VIRTIO_VSOCK_OP_REQUEST, 9000, 0),
		make_hdr(VIRTIO_VSOCK_OP_REQUEST, 9001, 0),
	};

	others[1].dst_cid = htole64(17);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		memcpy(driver_offer_buffer(&f->driver, TX, i, HDR, false), &others[i], HDR);
		driver_notify(&f->driver, TX);
		assert_int_equal(driver_used(&f->driver, TX)->idx, i + 1);
		assert_false(vsock_heartbeat_sent(f->vsock));
	}
}

static void test_short_packet_is_dropped(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 7, 6);
	uint8_t packet[200];

	memcpy(driver_offer_buffer(&f->driver, TX, 0, HDR + 5, false), &hdr, HDR);
	driver_notify(&f->driver, TX);
	assert_int_equal(read(f->channel, packet, sizeof(packet)), -1);
	assert_int_equal(driver_used(&f->driver, TX)->idx, 1);
	assert_broken(f, false);

	hdr.len = htole32(UINT32_MAX);
	memcpy(driver_offer_buffer(&f->driver, TX, 0, HDR + 5, false), &hdr, HDR);
	driver_notify(&f->driver, TX);
	assert_int_equal(driver_used(&f->driver, TX)->idx, 2);
	assert_broken(f, false);
}

static void test_no_header(void **state)
{
	struct fixture *f = *state;

	driver_offer_buffer(&f->driver, TX, 0, HDR - 1, false);
	driver_notify(&f->driver, TX);
	assert_broken(f, true);
}

static void test_writable_transmit(void **state)
{
	struct fixture *f = *state;

	driver_offer_buffer(&f->driver, TX, 0, 100, true);
	driver_notify(&f->driver, TX);
	assert_broken(f, true);
}

static void test_receive(void **state)
{
	struct fixture *f = *state;
	uint8_t *p = driver_offer_buffer(&f->driver, RX, 3, 100, true);
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 7, 3);
	uint8_t packet[HDR + 3];

	memcpy(packet, &hdr, HDR);
	memcpy(packet + HDR, "xyz", 3);
	driver_notify(&f->driver, RX);
	assert_int_equal(driver_used(&f->driver, RX)->idx, 0);
	assert_int_equal(write(f->channel, packet, sizeof(packet)), sizeof(packet));
	driver_run(&f->driver);

	assert_int_equal(driver_used(&f->driver, RX)->idx, 1);
	assert_int_equal(driver_used(&f->driver, RX)->ring[0].id, 3);
	assert_int_equal(driver_used(&f->driver, RX)->ring[0].len, sizeof(packet));
	assert_memory_equal(p, packet, sizeof(packet));
	assert_int_equal(driver_interrupts(&f->driver), 1);
}

/* While the guest has no buffers, packets wait in the channel, without busy waiting. */
static void test_receive_back_pressure(void **state)
{
	struct fixture *f = *state;
	uint8_t packet[HDR] = { 1 };

	assert_int_equal(write(f->channel, packet, HDR), HDR);
	assert_int_equal(write(f->channel, packet, HDR), HDR);
	driver_run(&f->driver);
	assert_int_equal(driver_used(&f->driver, RX)->idx, 0);
	assert_int_equal(f->vsock->channel.events, 0);
	assert_int_equal(driver_used(&f->driver, RX)->flags, 0);

	driver_offer_buffer(&f->driver, RX, 0, 100, true);
	driver_notify(&f->driver, RX);
	assert_int_equal(driver_used(&f->driver, RX)->idx, 1);
	assert_int_equal(f->vsock->channel.events, 0);

	driver_offer_buffer(&f->driver, RX, 1, 100, true);
	driver_offer_buffer(&f->driver, RX, 2, 100, true);
	driver_notify(&f->driver, RX);
	assert_int_equal(driver_used(&f->driver, RX)->idx, 2);
	assert_int_equal(f->vsock->channel.events, EPOLLIN);
	assert_int_equal(driver_used(&f->driver, RX)->flags, VRING_USED_F_NO_NOTIFY);
}

static void fill_channel(struct fixture *f)
{
	char byte[4096] = { 0 };

	while (write(f->vmm_channel, byte, sizeof(byte)) > 0)
		;
}

static void drain_channel(struct fixture *f)
{
	char byte[4096];

	while (read(f->channel, byte, sizeof(byte)) == sizeof(byte))
		;
}

static void test_transmit_back_pressure(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 7, 0);

	fill_channel(f);
	memcpy(driver_offer_buffer(&f->driver, TX, 0, HDR, false), &hdr, HDR);
	driver_notify(&f->driver, TX);
	assert_int_equal(driver_used(&f->driver, TX)->idx, 0);
	assert_true(f->vsock->channel.events & EPOLLOUT);

	drain_channel(f);
	driver_run(&f->driver);
	assert_int_equal(driver_used(&f->driver, TX)->idx, 1);
	assert_int_equal(f->vsock->channel.events, 0);
}

/* Chains as long as the queue: a batch takes only as many packets as fit. */
static void test_long_chains(void **state)
{
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 7, VIRTQUEUE_SIZE_MAX - 1);
	enum { CHAINS = 5 };
	struct fixture *f = *state;
	struct vring_desc *desc = driver_desc(&f->driver, TX);
	uint8_t packet[HDR + VIRTQUEUE_SIZE_MAX];

	memset(f->driver.bytes, 0, DRIVER_MEMORY);
	f->driver.queue_size = VIRTQUEUE_SIZE_MAX;
	driver_start(&f->driver, 0, QUEUES);
	memcpy(f->driver.bytes + DRIVER_DATA_ADDR, &hdr, HDR);
	for (unsigned int i = 0; i < VIRTQUEUE_SIZE_MAX; i++)
		desc[i] = (struct vring_desc){
			.addr = DRIVER_DATA_ADDR + (i ? HDR : 0), .len = i ? 1 : HDR,
			.flags = i + 1 < VIRTQUEUE_SIZE_MAX ? VRING_DESC_F_NEXT : 0,
			.next = i + 1,
		};
	for (int i = 0; i < CHAINS; i++)
		driver_offer(&f->driver, TX, 0);
	driver_notify(&f->driver, TX);
	for (int i = 0; i < CHAINS; i++)
		assert_int_equal(read(f->channel, packet, sizeof(packet)),
				 HDR + VIRTQUEUE_SIZE_MAX - 1);
	assert_int_equal(driver_used(&f->driver, TX)->idx, CHAINS);
	assert_int_equal(largest_batch, ARRAY_SIZE(f->vsock->iov) / VIRTQUEUE_SIZE_MAX);
	assert_broken(f, false);
}

static void test_many_packets(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 7, 0);
	uint8_t packet[200];

	for (int round = 0; round < 30; round++) {
		for (int i = 0; i < DRIVER_QUEUE_SIZE; i++)
			memcpy(driver_offer_buffer(&f->driver, TX, i, HDR, false), &hdr, HDR);
		driver_notify(&f->driver, TX);
		for (int i = 0; i < DRIVER_QUEUE_SIZE; i++)
			assert_int_equal(read(f->channel, packet, sizeof(packet)), HDR);
	}
	assert_int_equal(driver_used(&f->driver, TX)->idx, 30 * DRIVER_QUEUE_SIZE);
}

/* Valid packets before an invalid chain still count. */
static void test_bad_chain_after_good(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 7, 0);
	uint8_t packet[200];

	memcpy(driver_offer_buffer(&f->driver, TX, 0, HDR, false), &hdr, HDR);
	memcpy(driver_offer_buffer(&f->driver, TX, 1, HDR, false), &hdr, HDR);
	driver_offer_buffer(&f->driver, TX, 2, HDR - 1, false);
	driver_notify(&f->driver, TX);
	assert_int_equal(read(f->channel, packet, sizeof(packet)), HDR);
	assert_int_equal(read(f->channel, packet, sizeof(packet)), HDR);
	assert_int_equal(driver_used(&f->driver, TX)->idx, 2);
	assert_broken(f, true);
}

/* More than the first batch, less than the ring: one interrupt, no lost packets. */
static void test_receive_many(void **state)
{
	struct fixture *f = *state;
	uint8_t packet[HDR] = { 0 };

	for (int i = 0; i < DRIVER_QUEUE_SIZE; i++)
		driver_offer_buffer(&f->driver, RX, i, 100, true);
	driver_notify(&f->driver, RX);
	for (int i = 0; i < DRIVER_QUEUE_SIZE - 1; i++) {
		packet[0] = i;
		assert_int_equal(write(f->channel, packet, HDR), HDR);
	}
	driver_run(&f->driver);
	assert_int_equal(driver_used(&f->driver, RX)->idx, DRIVER_QUEUE_SIZE - 1);
	for (int i = 0; i < DRIVER_QUEUE_SIZE - 1; i++) {
		uint64_t addr = driver_desc(&f->driver, RX)[i].addr;

		assert_int_equal(driver_used(&f->driver, RX)->ring[i].id, i);
		assert_int_equal(f->driver.bytes[addr], i);
	}
	assert_int_equal(driver_interrupts(&f->driver), 1);
	assert_int_equal(f->vsock->channel.events, EPOLLIN);
}

/* With events instead of flags, only the named entry raises an interrupt. */
static void test_events(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 7, 0);
	uint16_t *used_event = &driver_avail(&f->driver, TX)->ring[DRIVER_QUEUE_SIZE];
	uint16_t *avail_event = (void *)&driver_used(&f->driver, TX)->ring[DRIVER_QUEUE_SIZE];

	memset(f->driver.bytes, 0, DRIVER_MEMORY);
	driver_start(&f->driver, 1U << VIRTIO_RING_F_EVENT_IDX, QUEUES);
	driver_run(&f->driver);
	driver_interrupts(&f->driver);
	*used_event = 1;
	for (int i = 0; i < 3; i++) {
		memcpy(driver_offer_buffer(&f->driver, TX, i, HDR, false), &hdr, HDR);
		driver_notify(&f->driver, TX);
		assert_int_equal(driver_interrupts(&f->driver), i == 1);
		assert_int_equal(*avail_event, i + 1);
	}
	assert_int_equal(driver_used(&f->driver, TX)->flags, 0);
}

static void test_small_receive_buffer(void **state)
{
	struct fixture *f = *state;

	driver_offer_buffer(&f->driver, RX, 0, HDR, true);
	driver_notify(&f->driver, RX);
	assert_broken(f, true);
}

static void test_readable_receive_buffer(void **state)
{
	struct fixture *f = *state;

	driver_offer_buffer(&f->driver, RX, 0, 100, false);
	driver_notify(&f->driver, RX);
	assert_broken(f, true);
}

static void test_reset(void **state)
{
	struct fixture *f = *state;
	uint8_t packet[HDR] = { 1 };

	driver_offer_buffer(&f->driver, RX, 0, 100, true);
	driver_notify(&f->driver, RX);
	assert_int_equal(f->vsock->channel.events, EPOLLIN);
	reg_write(&f->driver, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(f->vsock->channel.events, 0);
	assert_int_equal(write(f->channel, packet, HDR), HDR);
	driver_run(&f->driver);
	assert_int_equal(driver_used(&f->driver, RX)->idx, 0);
	assert_int_equal(reason(f), NE_EMU_EXIT_REASON_NONE);
}

/* A lack of memory neither ends the enclave nor loses a packet. */
static void test_no_memory(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 7, 0);
	uint8_t packet[200];

	no_memory = 3;
	memcpy(driver_offer_buffer(&f->driver, TX, 0, HDR, false), &hdr, HDR);
	driver_notify(&f->driver, TX);
	assert_int_equal(read(f->channel, packet, sizeof(packet)), HDR);
	assert_int_equal(driver_used(&f->driver, TX)->idx, 1);
	no_memory = 3;
	driver_offer_buffer(&f->driver, RX, 0, 100, true);
	assert_int_equal(write(f->channel, &hdr, HDR), HDR);
	driver_notify(&f->driver, RX);
	assert_int_equal(no_memory, 0);
	assert_int_equal(driver_used(&f->driver, RX)->idx, 1);
	assert_int_equal(reason(f), NE_EMU_EXIT_REASON_NONE);
}

/* The device enables SOCK_SEQPACKET in the kernel before the first packet, and disables it. */
static void test_seqpacket(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(seqpacket, 1);
	reg_write(&f->driver, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(seqpacket, 0);
	seqpacket = -1;
	driver_start(&f->driver, 1 << VIRTIO_VSOCK_F_SEQPACKET, QUEUES);
	assert_int_equal(seqpacket, -1);
	driver_run(&f->driver);
	assert_int_equal(seqpacket, 1);
	driver_start(&f->driver, 0, QUEUES);
	driver_run(&f->driver);
	assert_int_equal(seqpacket, 0);
}

static void test_interrupted(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 7, 0);

	interrupted = 3;
	memcpy(driver_offer_buffer(&f->driver, TX, 0, HDR, false), &hdr, HDR);
	driver_notify(&f->driver, TX);
	assert_int_equal(interrupted, 0);
	assert_int_equal(driver_used(&f->driver, TX)->idx, 1);
	assert_int_equal(reason(f), NE_EMU_EXIT_REASON_NONE);
}

/* Another file took over the address: no packets move any more, without endless retries. */
static void test_address_taken(void **state)
{
	struct fixture *f = *state;
	struct virtio_vsock_hdr hdr = make_hdr(VIRTIO_VSOCK_OP_RW, 7, 0);

	taken = true;
	for (unsigned int queue = RX; queue <= TX; queue++) {
		ending_exit(&f->ending);
		assert_int_equal(ending_init(&f->ending), 0);
		memcpy(driver_offer_buffer(&f->driver, queue, 0, HDR + 1, queue == RX), &hdr, HDR);
		driver_notify(&f->driver, queue);
		assert_int_equal(driver_used(&f->driver, queue)->idx, 0);
		assert_int_equal(reason(f), NE_EMU_EXIT_REASON_VMM_ERROR);
	}
}

static void test_channel_gone(void **state)
{
	struct fixture *f = *state;

	fd_close(&f->channel);
	driver_run(&f->driver);
	assert_int_equal(reason(f), NE_EMU_EXIT_REASON_VMM_ERROR);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_identity),
		T(test_transmit),
		T(test_transmit_scattered),
		T(test_heartbeat_is_seen),
		T(test_trace),
		T(test_other_packets_are_no_heartbeat),
		T(test_short_packet_is_dropped),
		T(test_no_header),
		T(test_writable_transmit),
		T(test_receive),
		T(test_receive_back_pressure),
		T(test_transmit_back_pressure),
		T(test_long_chains),
		T(test_many_packets),
		T(test_bad_chain_after_good),
		T(test_receive_many),
		T(test_events),
		T(test_small_receive_buffer),
		T(test_readable_receive_buffer),
		T(test_reset),
		T(test_no_memory),
		T(test_seqpacket),
		T(test_interrupted),
		T(test_address_taken),
		T(test_channel_gone),
	};

	log_init(LOG_ERR, NULL);	/* the tests break devices on purpose */
	return cmocka_run_group_tests_name("vsock_device", tests, NULL, NULL);
}
