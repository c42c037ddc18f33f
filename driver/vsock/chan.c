// SPDX-License-Identifier: GPL-2.0-only
/* ne_emu_vsock: channels and their queues of packets for the VMM. */

#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <uapi/linux/nitro_enclaves_emu.h>

#include "vsock.h"

/**
 * ne_vsock_chan_create() - create a channel without an address
 *
 * Return: the channel with one reference, or NULL if out of memory.
 */
struct ne_vsock_chan *ne_vsock_chan_create(void)
{
	struct ne_vsock_chan *chan = kzalloc(sizeof(*chan), GFP_KERNEL_ACCOUNT);

	if (!chan)
		return NULL;

	kref_init(&chan->ref);
	init_completion(&chan->gone);
	init_waitqueue_head(&chan->wait);
	mutex_init(&chan->read_lock);
	skb_queue_head_init(&chan->queue);
	INIT_LIST_HEAD(&chan->conns);
	spin_lock_init(&chan->pending_lock);
	INIT_LIST_HEAD(&chan->pending);
	return chan;
}

static void ne_vsock_chan_free(struct kref *ref)
{
	struct ne_vsock_chan *chan = container_of(ref, struct ne_vsock_chan, ref);

	WARN_ON_ONCE(!skb_queue_empty(&chan->queue) || !list_empty(&chan->conns) ||
		     !list_empty(&chan->pending));
	kfree_rcu(chan, rcu);
}

/**
 * ne_vsock_chan_put() - drop a reference
 * @chan: the channel
 */
void ne_vsock_chan_put(struct ne_vsock_chan *chan)
{
	kref_put(&chan->ref, ne_vsock_chan_free);
}

/**
 * ne_vsock_chan_open() - give a NEW channel its address and make it LIVE
 * @chan: the channel
 * @cid: CID of the enclave
 * @console: see struct ne_vsock_chan
 *
 * Context: Process context under ne_vsock_route_lock.
 */
void ne_vsock_chan_open(struct ne_vsock_chan *chan, u32 cid, bool console)
{
	lockdep_assert_held(&ne_vsock_route_lock);

	chan->cid = cid;
	chan->console = console;

	spin_lock_bh(&chan->queue.lock);
	/* Pairs with ne_vsock_chan_state(). */
	smp_store_release(&chan->state, NE_VSOCK_LIVE);
	spin_unlock_bh(&chan->queue.lock);

	wake_up_interruptible_poll(&chan->wait, EPOLLOUT | EPOLLWRNORM);
}

/**
 * ne_vsock_chan_close() - make a channel GONE, after which nothing is queued
 * @chan: the channel
 *
 * Context: Process context under ne_vsock_route_lock.
 * Return: true if the channel was LIVE.
 */
bool ne_vsock_chan_close(struct ne_vsock_chan *chan)
{
	bool live;

	lockdep_assert_held(&ne_vsock_route_lock);

	spin_lock_bh(&chan->queue.lock);
	live = chan->state == NE_VSOCK_LIVE;
	WRITE_ONCE(chan->state, NE_VSOCK_GONE);
	spin_unlock_bh(&chan->queue.lock);

	wake_up_interruptible_poll(&chan->wait, EPOLLHUP | EPOLLIN);
	return live;
}

static u16 ne_vsock_op(struct sk_buff *skb)
{
	return le16_to_cpu(virtio_vsock_hdr(skb)->op);
}

static void ne_vsock_account(struct ne_vsock_chan *chan, struct sk_buff *skb)
{
	lockdep_assert_held(&chan->queue.lock);

	if (virtio_vsock_skb_reply(skb))
		WRITE_ONCE(chan->replies, chan->replies + 1);
	if (!skb->len)
		chan->control++;
}

/* The caller frees @skb or passes it on. */
static void ne_vsock_unaccount(struct ne_vsock_chan *chan, struct sk_buff *skb)
{
	lockdep_assert_held(&chan->queue.lock);

	if (!skb->len)
		chan->control--;
	if (!virtio_vsock_skb_reply(skb))
		return;

	WRITE_ONCE(chan->replies, chan->replies - 1);
	if (chan->replies == NE_VSOCK_MAX_REPLIES - 1)
		wake_up_interruptible_poll(&chan->wait, EPOLLOUT | EPOLLWRNORM);
}

