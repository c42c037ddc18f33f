// SPDX-License-Identifier: GPL-2.0-only
/*
 * ne_emu_vsock: connections between local sockets and enclaves.
 *
 * Delivering data and credit does not need the lock of the socket. Connecting and ending
 * a socket does, but its user can hold that lock arbitrarily long (main.c). If nobody owns
 * the lock, the change is made under the lock's spinlock. Otherwise it is noted in @todo,
 * and release_sock() starts it through @wait, so that no thread waits.
 */

#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/slab.h>
#include <uapi/linux/nitro_enclaves_emu.h>

#include "vsock.h"

#define NE_VSOCK_CONN_BITS	12

/*
 * Changed under the lock, read under RCU. A connection is in the table by socket, and in
 * the list of its channel, until it is gone. It is in the table by address as long as it
 * receives packets of the enclave.
 */
static struct {
	spinlock_t lock;	/* protects the tables, and the lists in channels */
	DECLARE_HASHTABLE(by_addr, NE_VSOCK_CONN_BITS);
	DECLARE_HASHTABLE(by_sock, NE_VSOCK_CONN_BITS);
} ne_vsock_conns = {
	.lock = __SPIN_LOCK_UNLOCKED(ne_vsock_conns.lock),
};

/* For work that needs a socket's lock to be free; the work itself does not wait for it. */
struct workqueue_struct *ne_vsock_wq;

static u32 ne_vsock_addr_hash(const struct ne_vsock_addr *addr)
{
	return jhash_3words(addr->remote_cid, addr->remote_port, addr->local_port, 0);
}

static bool ne_vsock_addr_equal(const struct ne_vsock_addr *a, const struct ne_vsock_addr *b)
{
	return a->remote_cid == b->remote_cid && a->remote_port == b->remote_port &&
	       a->local_port == b->local_port && a->local_cid == b->local_cid;
}

/**
 * ne_vsock_conn_find() - find the connection that a packet belongs to
 * @addr: addresses of the packet
 *
 * Context: RCU read-side section, or ne_vsock_conns.lock.
 * Return: the connection, which may already be gone, or NULL.
 */
struct ne_vsock_conn *ne_vsock_conn_find(const struct ne_vsock_addr *addr)
{
	struct ne_vsock_conn *conn;

	hash_for_each_possible_rcu(ne_vsock_conns.by_addr, conn, by_addr,
				   ne_vsock_addr_hash(addr),
				   lockdep_is_held(&ne_vsock_conns.lock))
		if (ne_vsock_addr_equal(&conn->addr, addr))
			return conn;

	return NULL;
}

static struct ne_vsock_conn *ne_vsock_conn_of(struct sock *sk)
{
	struct ne_vsock_conn *conn;

	hash_for_each_possible_rcu(ne_vsock_conns.by_sock, conn, by_sock, (unsigned long)sk)
		if (conn->sk == sk)
			return conn;

	return NULL;
}

/**
 * ne_vsock_conn_chan() - find the channel of a socket's connection
 * @sk: the socket
 *
 * The channel belongs to the connection, not to the CID. Another enclave may have the CID
 * by now and use the same ports; packets of this socket must not reach it.
 *
 * Context: RCU read-side section, which the result must not leave.
 * Return: the channel, or NULL if the peer is gone.
 */
struct ne_vsock_chan *ne_vsock_conn_chan(struct sock *sk)
{
	struct ne_vsock_conn *conn = ne_vsock_conn_of(sk);

	return conn && !READ_ONCE(conn->closed) ? conn->chan : NULL;
}

static void ne_vsock_conn_put(struct ne_vsock_conn *conn)
{
	if (refcount_dec_and_test(&conn->ref))
		kfree_rcu(conn, rcu);
}

