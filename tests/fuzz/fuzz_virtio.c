// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio devices, vsock and NSM, with a driver that writes any register and memory that
 * changes while they read it: whenever a device translates a guest address, calls the kernel
 * or gets the time or random bytes, the next change from the input is applied. That finds
 * what a racing vCPU would find, reproducibly.
 *
 * An input begins with the device and the number of changes, followed by the changes
 * (address, value) and then the steps; the first byte of each selects its kind.
 */

#include "fuzz.h"

#include "common/log.h"
#include "common/util.h"
#include "vmm/virtio/nsm.h"
#include "vmm/virtio/vsock.h"

#include <endian.h>
#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define CID		16
#define MEMORY_SIZE	(64 * KIB)
#define GUARD_SIZE	MIB
#define STEPS_MAX	100
#define CHANGES_MAX	64
/* Queue n: descriptors, then the driver's and the device's ring; data after all queues. */
#define QUEUE_ADDR(n)	((n) * 0x3000)
#define AVAIL_OFFSET	0x1000
#define USED_OFFSET	0x2000
#define DATA_ADDR	0x9000

static struct world {
	uint8_t *bytes;
	struct guest_memory memory;
	struct loop loop;
	struct ending ending;
	struct vsock *vsock;
	struct nsm *nsm;
	struct faults faults;
	struct nsm_device *nsm_device;
	struct virtio_mmio *device;
	int irq_fd, channel_fd;
	struct fuzz_script changes;
	struct fuzz_script kernel;	/* what the other end of the channel does */
	bool kernel_failed;
} w;

static void make_change(void)
{
	uint16_t at;

	if (!w.changes.left)
		return;
	at = fuzz_take(&w.changes, 2);
	w.bytes[at % MEMORY_SIZE] = fuzz_take(&w.changes, 1);
}

/* All memory that a device passes on must be inside the guest's. */
static void must_be_inside(const struct iovec *iov)
{
	const uint8_t *base = iov->iov_base;

	must(!iov->iov_len || (base >= w.bytes && iov->iov_len <= MEMORY_SIZE &&
			       base - w.bytes <= (ptrdiff_t)(MEMORY_SIZE - iov->iov_len)));
}

void *__real_memory_at(const struct guest_memory *memory, uint64_t gpa, uint64_t len);
void *__wrap_memory_at(const struct guest_memory *memory, uint64_t gpa, uint64_t len);
int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);

void *__wrap_memory_at(const struct guest_memory *memory, uint64_t gpa, uint64_t len)
{
	struct iovec iov = { __real_memory_at(memory, gpa, len), len };

	make_change();
	if (iov.iov_base)
		must_be_inside(&iov);
	return iov.iov_base;
}

/* While faults on request are set, packets take a way through the device's own memory. */
static void must_be_guests(const struct iovec *iov)
{
	if (!w.faults.armed)
		must_be_inside(iov);
}

/* Like the kernel, copy a packet and return a result for its header. */
static int32_t send_packet(const struct ne_emu_vsock_packet *packet)
{
	const struct iovec *iov = (const struct iovec *)(uintptr_t)packet->iov;
	size_t len = 0;
	volatile uint8_t sum = 0;

	must(packet->iov_count <= VIRTQUEUE_SIZE_MAX);
	for (uint32_t i = 0; i < packet->iov_count; i++) {
		must_be_guests(&iov[i]);
		for (size_t at = 0; at < iov[i].iov_len; at++)
			sum += ((const uint8_t *)iov[i].iov_base)[at];
		len += iov[i].iov_len;
	}
	must(len >= sizeof(struct virtio_vsock_hdr));
	return fuzz_take(&w.kernel, 1) & 1 ? -EINVAL : (int32_t)len;
}

static int32_t receive_packet(const struct ne_emu_vsock_packet *packet)
{
	const struct iovec *iov = (const struct iovec *)(uintptr_t)packet->iov;
	size_t len = sizeof(struct virtio_vsock_hdr) + fuzz_take(&w.kernel, 1), room = 0, done = 0;

	must(packet->iov_count <= VIRTQUEUE_SIZE_MAX);
	for (uint32_t i = 0; i < packet->iov_count; i++) {
		size_t n = MIN(len - done, iov[i].iov_len);

		must_be_guests(&iov[i]);
		if (n)
			memset(iov[i].iov_base, 0xa5, n);
		done += n;
		room += iov[i].iov_len;
	}
	must(room > sizeof(struct virtio_vsock_hdr));
	return done;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	static const int errors[] = { EAGAIN, ENOMEM, EINTR, EAGAIN, EPIPE };
	const struct ne_emu_vsock_batch *batch = arg;
	struct ne_emu_vsock_packet *packets;
	uint8_t how = fuzz_take(&w.kernel, 1);
	uint32_t n;

	if (fd != w.channel_fd)
		return __real_ioctl(fd, request, arg);
	make_change();
	if (request == NE_EMU_VSOCK_SEQPACKET)
		return 0;
	must(request == NE_EMU_VSOCK_SEND || request == NE_EMU_VSOCK_RECV);
	must(virtio_mmio_is_live(w.device));
	must(batch->count >= 1 && batch->count <= NE_EMU_VSOCK_MAX_BATCH);
	if (how >= 0xf8) {
		errno = errors[how % ARRAY_SIZE(errors)];
		w.kernel_failed |= errno == EPIPE;
		return -1;
	}
	packets = (struct ne_emu_vsock_packet *)(uintptr_t)batch->packets;
	for (n = 0; n < batch->count && (!n || n <= how); n++)
		packets[n].result = request == NE_EMU_VSOCK_SEND ? send_packet(&packets[n]) :
								   receive_packet(&packets[n]);
	return n;
}