/*
 * Fold the credit update in @skb into the last queued packet of the same connection if
 * that is near the tail. This saves the reader a packet, and bounds what a peer that asks
 * for credit, or a socket that reads, can queue.
 * Return: true if @skb is no longer needed.
 */
static bool ne_vsock_merge_credit(struct ne_vsock_chan *chan, struct sk_buff *skb)
{
	const struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	unsigned int depth = 0;
	struct sk_buff *last;

	lockdep_assert_held(&chan->queue.lock);

	if (ne_vsock_op(skb) != VIRTIO_VSOCK_OP_CREDIT_UPDATE)
		return false;

	skb_queue_reverse_walk(&chan->queue, last) {
		struct virtio_vsock_hdr *last_hdr = virtio_vsock_hdr(last);

		if (depth++ == NE_VSOCK_MERGE_DEPTH)
			return false;
		if (last_hdr->src_port != hdr->src_port ||
		    last_hdr->dst_port != hdr->dst_port ||
		    last_hdr->type != hdr->type)
			continue;
		if (ne_vsock_op(last) == VIRTIO_VSOCK_OP_RST)
			return false;

		last_hdr->buf_alloc = hdr->buf_alloc;
		last_hdr->fwd_cnt = hdr->fwd_cnt;
		return true;
	}

	return false;
}

/*
 * Return: true if the queue was empty. Only then readers must be woken: they drain the
 * queue before they wait.
 */
static bool ne_vsock_add(struct ne_vsock_chan *chan, struct sk_buff *skb)
{
	bool first = skb_queue_empty(&chan->queue);

	lockdep_assert_held(&chan->queue.lock);

	ne_vsock_account(chan, skb);
	__skb_queue_tail(&chan->queue, skb);
	return first;
}

/**
 * ne_vsock_chan_queue() - queue a packet for the reader
 * @chan: the channel
 * @skb: the packet; owned by the channel on success only
 *
 * Context: RCU read-side section or with a reference; no hard interrupt.
 * Return: 0, -ENOTCONN if the channel is not LIVE, -ENOBUFS if too many packets wait.
 */
int ne_vsock_chan_queue(struct ne_vsock_chan *chan, struct sk_buff *skb)
{
	bool merged = false, first = false;
	int rc = 0;

	spin_lock_bh(&chan->queue.lock);
	if (chan->state != NE_VSOCK_LIVE) {
		rc = -ENOTCONN;
	} else if (ne_vsock_merge_credit(chan, skb)) {
		merged = true;
	} else if (!skb->len && !virtio_vsock_skb_reply(skb) &&
		   chan->control >= NE_VSOCK_MAX_CONTROL) {
		chan->dropped++;
		rc = -ENOBUFS;
	} else {
		first = ne_vsock_add(chan, skb);
	}
	spin_unlock_bh(&chan->queue.lock);

	if (merged)
		consume_skb(skb);
	if (first)
		wake_up_interruptible_poll(&chan->wait, EPOLLIN | EPOLLRDNORM);

	return rc;
}

/**
 * ne_vsock_chan_dequeue() - remove the next packet from the queue to read it
 * @chan: the channel
 *
 * The packet counts as waiting until ne_vsock_chan_done().
 *
 * Context: Process context under @chan->read_lock.
 * Return: a packet for ne_vsock_chan_requeue() or ne_vsock_chan_done(), or NULL.
 */
struct sk_buff *ne_vsock_chan_dequeue(struct ne_vsock_chan *chan)
{
	lockdep_assert_held(&chan->read_lock);

	return virtio_vsock_skb_dequeue(&chan->queue);
}

/**
 * ne_vsock_chan_requeue() - put back a packet that was not read completely
 * @chan: the channel
 * @skb: from ne_vsock_chan_dequeue()
 *
 * Context: Process context under @chan->read_lock.
 */
void ne_vsock_chan_requeue(struct ne_vsock_chan *chan, struct sk_buff *skb)
{
	bool live;

	lockdep_assert_held(&chan->read_lock);

	spin_lock_bh(&chan->queue.lock);
	live = chan->state == NE_VSOCK_LIVE;
	if (live)
		__skb_queue_head(&chan->queue, skb);
	else
		ne_vsock_unaccount(chan, skb);
	spin_unlock_bh(&chan->queue.lock);

	/* Another reader may have started to wait while the queue was empty. */
	if (live)
		wake_up_interruptible_poll(&chan->wait, EPOLLIN | EPOLLRDNORM);
	else
		virtio_transport_consume_skb_sent(skb, true);
}

