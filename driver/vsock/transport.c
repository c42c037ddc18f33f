// SPDX-License-Identifier: GPL-2.0-only
/*
 * ne_emu_vsock: a guest-to-host AF_VSOCK transport with the addresses of EC2. The parent
 * has CID 3, an enclave has its own CID, and its console is CID 0, port 10000 + CID.
 * Connections to any other address through this transport are refused immediately.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <uapi/linux/nitro_enclaves_emu.h>

#include "compat.h"
#include "vsock.h"

static u32 ne_vsock_get_local_cid(void)
{
	return NE_EMU_CID_PARENT;
}

/*
 * Claim every CID that no host-to-guest transport has claimed. Connections to one without
 * a channel fail with ECONNRESET, instead of ENODEV from the core.
 */
static bool ne_vsock_has_remote_cid(struct vsock_sock *vsk, u32 cid)
{
	return true;
}

/**
 * ne_vsock_stream_allow() - check whether a socket may connect
 * @vsk: the socket, or NULL if the kernel does not pass it
 * @cid: CID of the destination
 * @port: port of the destination
 *
 * Enclaves belong to the host: sockets of a network namespace with its own CIDs cannot
 * reach them.
 *
 * Return: true if the socket may try, whether or not the destination exists.
 */
bool ne_vsock_stream_allow(struct vsock_sock *vsk, u32 cid, u32 port)
{
	return ne_vsock_in_global_mode(vsk);
}

/**
 * ne_vsock_seqpacket_allow() - check whether a peer supports SOCK_SEQPACKET
 * @vsk: the socket, or NULL if the kernel does not pass it
 * @cid: CID of the peer
 *
 * A CID without a channel is allowed, so that connect() fails with ECONNRESET.
 *
 * Return: false for consoles and for guests that did not negotiate it.
 */
bool ne_vsock_seqpacket_allow(struct vsock_sock *vsk, u32 cid)
{
	struct ne_vsock_chan *chan;

	if (!ne_vsock_in_global_mode(vsk) || cid == NE_EMU_CID_HYPERVISOR)
		return false;

	guard(rcu)();
	chan = ne_vsock_route_find(cid, 0);
	return !chan || READ_ONCE(chan->seqpacket);
}

/*
 * A sender has as much space as its credit, but none while its waiting packets occupy
 * NE_VSOCK_OVERHEAD times the socket's buffer. Otherwise the overhead of tiny packets
 * could occupy hundreds of times the credit. Freeing packets wakes the sender, see
 * sock_wfree().
 */
static s64 ne_vsock_stream_has_space(struct vsock_sock *vsk)
{
	struct sock *sk = sk_vsock(vsk);
	u64 buffer = max_t(u64, READ_ONCE(sk->sk_sndbuf), vsk->buffer_size);
	u64 limit = min_t(u64, NE_VSOCK_OVERHEAD * buffer, NE_VSOCK_MAX_WAITING);

	if (refcount_read(&sk->sk_wmem_alloc) > limit)
		return 0;

	return virtio_transport_stream_has_space(vsk);
}

static bool ne_vsock_msgzerocopy_allow(void)
{
	return true;
}

/* The core sends all that the credit allows at once; after a refusal it waits for space. */
static bool ne_vsock_waits_too_much(const struct sk_buff *skb)
{
	return skb->sk && skb->len &&
	       refcount_read(&skb->sk->sk_wmem_alloc) > 2 * NE_VSOCK_MAX_WAITING;
}

/**
 * ne_vsock_send_pkt() - queue a packet of a local socket
 * @skb: the packet; owned by this function
 * @net: namespace of the sender, always in global mode
 *
 * Packets are dropped once the peer is gone.
 *
 * Context: Process context, usually under the sock lock.
 * Return: the payload length, or a negative errno that the sender sees.
 */
int ne_vsock_send_pkt(struct sk_buff *skb, struct net *net)
{
	struct ne_vsock_chan *chan;
	int len = skb->len;
	int rc = -ENOTCONN;

	if (ne_vsock_waits_too_much(skb)) {
		kfree_skb(skb);
		return -ENOBUFS;
	}
	/* The guest identifies the connection by the CID to which it has connected. */
	if (skb->sk && vsock_sk(skb->sk)->local_addr.svm_cid == VMADDR_CID_HOST)
		virtio_vsock_hdr(skb)->src_cid = cpu_to_le64(VMADDR_CID_HOST);

	rcu_read_lock();
	chan = skb->sk ? ne_vsock_conn_chan(skb->sk) : NULL;
	if (chan)
		rc = ne_vsock_chan_queue(chan, skb);
	rcu_read_unlock();

	if (rc == -ENOTCONN) {
		virtio_transport_consume_skb_sent(skb, true);
		rc = 0;
	} else if (rc) {
		kfree_skb(skb);
	}

	return rc ?: len;
}

static int ne_vsock_connect(struct vsock_sock *vsk)
{
	int rc = ne_vsock_conn_begin(sk_vsock(vsk));

	if (rc)
		return rc;

	rc = virtio_transport_connect(vsk);
	if (rc < 0)
		ne_vsock_conn_drop(sk_vsock(vsk));
	return rc;
}