static int entropy(void *arg, void *buf, size_t size)
{
	make_change();
	memset(buf, 0x5a, size);
	return 0;
}

static uint64_t clock_ms(void *arg)
{
	make_change();
	return 1772366400000ULL;	/* 2026-03-01 12:00:00 UTC */
}

static void reg_write(uint64_t offset, uint32_t value)
{
	virtio_mmio_ops.write(w.device, offset, &value, sizeof(value));
}

static void set_queue(unsigned int queue, unsigned int size_log)
{
	uint32_t addr = QUEUE_ADDR(queue);

	reg_write(VIRTIO_MMIO_QUEUE_SEL, queue);
	reg_write(VIRTIO_MMIO_QUEUE_READY, 0);
	reg_write(VIRTIO_MMIO_QUEUE_NUM, MIN(1U << size_log, w.device->queues[queue].max_size));
	reg_write(VIRTIO_MMIO_QUEUE_DESC_LOW, addr);
	reg_write(VIRTIO_MMIO_QUEUE_AVAIL_LOW, addr + AVAIL_OFFSET);
	reg_write(VIRTIO_MMIO_QUEUE_USED_LOW, addr + USED_OFFSET);
	memset(w.bytes + addr, 0, USED_OFFSET + 0x1000);
	reg_write(VIRTIO_MMIO_QUEUE_READY, 1);
}

