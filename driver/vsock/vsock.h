/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ne_emu_vsock: private types, limits and lock rules. main.c describes how they work
 * together.
 *
 * Lock order: chan->read_lock -> RCU -> chan->queue.lock; ne_vsock_route_lock ->
 * chan->queue.lock; sock lock (AF_VSOCK core) -> conn->lock -> spinlock of the sock
 * lock -> ne_vsock_conns.lock, table lock of the AF_VSOCK core, chan->queue.lock.
 */

#ifndef NE_EMU_VSOCK_H
#define NE_EMU_VSOCK_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/virtio_vsock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/sock.h>

struct iov_iter;
struct seq_file;

/* Answers (RST, RESPONSE) that may wait in a channel; beyond it writes get EAGAIN. */
#define NE_VSOCK_MAX_REPLIES		256

/*
 * Packets without payload that may wait in a channel; beyond it local sockets get
 * ENOBUFS. Answers have their own limit and are still queued: a lost answer would
 * leave the guest waiting. Payload is bounded by credit, see
 * ne_vsock_stream_has_space().
 */
#define NE_VSOCK_MAX_CONTROL		8192

/*
 * Maximum memory per payload byte of a socket while it waits in a channel. Writes of 512
 * bytes and more never reach it.
 */
#define NE_VSOCK_OVERHEAD		4

/*
 * Packets searched, under a spinlock, for one that can carry a credit update. The queue
 * can be far longer: as much as the credit of the sockets allows.
 */
#define NE_VSOCK_MERGE_DEPTH		1024

/*
 * Maximum memory for the payload of a socket while it waits in a channel. The buffer of
 * the socket is not a limit: any user can set it to 4 GiB, but the socket counts this
 * memory in a refcount_t. A send that begins below the limit may reach twice the limit.
 */
#define NE_VSOCK_MAX_WAITING		(32U << 20)

/*
 * Connect requests of a guest that may wait while the lock of the listening socket is
 * held; further ones are refused, as with a full backlog.
 */
#define NE_VSOCK_MAX_PENDING		128

/*
 * Stream payload of less than NE_VSOCK_SMALL bytes is received into a buffer with room
 * for later packets, of NE_VSOCK_SHARED_SIZE bytes including all overhead.
 */
#define NE_VSOCK_SMALL			256
#define NE_VSOCK_SHARED_SIZE		2048

/* Size of the header of each packet. */
#define NE_VSOCK_HDR_SIZE		sizeof(struct virtio_vsock_hdr)

/**
 * enum ne_vsock_state - state of a channel
 * @NE_VSOCK_NEW: open, without an address
 * @NE_VSOCK_LIVE: attached, carries packets
 * @NE_VSOCK_GONE: closed, or another file took the address; final
 */
enum ne_vsock_state {
	NE_VSOCK_NEW,
	NE_VSOCK_LIVE,
	NE_VSOCK_GONE,
};

/* The peer has accepted the connect request. */
#define NE_VSOCK_TODO_ESTABLISH	0x1
/* The peer is gone. */
#define NE_VSOCK_TODO_CLOSE	0x2

/**
 * struct ne_vsock_chan - one open file of the device, with one address once attached
 * @ref: held by the file, and by ne_vsock_route_attach() while it detaches
 * @rcu: senders find channels under RCU
 * @state: enum ne_vsock_state; written under ne_vsock_route_lock and
 *	@queue.lock, read with ne_vsock_chan_state() or under either lock
 * @cid: CID of the enclave; constant once LIVE, before under ne_vsock_route_lock
 * @console: the address is CID 0, port NE_EMU_CONSOLE_PORT_BASE + @cid;
 *	as @cid
 * @seqpacket: the guest negotiated SOCK_SEQPACKET; lockless
 * @gone: completed when a detach has removed everything of the address
 * @wait: readers and pollers
 * @read_lock: serializes readers, so that the parts of a packet stay together
 * @queue: packets for the reader; its lock protects the next three fields
 * @replies: number of answers that have not been read completely
 * @control: number of packets without payload that have not been read completely
 * @dropped: packets refused because of NE_VSOCK_MAX_CONTROL
 * @malformed: packets refused with EINVAL; lockless
 * @to_host: connect requests to CID 2 instead of 3; lockless
 * @conns: connections of the address, struct ne_vsock_conn; ne_vsock_conns.lock
 * @pending_lock: protects @pending and @nr_pending
 * @pending: requests that wait for a listener, struct ne_vsock_pending
 * @nr_pending: length of @pending
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
	atomic_t malformed;
	atomic_t to_host;
	struct list_head conns;
	spinlock_t pending_lock; /* protects pending requests */
	struct list_head pending;
	u32 nr_pending;
};

