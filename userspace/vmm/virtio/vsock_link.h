/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults on request of vsock: packets on their way between guest and host that wait, change,
 * or do not arrive.
 *
 * The device puts each packet into the link and takes those that are due. Packets of one
 * connection keep their order. The fate of a connection is decided at its first packet.
 */

#ifndef NE_EMU_VMM_VIRTIO_VSOCK_LINK_H
#define NE_EMU_VMM_VIRTIO_VSOCK_LINK_H

#include "vmm/faults.h"
#include "vmm/loop.h"

#include <linux/virtio_vsock.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* The largest packet of the kernel's channel. */
#define VSOCK_PACKET_MAX	(sizeof(struct virtio_vsock_hdr) + 64 * 1024)

/* The faults for which packets take this way. */
#define VSOCK_LINK_FAULTS \
	(FAULT_BIT(FAULT_HEARTBEAT) | FAULT_BIT(FAULT_HEARTBEAT_DELAY) | \
	 FAULT_BIT(FAULT_VSOCK_REFUSE) | FAULT_BIT(FAULT_VSOCK_RESET) | \
	 FAULT_BIT(FAULT_VSOCK_DELAY) | FAULT_BIT(FAULT_VSOCK_RATE) | MACHINE_FAULTS)

enum vsock_way { VSOCK_TO_HOST, VSOCK_TO_GUEST, NR_VSOCK_WAYS };

/**
 * struct vsock_held - a packet on its way
 * @due_ns: CLOCK_MONOTONIC from which it may be delivered
 */
struct vsock_held {
	TAILQ_ENTRY(vsock_held) node;
	int64_t due_ns;
	size_t len;
	uint8_t bytes[];
};

TAILQ_HEAD(vsock_held_list, vsock_held);
struct vsock_conn;
TAILQ_HEAD(vsock_conn_list, vsock_conn);

/**
 * struct vsock_link - the lock of the device protects it
 * @faults: borrowed; used on the main thread only
 * @applied: faults->applied when the connections were judged
 * @held: by @due_ns
 * @held_size: bytes of memory of each list
 * @conns: connections that some fault has hit, the latest last
 * @timer: expires when the next packet is due
 * @buffer: room for the largest packet; made when it is needed first
 */
struct vsock_link {
	struct faults *faults;
	unsigned int applied;
	uint32_t guest_cid;
	struct vsock_held_list held[NR_VSOCK_WAYS];
	size_t held_size[NR_VSOCK_WAYS];
	struct vsock_conn_list conns;
	unsigned int nr_conns;
	struct loop_source timer;
	uint8_t *buffer;
};

/**
 * vsock_link_init() - nothing is on its way
 * @call: called when a packet becomes due
 * @arg: its argument
 *
 * Return: 0 or a negative errno.
 */
int vsock_link_init(struct vsock_link *link, struct faults *faults, uint32_t guest_cid,
		    struct loop *loop, void (*call)(void *arg, uint32_t events), void *arg);
/** vsock_link_exit() - drop all packets */
void vsock_link_exit(struct vsock_link *link, struct loop *loop);
/** vsock_link_reset() - drop all packets and connections: the driver has reset the device */
void vsock_link_reset(struct vsock_link *link);

/** vsock_link_active() - do packets take this way now? */
static inline bool vsock_link_active(const struct vsock_link *link)
{
	return faults_armed(link->faults, VSOCK_LINK_FAULTS) || link->nr_conns ||
	       link->held_size[VSOCK_TO_HOST] || link->held_size[VSOCK_TO_GUEST];
}

/** vsock_link_prepare() - make @buffer; Return: 0 or -ENOMEM */
int vsock_link_prepare(struct vsock_link *link);
/** vsock_link_full() - must packets for this way wait where they are? */
bool vsock_link_full(const struct vsock_link *link, enum vsock_way way);

/**
 * vsock_link_put() - a packet starts on its way
 * @packet: header and payload
 * @len: length of both, which limits the length in the header
 *
 * Return: 0, or -ENOMEM (it is lost).
 */
int vsock_link_put(struct vsock_link *link, enum vsock_way way, const uint8_t *packet,
		   size_t len);

/** vsock_link_due() - Return: the next packet, if it is due now, or NULL */
struct vsock_held *vsock_link_due(struct vsock_link *link, enum vsock_way way);
/** vsock_link_pop() - the packet that vsock_link_due() has returned was delivered */
void vsock_link_pop(struct vsock_link *link, enum vsock_way way);
/** vsock_link_rest() - the first @len bytes of payload of the packet were delivered */
void vsock_link_rest(struct vsock_link *link, enum vsock_way way, size_t len);

/** vsock_link_expired() - the timer has expired */
void vsock_link_expired(struct vsock_link *link);
/** vsock_link_wait() - set the timer for the next packets that are not due yet */
void vsock_link_wait(struct vsock_link *link);

#endif