/* Called by release_sock(), under the spinlock of the sock lock, when its owner is gone. */
static int ne_vsock_conn_wake(struct wait_queue_entry *wait, unsigned int mode, int flags,
			      void *key)
{
	struct ne_vsock_conn *conn = container_of(wait, struct ne_vsock_conn, wait);

	list_del_init(&wait->entry);
	queue_work(ne_vsock_wq, &conn->work);
	return 0;
}

static void ne_vsock_conn_work(struct work_struct *work);

/**
 * ne_vsock_conn_create() - create a connection of a socket, not yet in any table
 * @sk: the socket, whose addresses do not change any more
 *
 * Context: Process context, may sleep.
 * Return: the connection, for ne_vsock_conn_insert() or ne_vsock_conn_free(); or NULL.
 */
struct ne_vsock_conn *ne_vsock_conn_create(struct sock *sk)
{
	struct ne_vsock_conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL_ACCOUNT);
	struct vsock_sock *vsk = vsock_sk(sk);

	if (!conn)
		return NULL;

	conn->sk = sk;
	conn->type = ne_vsock_type(sk);
	conn->addr = (struct ne_vsock_addr){
		.remote_cid	= vsk->remote_addr.svm_cid,
		.remote_port	= vsk->remote_addr.svm_port,
		.local_port	= vsk->local_addr.svm_port,
		.local_cid	= vsk->local_addr.svm_cid == VMADDR_CID_HOST ?
				  VMADDR_CID_HOST : NE_EMU_CID_PARENT,
	};
	refcount_set(&conn->ref, 1);
	INIT_LIST_HEAD(&conn->node);
	spin_lock_init(&conn->lock);
	init_waitqueue_func_entry(&conn->wait, ne_vsock_conn_wake);
	INIT_LIST_HEAD(&conn->wait.entry);
	INIT_WORK(&conn->work, ne_vsock_conn_work);
	return conn;
}

/**
 * ne_vsock_conn_free() - free a connection that was never in a table
 * @conn: the connection
 */
void ne_vsock_conn_free(struct ne_vsock_conn *conn)
{
	ne_vsock_conn_put(conn);
}

/**
 * ne_vsock_conn_insert() - insert a connection into the tables
 * @conn: new connection; its socket has no other one
 * @chan: channel of the peer
 *
 * Context: Any but hard interrupt.
 * Return: 0, -EADDRINUSE if another connection has these addresses, or -ECONNRESET
 * if the channel is not LIVE.
 */
int ne_vsock_conn_insert(struct ne_vsock_conn *conn, struct ne_vsock_chan *chan)
{
	int rc = 0;

	spin_lock_bh(&ne_vsock_conns.lock);
	/* A detach closes the channel first, and then goes through its list. */
	if (ne_vsock_chan_state(chan) != NE_VSOCK_LIVE) {
		rc = -ECONNRESET;
	} else if (ne_vsock_conn_find(&conn->addr)) {
		rc = -EADDRINUSE;
	} else {
		conn->chan = chan;
		hash_add_rcu(ne_vsock_conns.by_addr, &conn->by_addr,
			     ne_vsock_addr_hash(&conn->addr));
		hash_add_rcu(ne_vsock_conns.by_sock, &conn->by_sock, (unsigned long)conn->sk);
		list_add_tail(&conn->node, &chan->conns);
	}
	spin_unlock_bh(&ne_vsock_conns.lock);
	return rc;
}

/**
 * ne_vsock_conn_forget_addr() - deliver no more packets to a connection
 * @conn: the connection; another one may use its addresses
 *
 * Context: Under @conn->lock.
 */
void ne_vsock_conn_forget_addr(struct ne_vsock_conn *conn)
{
	lockdep_assert_held(&conn->lock);

	spin_lock(&ne_vsock_conns.lock);
	hash_del_rcu(&conn->by_addr);
	spin_unlock(&ne_vsock_conns.lock);
}

