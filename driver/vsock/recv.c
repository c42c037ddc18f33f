// SPDX-License-Identifier: GPL-2.0-only
/*
 * ne_emu_vsock: what a packet of an enclave does to the socket it is for.
 *
 * This stands in for virtio_transport_recv_pkt(), which waits for the socket's lock.
 * Like it, this fills the receive queue that the rest of virtio_transport_common reads.
 */

#include <uapi/linux/nitro_enclaves_emu.h>

#include "compat.h"
#include "vsock.h"

/* What to tell the socket when no lock is held any more. */
#define NE_VSOCK_READABLE	0x1
#define NE_VSOCK_WRITABLE	0x2
#define NE_VSOCK_CHANGED	0x4

/**
 * struct ne_vsock_rx - a packet on its way to a socket
 * @conn: the connection
 * @skb: the packet, or NULL once it is in the receive queue
 * @answer: packet for the guest, or NULL
 * @reset: the guest gets a RST
 * @tell: NE_VSOCK_READABLE and the like
 */
struct ne_vsock_rx {
	struct ne_vsock_conn *conn;
	struct sk_buff *skb;
	struct sk_buff *answer;
	bool reset;
	unsigned int tell;
};

/** ne_vsock_type() - VIRTIO_VSOCK_TYPE_* of a socket */
u16 ne_vsock_type(const struct sock *sk)
{
	return sk->sk_type == SOCK_SEQPACKET ? VIRTIO_VSOCK_TYPE_SEQPACKET :
					       VIRTIO_VSOCK_TYPE_STREAM;
}

/**
 * ne_vsock_alloc_answer() - make a packet that goes back to the sender of another
 * @hdr: header of the other packet
 * @op: VIRTIO_VSOCK_OP_*
 * @gfp: how to allocate
 *
 * Return: the packet, or NULL without memory.
 */
struct sk_buff *ne_vsock_alloc_answer(const struct virtio_vsock_hdr *hdr, u16 op, gfp_t gfp)
{
	struct sk_buff *skb = virtio_vsock_alloc_skb(VIRTIO_VSOCK_SKB_HEADROOM, gfp);

	if (!skb)
		return NULL;

	*virtio_vsock_hdr(skb) = (struct virtio_vsock_hdr) {
		.src_cid	= hdr->dst_cid,
		.src_port	= hdr->dst_port,
		.dst_cid	= hdr->src_cid,
		.dst_port	= hdr->src_port,
		.type		= hdr->type,
		.op		= cpu_to_le16(op),
	};
	return skb;
}

/**
 * ne_vsock_answer_rst() - tell the guest that nothing is where a packet went
 * @chan: the guest's channel
 * @hdr: header of the packet; a RST has no answer
 *
 * Context: Process context, may sleep.
 * Return: 0, -ENOMEM, or -EPIPE if the channel is GONE.
 */
int ne_vsock_answer_rst(struct ne_vsock_chan *chan, const struct virtio_vsock_hdr *hdr)
{
	struct sk_buff *rst;
	int rc;

	if (le16_to_cpu(hdr->op) == VIRTIO_VSOCK_OP_RST)
		return 0;

	rst = ne_vsock_alloc_answer(hdr, VIRTIO_VSOCK_OP_RST, GFP_KERNEL);
	if (!rst)
		return -ENOMEM;

	virtio_vsock_skb_set_reply(rst);
	rc = ne_vsock_chan_queue(chan, rst);
	if (rc)
		kfree_skb(rst);

	return rc == -ENOTCONN ? -EPIPE : rc;
}

/**
 * ne_vsock_update_credit() - note the space that the other end has
 * @vsk: the socket; its transport state stays meanwhile
 * @hdr: header of a packet from the other end
 */
void ne_vsock_update_credit(struct vsock_sock *vsk, const struct virtio_vsock_hdr *hdr)
{
	struct virtio_vsock_sock *vvs = vsk->trans;

	spin_lock_bh(&vvs->tx_lock);
	vvs->peer_buf_alloc = le32_to_cpu(hdr->buf_alloc);
	vvs->peer_fwd_cnt = le32_to_cpu(hdr->fwd_cnt);
	spin_unlock_bh(&vvs->tx_lock);
}

static bool ne_vsock_ends_message(struct sk_buff *skb)
{
	return virtio_vsock_hdr(skb)->flags & cpu_to_le32(VIRTIO_VSOCK_SEQ_EOM);
}

/*
 * Messages cannot share a buffer: there may be as many as the credit allows if each
 * takes what a buffer costs at least.
 */
