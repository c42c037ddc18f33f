// SPDX-License-Identifier: GPL-2.0-only
/* Module ne_emu_vsock: load and unload. */

#include <linux/kmod.h>
#include <linux/module.h>

#include "vsock.h"

static int __init ne_vsock_init(void)
{
	int rc;

	/*
	 * Local programs keep CID 1: the kernel loads this for a socket only while
	 * AF_VSOCK is unknown to it. A kernel without it has nothing to lose.
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
