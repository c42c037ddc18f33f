// SPDX-License-Identifier: GPL-2.0-only
/* ne_emu_vsock: RST packets, for what has no other end or has just lost it. */

#include <linux/workqueue.h>
#include <uapi/linux/nitro_enclaves_emu.h>

#include "vsock.h"

/* Connections that ne_vsock_reset_orphans() ends per look at the table. */
#define NE_VSOCK_RESET_BATCH	32

/**
 * struct ne_vsock_batch - connections without a channel
 * @lock: one collector at a time
 * @nr: how many are in @sk; under @lock and, inside, the core's table lock
 * @sk: each with a reference; as @nr
 */
static struct ne_vsock_batch {
	struct mutex lock; /* of the batch */
	unsigned int nr;
	struct sock *sk[NE_VSOCK_RESET_BATCH];
} ne_vsock_batch = {
	.lock = __MUTEX_INITIALIZER(ne_vsock_batch.lock),
};

static void ne_vsock_deliver_refused(struct work_struct *work);

/* RSTs on their way to sockets whose lock the sender held; has its own lock. */
static struct sk_buff_head ne_vsock_refused;
static DECLARE_WORK(ne_vsock_refused_work, ne_vsock_deliver_refused);
static struct workqueue_struct *ne_vsock_wq;

/**
 * ne_vsock_alloc_rst() - make a RST packet
 * @type: VIRTIO_VSOCK_TYPE_* of what is reset
 * @src_cid: source
 * @src_port: source
 * @dst_cid: destination
 * @dst_port: destination
 * @gfp: how to allocate
 *
 * Return: the packet, or NULL without memory.
 */
struct sk_buff *ne_vsock_alloc_rst(u16 type, u64 src_cid, u32 src_port,
				   u64 dst_cid, u32 dst_port, gfp_t gfp)
{
	struct sk_buff *skb = virtio_vsock_alloc_skb(VIRTIO_VSOCK_SKB_HEADROOM, gfp);

	if (!skb)
		return NULL;

	*virtio_vsock_hdr(skb) = (struct virtio_vsock_hdr) {
		.src_cid	= cpu_to_le64(src_cid),
		.src_port	= cpu_to_le32(src_port),
		.dst_cid	= cpu_to_le64(dst_cid),
		.dst_port	= cpu_to_le32(dst_port),
		.type		= cpu_to_le16(type),
		.op		= cpu_to_le16(VIRTIO_VSOCK_OP_RST),
	};
	return skb;
}

/**
 * ne_vsock_alloc_answer() - make the RST that goes back to a packet's sender
 * @hdr: header of the packet
 * @gfp: how to allocate
 *
 * Return: the packet, or NULL without memory.
 */
struct sk_buff *ne_vsock_alloc_answer(const struct virtio_vsock_hdr *hdr, gfp_t gfp)
{
	return ne_vsock_alloc_rst(le16_to_cpu(hdr->type),
				  le64_to_cpu(hdr->dst_cid), le32_to_cpu(hdr->dst_port),
				  le64_to_cpu(hdr->src_cid), le32_to_cpu(hdr->src_port),
				  gfp);
}

static bool ne_vsock_is_request(struct sk_buff *skb)
{
	return virtio_vsock_hdr(skb)->op == cpu_to_le16(VIRTIO_VSOCK_OP_REQUEST);
}

static void ne_vsock_deliver_refused(struct work_struct *work)
{
	struct sk_buff *skb;

	while ((skb = virtio_vsock_skb_dequeue(&ne_vsock_refused))) {
		ne_vsock_deliver(skb);
		cond_resched();
	}
}

static int ne_vsock_refuse_request(struct sk_buff *skb)
{
	struct sk_buff *rst;

	/* Exact enough: senders add one each at most beyond the limit. */
	if (skb_queue_len_lockless(&ne_vsock_refused) >= NE_VSOCK_MAX_REFUSED)
		return -ENOBUFS;

	rst = ne_vsock_alloc_answer(virtio_vsock_hdr(skb), GFP_KERNEL);
	if (!rst)
		return -ENOMEM;

	virtio_vsock_skb_queue_tail(&ne_vsock_refused, rst);
	queue_work(ne_vsock_wq, &ne_vsock_refused_work);
	return 0;
}

/**
 * ne_vsock_refuse() - consume a packet that has nowhere to go
 * @skb: from a local socket
 *
 * A connect request is answered with RST, from a work item because the socket
 * may be locked by the caller. Connections need no answer: losing the channel
 * resets them.
 *
 * Context: Process context, may sleep; the sock lock may be held.
 * Return: 0, or a negative errno if the request could not be answered.
 */