/* Initialize a device as every driver does. */
static void start_driver(struct fuzz_script *script)
{
	uint8_t how = fuzz_take(script, 1);

	reg_write(VIRTIO_MMIO_STATUS, 0);
	reg_write(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	reg_write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(VIRTIO_MMIO_DRIVER_FEATURES, w.nsm_device ? 0 :
		  (how & 1U) << VIRTIO_VSOCK_F_SEQPACKET |
		  (how >> 1 & 1U) << VIRTIO_RING_F_EVENT_IDX);
	reg_write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(VIRTIO_MMIO_DRIVER_FEATURES, 1);
	reg_write(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		  VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned int i = 0; i < w.device->nr_queues; i++)
		set_queue(i, how >> 4 & 7);
	reg_write(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		  VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
}

/* Offer a chain: count and flags in one byte, then place and length of each descriptor. */
static void offer_chain(struct fuzz_script *script)
{
	unsigned int queue = fuzz_take(script, 1) % w.device->nr_queues;
	uint16_t size = MAX(w.device->queues[queue].size, 1U), head = fuzz_take(script, 1) % size;
	struct vring_desc *desc = (struct vring_desc *)(w.bytes + QUEUE_ADDR(queue));
	struct vring_avail *avail = (struct vring_avail *)((uint8_t *)desc + AVAIL_OFFSET);
	uint8_t how = fuzz_take(script, 1);
	unsigned int count = 1 + how % 8;

	if (size > VIRTQUEUE_SIZE_MAX)
		return;
	for (unsigned int i = 0; i < count; i++)
		desc[(head + i) % size] = (struct vring_desc){
			.addr = how & 0x10 ? fuzz_take(script, 8) :
					     DATA_ADDR + fuzz_take(script, 2) % 0x6000,
			.len = how & 0x20 ? fuzz_take(script, 4) : fuzz_take(script, 2) % 0x1000,
			.flags = (i + 1 < count ? VRING_DESC_F_NEXT : 0) |
				 (how & 0x40 ? VRING_DESC_F_WRITE : 0),
			.next = (head + i + 1) % size,
		};
	avail->ring[avail->idx % size] = head;
	avail->idx++;
}

static void write_memory(struct fuzz_script *script)
{
	uint16_t at = fuzz_take(script, 2);
	size_t n = fuzz_take(script, 1);

	(void)fuzz_take_bytes(script, w.bytes + at, MIN(n, (size_t)MEMORY_SIZE - at));
}

static void access_register(struct fuzz_script *script, bool write)
{
	uint64_t offset = fuzz_take(script, 2) % VIRTIO_MMIO_SIZE;
	size_t len = 1U << (fuzz_take(script, 1) & 3);
	uint8_t *bytes = malloc(len);	/* exact size, so that the sanitizer finds over-reads */

	if (write) {
		memset(bytes, 0, len);
		(void)fuzz_take_bytes(script, bytes, len);
		virtio_mmio_ops.write(w.device, offset, bytes, len);
	} else {
		virtio_mmio_ops.read(w.device, offset, bytes, len);
	}
	free(bytes);
}

/* Each chain that was taken has been answered, for any content of the memory. */
static void run_device(void)
{
	struct error error;

	must(!loop_run_once(&w.loop, 0));
	for (unsigned int i = 0; i < w.device->nr_queues; i++)
		must(w.device->queues[i].next_avail == w.device->queues[i].next_used);
	if (!w.kernel_failed)
		must(ending_get(&w.ending, &error) == NE_EMU_EXIT_REASON_NONE);
}

static void step(struct fuzz_script *script)
{
	switch (fuzz_take(script, 1) % 8) {
	case 0:
		start_driver(script);
		break;
	case 1:
	case 2:
		offer_chain(script);
		break;
	case 3:
		write_memory(script);
		break;
	case 4:
		access_register(script, true);
		break;
	case 5:
		access_register(script, false);
		break;
	case 6:
		reg_write(VIRTIO_MMIO_QUEUE_NOTIFY, fuzz_take(script, 1) & 3);
		break;
	case 7:
		run_device();
		break;
	}
}

static void set_up(bool nsm)
{
	static const struct nsm_config config = {
		.module_id = "i-0123456789abcdef0-enc0123456789abcdef",
		.entropy = entropy,
		.clock_ms = clock_ms,
	};

	if (!w.bytes) {
		w.bytes = mmap(NULL, MEMORY_SIZE + 2 * GUARD_SIZE, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		must(w.bytes != MAP_FAILED);
		w.bytes += GUARD_SIZE;
		must(!mprotect(w.bytes, MEMORY_SIZE, PROT_READ | PROT_WRITE));
	}
	memset(w.bytes, 0, MEMORY_SIZE);
	memory_init(&w.memory, w.bytes, MEMORY_SIZE);
	w.kernel_failed = false;
	w.irq_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w.channel_fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
	must(w.irq_fd >= 0 && w.channel_fd >= 0);
	must(!loop_init(&w.loop) && !ending_init(&w.ending));
	if (nsm) {
		must(!nsm_create(&config, &w.nsm));
		must(!nsm_device_create(&w.memory, &w.loop, w.irq_fd, w.nsm, &w.faults,
					&w.nsm_device));
		w.device = &w.nsm_device->mmio;
	} else {
		must(!vsock_create(&w.memory, &w.loop, w.irq_fd, w.channel_fd, CID, &w.ending,
				   &w.faults, &w.vsock));
		w.device = &w.vsock->mmio;
	}
}

static void tear_down(void)
{
	vsock_destroy(w.vsock);
	nsm_device_destroy(w.nsm_device);
	nsm_destroy(w.nsm);
	w.vsock = NULL;
	w.nsm_device = NULL;
	w.nsm = NULL;
	ending_exit(&w.ending);
	loop_exit(&w.loop);
	close(w.irq_fd);
	close(w.channel_fd);
}

/* @faults: as for fault_settings_scan() */
static void run_script(const uint8_t *data, size_t size, const char *faults)
{
	struct fuzz_script script = { data, size };
	struct fault_settings settings;
	bool nsm = fuzz_take(&script, 1) & 1;
	size_t changes = fuzz_take(&script, 1) % CHANGES_MAX * 3;

	must(!fault_settings_scan(&settings, faults, strlen(faults)));
	faults_apply(&w.faults, &settings);
	set_up(nsm);
	w.changes = (struct fuzz_script){ script.data, MIN(changes, script.left) };
	script.data += w.changes.left;
	script.left -= w.changes.left;
	/* The second half of the input, independent of what steps have used. */
	w.kernel = (struct fuzz_script){ data + size / 2, size - size / 2 };
	for (int i = 0; i < STEPS_MAX && script.left; i++)
		step(&script);
	run_device();
	tear_down();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_init(LOG_EMERG, NULL);
	run_script(data, size, "");
	run_script(data, size, "nsm-error=InternalError:p=0.3 nsm-latency=1ms:p=0.2 nsm-hang=on:p=0.1 "
		   "nsm-entropy=empty:p=0.5 heartbeat=twice:p=0.3 heartbeat-delay=1ms:p=0.3 "
		   "vsock-refuse=on:p=0.2 vsock-reset=100:p=0.3 vsock-delay=1ms:p=0.3 "
		   "vsock-rate=1M:p=0.3");
	return 0;
}
