// SPDX-License-Identifier: Apache-2.0
/* The vsock device between rings and a channel, which a packet socket replaces. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/log.h"
#include "vmm/virtio/vsock.h"
#include "virtio_driver.h"

#include <endian.h>
#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <poll.h>
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
	struct faults faults;
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
				      fds[1], CID, &f->ending, &f->faults, &f->vsock), 0);
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

/* Faults on request. */

static void set_faults(struct fixture *f, const char *text)
{
	struct fault_settings settings;

	assert_int_equal(fault_settings_scan(&settings, text, strlen(text)), 0);
	faults_apply(&f->faults, &settings);
}

/* Offer all buffers for packets to the guest, of @len bytes. */
static void offer_rx(struct fixture *f, uint32_t len)
{
	for (int i = 0; i < DRIVER_QUEUE_SIZE; i++)
		driver_offer_buffer(&f->driver, RX, i, len, true);
	driver_notify(&f->driver, RX);
}

/* The guest sends; the descriptor is free again at once. */
static void guest_sends(struct fixture *f, const struct virtio_vsock_hdr *hdr, const void *data)
{
	uint32_t len = le32toh(hdr->len);
	uint8_t *p = driver_offer_buffer(&f->driver, TX, 0, HDR + len, false);

	memcpy(p, hdr, HDR);
	if (len)
		memcpy(p + HDR, data, len);
	driver_notify(&f->driver, TX);
}

static void host_sends(struct fixture *f, const struct virtio_vsock_hdr *hdr, const void *data)
{
	uint8_t packet[HDR + 4096];
	size_t len = le32toh(hdr->len);

	memcpy(packet, hdr, HDR);
	if (len)
		memcpy(packet + HDR, data, len);
	assert_int_equal(write(f->channel, packet, HDR + len), HDR + len);
	driver_run(&f->driver);
}

/* A packet of the host's side of make_hdr()'s connection. */
static struct virtio_vsock_hdr make_reply(uint16_t op, uint32_t src_port, uint32_t len)
{
	return (struct virtio_vsock_hdr){
		.src_cid = htole64(3), .dst_cid = htole64(CID), .src_port = htole32(src_port),
		.dst_port = htole32(1000), .len = htole32(len),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM), .op = htole16(op),
	};
}

static void expect_at_host(struct fixture *f, const struct virtio_vsock_hdr *hdr,
			   const char *data)
{
	size_t len = strlen(data);
	uint8_t packet[HDR + 4096];

	assert_int_equal(read(f->channel, packet, sizeof(packet)), HDR + len);
	assert_memory_equal(packet, hdr, offsetof(struct virtio_vsock_hdr, flags));
	assert_memory_equal(packet + HDR, data, len);
}

static void expect_nothing_at_host(struct fixture *f)
{
	uint8_t packet[HDR];

	assert_int_equal(read(f->channel, packet, sizeof(packet)), -1);
	assert_int_equal(errno, EAGAIN);
}

/* The packet number @n, from 0, that the guest gets. */
static void expect_at_guest(struct fixture *f, unsigned int n,
			    const struct virtio_vsock_hdr *hdr, const char *data)
{
	struct vring_used *used = driver_used(&f->driver, RX);
	struct vring_used_elem *elem = &used->ring[n % DRIVER_QUEUE_SIZE];
	uint8_t *at = f->driver.bytes + driver_desc(&f->driver, RX)[elem->id].addr;

	assert_true(used->idx > n);
	assert_int_equal(elem->len, HDR + strlen(data));
	assert_memory_equal(at, hdr, offsetof(struct virtio_vsock_hdr, flags));
	assert_memory_equal(at + HDR, data, strlen(data));
}

static unsigned int nr_at_guest(struct fixture *f)
{
	return driver_used(&f->driver, RX)->idx;
}

#define RST		VIRTIO_VSOCK_OP_RST
#define REQUEST		VIRTIO_VSOCK_OP_REQUEST
#define RESPONSE	VIRTIO_VSOCK_OP_RESPONSE
#define RW		VIRTIO_VSOCK_OP_RW

