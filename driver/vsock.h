/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ne_emu_vsock: private types, limits and lock rules.
 *
 * Lock order: chan->read_lock -> sock lock (AF_VSOCK core) -> RCU ->
 * chan->queue.lock; ne_vsock_route_lock -> chan->queue.lock. Delivering a packet
 * takes the sock lock, so ne_vsock_route_lock is never held then.
 * ne_vsock_batch.lock -> table lock of the AF_VSOCK core -> RCU.
 */

#ifndef NE_EMU_VSOCK_H
#define NE_EMU_VSOCK_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <linux/virtio_vsock.h>
#include <linux/wait.h>

struct iov_iter;
struct seq_file;

/* Answers (RST, RESPONSE) that may wait in a channel; more stop its writer. */
#define NE_VSOCK_MAX_REPLIES		256

/*
 * Packets without payload that may wait in a channel; beyond it local sockets get
 * ENOBUFS, but answers, which have a limit of their own, still find room: a lost
 * one would leave the guest waiting. Payload is bounded by credit, see
 * ne_vsock_stream_has_space().
 */
#define NE_VSOCK_MAX_CONTROL		8192

/*
 * Memory for one payload byte of a socket, at most, while it waits in a channel.
 * Writes of 512 bytes and more stay below without noticing.
 */
#define NE_VSOCK_OVERHEAD		4

/*
 * Packets that are looked at, under a spinlock, for one that can carry a credit
 * update. What waits can be far more: all that the sockets' credit allows.
 */
#define NE_VSOCK_MERGE_DEPTH		1024

/*
 * Memory for the payload of a socket while it waits in a channel, whatever its buffer,
 * which any user can make 4 GiB: the socket counts it in a refcount_t. A send that
 * began below it ends at twice that.
 */
#define NE_VSOCK_MAX_WAITING		(32U << 20)

/* Refused connects that may wait for the work item that tells the sockets. */
#define NE_VSOCK_MAX_REFUSED		1024

/* Delivered connect requests that are remembered to fail them on detach. */
#define NE_VSOCK_MAX_CONNECTING		128

/* What each packet begins with. */
#define NE_VSOCK_HDR_SIZE		sizeof(struct virtio_vsock_hdr)

/**
 * enum ne_vsock_state - life of a channel
 * @NE_VSOCK_NEW: opened, has no address
 * @NE_VSOCK_LIVE: attached, carries packets
 * @NE_VSOCK_GONE: closed, or another file took the address; final
 */
enum ne_vsock_state {
	NE_VSOCK_NEW,
	NE_VSOCK_LIVE,
	NE_VSOCK_GONE,
};

/**
 * struct ne_vsock_connect - a connect request that the reader has seen
 * @local_port: port of the local socket
 * @remote_port: port it connects to
 * @type: VIRTIO_VSOCK_TYPE_*
 */
struct ne_vsock_connect {
	u32 local_port;
	u32 remote_port;
	u16 type;
};

/**
 * struct ne_vsock_chan - one open file of the node, one address once attached
 * @ref: held by the file, and by ne_vsock_route_attach() while it detaches
 * @rcu: senders find channels under RCU
 * @state: enum ne_vsock_state; written under ne_vsock_route_lock and
 *	@queue.lock, read with ne_vsock_chan_state() or under either lock
 * @cid: CID of the enclave; constant once LIVE, before under ne_vsock_route_lock
 * @console: the address is CID 0, port NE_EMU_CONSOLE_PORT_BASE + @cid;
 *	as @cid
 * @seqpacket: the guest negotiated SOCK_SEQPACKET; lockless
 * @gone: completed when nothing of the address is left after a detach
 * @wait: readers and pollers
 * @read_lock: one reader at a time, so that the parts of a packet stay together
 * @queue: packets to the reader; its lock protects the fields below
 * @replies: answers among the packets not fully read
 * @control: packets without payload among those
 * @dropped: packets refused by NE_VSOCK_MAX_CONTROL
 * @nr_connecting: requests ever stored in @connecting
 * @connecting: ring of the last requests read
 * @malformed: packets refused with EINVAL; lockless
 */
