// SPDX-License-Identifier: GPL-2.0-only
/*
 * ne_emu_vsock: connect requests of enclaves.
 *
 * The new socket is put into the listener's queue under the spinlock of the listener's
 * lock, if nobody owns that lock. Otherwise the request waits until the owner releases
 * it; the number of waiting requests is limited for each channel.
 */

#include <linux/slab.h>
#include <uapi/linux/nitro_enclaves_emu.h>

#include "compat.h"
#include "vsock.h"

/**
 * struct ne_vsock_pending - a request that waits for its listener
 * @node: link in &struct ne_vsock_chan.pending; the function that unlinks it frees the
 *	request
 * @chan: the channel, which cancels the request before it is freed
 * @listener: the listening socket, referenced
 * @hdr: header of the request
 * @wait: called when the owner releases the listener's lock
 * @work: tries the request again
 */
struct ne_vsock_pending {
	struct list_head node;
	struct ne_vsock_chan *chan;
	struct sock *listener;
	struct virtio_vsock_hdr hdr;
	struct wait_queue_entry wait;
	struct work_struct work;
};

/* Create the parent's end of the connection, which nothing else can find yet. */
static struct sock *ne_vsock_make_child(struct sock *listener, const struct virtio_vsock_hdr *hdr)
{
	struct sock *child = vsock_create_connected(listener);
	struct vsock_sock *vsk;
	int rc;

	if (!child)
		return NULL;

	vsk = vsock_sk(child);
	child->sk_state = TCP_ESTABLISHED;
	vsock_addr_init(&vsk->local_addr, NE_EMU_CID_PARENT, le32_to_cpu(hdr->dst_port));
	vsock_addr_init(&vsk->remote_addr, le64_to_cpu(hdr->src_cid), le32_to_cpu(hdr->src_port));

	lock_sock_nested(child, SINGLE_DEPTH_NESTING);
	rc = vsock_assign_transport(vsk, vsock_sk(listener));
	release_sock(child);
	if (rc || vsk->transport != &ne_vsock_transport.transport) {
		sock_put(child);
		return NULL;
	}

	/* If the guest has connected to CID 2, its packets must come from CID 2. */
	vsk->local_addr.svm_cid = le64_to_cpu(hdr->dst_cid);
	ne_vsock_update_credit(vsk, hdr);
	return child;
}

/* Return: 0, -ECONNREFUSED, or -EBUSY while the listener's lock is owned. */
static int ne_vsock_listener_check(struct sock *listener)
{
	lockdep_assert_held(&listener->sk_lock.slock);

	if (sock_owned_by_user_nocheck(listener))
		return -EBUSY;
	/* A listener that is being closed has already emptied its queue. */
	if (listener->sk_state != TCP_LISTEN || listener->sk_shutdown == SHUTDOWN_MASK ||
	    sk_acceptq_is_full(listener))
		return -ECONNREFUSED;
	return 0;
}

/* Return: as ne_vsock_listener_check(), or another errno; on failure nothing has changed. */
static int ne_vsock_enqueue_child(struct ne_vsock_chan *chan, struct sock *listener,
				  struct ne_vsock_conn *conn, struct sk_buff *response)
{
	struct sock *child = conn->sk;
	int rc;

	spin_lock_bh(&listener->sk_lock.slock);
	rc = ne_vsock_listener_check(listener);
	if (!rc)
		rc = ne_vsock_conn_insert(conn, chan);
	if (!rc) {
		vsock_insert_connected(vsock_sk(child));
		ne_vsock_enqueue_accept(listener, child);
		/* Queued before anything that the new socket sends. */
		if (ne_vsock_chan_queue(chan, response))
			kfree_skb(response);
	}
	spin_unlock_bh(&listener->sk_lock.slock);
	return rc;
}

static int ne_vsock_offer_child(struct ne_vsock_chan *chan, struct sock *listener,
				struct sock *child, const struct virtio_vsock_hdr *hdr)
{
	struct sk_buff *response;
	struct ne_vsock_conn *conn;
	int rc;

