/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences of the AF_VSOCK kernel interface between the supported kernels, confined
 * to this file. The module is written for the newest kernel. Kbuild searches the kernel's
 * headers and defines NE_HAVE_VSOCK_*; version tests would fail with backports.
 */

#ifndef NE_EMU_VSOCK_COMPAT_H
#define NE_EMU_VSOCK_COMPAT_H

#include <linux/virtio_vsock.h>
#include <net/net_namespace.h>

#include "vsock.h"

/*
 * In 7.0, stream_allow and seqpacket_allow got the socket as an argument, and
 * sockets got a per-namespace mode; Debian 6.12 has neither. Remove with
 * support for kernels below 7.0.
 */
#ifdef NE_HAVE_VSOCK_ALLOW_VSK
#define ne_vsock_compat_stream_allow	ne_vsock_stream_allow
#define ne_vsock_compat_seqpacket_allow	ne_vsock_seqpacket_allow
#define ne_vsock_in_global_mode(vsk)	vsock_net_mode_global(vsk)
#else
static inline bool ne_vsock_compat_stream_allow(u32 cid, u32 port)
{
	return ne_vsock_stream_allow(NULL, cid, port);
}

static inline bool ne_vsock_compat_seqpacket_allow(u32 cid)
{
	return ne_vsock_seqpacket_allow(NULL, cid);
}

#define ne_vsock_in_global_mode(vsk)	((void)(vsk), true)
#endif

/*
 * send_pkt and the search for a bound socket got the network namespace as an
 * argument in 7.0. Remove with support for kernels below 7.0.
 */
#ifdef NE_HAVE_VSOCK_PKT_NET
#define ne_vsock_compat_send_pkt	ne_vsock_send_pkt
#define ne_vsock_find_bound(addr) \
	vsock_find_bound_socket_net(addr, &init_net)
#else
static inline int ne_vsock_compat_send_pkt(struct sk_buff *skb)
{
	return ne_vsock_send_pkt(skb, &init_net);
}

#define ne_vsock_find_bound(addr)	vsock_find_bound_socket(addr)
#endif

/*
 * virtio_vsock_skb_put() was added in 6.17, and to 6.12 with 6.12.68, together with
 * packets whose payload is in fragments. On kernels without it,
 * virtio_vsock_alloc_skb() creates only linear packets. Remove with support for those
 * kernels.
 */
static inline void ne_vsock_compat_skb_put(struct sk_buff *skb, u32 len)
{
#ifdef NE_HAVE_VSOCK_SKB_PUT
	virtio_vsock_skb_put(skb, len);
#else
	skb_put(skb, len);
#endif
}

/*
 * Since 7.1 CIDs above 2 go to a guest-to-host transport only if it claims them
 * with has_remote_cid; before, they did if no host-to-guest transport was
 * loaded. Remove with support for kernels below 7.1.
 */
static inline void
ne_vsock_compat_claim_cids(struct vsock_transport *t,
			   bool (*claim)(struct vsock_sock *vsk, u32 cid))
{
#ifdef NE_HAVE_VSOCK_HAS_REMOTE_CID
	t->has_remote_cid = claim;
#endif
}

/*
 * Since 6.16, and in later stable kernels, the bytes that occupy a socket's receive
 * buffer and the bytes that can be read from it have separate counters; before, there was
 * only one. Remove with support for kernels with one counter.
 */
static inline u32 ne_vsock_buf_used(const struct virtio_vsock_sock *vvs)
{
#ifdef NE_HAVE_VSOCK_BUF_USED
	return vvs->buf_used;
#else
	return vvs->rx_bytes;
#endif
}

static inline void ne_vsock_count_received(struct virtio_vsock_sock *vvs, u32 len)
{
	lockdep_assert_held(&vvs->rx_lock);

	vvs->rx_bytes += len;
#ifdef NE_HAVE_VSOCK_BUF_USED
	vvs->buf_used += len;
#endif
}

/*
 * Kernels with vsock_pending_to_accept(), which moves a socket that is already counted,
 * count a socket in vsock_enqueue_accept(). On other kernels the caller must count it.
 * Remove with support for kernels without that function.
 */
static inline void ne_vsock_enqueue_accept(struct sock *listener, struct sock *child)
{
#ifndef NE_HAVE_VSOCK_ENQUEUE_COUNTS
	sk_acceptq_added(listener);
#endif
	vsock_enqueue_accept(listener, child);
}

#endif /* NE_EMU_VSOCK_COMPAT_H */
