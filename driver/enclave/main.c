// SPDX-License-Identifier: GPL-2.0-only
/* Module nitro_enclaves_emu: load and unload. */

#include <linux/module.h>

#include "ne_emu.h"

unsigned int ne_max_mem_regions = 65536;
module_param_named(max_mem_regions, ne_max_mem_regions, uint, 0644);
MODULE_PARM_DESC(max_mem_regions,
		 "Physically contiguous memory ranges an enclave may have (65536)");

unsigned int ne_max_enclaves = 64;
module_param_named(max_enclaves, ne_max_enclaves, uint, 0644);
MODULE_PARM_DESC(max_enclaves, "Enclaves there may be (64)");

unsigned int ne_max_enclaves_per_user = 16;
module_param_named(max_enclaves_per_user, ne_max_enclaves_per_user, uint, 0644);
MODULE_PARM_DESC(max_enclaves_per_user,
		 "Enclaves that a user without CAP_SYS_RESOURCE may have (16)");

unsigned int ne_min_cid = 4;
module_param_named(min_cid, ne_min_cid, uint, 0644);
MODULE_PARM_DESC(min_cid, "Least vsock CID of an enclave; other guests have those below (4)");

static int __init ne_emu_init(void)
{
	int rc;

	rc = ne_netlink_init();
	if (rc)
		return rc;

	/* A write to ne_cpus is announced through netlink. */
	rc = ne_sysfs_init();
	if (rc)
		goto err_netlink;

	/* Last, because users can open the node at once. */
	rc = ne_misc_dev_init();
	if (rc)
		goto err_sysfs;

	return 0;

err_sysfs:
	ne_sysfs_exit();
err_netlink:
	ne_netlink_exit();
	return rc;
}

static void __exit ne_emu_exit(void)
{
	/* No fd is open: each holds a reference on this module. */
	ne_misc_dev_exit();
	ne_sysfs_exit();
	ne_netlink_exit();
	ne_mem_exit();
}

module_init(ne_emu_init);
module_exit(ne_emu_exit);

MODULE_DESCRIPTION("Nitro Enclaves device emulated on KVM");
MODULE_AUTHOR("The nitro_enclaves_emu authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(NE_EMU_VERSION);
MODULE_SOFTDEP("pre: ne_emu_vsock");