/* Separate the connection from its socket; the caller drops the table's reference. */
static void ne_vsock_conn_end(struct ne_vsock_conn *conn)
{
	lockdep_assert_held(&conn->lock);

	conn->gone = true;
	conn->todo = 0;
	WRITE_ONCE(conn->closed, true);

	spin_lock(&ne_vsock_conns.lock);
	hash_del_rcu(&conn->by_addr);
	hash_del_rcu(&conn->by_sock);
	list_del_init(&conn->node);
	spin_unlock(&ne_vsock_conns.lock);
}

/* From TCP_SYN_SENT to TCP_ESTABLISHED, unless connect() has already failed. */
static void ne_vsock_conn_do_establish(struct sock *sk)
{
	if (sk->sk_state != TCP_SYN_SENT || !sk->sk_socket)
		return;

	sk->sk_state = TCP_ESTABLISHED;
	sk->sk_socket->state = SS_CONNECTED;
	vsock_insert_connected(vsock_sk(sk));
	sk->sk_state_change(sk);
}

static void ne_vsock_conn_refuse(struct sock *sk, int error)
{
	if (sk->sk_state != TCP_SYN_SENT)
		return;

	sk->sk_state = TCP_CLOSE;
	sk->sk_err = error;
	sk_error_report(sk);
}

/*
 * End a connected socket. Received data can still be read. If the user has closed the
 * socket and it waits for the peer, that wait is over.
 * Return: true if the caller must drop the reference of that wait.
 */
static bool ne_vsock_conn_disconnect(struct sock *sk, int error)
{
	struct vsock_sock *vsk = vsock_sk(sk);

	sock_set_flag(sk, SOCK_DONE);
	WRITE_ONCE(vsk->peer_shutdown, SHUTDOWN_MASK);
	if (virtio_transport_stream_has_data(vsk) <= 0)
		sk->sk_state = TCP_CLOSING;
	vsock_remove_sock(vsk);
	if (error) {
		sk->sk_err = error;
		sk_error_report(sk);
	}
	sk->sk_state_change(sk);

	if (!vsk->close_work_scheduled || !cancel_delayed_work(&vsk->close_work))
		return false;

	vsk->close_work_scheduled = false;
	return true;
}

/* Return: as ne_vsock_conn_disconnect(). */
static bool ne_vsock_conn_do_close(struct ne_vsock_conn *conn)
{
	if (!conn->connecting)
		return ne_vsock_conn_disconnect(conn->sk, conn->error);

	ne_vsock_conn_refuse(conn->sk, conn->error);
	return false;
}

/* Nobody owns the sock lock. Return: how many references to the socket to drop. */
static int ne_vsock_conn_do(struct ne_vsock_conn *conn)
{
	int puts = 0;

	lockdep_assert_held(&conn->lock);
	lockdep_assert_held(&conn->sk->sk_lock.slock);

	if (conn->todo & NE_VSOCK_TODO_ESTABLISH) {
		ne_vsock_conn_do_establish(conn->sk);
		conn->connecting = false;
	}
	if (conn->todo & NE_VSOCK_TODO_CLOSE)
		puts = ne_vsock_conn_do_close(conn);

	conn->todo &= NE_VSOCK_TODO_CLOSE;
	return puts;
}

/*
 * Do @todo if nobody owns the lock of the socket; otherwise have ne_vsock_conn_wake()
 * called when its owner releases it. The lock's spinlock ensures that no change is missed.
 * Return: true if it was done; the references to drop are added to *@puts.
 */
static bool ne_vsock_conn_try(struct ne_vsock_conn *conn, int *puts)
{
	struct sock *sk = conn->sk;
	bool owned;

	lockdep_assert_held(&conn->lock);

	bh_lock_sock(sk);
	owned = sock_owned_by_user_nocheck(sk);
	if (owned)
		add_wait_queue(&sk->sk_lock.wq, &conn->wait);
	else
		*puts += ne_vsock_conn_do(conn);
	bh_unlock_sock(sk);
	if (owned)
		return false;

	if (conn->todo & NE_VSOCK_TODO_CLOSE)
		ne_vsock_conn_end(conn);
	return true;
}

