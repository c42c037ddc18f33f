// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module nitro_enclaves_emu: the AWS Nitro Enclaves device, emulated on KVM.
 *
 * An enclave (enclave.c) is created through /dev/nitro_enclaves (misc_dev.c) and lives
 * as long as its fd (enclave_fd.c). Its ioctls (ioctl.c) claim whole cores of the CPU
 * pool (vcpu.c, cpu_pool.c) and take references to huge pages of the caller
 * (mem_region.c). This module runs no guest: NE_START_ENCLAVE queues a start request, a
 * struct ne_backend (backend.c), notifies the supervisor (notify.c) and sleeps. The
 * supervisor accepts the request over generic netlink (netlink.c) and passes the
 * backend fd (backend_fd.c) to a VMM, which maps the memory, runs the image with KVM
 * and reports the end.
 *
 * Either side may die at any time. Closing the backend fd ends the start or the
 * enclave. Closing the enclave fd releases everything before close() returns: it wakes
 * the VMM, unmaps its memory, returns pages, CPUs and CID, and kills the VMM if it is
 * still there after NE_KILL_DELAY.
 *
 * Contexts: all code runs in process context, in the system call of a client, of the
 * supervisor or of a VMM, in a page fault of a VMM, or in one work item (the kill).
 * Only NE_START_ENCLAVE waits for userspace, under the lock of its enclave. A netlink
 * request must not wait for that lock, because it would block other families.
 *
 * Locks: see ne_emu.h. References: the file holds the enclave; the enclave, the queue
 * and the backend file hold the backend, which holds the enclave. The registry
 * (registry.c) holds none: release removes the enclave before it drops the file's.
 */

#include <linux/module.h>

#include "ne_emu.h"

unsigned int ne_max_mem_regions = 65536;
module_param_named(max_mem_regions, ne_max_mem_regions, uint, 0644);
MODULE_PARM_DESC(max_mem_regions,
		 "Maximum number of physically contiguous memory ranges of an enclave (65536)");

unsigned int ne_max_enclaves = 64;
module_param_named(max_enclaves, ne_max_enclaves, uint, 0644);
MODULE_PARM_DESC(max_enclaves, "Maximum number of enclaves (64)");

unsigned int ne_max_enclaves_per_user = 16;
module_param_named(max_enclaves_per_user, ne_max_enclaves_per_user, uint, 0644);
MODULE_PARM_DESC(max_enclaves_per_user,
		 "Maximum number of enclaves of a user without CAP_SYS_RESOURCE (16)");

unsigned int ne_min_cid = 4;
module_param_named(min_cid, ne_min_cid, uint, 0644);
MODULE_PARM_DESC(min_cid, "Lowest vsock CID of an enclave; lower CIDs are left to other guests (4)");

static int __init ne_emu_init(void)
{
	int rc;

	rc = ne_netlink_init();
	if (rc)
		return rc;

	/* After netlink: a write to ne_cpus sends a notification. */
	rc = ne_sysfs_init();
	if (rc)
		goto err_netlink;

	/* Last: users can open the node as soon as it exists. */
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
