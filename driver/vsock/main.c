// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module ne_emu_vsock: the AF_VSOCK addresses of enclaves.
 *
 * The module registers a guest-to-host transport (transport.c), which makes this host
 * CID 3. Each open file of /dev/ne_emu_vsock (dev.c) is a channel (chan.c); attaching
 * gives it the address of one enclave or of its console (route.c). A VMM reads from the
 * channel what local sockets send, and writes what its guest sends (packet.c).
 *
 * To the guest: a socket's packet goes to the channel of its connection (conn.c) and
 * waits in the channel's queue until the VMM reads it. From the guest: write() copies and
 * checks the packet and finds its connection by address (recv.c), or creates a socket for
 * a listener (listen.c). Packets without a destination are answered with RST.
 *
 * Nothing here waits for the lock of a socket. The user of a socket can hold it as long
 * as they like, because the AF_VSOCK core copies from and to user memory under it, and
 * must not stall a VMM or the end of an enclave. Data and credit are delivered without
 * that lock. Changes of a connection's state take only the lock's spinlock if nobody owns
 * the lock; otherwise a wait queue entry in the lock has them done by a work item when
 * the owner releases it.
 *
 * Contexts: VMM calls run in process context and may sleep to copy and allocate; senders
 * run under the lock of their socket; two kinds of work items finish what had to wait.
 * Closing the channel resets every connection of its address before close() returns.
 *
 * Lock order: see vsock.h. Lookups use RCU. A channel is referenced by its file; the
 * tables of addresses and connections drop an object before it is freed.
 */

#include <linux/kmod.h>
#include <linux/module.h>

#include "vsock.h"

static int __init ne_vsock_init(void)
{
	int rc;

	/*
	 * Keep CID 1 working for local programs: the kernel loads vsock_loopback on
	 * demand only while no AF_VSOCK family is registered. Ignore kernels without it.
	 */
	(void)request_module("vsock_loopback");

	rc = ne_vsock_conn_init();
	if (rc)
		return rc;

	rc = ne_vsock_transport_register();
	if (rc)
		goto err_conn;

	rc = ne_vsock_dev_init();
	if (rc)
		goto err_transport;

	return 0;

err_transport:
	ne_vsock_transport_unregister();
err_conn:
	ne_vsock_conn_exit();
	return rc;
}

static void __exit ne_vsock_exit(void)
{
	ne_vsock_dev_exit();
	ne_vsock_transport_unregister();
	ne_vsock_conn_exit();
}

module_init(ne_vsock_init);
module_exit(ne_vsock_exit);

MODULE_AUTHOR("The nitro_enclaves_emu authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(NE_EMU_VERSION);
MODULE_DESCRIPTION("vsock transport of emulated Nitro Enclaves");
