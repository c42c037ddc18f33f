// SPDX-License-Identifier: GPL-2.0-only
/*
 * ne_emu_vsock: delivery of packets from enclaves to local sockets.
 *
 * Replaces virtio_transport_recv_pkt(), which waits for the socket's lock. Fills the same
 * receive queue, from which the rest of virtio_transport_common reads.
 */

#include <uapi/linux/nitro_enclaves_emu.h>

#include "compat.h"
#include "vsock.h"

/* Callbacks of the socket to call once no lock is held. */
#define NE_VSOCK_READABLE	0x1
#define NE_VSOCK_WRITABLE	0x2
#define NE_VSOCK_CHANGED	0x4

/**
 * struct ne_vsock_rx - a packet that is being delivered to a socket
 * @conn: the connection
 * @skb: the packet, or NULL once it is in the receive queue
 * @answer: packet to send to the guest, or NULL
 * @reset: send the guest a RST
 * @tell: callbacks to call: NE_VSOCK_READABLE, NE_VSOCK_WRITABLE, NE_VSOCK_CHANGED
 */
struct ne_vsock_rx {
	struct ne_vsock_conn *conn;
	struct sk_buff *skb;
	struct sk_buff *answer;
	bool reset;
	unsigned int tell;
};

/**
 * ne_vsock_type() - get the type of a socket
 * @sk: the socket
 *
 * Return: VIRTIO_VSOCK_TYPE_*.
 */
u16 ne_vsock_type(const struct sock *sk)
{
	return sk->sk_type == SOCK_SEQPACKET ? VIRTIO_VSOCK_TYPE_SEQPACKET :
					       VIRTIO_VSOCK_TYPE_STREAM;
}

/**
 * ne_vsock_alloc_answer() - allocate an answer to a packet
 * @hdr: header of the packet
 * @op: VIRTIO_VSOCK_OP_*
 * @gfp: how to allocate
 *
 * Return: the answer, or NULL if out of memory.
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
 * ne_vsock_answer_rst() - answer a packet with RST
 * @chan: channel of the guest
 * @hdr: header of the packet; a RST gets no answer
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
 * ne_vsock_update_credit() - store the credit that a peer has sent
 * @vsk: the socket, whose transport state must stay during the call
 * @hdr: header of a packet from the peer
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
 * Messages cannot share a buffer, so their number is limited as well: each counts as at
 * least the minimum cost of a buffer.
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
 * Small packets share a buffer; one buffer for each would cost many times its size. The
 * reader copies from a queued packet without @rx_lock, so data in it must not move.
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

	/* An empty packet of a stream has no meaning. */
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
		/* close() will answer; until then the guest may already reuse its port. */
		ne_vsock_conn_forget_addr(rx->conn);
		vsock_remove_sock(vsk);
	} else {
		ne_vsock_conn_close(rx->conn, 0);
		rx->reset = true;
	}
}

/* The answer is optional: skip it if out of memory. */
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
		/* Ignore a repeated connect request or response. */
		break;
	}
}

/* Return: false if the packet does not belong to the connection. */
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
		/* Call these later: they may sleep, and look up the connection. */
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
 * ne_vsock_recv() - deliver a packet to its local socket
 * @chan: the channel it came through
 * @skb: the packet, checked by the caller; owned by this function
 *
 * Context: Process context, may sleep. Does not wait for sockets.
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