static bool ne_vsock_rx_fits(struct ne_vsock_rx *rx, struct virtio_vsock_sock *vvs)
{
	u64 nr = (u64)skb_queue_len(&vvs->rx_queue) + 1;

	lockdep_assert_held(&vvs->rx_lock);

	if (rx->conn->type == VIRTIO_VSOCK_TYPE_SEQPACKET && nr * SKB_TRUESIZE(0) > vvs->buf_alloc)
		return false;

	return (u64)ne_vsock_buf_used(vvs) + rx->skb->len <= vvs->buf_alloc;
}

/*
 * Small packets share a buffer: each alone would cost many times its size. The reader
 * copies from a packet in the queue without @rx_lock; what is there stays where it is.
 */
static bool ne_vsock_rx_merge(struct ne_vsock_rx *rx, struct virtio_vsock_sock *vvs)
{
	struct sk_buff *last = skb_peek_tail(&vvs->rx_queue);
	struct sk_buff *skb = rx->skb;

	lockdep_assert_held(&vvs->rx_lock);

	if (!last || ne_vsock_ends_message(last) || skb_is_nonlinear(last) ||
	    skb_is_nonlinear(skb) || skb_tailroom(last) < skb->len)
		return false;

	skb_put_data(last, skb->data, skb->len);
	virtio_vsock_hdr(last)->flags |= virtio_vsock_hdr(skb)->flags;
	le32_add_cpu(&virtio_vsock_hdr(last)->len, skb->len);
	return true;
}

/* Return: false if the guest has sent more than its credit. */
static bool ne_vsock_rx_add(struct ne_vsock_rx *rx, struct virtio_vsock_sock *vvs)
{
	bool fits;

	spin_lock_bh(&vvs->rx_lock);
	fits = ne_vsock_rx_fits(rx, vvs);
	if (fits) {
		ne_vsock_count_received(vvs, rx->skb->len);
		if (ne_vsock_ends_message(rx->skb))
			vvs->msg_count++;
		if (!ne_vsock_rx_merge(rx, vvs)) {
			__skb_queue_tail(&vvs->rx_queue, rx->skb);
			rx->skb = NULL;
		}
	}
	spin_unlock_bh(&vvs->rx_lock);
	return fits;
}

static void ne_vsock_recv_data(struct ne_vsock_rx *rx)
{
	struct vsock_sock *vsk = vsock_sk(rx->conn->sk);

	/* An empty packet of a stream says nothing. */
	if (!rx->skb->len && rx->conn->type == VIRTIO_VSOCK_TYPE_STREAM)
		return;

	if (!ne_vsock_rx_add(rx, vsk->trans)) {
		ne_vsock_conn_close(rx->conn, ENOBUFS);
		rx->reset = true;
		return;
	}

	if (virtio_transport_stream_has_data(vsk) >= READ_ONCE(rx->conn->sk->sk_rcvlowat))
		rx->tell |= NE_VSOCK_READABLE;
}

static void ne_vsock_recv_shutdown(struct ne_vsock_rx *rx, u32 flags)
{
	struct vsock_sock *vsk = vsock_sk(rx->conn->sk);
	u32 shutdown = READ_ONCE(vsk->peer_shutdown);

	if (flags & VIRTIO_VSOCK_SHUTDOWN_RCV)
		shutdown |= RCV_SHUTDOWN;
	if (flags & VIRTIO_VSOCK_SHUTDOWN_SEND)
		shutdown |= SEND_SHUTDOWN;
	WRITE_ONCE(vsk->peer_shutdown, shutdown);
	rx->tell |= NE_VSOCK_CHANGED;
	if (shutdown != SHUTDOWN_MASK)
		return;

	if (virtio_transport_stream_has_data(vsk) > 0) {
		/* Our end answers when it is closed; the guest may use its port again. */
		ne_vsock_conn_forget_addr(rx->conn);
		vsock_remove_sock(vsk);
	} else {
		ne_vsock_conn_close(rx->conn, 0);
		rx->reset = true;
	}
}

/* The answer is advice: without memory there is none. */
static void ne_vsock_recv_credit_request(struct ne_vsock_rx *rx)
{
	rx->answer = ne_vsock_alloc_answer(virtio_vsock_hdr(rx->skb),
					   VIRTIO_VSOCK_OP_CREDIT_UPDATE, GFP_ATOMIC);
	if (rx->answer)
		virtio_transport_inc_tx_pkt(vsock_sk(rx->conn->sk)->trans, rx->answer);
}

static void ne_vsock_recv_connecting(struct ne_vsock_rx *rx, u16 op)
{
	switch (op) {
	case VIRTIO_VSOCK_OP_RESPONSE:
		ne_vsock_conn_establish(rx->conn);
		break;
	case VIRTIO_VSOCK_OP_RST:
		ne_vsock_conn_close(rx->conn, ECONNRESET);
		break;
	default:
		ne_vsock_conn_close(rx->conn, EPROTO);
		rx->reset = true;
	}
}