	conn = ne_vsock_conn_create(child);
	if (!conn)
		return -ENOMEM;

	response = ne_vsock_alloc_answer(hdr, VIRTIO_VSOCK_OP_RESPONSE, GFP_KERNEL);
	if (!response) {
		ne_vsock_conn_free(conn);
		return -ENOMEM;
	}
	virtio_vsock_skb_set_reply(response);
	virtio_transport_inc_tx_pkt(vsock_sk(child)->trans, response);

	rc = ne_vsock_enqueue_child(chan, listener, conn, response);
	if (rc) {
		kfree_skb(response);
		ne_vsock_conn_free(conn);
		return rc;
	}

	listener->sk_data_ready(listener);
	return 0;
}

/* Return: 0, -EBUSY while the listener's lock is owned, or another negative errno. */
static int ne_vsock_try_request(struct ne_vsock_chan *chan, struct sock *listener,
				const struct virtio_vsock_hdr *hdr)
{
	struct sock *child;
	int rc;

	spin_lock_bh(&listener->sk_lock.slock);
	rc = ne_vsock_listener_check(listener);
	spin_unlock_bh(&listener->sk_lock.slock);
	if (rc)
		return rc;

	child = ne_vsock_make_child(listener, hdr);
	if (!child)
		return -ECONNREFUSED;

	rc = ne_vsock_offer_child(chan, listener, child, hdr);
	if (rc)
		sock_put(child);
	return rc;
}

/* Called by release_sock(), under the spinlock of the sock lock, when its owner is gone. */
static int ne_vsock_pending_wake(struct wait_queue_entry *wait, unsigned int mode, int flags,
				 void *key)
{
	struct ne_vsock_pending *pending = container_of(wait, struct ne_vsock_pending, wait);

	list_del_init(&wait->entry);
	queue_work(ne_vsock_wq, &pending->work);
	return 0;
}

/* Have the request tried again when the listener's lock is free, or immediately. */
static void ne_vsock_pending_await(struct ne_vsock_pending *pending)
{
	struct sock *listener = pending->listener;
	bool owned;

	spin_lock_bh(&listener->sk_lock.slock);
	owned = sock_owned_by_user_nocheck(listener);
	if (owned)
		add_wait_queue(&listener->sk_lock.wq, &pending->wait);
	spin_unlock_bh(&listener->sk_lock.slock);

	if (!owned)
		queue_work(ne_vsock_wq, &pending->work);
}

static void ne_vsock_pending_free(struct ne_vsock_pending *pending)
{
	sock_put(pending->listener);
	kfree(pending);
}

/* Return: true if the caller now owns the request. */
static bool ne_vsock_pending_take(struct ne_vsock_pending *pending)
{
	struct ne_vsock_chan *chan = pending->chan;
	bool mine;

	spin_lock(&chan->pending_lock);
	mine = !list_empty(&pending->node);
	if (mine) {
		list_del_init(&pending->node);
		chan->nr_pending--;
	}
	spin_unlock(&chan->pending_lock);
	return mine;
}

static void ne_vsock_pending_work(struct work_struct *work)
{
	struct ne_vsock_pending *pending = container_of(work, struct ne_vsock_pending, work);
	struct ne_vsock_chan *chan = pending->chan;
	int rc = -EPIPE;

	/* Once GONE, ne_vsock_listen_cancel() owns the request, or waits for this work. */
	if (ne_vsock_chan_state(chan) == NE_VSOCK_LIVE)
		rc = ne_vsock_try_request(chan, pending->listener, &pending->hdr);
	if (rc == -EBUSY) {
		ne_vsock_pending_await(pending);
		return;
	}

	if (rc)
		ne_vsock_answer_rst(chan, &pending->hdr);
	if (ne_vsock_pending_take(pending))
		ne_vsock_pending_free(pending);
}