/* A socket that waits for the peer to confirm its shutdown keeps its connection. */
static void ne_vsock_release(struct vsock_sock *vsk)
{
	virtio_transport_release(vsk);
	if (sock_flag(sk_vsock(vsk), SOCK_DONE))
		ne_vsock_conn_drop(sk_vsock(vsk));
}

static void ne_vsock_destruct(struct vsock_sock *vsk)
{
	struct virtio_vsock_sock *vvs = vsk->trans;

	ne_vsock_conn_drop(sk_vsock(vsk));
	__skb_queue_purge(&vvs->rx_queue);
	virtio_transport_destruct(vsk);
}

/* Called when connect() is interrupted or times out. */
static int ne_vsock_cancel_pkt(struct vsock_sock *vsk)
{
	struct ne_vsock_chan *chan;

	rcu_read_lock();
	chan = ne_vsock_conn_chan(sk_vsock(vsk));
	if (chan)
		ne_vsock_chan_cancel(chan, vsk);
	rcu_read_unlock();

	ne_vsock_conn_drop(sk_vsock(vsk));
	return 0;
}

/* has_remote_cid, where it exists, is set by ne_vsock_transport_register(). */
struct virtio_transport ne_vsock_transport = {
	.transport = {
		.module			  = THIS_MODULE,

		.get_local_cid		  = ne_vsock_get_local_cid,

		.init			  = virtio_transport_do_socket_init,
		.destruct		  = ne_vsock_destruct,
		.release		  = ne_vsock_release,
		.connect		  = ne_vsock_connect,
		.shutdown		  = virtio_transport_shutdown,
		.cancel_pkt		  = ne_vsock_cancel_pkt,

		.dgram_bind		  = virtio_transport_dgram_bind,
		.dgram_dequeue		  = virtio_transport_dgram_dequeue,
		.dgram_enqueue		  = virtio_transport_dgram_enqueue,
		.dgram_allow		  = virtio_transport_dgram_allow,

		.stream_dequeue		  = virtio_transport_stream_dequeue,
		.stream_enqueue		  = virtio_transport_stream_enqueue,
		.stream_has_data	  = virtio_transport_stream_has_data,
		.stream_has_space	  = ne_vsock_stream_has_space,
		.stream_rcvhiwat	  = virtio_transport_stream_rcvhiwat,
		.stream_is_active	  = virtio_transport_stream_is_active,
		.stream_allow		  = ne_vsock_compat_stream_allow,

		.seqpacket_dequeue	  = virtio_transport_seqpacket_dequeue,
		.seqpacket_enqueue	  = virtio_transport_seqpacket_enqueue,
		.seqpacket_allow	  = ne_vsock_compat_seqpacket_allow,
		.seqpacket_has_data	  = virtio_transport_seqpacket_has_data,

		.msgzerocopy_allow	  = ne_vsock_msgzerocopy_allow,

		.notify_poll_in		  = virtio_transport_notify_poll_in,
		.notify_poll_out	  = virtio_transport_notify_poll_out,
		.notify_recv_init	  = virtio_transport_notify_recv_init,
		.notify_recv_pre_block	  = virtio_transport_notify_recv_pre_block,
		.notify_recv_pre_dequeue  = virtio_transport_notify_recv_pre_dequeue,
		.notify_recv_post_dequeue = virtio_transport_notify_recv_post_dequeue,
		.notify_send_init	  = virtio_transport_notify_send_init,
		.notify_send_pre_block	  = virtio_transport_notify_send_pre_block,
		.notify_send_pre_enqueue  = virtio_transport_notify_send_pre_enqueue,
		.notify_send_post_enqueue = virtio_transport_notify_send_post_enqueue,
		.notify_buffer_size	  = virtio_transport_notify_buffer_size,
		.notify_set_rcvlowat	  = virtio_transport_notify_set_rcvlowat,

		.unsent_bytes		  = virtio_transport_unsent_bytes,

		.read_skb		  = virtio_transport_read_skb,
	},

	.send_pkt = ne_vsock_compat_send_pkt,
};

/**
 * ne_vsock_transport_register() - become the guest-to-host transport of AF_VSOCK
 *
 * Return: 0, -EBUSY (another one is registered) or another negative errno.
 */
int ne_vsock_transport_register(void)
{
	int rc;

	ne_vsock_compat_claim_cids(&ne_vsock_transport.transport, ne_vsock_has_remote_cid);
	rc = vsock_core_register(&ne_vsock_transport.transport, VSOCK_TRANSPORT_F_G2H);
	if (rc == -EBUSY)
		pr_warn("another guest-to-host vsock transport is loaded; unload vmw_vsock_virtio_transport, hv_sock or vmw_vsock_vmci_transport first\n");
	return rc;
}

/**
 * ne_vsock_transport_unregister() - undo ne_vsock_transport_register()
 */
void ne_vsock_transport_unregister(void)
{
	vsock_core_unregister(&ne_vsock_transport.transport);
}
