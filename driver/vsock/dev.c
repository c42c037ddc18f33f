// SPDX-License-Identifier: GPL-2.0-only
/* ne_emu_vsock: /dev/ne_emu_vsock, through which the VMM reads and writes packets. */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <uapi/linux/nitro_enclaves_emu.h>

#include "vsock.h"

/* Lowest and highest CID of an enclave: 3 is the parent, all ones means "any". */
#define NE_VSOCK_CID_MIN	4
#define NE_VSOCK_CID_MAX	(VMADDR_CID_ANY - 1)

static int ne_vsock_dev_open(struct inode *inode, struct file *file)
{
	struct ne_vsock_chan *chan = ne_vsock_chan_create();

	if (!chan)
		return -ENOMEM;

	file->private_data = chan;
	return stream_open(inode, file);
}

static int ne_vsock_dev_release(struct inode *inode, struct file *file)
{
	struct ne_vsock_chan *chan = file->private_data;

	ne_vsock_route_detach(chan);
	ne_vsock_chan_put(chan);
	return 0;
}

static bool ne_vsock_readable(struct ne_vsock_chan *chan)
{
	return !skb_queue_empty_lockless(&chan->queue) ||
	       ne_vsock_chan_state(chan) == NE_VSOCK_GONE;
}

static ssize_t ne_vsock_dev_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct ne_vsock_chan *chan = iocb->ki_filp->private_data;
	bool nonblock = (iocb->ki_filp->f_flags & O_NONBLOCK) ||
			(iocb->ki_flags & IOCB_NOWAIT);
	ssize_t rc;

	if (iov_iter_count(to) <= NE_VSOCK_HDR_SIZE)
		return -EINVAL;
	if (ne_vsock_chan_state(chan) == NE_VSOCK_NEW)
		return -ENOTCONN;

	for (;;) {
		if (ne_vsock_chan_state(chan) == NE_VSOCK_GONE)
			return 0;

		rc = ne_vsock_packet_read(chan, to);
		if (rc != -EAGAIN || nonblock)
			return rc;

		rc = wait_event_interruptible(chan->wait, ne_vsock_readable(chan));
		if (rc)
			return rc;
	}
}

static ssize_t ne_vsock_dev_write(struct kiocb *iocb, struct iov_iter *from)
{
	return ne_vsock_packet_write(iocb->ki_filp->private_data, from);
}

static __poll_t ne_vsock_dev_poll(struct file *file, poll_table *wait)
{
	struct ne_vsock_chan *chan = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &chan->wait, wait);

	switch (ne_vsock_chan_state(chan)) {
	case NE_VSOCK_NEW:
		break;
	case NE_VSOCK_LIVE:
		if (!skb_queue_empty_lockless(&chan->queue))
			mask |= EPOLLIN | EPOLLRDNORM;
		if (ne_vsock_chan_may_write(chan))
			mask |= EPOLLOUT | EPOLLWRNORM;
		break;
	case NE_VSOCK_GONE:
		mask = EPOLLHUP | EPOLLIN | EPOLLRDNORM;
		break;
	}

	return mask;
}

static int ne_vsock_ioctl_attach(struct ne_vsock_chan *chan, void __user *arg)
{
	struct ne_emu_vsock_attach attach;

	if (copy_from_user(&attach, arg, sizeof(attach)))
		return -EFAULT;
	if (attach.flags & ~NE_EMU_VSOCK_CONSOLE)
		return -EINVAL;
	if (attach.cid < NE_VSOCK_CID_MIN || attach.cid > NE_VSOCK_CID_MAX)
		return -EINVAL;

	return ne_vsock_route_attach(chan, attach.cid,
				     attach.flags & NE_EMU_VSOCK_CONSOLE);
}

static int ne_vsock_ioctl_seqpacket(struct ne_vsock_chan *chan, unsigned long arg)
{
	if (arg > 1)
		return -EINVAL;
	if (ne_vsock_chan_state(chan) != NE_VSOCK_LIVE)
		return -ENOTCONN;
	/* The console service supports SOCK_STREAM only. */
	if (chan->console && arg)
		return -EINVAL;

	WRITE_ONCE(chan->seqpacket, arg);
	return 0;
}

static long ne_vsock_dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ne_vsock_chan *chan = file->private_data;

	switch (cmd) {
	case NE_EMU_VSOCK_ATTACH:
		return ne_vsock_ioctl_attach(chan, (void __user *)arg);
	case NE_EMU_VSOCK_SEQPACKET:
		return ne_vsock_ioctl_seqpacket(chan, arg);
	case NE_EMU_VSOCK_RECV:
		return ne_vsock_batch_recv(chan, (void __user *)arg);
	case NE_EMU_VSOCK_SEND:
		return ne_vsock_batch_send(chan, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static void ne_vsock_dev_show_fdinfo(struct seq_file *m, struct file *file)
{
	ne_vsock_chan_show(file->private_data, m);
}

static const struct file_operations ne_vsock_dev_fops = {
	.owner		= THIS_MODULE,
	.open		= ne_vsock_dev_open,
	.release	= ne_vsock_dev_release,
	.read_iter	= ne_vsock_dev_read,
	.write_iter	= ne_vsock_dev_write,
	.poll		= ne_vsock_dev_poll,
	.unlocked_ioctl	= ne_vsock_dev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= ne_vsock_dev_show_fdinfo,
};

static struct miscdevice ne_vsock_dev = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "ne_emu_vsock",
	.fops	= &ne_vsock_dev_fops,
	.mode	= 0600,
};

/**
 * ne_vsock_dev_init() - register the device node, as the last step of loading
 *
 * Return: 0 or a negative errno.
 */
int ne_vsock_dev_init(void)
{
	return misc_register(&ne_vsock_dev);
}

/**
 * ne_vsock_dev_exit() - remove the device node, as the first step of unloading
 */
void ne_vsock_dev_exit(void)
{
	misc_deregister(&ne_vsock_dev);
}