static void test_refuse_guest(void **state)
{
	struct virtio_vsock_hdr request = make_hdr(REQUEST, 5000, 0);
	struct virtio_vsock_hdr other = make_hdr(REQUEST, 5001, 0);
	struct virtio_vsock_hdr rst = make_reply(RST, 5000, 0);
	struct fixture *f = *state;

	offer_rx(f, 100);
	set_faults(f, "vsock-refuse=on:from=guest:port=5000:count=1");
	guest_sends(f, &other, NULL);
	expect_at_host(f, &other, "");
	guest_sends(f, &request, NULL);
	expect_nothing_at_host(f);
	assert_int_equal(nr_at_guest(f), 1);
	expect_at_guest(f, 0, &rst, "");
	guest_sends(f, &request, NULL);
	expect_at_host(f, &request, "");
	assert_int_equal(nr_at_guest(f), 1);
}

static void test_refuse_host(void **state)
{
	struct virtio_vsock_hdr request = make_reply(REQUEST, 4000, 0);
	struct virtio_vsock_hdr rst = make_hdr(RST, 4000, 0);
	struct fixture *f = *state;

	offer_rx(f, 100);
	/* The port is that which the connection asks for: 1000, the guest's. */
	set_faults(f, "vsock-refuse=on:from=host:port=1000:after=1");
	host_sends(f, &request, NULL);
	expect_at_guest(f, 0, &request, "");
	host_sends(f, &request, NULL);
	assert_int_equal(nr_at_guest(f), 1);
	expect_at_host(f, &rst, "");
	expect_nothing_at_host(f);
	set_faults(f, "");
	host_sends(f, &request, NULL);
	expect_at_guest(f, 1, &request, "");
}

/* The bytes of both directions count, and no packet of either side passes afterwards. */
static void test_reset_after(void **state)
{
	struct virtio_vsock_hdr request = make_hdr(REQUEST, 5000, 0);
	struct virtio_vsock_hdr answer = make_reply(RW, 5000, 3);
	struct virtio_vsock_hdr data = make_hdr(RW, 5000, 4), part = make_hdr(RW, 5000, 2);
	struct virtio_vsock_hdr to_host = make_hdr(RST, 5000, 0);
	struct virtio_vsock_hdr to_guest = make_reply(RST, 5000, 0);
	struct fixture *f = *state;

	offer_rx(f, 100);
	set_faults(f, "vsock-reset=5:count=1");
	guest_sends(f, &request, NULL);
	expect_at_host(f, &request, "");
	host_sends(f, &answer, "abc");
	expect_at_guest(f, 0, &answer, "abc");
	guest_sends(f, &data, "defg");
	expect_at_host(f, &part, "de");
	expect_at_host(f, &to_host, "");
	expect_at_guest(f, 1, &to_guest, "");
	guest_sends(f, &data, "defg");
	host_sends(f, &answer, "abc");
	expect_nothing_at_host(f);
	assert_int_equal(nr_at_guest(f), 2);
	/* The same ports again: the next connection. */
	guest_sends(f, &request, NULL);
	expect_at_host(f, &request, "");
	guest_sends(f, &data, "defg");
	guest_sends(f, &data, "defg");
	expect_at_host(f, &data, "defg");
	expect_at_host(f, &data, "defg");
}

static void wait_for_host(struct fixture *f)
{
	struct pollfd pollfd = { .fd = f->channel, .events = POLLIN };

	while (!poll(&pollfd, 1, 0))
		assert_int_equal(loop_run_once(&f->driver.loop, 1000), 0);
}

/* Packets wait and keep their order; those of other connections pass. */
static void test_delay(void **state)
{
	struct virtio_vsock_hdr request = make_hdr(REQUEST, 5000, 0);
	struct virtio_vsock_hdr other = make_hdr(REQUEST, 5001, 0);
	struct virtio_vsock_hdr data = make_hdr(RW, 5000, 2);
	struct virtio_vsock_hdr reply = make_reply(RESPONSE, 5000, 0);
	int64_t start = clock_ms();
	struct fixture *f = *state;

	offer_rx(f, 100);
	set_faults(f, "vsock-delay=100ms:port=5000");
	guest_sends(f, &request, NULL);
	guest_sends(f, &data, "12");
	guest_sends(f, &other, NULL);
	assert_int_equal(driver_used(&f->driver, TX)->idx, 3);
	expect_at_host(f, &other, "");
	expect_nothing_at_host(f);
	wait_for_host(f);
	assert_in_range(clock_ms() - start, 100, 5000);
	expect_at_host(f, &request, "");
	wait_for_host(f);
	expect_at_host(f, &data, "12");

	start = clock_ms();
	host_sends(f, &reply, NULL);
	assert_int_equal(nr_at_guest(f), 0);
	while (!nr_at_guest(f))
		assert_int_equal(loop_run_once(&f->driver.loop, 1000), 0);
	assert_in_range(clock_ms() - start, 100, 5000);
	expect_at_guest(f, 0, &reply, "");
	/* Without the fault, packets of this connection pass at once. */
	set_faults(f, "");
	guest_sends(f, &data, "34");
	expect_at_host(f, &data, "34");
}