/* Return: 0 if the request waits; it then owns the reference to @listener. */
static int ne_vsock_pend(struct ne_vsock_chan *chan, struct sock *listener,
			 const struct virtio_vsock_hdr *hdr)
{
	struct ne_vsock_pending *pending = kzalloc(sizeof(*pending), GFP_KERNEL_ACCOUNT);
	int rc = 0;

	if (!pending)
		return -ENOMEM;

	pending->chan = chan;
	pending->listener = listener;
	pending->hdr = *hdr;
	init_waitqueue_func_entry(&pending->wait, ne_vsock_pending_wake);
	INIT_LIST_HEAD(&pending->wait.entry);
	INIT_WORK(&pending->work, ne_vsock_pending_work);

	spin_lock(&chan->pending_lock);
	if (ne_vsock_chan_state(chan) != NE_VSOCK_LIVE ||
	    chan->nr_pending >= NE_VSOCK_MAX_PENDING) {
		rc = -ECONNREFUSED;
	} else {
		list_add_tail(&pending->node, &chan->pending);
		chan->nr_pending++;
	}
	spin_unlock(&chan->pending_lock);
	if (rc) {
		kfree(pending);
		return rc;
	}

	ne_vsock_pending_await(pending);
	return 0;
}

/* Listeners are bound to CID 3 or to any CID, also for guests that connect to CID 2. */
static struct sock *ne_vsock_find_listener(const struct virtio_vsock_hdr *hdr)
{
	struct sockaddr_vm addr;
	struct sock *sk;

	vsock_addr_init(&addr, NE_EMU_CID_PARENT, le32_to_cpu(hdr->dst_port));
	sk = ne_vsock_find_bound(&addr);
	if (sk && ne_vsock_type(sk) != le16_to_cpu(hdr->type)) {
		sock_put(sk);
		sk = NULL;
	}
	return sk;
}

/**
 * ne_vsock_recv_request() - handle a connect request of a guest
 * @chan: channel of the guest
 * @hdr: header of the request
 *
 * Context: Process context, may sleep. Does not wait for sockets.
 * Return: 0, even if the request was refused; -ENOMEM, or -EPIPE if the channel is GONE.
 */
int ne_vsock_recv_request(struct ne_vsock_chan *chan, const struct virtio_vsock_hdr *hdr)
{
	struct sock *listener;
	int rc;

	if (le64_to_cpu(hdr->dst_cid) == VMADDR_CID_HOST)
		atomic_inc(&chan->to_host);

	listener = ne_vsock_find_listener(hdr);
	if (!listener)
		return ne_vsock_answer_rst(chan, hdr);

	rc = ne_vsock_try_request(chan, listener, hdr);
	if (rc == -EBUSY) {
		rc = ne_vsock_pend(chan, listener, hdr);
		if (!rc)
			return 0;
	}
	sock_put(listener);
	/* Ignore a repeated request of the same connection. */
	if (!rc || rc == -EADDRINUSE)
		return 0;
	return ne_vsock_answer_rst(chan, hdr);
}

/**
 * ne_vsock_listen_cancel() - drop the waiting connect requests of a channel
 * @chan: the channel, GONE
 *
 * Context: Process context, may sleep. Does not wait for sockets.
 */
void ne_vsock_listen_cancel(struct ne_vsock_chan *chan)
{
	struct ne_vsock_pending *pending;

	for (;;) {
		spin_lock(&chan->pending_lock);
		pending = list_first_entry_or_null(&chan->pending, struct ne_vsock_pending, node);
		if (pending) {
			list_del_init(&pending->node);
			chan->nr_pending--;
		}
		spin_unlock(&chan->pending_lock);
		if (!pending)
			return;

		/* Work that has seen the channel LIVE may have started to wait again. */
		cancel_work_sync(&pending->work);
		remove_wait_queue(&pending->listener->sk_lock.wq, &pending->wait);
		cancel_work_sync(&pending->work);
		ne_vsock_pending_free(pending);
	}
}