struct ne_vsock_chan {
	struct kref ref;
	struct rcu_head rcu;
	enum ne_vsock_state state;
	u32 cid;
	bool console;
	bool seqpacket;
	struct completion gone;
	wait_queue_head_t wait;
	struct mutex read_lock; /* held while a packet is copied */
	struct sk_buff_head queue;
	u32 replies;
	u32 control;
	u32 dropped;
	u32 nr_connecting;
	struct ne_vsock_connect connecting[NE_VSOCK_MAX_CONNECTING];
	atomic_t malformed;
};

/* vsock_main.c: the transport. */
extern struct virtio_transport ne_vsock_transport;
void ne_vsock_deliver(struct sk_buff *skb);
bool ne_vsock_stream_allow(struct vsock_sock *vsk, u32 cid, u32 port);
bool ne_vsock_seqpacket_allow(struct vsock_sock *vsk, u32 cid);
int ne_vsock_send_pkt(struct sk_buff *skb, struct net *net);

/* vsock_route.c: which channel has an address. */
extern struct mutex ne_vsock_route_lock;
struct ne_vsock_chan *ne_vsock_route_find(u64 cid, u32 port);
int ne_vsock_route_attach(struct ne_vsock_chan *chan, u32 cid, bool console);
void ne_vsock_route_detach(struct ne_vsock_chan *chan);

/* vsock_chan.c: the channel object and its queue. */
struct ne_vsock_chan *ne_vsock_chan_create(void);
void ne_vsock_chan_put(struct ne_vsock_chan *chan);
void ne_vsock_chan_open(struct ne_vsock_chan *chan, u32 cid, bool console);
bool ne_vsock_chan_close(struct ne_vsock_chan *chan);
void ne_vsock_chan_flush(struct ne_vsock_chan *chan);
int ne_vsock_chan_queue(struct ne_vsock_chan *chan, struct sk_buff *skb);
struct sk_buff *ne_vsock_chan_dequeue(struct ne_vsock_chan *chan);
void ne_vsock_chan_requeue(struct ne_vsock_chan *chan, struct sk_buff *skb);
void ne_vsock_chan_done(struct ne_vsock_chan *chan, struct sk_buff *skb);
void ne_vsock_chan_cancel(struct ne_vsock_chan *chan, struct vsock_sock *vsk);
bool ne_vsock_chan_may_write(struct ne_vsock_chan *chan);
void ne_vsock_chan_show(struct ne_vsock_chan *chan, struct seq_file *m);

/* vsock_reset.c: RST packets and who gets them. */
struct sk_buff *ne_vsock_alloc_rst(u16 type, u64 src_cid, u32 src_port,
				   u64 dst_cid, u32 dst_port, gfp_t gfp);
struct sk_buff *ne_vsock_alloc_answer(const struct virtio_vsock_hdr *hdr, gfp_t gfp);
int ne_vsock_refuse(struct sk_buff *skb);
void ne_vsock_bounce(struct sk_buff *skb);
void ne_vsock_reset_peer(u16 type, u64 remote_cid, u32 remote_port, u32 local_port);
void ne_vsock_reset_orphans(void);
int ne_vsock_reset_init(void);
void ne_vsock_reset_exit(void);

/* vsock_packet.c: packets from and to the memory of the VMM. */
ssize_t ne_vsock_packet_read(struct ne_vsock_chan *chan, struct iov_iter *to);
ssize_t ne_vsock_packet_write(struct ne_vsock_chan *chan, struct iov_iter *from);
long ne_vsock_batch_recv(struct ne_vsock_chan *chan, void __user *arg);
long ne_vsock_batch_send(struct ne_vsock_chan *chan, void __user *arg);

/* vsock_dev.c: /dev/ne_emu_vsock. */
int ne_vsock_dev_init(void);
void ne_vsock_dev_exit(void);

/**
 * ne_vsock_chan_state() - look at the state without a lock
 * @chan: the channel
 *
 * Context: Any. When it says LIVE, the address fields are valid.
 * Return: the state; LIVE may be outdated at once, GONE is final.
 */
static inline enum ne_vsock_state ne_vsock_chan_state(const struct ne_vsock_chan *chan)
{
	/* Pairs with smp_store_release() in ne_vsock_chan_open(). */
	return smp_load_acquire(&chan->state);
}

#endif /* NE_EMU_VSOCK_H */