static void test_rate(void **state)
{
	struct virtio_vsock_hdr request = make_hdr(REQUEST, 5000, 0);
	struct virtio_vsock_hdr data = make_hdr(RW, 5000, 10);
	struct fixture *f = *state;
	int64_t start;

	set_faults(f, "vsock-rate=100");
	guest_sends(f, &request, NULL);
	expect_at_host(f, &request, "");
	start = clock_ms();
	guest_sends(f, &data, "0123456789");
	guest_sends(f, &data, "0123456789");
	expect_nothing_at_host(f);
	wait_for_host(f);
	assert_in_range(clock_ms() - start, 100, 5000);
	expect_at_host(f, &data, "0123456789");
	wait_for_host(f);
	assert_in_range(clock_ms() - start, 200, 5000);
	expect_at_host(f, &data, "0123456789");
}

/* What is held has a limit, beyond which packets stay with the guest. */
static void test_held_limit(void **state)
{
	struct virtio_vsock_hdr request = make_hdr(REQUEST, 5000, 0);
	struct virtio_vsock_hdr data = make_hdr(RW, 5000, 4000);
	static const char payload[4000];
	struct fixture *f = *state;
	unsigned int sent = 0, n;
	uint8_t packet[HDR + 4096];
	struct vsock_held *held;

	set_faults(f, "vsock-delay=60m");
	guest_sends(f, &request, NULL);
	for (n = 1; driver_used(&f->driver, TX)->idx == n; n++)
		guest_sends(f, &data, payload);
	/* One of the packets is still in the ring. */
	assert_in_range(n, MIB / (4096 + HDR) - 8, MIB / 4000 + 8);
	assert_true(f->vsock->link.held_size[VSOCK_TO_HOST] < MIB + 4096);
	/* The hour is over. */
	set_faults(f, "");
	TAILQ_FOREACH(held, &f->vsock->link.held[VSOCK_TO_HOST], node)
		held->due_ns = 0;
	driver_notify(&f->driver, TX);
	while (sent < n) {
		wait_for_host(f);
		assert_true(read(f->channel, packet, sizeof(packet)) >= (ssize_t)HDR);
		sent++;
	}
	assert_int_equal(driver_used(&f->driver, TX)->idx, n);
	expect_nothing_at_host(f);
	assert_int_equal(f->vsock->link.held_size[VSOCK_TO_HOST], 0);
}