/**
 * ne_vsock_chan_done() - free a packet that was read completely
 * @chan: the channel
 * @skb: from ne_vsock_chan_dequeue(); freed
 *
 * Context: Process context under @chan->read_lock.
 */
void ne_vsock_chan_done(struct ne_vsock_chan *chan, struct sk_buff *skb)
{
	lockdep_assert_held(&chan->read_lock);

	spin_lock_bh(&chan->queue.lock);
	ne_vsock_unaccount(chan, skb);
	spin_unlock_bh(&chan->queue.lock);

	virtio_transport_consume_skb_sent(skb, true);
}

/**
 * ne_vsock_chan_purge() - drop the queued packets of a closed channel
 * @chan: the channel, GONE
 *
 * Context: Process context, may sleep. Once per channel.
 */
void ne_vsock_chan_purge(struct ne_vsock_chan *chan)
{
	struct sk_buff_head waiting;
	struct sk_buff *skb;

	__skb_queue_head_init(&waiting);

	spin_lock_bh(&chan->queue.lock);
	skb_queue_splice_init(&chan->queue, &waiting);
	spin_unlock_bh(&chan->queue.lock);

	while ((skb = __skb_dequeue(&waiting))) {
		spin_lock_bh(&chan->queue.lock);
		ne_vsock_unaccount(chan, skb);
		spin_unlock_bh(&chan->queue.lock);
		virtio_transport_consume_skb_sent(skb, true);
		cond_resched();
	}
}

/**
 * ne_vsock_chan_cancel() - drop the unread packets of a socket
 * @chan: the channel
 * @vsk: the socket, whose connect() has failed
 *
 * Context: RCU read-side section.
 */
void ne_vsock_chan_cancel(struct ne_vsock_chan *chan, struct vsock_sock *vsk)
{
	struct sk_buff_head cancelled;
	struct sk_buff *skb, *next;

	__skb_queue_head_init(&cancelled);

	spin_lock_bh(&chan->queue.lock);
	skb_queue_walk_safe(&chan->queue, skb, next) {
		if (skb->sk != sk_vsock(vsk))
			continue;
		__skb_unlink(skb, &chan->queue);
		ne_vsock_unaccount(chan, skb);
		__skb_queue_tail(&cancelled, skb);
	}
	spin_unlock_bh(&chan->queue.lock);

	__skb_queue_purge(&cancelled);
}

/**
 * ne_vsock_chan_may_write() - check whether an answer to one more packet has room
 * @chan: the channel
 *
 * Context: Any; each concurrent writer may exceed the limit by one.
 * Return: true if a packet may be written.
 */
bool ne_vsock_chan_may_write(struct ne_vsock_chan *chan)
{
	return READ_ONCE(chan->replies) < NE_VSOCK_MAX_REPLIES;
}

/**
 * ne_vsock_chan_show() - describe the channel for /proc/PID/fdinfo/FD
 * @chan: the channel
 * @m: receives the description
 *
 * Context: Process context.
 */
void ne_vsock_chan_show(struct ne_vsock_chan *chan, struct seq_file *m)
{
	static const char * const states[] = {
		[NE_VSOCK_NEW] = "new",
		[NE_VSOCK_LIVE] = "live",
		[NE_VSOCK_GONE] = "gone",
	};
	u32 queued, replies, control, dropped;
	enum ne_vsock_state state;

	spin_lock_bh(&chan->queue.lock);
	state = chan->state;
	queued = skb_queue_len(&chan->queue);
	replies = chan->replies;
	control = chan->control;
	dropped = chan->dropped;
	spin_unlock_bh(&chan->queue.lock);

	seq_printf(m, "state:\t%s\n", states[state]);
	if (state == NE_VSOCK_LIVE)
		seq_printf(m, "cid:\t%u\nconsole:\t%u\n", chan->cid, chan->console);
	seq_printf(m, "seqpacket:\t%u\n", READ_ONCE(chan->seqpacket));
	seq_printf(m, "queued:\t%u\nreplies:\t%u\ncontrol:\t%u\n",
		   queued, replies, control);
	seq_printf(m, "dropped:\t%u\nmalformed:\t%u\nto-host:\t%u\n", dropped,
		   atomic_read(&chan->malformed), atomic_read(&chan->to_host));
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/chan_kunit.c"
#endif
