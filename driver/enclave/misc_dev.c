// SPDX-License-Identifier: GPL-2.0-only
/* The device node /dev/nitro_enclaves and NE_CREATE_VM. */

#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "ne_emu.h"
#include "trace.h"

/**
 * ne_create_vm() - NE_CREATE_VM: create an enclave and its fd
 * @uid_ptr: receives the slot uid; accessed only after everything is created, as in
 *	the AWS driver
 *
 * Context: Process context.
 * Return: the enclave fd, -NE_ERR_NO_CPUS_AVAIL_IN_POOL, -EBUSY (too many enclaves) or
 * another negative errno.
 */
static int ne_create_vm(u64 __user *uid_ptr)
{
	struct ne_enclave *enclave;
	struct file *file;
	u64 slot_uid;
	int fd;

	mutex_lock(&ne_registry_lock);
	enclave = ne_enclave_create();
	if (IS_ERR(enclave)) {
		mutex_unlock(&ne_registry_lock);
		return PTR_ERR(enclave);
	}

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto err_enclave;

	file = ne_enclave_file_create(enclave);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		fd = PTR_ERR(file);
		goto err_enclave;
	}

	/* From here on the file owns the enclave, and its release frees it. */
	slot_uid = enclave->slot_uid;
	ne_registry_publish(enclave);
	mutex_unlock(&ne_registry_lock);

	if (put_user(slot_uid, uid_ptr)) {
		put_unused_fd(fd);
		fput(file);
		return -EFAULT;
	}

	fd_install(fd, file);
	return fd;

err_enclave:
	ne_enclave_unregister(enclave);
	mutex_unlock(&ne_registry_lock);
	ne_enclave_put(enclave);
	return fd;
}

static long ne_misc_dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	int rc;

	if (cmd != NE_CREATE_VM)
		return -ENOTTY;
	rc = ne_create_vm((u64 __user *)arg);
	if (rc < 0)
		trace_ne_emu_refused(0, cmd, -rc);
	return rc;
}

/* No compat_ioctl: 32-bit callers get ENOTTY, as from the AWS driver. */
static const struct file_operations ne_misc_dev_fops = {
	.owner		= THIS_MODULE,
	.llseek		= noop_llseek,
	.unlocked_ioctl	= ne_misc_dev_ioctl,
};

static struct miscdevice ne_misc_dev = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "nitro_enclaves",
	.fops	= &ne_misc_dev_fops,
	.mode	= 0660,
};

/**
 * ne_misc_dev_init() - register the device node, as the last step of loading
 *
 * Return: 0 or a negative errno.
 */
int ne_misc_dev_init(void)
{
	return misc_register(&ne_misc_dev);
}

/**
 * ne_misc_dev_exit() - remove the device node, as the first step of unloading
 */
void ne_misc_dev_exit(void)
{
	misc_deregister(&ne_misc_dev);
}