static void ne_vsock_recv_connected(struct ne_vsock_rx *rx, u16 op)
{
	switch (op) {
	case VIRTIO_VSOCK_OP_RW:
		ne_vsock_recv_data(rx);
		break;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		rx->tell |= NE_VSOCK_WRITABLE;
		break;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		ne_vsock_recv_credit_request(rx);
		break;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		ne_vsock_recv_shutdown(rx, le32_to_cpu(virtio_vsock_hdr(rx->skb)->flags));
		break;
	case VIRTIO_VSOCK_OP_RST:
		ne_vsock_conn_close(rx->conn, 0);
		break;
	default:
		/* Connecting twice changes nothing. */
		break;
	}
}

/* Return: false if the packet is for nobody. */
static bool ne_vsock_recv_locked(struct ne_vsock_rx *rx)
{
	const struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(rx->skb);
	struct ne_vsock_conn *conn = rx->conn;
	struct vsock_sock *vsk = vsock_sk(conn->sk);
	u16 op = le16_to_cpu(hdr->op);

	lockdep_assert_held(&conn->lock);

	if (conn->closed || le16_to_cpu(hdr->type) != conn->type)
		return false;

	ne_vsock_update_credit(vsk, hdr);
	if (virtio_transport_stream_has_space(vsk) > 0)
		rx->tell |= NE_VSOCK_WRITABLE;

	if (conn->connecting && !(conn->todo & NE_VSOCK_TODO_ESTABLISH))
		ne_vsock_recv_connecting(rx, op);
	else
		ne_vsock_recv_connected(rx, op);
	return true;
}

static void ne_vsock_tell(struct sock *sk, unsigned int what)
{
	if (what & NE_VSOCK_WRITABLE)
		sk->sk_write_space(sk);
	if (what & NE_VSOCK_READABLE)
		sk->sk_data_ready(sk);
	if (what & NE_VSOCK_CHANGED)
		sk->sk_state_change(sk);
}

/* Return: false if there is no such connection. */
static bool ne_vsock_recv_on(struct ne_vsock_rx *rx, const struct ne_vsock_addr *addr)
{
	bool found = false, unsettled;
	struct sock *sk = NULL;

	rcu_read_lock();
	rx->conn = ne_vsock_conn_find(addr);
	if (rx->conn) {
		spin_lock_bh(&rx->conn->lock);
		found = ne_vsock_recv_locked(rx);
		/* They may sleep, and may look at the connection. */
		if (rx->tell && refcount_inc_not_zero(&rx->conn->sk->sk_refcnt))
			sk = rx->conn->sk;
		unsettled = rx->conn->todo;
		spin_unlock_bh(&rx->conn->lock);
		if (unsettled)
			ne_vsock_conn_settle(rx->conn);
	}
	rcu_read_unlock();

	if (sk) {
		ne_vsock_tell(sk, rx->tell);
		sock_put(sk);
	}
	return found;
}

static int ne_vsock_recv_rest(struct ne_vsock_chan *chan, struct ne_vsock_rx *rx,
			      const struct virtio_vsock_hdr *hdr)
{
	if (rx->answer && ne_vsock_chan_queue(chan, rx->answer))
		kfree_skb(rx->answer);

	return rx->reset ? ne_vsock_answer_rst(chan, hdr) : 0;
}

/**
 * ne_vsock_recv() - hand a packet to the local socket it is for
 * @chan: the channel it came through
 * @skb: the packet, checked by the caller; owned by this function
 *
 * Waits for no socket, whatever its user does.
 *
 * Context: Process context, may sleep.
 * Return: 0, -ENOMEM, or -EPIPE if the channel is GONE.
 */
int ne_vsock_recv(struct ne_vsock_chan *chan, struct sk_buff *skb)
{
	struct virtio_vsock_hdr hdr = *virtio_vsock_hdr(skb);
	const struct ne_vsock_addr addr = {
		.remote_cid	= le64_to_cpu(hdr.src_cid),
		.remote_port	= le32_to_cpu(hdr.src_port),
		.local_port	= le32_to_cpu(hdr.dst_port),
		.local_cid	= le64_to_cpu(hdr.dst_cid),
	};
	struct ne_vsock_rx rx = { .skb = skb };
	int rc;

	if (ne_vsock_recv_on(&rx, &addr))
		rc = ne_vsock_recv_rest(chan, &rx, &hdr);
	else if (le16_to_cpu(hdr.op) == VIRTIO_VSOCK_OP_REQUEST)
		rc = ne_vsock_recv_request(chan, &hdr);
	else
		rc = ne_vsock_answer_rst(chan, &hdr);

	consume_skb(rx.skb);
	return rc;
}