/* A guest that floods the device with requests does not fill memory with refusals. */
static void test_refusals_limit(void **state)
{
	struct virtio_vsock_hdr request = make_hdr(REQUEST, 5000, 0);
	struct fixture *f = *state;
	unsigned int n;

	set_faults(f, "vsock-refuse=on");
	for (n = 0; driver_used(&f->driver, TX)->idx == (uint16_t)n && n < 60000; n++)
		guest_sends(f, &request, NULL);
	assert_in_range(n, 1000, 20000);
	assert_true(f->vsock->link.held_size[VSOCK_TO_GUEST] < MIB + 4096);
	offer_rx(f, 100);
	assert_int_equal(driver_used(&f->driver, TX)->idx, n);
	reg_write(&f->driver, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(f->vsock->link.held_size[VSOCK_TO_GUEST], 0);
}

/* The guest makes a buffer smaller while the packet for it waits. */
static void test_split(void **state)
{
	struct virtio_vsock_hdr request = make_reply(REQUEST, 4000, 0);
	struct virtio_vsock_hdr data = make_reply(RW, 4000, 6), part = data, rest = data;
	struct fixture *f = *state;

	offer_rx(f, 100);
	set_faults(f, "vsock-delay=50ms");
	host_sends(f, &request, NULL);
	host_sends(f, &data, "abcdef");
	driver_desc(&f->driver, RX)[1].len = HDR + 4;
	part.len = htole32(4);
	rest.len = htole32(2);
	while (nr_at_guest(f) < 3)
		assert_int_equal(loop_run_once(&f->driver.loop, 1000), 0);
	expect_at_guest(f, 1, &part, "abcd");
	expect_at_guest(f, 2, &rest, "ef");
}

#define BYTE	"\xb7"

/* The guest believes that it has reported, the host hears nothing of it. */
static void test_heartbeat_missing(void **state)
{
	struct virtio_vsock_hdr request = make_hdr(REQUEST, 9000, 0);
	struct virtio_vsock_hdr data = make_hdr(RW, 9000, 1);
	struct virtio_vsock_hdr response = make_reply(RESPONSE, 9000, 0);
	struct fixture *f = *state;

	offer_rx(f, 100);
	set_faults(f, "heartbeat=missing vsock-refuse=on");
	guest_sends(f, &request, NULL);
	expect_at_guest(f, 0, &response, "");
	guest_sends(f, &data, BYTE);
	expect_nothing_at_host(f);
	assert_int_equal(nr_at_guest(f), 1);
	assert_false(vsock_heartbeat_sent(f->vsock));
}

static void test_heartbeat_wrong(void **state)
{
	struct virtio_vsock_hdr request = make_hdr(REQUEST, 9000, 0);
	struct virtio_vsock_hdr data = make_hdr(RW, 9000, 1);
	struct fixture *f = *state;

	set_faults(f, "heartbeat=wrong");
	guest_sends(f, &request, NULL);
	expect_at_host(f, &request, "");
	assert_true(vsock_heartbeat_sent(f->vsock));
	guest_sends(f, &data, BYTE);
	expect_at_host(f, &data, "\x48");
	assert_memory_equal(f->driver.bytes + driver_desc(&f->driver, TX)[0].addr + HDR, BYTE, 1);
}

static void test_heartbeat_twice(void **state)
{
	struct virtio_vsock_hdr request = make_hdr(REQUEST, 9000, 0);
	struct virtio_vsock_hdr data = make_hdr(RW, 9000, 1);
	struct fixture *f = *state;

	set_faults(f, "heartbeat=twice:count=1");
	for (int i = 0; i < 2; i++) {
		guest_sends(f, &request, NULL);
		expect_at_host(f, &request, "");
		guest_sends(f, &data, BYTE);
		expect_at_host(f, &data, BYTE);
		if (!i)
			expect_at_host(f, &data, BYTE);
		expect_nothing_at_host(f);
	}
}

/* The guest gets its answer at once, the host the request later, and its answer is dropped. */
static void test_heartbeat_late(void **state)
{
	struct virtio_vsock_hdr request = make_hdr(REQUEST, 9000, 0);
	struct virtio_vsock_hdr data = make_hdr(RW, 9000, 1);
	struct virtio_vsock_hdr response = make_reply(RESPONSE, 9000, 0);
	struct virtio_vsock_hdr echo = make_reply(RW, 9000, 1);
	struct fixture *f = *state;
	int64_t start = clock_ms();

	offer_rx(f, 100);
	set_faults(f, "heartbeat-delay=100ms");
	guest_sends(f, &request, NULL);
	expect_at_guest(f, 0, &response, "");
	guest_sends(f, &data, BYTE);
	expect_nothing_at_host(f);
	assert_false(vsock_heartbeat_sent(f->vsock));
	wait_for_host(f);
	assert_in_range(clock_ms() - start, 100, 5000);
	assert_true(vsock_heartbeat_sent(f->vsock));
	expect_at_host(f, &request, "");
	host_sends(f, &response, NULL);
	wait_for_host(f);
	expect_at_host(f, &data, BYTE);
	host_sends(f, &echo, BYTE);
	assert_int_equal(nr_at_guest(f), 2);
	expect_at_guest(f, 1, &echo, BYTE);
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
		T(test_refuse_guest),
		T(test_refuse_host),
		T(test_reset_after),
		T(test_delay),
		T(test_rate),
		T(test_held_limit),
		T(test_refusals_limit),
		T(test_split),
		T(test_heartbeat_missing),
		T(test_heartbeat_wrong),
		T(test_heartbeat_twice),
		T(test_heartbeat_late),
	};

	log_init(LOG_ERR, NULL);	/* the tests break devices on purpose */
	return cmocka_run_group_tests_name("vsock_device", tests, NULL, NULL);
}