/**
 * struct ne_vsock_addr - both ends of a connection
 * @remote_cid: CID of the enclave, or CID 0 for its console
 * @remote_port: port there
 * @local_port: port of the local socket
 * @local_cid: CID 3, or CID 2 if the enclave has connected to that
 */
struct ne_vsock_addr {
	u32 remote_cid;
	u32 remote_port;
	u32 local_port;
	u32 local_cid;
};

/**
 * struct ne_vsock_conn - a socket that is connected or connecting to an enclave
 * @by_addr: link in the table by @addr
 * @by_sock: link in the table by @sk
 * @node: link in &struct ne_vsock_chan.conns
 * @rcu: found under RCU
 * @ref: held by the table by @sk, and while @waiting
 * @addr: constant
 * @sk: the socket; not referenced: it leaves the tables before it is destroyed
 * @chan: channel of the peer, NULL if connecting was refused; constant
 * @type: VIRTIO_VSOCK_TYPE_*; constant
 * @closed: the peer is gone and nothing more is sent; written once under @lock, read
 *	without it
 * @lock: protects the fields below; under it, the socket's transport state is valid
 *	while @gone is false
 * @gone: the socket no longer uses this connection; final
 * @connecting: the connect request has not been answered yet
 * @todo: NE_VSOCK_TODO_*, what to do once nobody owns the socket's lock
 * @error: positive errno for the socket, with NE_VSOCK_TODO_CLOSE
 * @waiting: @wait or @work is pending and holds a reference to the socket
 * @wait: called when the owner releases the socket's lock
 * @work: does @todo
 */
struct ne_vsock_conn {
	struct hlist_node by_addr;
	struct hlist_node by_sock;
	struct list_head node;
	struct rcu_head rcu;
	refcount_t ref;
	struct ne_vsock_addr addr;
	struct sock *sk;
	struct ne_vsock_chan *chan;
	u16 type;
	bool closed;

	spinlock_t lock;		/* protects the fields below */
	bool gone;
	bool connecting;
	u8 todo;
	int error;
	bool waiting;
	struct wait_queue_entry wait;
	struct work_struct work;
};

/* transport.c: the transport. */
extern struct virtio_transport ne_vsock_transport;
bool ne_vsock_stream_allow(struct vsock_sock *vsk, u32 cid, u32 port);
bool ne_vsock_seqpacket_allow(struct vsock_sock *vsk, u32 cid);
int ne_vsock_send_pkt(struct sk_buff *skb, struct net *net);
int ne_vsock_transport_register(void);
void ne_vsock_transport_unregister(void);

/* route.c: which channel has an address. */
extern struct mutex ne_vsock_route_lock;
struct ne_vsock_chan *ne_vsock_route_find(u64 cid, u32 port);
int ne_vsock_route_attach(struct ne_vsock_chan *chan, u32 cid, bool console);
void ne_vsock_route_detach(struct ne_vsock_chan *chan);