int ne_vsock_refuse(struct sk_buff *skb)
{
	int err = 0;

	if (ne_vsock_is_request(skb))
		err = ne_vsock_refuse_request(skb);

	virtio_transport_consume_skb_sent(skb, true);
	return err;
}

/**
 * ne_vsock_bounce() - consume a packet that was queued and will not be read
 * @skb: from a local socket
 *
 * As ne_vsock_refuse(), for callers that hold no lock of a socket.
 *
 * Context: Process context, may sleep; delivers to a socket.
 */
void ne_vsock_bounce(struct sk_buff *skb)
{
	struct sk_buff *rst = NULL;

	/* Small, and a lost answer would be a connect that hangs. */
	if (ne_vsock_is_request(skb))
		rst = ne_vsock_alloc_answer(virtio_vsock_hdr(skb),
					    GFP_KERNEL | __GFP_NOFAIL);

	virtio_transport_consume_skb_sent(skb, true);
	if (rst)
		ne_vsock_deliver(rst);
}

/**
 * ne_vsock_reset_peer() - reset a local socket in the name of the other end
 * @type: VIRTIO_VSOCK_TYPE_* of the socket
 * @remote_cid: the other end
 * @remote_port: the other end
 * @local_port: the local socket; nothing happens if there is none
 *
 * Context: Process context, may sleep; delivers to a socket.
 */
void ne_vsock_reset_peer(u16 type, u64 remote_cid, u32 remote_port, u32 local_port)
{
	ne_vsock_deliver(ne_vsock_alloc_rst(type, remote_cid, remote_port,
					    NE_EMU_CID_PARENT, local_port,
					    GFP_KERNEL | __GFP_NOFAIL));
}

/* Called under the spinlock of the core's table; addresses there are constant. */
static void ne_vsock_collect_orphan(struct sock *sk)
{
	struct sockaddr_vm *remote = &vsock_sk(sk)->remote_addr;
	struct ne_vsock_batch *batch = &ne_vsock_batch;
	bool live;

	lockdep_assert_held(&batch->lock);

	if (batch->nr == ARRAY_SIZE(batch->sk))
		return;

	rcu_read_lock();
	live = ne_vsock_route_find(remote->svm_cid, remote->svm_port);
	rcu_read_unlock();
	if (live)
		return;

	sock_hold(sk);
	batch->sk[batch->nr++] = sk;
}

static unsigned int ne_vsock_collect_orphans(struct sock **sks)
{
	struct ne_vsock_batch *batch = &ne_vsock_batch;

	guard(mutex)(&batch->lock);

	batch->nr = 0;
	vsock_for_each_connected_socket(&ne_vsock_transport.transport,
					ne_vsock_collect_orphan);
	memcpy(sks, batch->sk, batch->nr * sizeof(*sks));
	return batch->nr;
}

static void ne_vsock_reset_orphan(struct sock *sk)
{
	struct vsock_sock *vsk = vsock_sk(sk);
	u16 type = sk->sk_type == SOCK_SEQPACKET ? VIRTIO_VSOCK_TYPE_SEQPACKET :
						   VIRTIO_VSOCK_TYPE_STREAM;

	ne_vsock_reset_peer(type, vsk->remote_addr.svm_cid,
			    vsk->remote_addr.svm_port, vsk->local_addr.svm_port);

	/* The next enclave may connect from the same address to the same port. */
	vsock_remove_connected(vsk);
}

/**
 * ne_vsock_reset_orphans() - reset all connections that have no live channel
 *
 * They see what a reset by the other end is for AF_VSOCK: the data that has
 * come, then end of file; EPIPE on writing.
 *
 * Context: Process context, may sleep; delivers to sockets.
 */
void ne_vsock_reset_orphans(void)
{
	struct sock *sks[NE_VSOCK_RESET_BATCH];
	unsigned int i, nr;

	/* Each pass takes what it found out of the core's table. */
	do {
		nr = ne_vsock_collect_orphans(sks);
		for (i = 0; i < nr; i++) {
			ne_vsock_reset_orphan(sks[i]);
			sock_put(sks[i]);
			cond_resched();
		}
	} while (nr == ARRAY_SIZE(sks));
}

/** ne_vsock_reset_init() - before the transport is registered; errno or 0 */
int ne_vsock_reset_init(void)
{
	skb_queue_head_init(&ne_vsock_refused);

	ne_vsock_wq = alloc_ordered_workqueue("ne_emu_vsock", 0);
	return ne_vsock_wq ? 0 : -ENOMEM;
}

/** ne_vsock_reset_exit() - after the transport is unregistered */
void ne_vsock_reset_exit(void)
{
	destroy_workqueue(ne_vsock_wq);
	virtio_vsock_skb_queue_purge(&ne_vsock_refused);
}
