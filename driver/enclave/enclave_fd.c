// SPDX-License-Identifier: GPL-2.0-only
/* The enclave fd: poll and release; its ioctls are in ioctl.c. */

#include <linux/anon_inodes.h>
#include <linux/module.h>
#include <linux/poll.h>

#include "ne_emu.h"

/* Report only EPOLLHUP: clients close the fd on any other event. */
static __poll_t ne_enclave_poll(struct file *file, poll_table *wait)
{
	struct ne_enclave *enclave = file->private_data;

	poll_wait(file, &enclave->wait, wait);
	return READ_ONCE(enclave->hup) ? EPOLLHUP : 0;
}

static int ne_enclave_fd_release(struct inode *inode, struct file *file)
{
	ne_enclave_release(file->private_data);
	return 0;
}

static const struct file_operations ne_enclave_fops = {
	.owner		= THIS_MODULE,
	.llseek		= noop_llseek,
	.poll		= ne_enclave_poll,
	.unlocked_ioctl	= ne_enclave_ioctl,
	.release	= ne_enclave_fd_release,
};

/**
 * ne_enclave_file_create() - create the file for an enclave fd
 * @enclave: the caller's reference moves to the file
 *
 * /proc/PID/fd shows the same name on EC2.
 *
 * Return: the file, or an ERR_PTR (the reference stays with the caller).
 */
struct file *ne_enclave_file_create(struct ne_enclave *enclave)
{
	return anon_inode_getfile("ne-vm", &ne_enclave_fops, enclave, O_RDWR);
}