static void ne_vsock_conn_put_sock(struct sock *sk, int puts)
{
	while (puts--)
		sock_put(sk);
}

/**
 * ne_vsock_conn_settle() - do what is noted in @todo, now or when the sock lock is free
 * @conn: the connection, after ne_vsock_conn_establish() or ne_vsock_conn_close()
 *
 * Context: RCU read-side section or with a reference, not under @conn->lock. Does not
 * wait.
 */
void ne_vsock_conn_settle(struct ne_vsock_conn *conn)
{
	struct sock *sk = conn->sk;
	bool ended = false;
	int puts = 0;

	spin_lock_bh(&conn->lock);
	/* A socket without references is being destroyed and will leave the tables. */
	if (conn->gone || !conn->todo || conn->waiting ||
	    !refcount_inc_not_zero(&sk->sk_refcnt)) {
		spin_unlock_bh(&conn->lock);
		return;
	}

	if (ne_vsock_conn_try(conn, &puts)) {
		ended = conn->gone;
		puts++;
	} else {
		conn->waiting = true;
		refcount_inc(&conn->ref);
	}
	spin_unlock_bh(&conn->lock);

	ne_vsock_conn_put_sock(sk, puts);
	if (ended)
		ne_vsock_conn_put(conn);
}

/* The owner has released the sock lock. */
static void ne_vsock_conn_work(struct work_struct *work)
{
	struct ne_vsock_conn *conn = container_of(work, struct ne_vsock_conn, work);
	struct sock *sk = conn->sk;
	bool gone;
	int puts = 1;

	spin_lock_bh(&conn->lock);
	gone = conn->gone;
	if (!gone && conn->todo && !ne_vsock_conn_try(conn, &puts)) {
		/* Another user took the lock first; wait again. */
		spin_unlock_bh(&conn->lock);
		return;
	}
	conn->waiting = false;
	if (!gone && conn->gone)
		refcount_dec(&conn->ref);
	spin_unlock_bh(&conn->lock);

	ne_vsock_conn_put_sock(sk, puts);
	ne_vsock_conn_put(conn);
}

/**
 * ne_vsock_conn_establish() - note that the peer has accepted the connection
 * @conn: connecting; the caller calls ne_vsock_conn_settle() next
 *
 * Context: Under @conn->lock.
 */
void ne_vsock_conn_establish(struct ne_vsock_conn *conn)
{
	lockdep_assert_held(&conn->lock);

	conn->todo |= NE_VSOCK_TODO_ESTABLISH;
}

/**
 * ne_vsock_conn_close() - note that the peer is gone, and deliver no more packets
 * @conn: the connection; the caller calls ne_vsock_conn_settle() next
 * @error: positive errno for the socket, or 0 for end of file
 *
 * Context: Under @conn->lock.
 */
void ne_vsock_conn_close(struct ne_vsock_conn *conn, int error)
{
	lockdep_assert_held(&conn->lock);

	if (conn->closed)
		return;

	conn->error = error;
	conn->todo |= NE_VSOCK_TODO_CLOSE;
	WRITE_ONCE(conn->closed, true);
	ne_vsock_conn_forget_addr(conn);
}

/**
 * ne_vsock_conn_drop() - separate a socket from its connection, if it has one
 * @sk: the socket
 *
 * When this returns, nothing here uses the socket's transport state.
 *
 * Context: Any but hard interrupt, not under the spinlock of the sock lock.
 */
void ne_vsock_conn_drop(struct sock *sk)
{
	struct ne_vsock_conn *conn;
	bool mine = false;

	rcu_read_lock();
	conn = ne_vsock_conn_of(sk);
	if (conn) {
		spin_lock_bh(&conn->lock);
		mine = !conn->gone;
		if (mine)
			ne_vsock_conn_end(conn);
		spin_unlock_bh(&conn->lock);
	}
	if (mine)
		ne_vsock_conn_put(conn);
	rcu_read_unlock();
}