/* chan.c: the channel object and its queue. */
struct ne_vsock_chan *ne_vsock_chan_create(void);
void ne_vsock_chan_put(struct ne_vsock_chan *chan);
void ne_vsock_chan_open(struct ne_vsock_chan *chan, u32 cid, bool console);
bool ne_vsock_chan_close(struct ne_vsock_chan *chan);
void ne_vsock_chan_purge(struct ne_vsock_chan *chan);
int ne_vsock_chan_queue(struct ne_vsock_chan *chan, struct sk_buff *skb);
struct sk_buff *ne_vsock_chan_dequeue(struct ne_vsock_chan *chan);
void ne_vsock_chan_requeue(struct ne_vsock_chan *chan, struct sk_buff *skb);
void ne_vsock_chan_done(struct ne_vsock_chan *chan, struct sk_buff *skb);
void ne_vsock_chan_cancel(struct ne_vsock_chan *chan, struct vsock_sock *vsk);
bool ne_vsock_chan_may_write(struct ne_vsock_chan *chan);
void ne_vsock_chan_show(struct ne_vsock_chan *chan, struct seq_file *m);

/* conn.c: connections, and changes of the state of their sockets. */
extern struct workqueue_struct *ne_vsock_wq;
struct ne_vsock_conn *ne_vsock_conn_create(struct sock *sk);
int ne_vsock_conn_insert(struct ne_vsock_conn *conn, struct ne_vsock_chan *chan);
int ne_vsock_conn_begin(struct sock *sk);
void ne_vsock_conn_free(struct ne_vsock_conn *conn);
struct ne_vsock_conn *ne_vsock_conn_find(const struct ne_vsock_addr *addr);
struct ne_vsock_chan *ne_vsock_conn_chan(struct sock *sk);
void ne_vsock_conn_forget_addr(struct ne_vsock_conn *conn);
void ne_vsock_conn_establish(struct ne_vsock_conn *conn);
void ne_vsock_conn_close(struct ne_vsock_conn *conn, int error);
void ne_vsock_conn_settle(struct ne_vsock_conn *conn);
void ne_vsock_conn_drop(struct sock *sk);
void ne_vsock_conn_reset_all(struct ne_vsock_chan *chan);
int ne_vsock_conn_init(void);
void ne_vsock_conn_exit(void);

/* recv.c: delivery to local sockets. */
int ne_vsock_recv(struct ne_vsock_chan *chan, struct sk_buff *skb);
int ne_vsock_answer_rst(struct ne_vsock_chan *chan, const struct virtio_vsock_hdr *hdr);
void ne_vsock_update_credit(struct vsock_sock *vsk, const struct virtio_vsock_hdr *hdr);
struct sk_buff *ne_vsock_alloc_answer(const struct virtio_vsock_hdr *hdr, u16 op, gfp_t gfp);
u16 ne_vsock_type(const struct sock *sk);

/* listen.c: connect requests. */
int ne_vsock_recv_request(struct ne_vsock_chan *chan, const struct virtio_vsock_hdr *hdr);
void ne_vsock_listen_cancel(struct ne_vsock_chan *chan);

/* packet.c: packets from and to the memory of the VMM. */
ssize_t ne_vsock_packet_read(struct ne_vsock_chan *chan, struct iov_iter *to);
ssize_t ne_vsock_packet_write(struct ne_vsock_chan *chan, struct iov_iter *from);
long ne_vsock_batch_recv(struct ne_vsock_chan *chan, void __user *arg);
long ne_vsock_batch_send(struct ne_vsock_chan *chan, void __user *arg);

/* dev.c: /dev/ne_emu_vsock. */
int ne_vsock_dev_init(void);
void ne_vsock_dev_exit(void);

/**
 * ne_vsock_chan_state() - read the state of a channel without a lock
 * @chan: the channel
 *
 * Context: Any. If the result is LIVE, the address fields are valid.
 * Return: the state; NEW and LIVE may change at any time, GONE is final.
 */
static inline enum ne_vsock_state ne_vsock_chan_state(const struct ne_vsock_chan *chan)
{
	/* Pairs with smp_store_release() in ne_vsock_chan_open(). */
	return smp_load_acquire(&chan->state);
}

#endif /* NE_EMU_VSOCK_H */
