// SPDX-License-Identifier: GPL-2.0-only
/* ne_emu_vsock: the tables of addresses; attaching and detaching of channels. */

#include <linux/xarray.h>
#include <uapi/linux/nitro_enclaves_emu.h>

#include "vsock.h"

/* Protects changes of the tables and of the state of channels; not held while waiting. */
DEFINE_MUTEX(ne_vsock_route_lock);

/*
 * Channels by the CID of their enclave. Changed under ne_vsock_route_lock, read
 * under RCU. An entry stays until its channel is fully detached.
 */
static DEFINE_XARRAY(ne_vsock_guests);
static DEFINE_XARRAY(ne_vsock_consoles);

static struct xarray *ne_vsock_table(bool console)
{
	return console ? &ne_vsock_consoles : &ne_vsock_guests;
}

/**
 * ne_vsock_route_find() - find the channel of an address
 * @cid: CID
 * @port: port; distinguishes consoles, ignored for guests
 *
 * Context: RCU read-side section, which the result must not leave.
 * Return: a live channel or NULL.
 */
struct ne_vsock_chan *ne_vsock_route_find(u64 cid, u32 port)
{
	struct ne_vsock_chan *chan;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "channel used without RCU");

	if (cid > U32_MAX)
		return NULL;

	/* CIDs near the maximum wrap around, as in the clients. */
	if (cid == NE_EMU_CID_HYPERVISOR)
		chan = xa_load(&ne_vsock_consoles,
			       (u32)(port - NE_EMU_CONSOLE_PORT_BASE));
	else
		chan = xa_load(&ne_vsock_guests, cid);

	if (chan && ne_vsock_chan_state(chan) != NE_VSOCK_LIVE)
		return NULL;

	return chan;
}

/* Return: 0; 1 if the address is taken, with a reference to its channel in @old_x; -errno. */
static int ne_vsock_route_claim(struct ne_vsock_chan *chan, u32 cid, bool console,
				struct ne_vsock_chan **old_x)
{
	struct xarray *table = ne_vsock_table(console);
	struct ne_vsock_chan *old;
	int rc;

	guard(mutex)(&ne_vsock_route_lock);

	if (chan->state != NE_VSOCK_NEW)
		return -EBUSY;

	old = xa_load(table, cid);
	if (old) {
		/* The entry is removed before the file drops its reference. */
		kref_get(&old->ref);
		*old_x = old;
		return 1;
	}

	/* Senders find the channel from here on, but use it only once it is LIVE. */
	rc = xa_err(xa_store(table, cid, chan, GFP_KERNEL));
	if (rc)
		return rc;

	ne_vsock_chan_open(chan, cid, console);
	return 0;
}

/* End everything that uses the channel. Return: false if another caller has done this. */
static bool ne_vsock_route_close(struct ne_vsock_chan *chan)
{
	bool first;

	scoped_guard(mutex, &ne_vsock_route_lock)
		first = ne_vsock_chan_close(chan);
	if (!first)
		return false;

	ne_vsock_chan_purge(chan);
	ne_vsock_conn_reset_all(chan);
	ne_vsock_listen_cancel(chan);

	scoped_guard(mutex, &ne_vsock_route_lock)
		xa_erase(ne_vsock_table(chan->console), chan->cid);

	complete_all(&chan->gone);
	return true;
}

static int ne_vsock_route_evict(struct ne_vsock_chan *chan)
{
	if (ne_vsock_route_close(chan))
		return 0;

	return wait_for_completion_killable(&chan->gone) ? -EINTR : 0;
}

/**
 * ne_vsock_route_attach() - give a channel its address
 * @chan: the channel, held by its file
 * @cid: CID of the enclave
 * @console: attach to the address of the console instead of the guest's
 *
 * A channel that has the address is detached first, and its connections are reset.
 *
 * Context: Process context, may sleep.
 * Return: 0, -EBUSY if @chan has or had an address, -ENOMEM, or -EINTR (killed).
 */
int ne_vsock_route_attach(struct ne_vsock_chan *chan, u32 cid, bool console)
{
	struct ne_vsock_chan *old;
	int rc;

	while ((rc = ne_vsock_route_claim(chan, cid, console, &old)) > 0) {
		rc = ne_vsock_route_evict(old);
		ne_vsock_chan_put(old);
		if (rc)
			return rc;
	}

	return rc;
}

/**
 * ne_vsock_route_detach() - remove the address of a channel
 * @chan: the channel; the caller holds a reference
 *
 * Resets every connection of the address, including pending connects. When this returns,
 * the address is free, even if another caller had begun to detach the channel. Does not
 * wait for sockets.
 *
 * Context: Process context, may sleep.
 */
void ne_vsock_route_detach(struct ne_vsock_chan *chan)
{
	bool attached = ne_vsock_chan_state(chan) != NE_VSOCK_NEW;

	if (!ne_vsock_route_close(chan) && attached)
		wait_for_completion(&chan->gone);
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/route_kunit.c"
#endif