/* Without a channel the connection is refused as soon as connect() waits. */
static void ne_vsock_conn_insert_refused(struct ne_vsock_conn *conn)
{
	conn->todo = NE_VSOCK_TODO_CLOSE;
	conn->error = ECONNRESET;
	conn->closed = true;

	spin_lock_bh(&ne_vsock_conns.lock);
	hash_add_rcu(ne_vsock_conns.by_sock, &conn->by_sock, (unsigned long)conn->sk);
	spin_unlock_bh(&ne_vsock_conns.lock);
}

/**
 * ne_vsock_conn_begin() - create the connection of a socket that is about to connect
 * @sk: the socket, in TCP_SYN_SENT; an earlier connection is dropped
 *
 * If no channel has the address, the connection is refused as if by the peer.
 *
 * Context: Process context under the sock lock.
 * Return: 0, -ENOMEM or -EADDRINUSE.
 */
int ne_vsock_conn_begin(struct sock *sk)
{
	struct ne_vsock_conn *conn;
	struct ne_vsock_chan *chan;
	int rc = -ECONNRESET;

	ne_vsock_conn_drop(sk);
	conn = ne_vsock_conn_create(sk);
	if (!conn)
		return -ENOMEM;
	conn->connecting = true;

	rcu_read_lock();
	chan = ne_vsock_route_find(conn->addr.remote_cid, conn->addr.remote_port);
	if (chan)
		rc = ne_vsock_conn_insert(conn, chan);
	if (rc == -ECONNRESET) {
		ne_vsock_conn_insert_refused(conn);
		ne_vsock_conn_settle(conn);
		rc = 0;
	}
	rcu_read_unlock();

	if (rc)
		ne_vsock_conn_free(conn);
	return rc;
}

static struct ne_vsock_conn *ne_vsock_conn_first(struct ne_vsock_chan *chan)
{
	struct ne_vsock_conn *conn;

	spin_lock_bh(&ne_vsock_conns.lock);
	conn = list_first_entry_or_null(&chan->conns, struct ne_vsock_conn, node);
	if (conn) {
		list_del_init(&conn->node);
		refcount_inc(&conn->ref);
	}
	spin_unlock_bh(&ne_vsock_conns.lock);
	return conn;
}

/**
 * ne_vsock_conn_reset_all() - end all connections of a channel
 * @chan: the channel, GONE
 *
 * Sockets behave as after a reset by the peer: received data can be read, then end of
 * file; writes fail with EPIPE, and connect() with ECONNRESET.
 *
 * Context: Process context. Does not wait for sockets.
 */
void ne_vsock_conn_reset_all(struct ne_vsock_chan *chan)
{
	struct ne_vsock_conn *conn;

	while ((conn = ne_vsock_conn_first(chan))) {
		spin_lock_bh(&conn->lock);
		ne_vsock_conn_close(conn, conn->connecting ? ECONNRESET : 0);
		spin_unlock_bh(&conn->lock);
		ne_vsock_conn_settle(conn);
		ne_vsock_conn_put(conn);
		cond_resched();
	}
}

/**
 * ne_vsock_conn_init() - prepare for connections, before the transport is registered
 *
 * Return: 0 or -ENOMEM.
 */
int ne_vsock_conn_init(void)
{
	ne_vsock_wq = alloc_workqueue("ne_emu_vsock", WQ_UNBOUND, 0);
	return ne_vsock_wq ? 0 : -ENOMEM;
}

/**
 * ne_vsock_conn_exit() - undo ne_vsock_conn_init(), once no socket uses the transport
 */
void ne_vsock_conn_exit(void)
{
	destroy_workqueue(ne_vsock_wq);
}
