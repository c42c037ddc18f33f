/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-vsock device: packets between the guest's rings and the channel fd. */

#ifndef NE_EMU_VMM_VIRTIO_VSOCK_H
#define NE_EMU_VMM_VIRTIO_VSOCK_H

#include "common/marks.h"
#include "vmm/ending.h"
#include "vmm/virtio/mmio.h"
#include "vmm/virtio/vsock_link.h"

#include <linux/nitro_enclaves_emu.h>
#include <linux/virtio_vsock.h>
#include <stdbool.h>
#include <stdint.h>

/* Packets handled in one go before interrupts are raised and other sources get a turn. */
#define VSOCK_BATCH	64

/**
 * struct vsock_counters - packets and their bytes, with headers, as the guest sees them
 * @tx_stalls: how often the parent had no room for more
 * @rx_stalls: how often the guest had no buffers for more
 */
struct vsock_counters {
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t tx_stalls;
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t rx_stalls;
};

/**
 * struct vsock - the device; the lock of @mmio protects all fields
 * @channel_fd: borrowed, non-blocking
 * @channel: waits for packets only while the guest has buffers, and for room only while a
 *	packet of the guest is pending
 * @seqpacket_told: the kernel knows whether the driver negotiated SOCK_SEQPACKET
 * @heartbeat_sent: the guest has requested the connection that launchers wait for
 * @sizes: bytes of each packet of a batch that is transmitted
 * @connected: it has also requested or accepted another connection
 * @marks: notes these two, or NULL
 * @link: the way of packets while faults on request are set
 * @packets: scratch, as are @heads and @iov: the chains of one batch
 */
struct vsock {
	struct virtio_mmio mmio;
	struct virtio_vsock_config config;
	int channel_fd;
	struct ending *ending;
	struct loop_source channel;
	bool tx_blocked;
	bool seqpacket_told;
	bool heartbeat_sent;
	struct vsock_counters counters;
	bool connected;
	struct marks *marks;
	struct vsock_link link;
	struct ne_emu_vsock_packet packets[VSOCK_BATCH];
	uint16_t heads[VSOCK_BATCH];
	uint32_t sizes[VSOCK_BATCH];
	struct iovec iov[2 * VIRTQUEUE_SIZE_MAX];
};

/**
 * vsock_create() - create the device of the guest with this CID
 *
 * Return: 0 or a negative errno.
 */
int vsock_create(const struct guest_memory *memory, struct loop *loop, int irq_fd,
		 int channel_fd, uint32_t cid, struct ending *ending, struct faults *faults,
		 struct vsock **ret_vsock);
void vsock_destroy(struct vsock *vsock);

/** vsock_heartbeat_sent() - Return: true if the guest has tried to send its heartbeat */
bool vsock_heartbeat_sent(struct vsock *vsock);

#endif
