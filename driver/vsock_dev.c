// SPDX-License-Identifier: GPL-2.0-only
/* ne_emu_vsock: /dev/ne_emu_vsock, where the VMM reads and writes packets. */

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

/*
 * Copies as much of a packet as there is room for. The packet only changes when
 * the copy succeeds. Only the last part carries the marks of a message's end.
 */
static ssize_t ne_vsock_copy_part(struct sk_buff *skb, struct iov_iter *to)
{
	struct virtio_vsock_hdr hdr = *virtio_vsock_hdr(skb);
	u32 offset = VIRTIO_VSOCK_SKB_CB(skb)->offset;
	u32 left = skb->len - offset;
	u32 part = min_t(size_t, left, iov_iter_count(to) - sizeof(hdr));

	if (part < left)
		hdr.flags &= ~cpu_to_le32(VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR);
	hdr.len = cpu_to_le32(part);

	if (copy_to_iter(&hdr, sizeof(hdr), to) != sizeof(hdr))
		return -EFAULT;
	if (part && skb_copy_datagram_iter(skb, offset, to, part))
		return -EFAULT;

	VIRTIO_VSOCK_SKB_CB(skb)->offset += part;
	return sizeof(hdr) + part;
}

static ssize_t ne_vsock_read_packet(struct ne_vsock_chan *chan, struct iov_iter *to)
{
	struct sk_buff *skb;
	ssize_t ret;

	if (mutex_lock_interruptible(&chan->read_lock))
		return -ERESTARTSYS;

	skb = ne_vsock_chan_dequeue(chan);
	if (!skb) {
		ret = -EAGAIN;
		goto out;
	}

	/* Monitors see the packet once, whole. */
	virtio_transport_deliver_tap_pkt(skb);

	ret = ne_vsock_copy_part(skb, to);
	if (ret < 0 || VIRTIO_VSOCK_SKB_CB(skb)->offset < skb->len)
		ne_vsock_chan_requeue(chan, skb);
	else
		ne_vsock_chan_done(chan, skb);
out:
	mutex_unlock(&chan->read_lock);
	return ret;
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
	ssize_t ret;

	if (iov_iter_count(to) <= NE_VSOCK_HDR_SIZE)
		return -EINVAL;
	if (ne_vsock_chan_state(chan) == NE_VSOCK_NEW)
		return -ENOTCONN;

	for (;;) {
		if (ne_vsock_chan_state(chan) == NE_VSOCK_GONE)
			return 0;

		ret = ne_vsock_read_packet(chan, to);
		if (ret != -EAGAIN || nonblock)
			return ret;

		ret = wait_event_interruptible(chan->wait, ne_vsock_readable(chan));
		if (ret)
			return ret;
	}
}

/* May this packet come from this channel, and does its size make sense? */
static bool ne_vsock_valid(struct ne_vsock_chan *chan,
			   const struct virtio_vsock_hdr *hdr, size_t payload_space)
{
	u64 src_cid = le64_to_cpu(hdr->src_cid);
	u32 src_port = le32_to_cpu(hdr->src_port);
	u16 op = le16_to_cpu(hdr->op);

	if (le32_to_cpu(hdr->len) > payload_space)
		return false;
	if (op == VIRTIO_VSOCK_OP_INVALID || op > VIRTIO_VSOCK_OP_CREDIT_REQUEST)
		return false;

	if (chan->console)
		return src_cid == NE_EMU_CID_HYPERVISOR &&
		       src_port == (u32)(NE_EMU_CONSOLE_PORT_BASE + chan->cid);

	return src_cid == chan->cid;
}

/* Back to the guest: nothing but the parent can be reached. */
static int ne_vsock_answer_rst(struct ne_vsock_chan *chan,
			       const struct virtio_vsock_hdr *hdr)
{
	struct sk_buff *rst;
	int err;

	if (le16_to_cpu(hdr->op) == VIRTIO_VSOCK_OP_RST)
		return 0;

	rst = ne_vsock_alloc_answer(hdr, GFP_KERNEL);
	if (!rst)
		return -ENOMEM;

	virtio_vsock_skb_set_reply(rst);
	err = ne_vsock_chan_queue(chan, rst);
	if (err)
		kfree_skb(rst);

	return err == -ENOTCONN ? -EPIPE : err;
}

static int ne_vsock_deliver_from(struct ne_vsock_chan *chan,
				 const struct virtio_vsock_hdr *hdr,
				 struct iov_iter *from)
{
	u32 len = le32_to_cpu(hdr->len);
	struct sk_buff *skb;

	skb = virtio_vsock_alloc_skb(VIRTIO_VSOCK_SKB_HEADROOM + len, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;

	*virtio_vsock_hdr(skb) = *hdr;
	if (len) {
		virtio_vsock_skb_put(skb, len);
		if (skb_copy_datagram_from_iter(skb, 0, from, len)) {
			kfree_skb(skb);
			return -EFAULT;
		}
	}

	virtio_transport_deliver_tap_pkt(skb);
	ne_vsock_deliver(skb);

	/* Detached meanwhile: what this packet connected may have been missed. */
	if (ne_vsock_chan_state(chan) == NE_VSOCK_GONE) {
		ne_vsock_reset_peer(le16_to_cpu(hdr->type), le64_to_cpu(hdr->src_cid),
				    le32_to_cpu(hdr->src_port), le32_to_cpu(hdr->dst_port));
		return -EPIPE;
	}

	return 0;
}

static ssize_t ne_vsock_dev_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct ne_vsock_chan *chan = iocb->ki_filp->private_data;
	size_t count = iov_iter_count(from);
	struct virtio_vsock_hdr hdr;
	int err;

	switch (ne_vsock_chan_state(chan)) {
	case NE_VSOCK_NEW:
		return -ENOTCONN;
	case NE_VSOCK_GONE:
		return -EPIPE;
	case NE_VSOCK_LIVE:
		break;
	}

	if (count < sizeof(hdr) || count > NE_VSOCK_MAX_PKT_SIZE)
		goto malformed;
	if (!ne_vsock_chan_may_write(chan))
		return -EAGAIN;
	if (!copy_from_iter_full(&hdr, sizeof(hdr), from))
		return -EFAULT;
	if (!ne_vsock_valid(chan, &hdr, count - sizeof(hdr)))
		goto malformed;

	if (le64_to_cpu(hdr.dst_cid) == NE_EMU_CID_PARENT)
		err = ne_vsock_deliver_from(chan, &hdr, from);
	else
		err = ne_vsock_answer_rst(chan, &hdr);

	return err ?: count;

malformed:
	atomic_inc(&chan->malformed);
	return -EINVAL;
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
	/* The console service speaks SOCK_STREAM only. */
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

/** ne_vsock_dev_init() - register the node; the last step of loading */
int ne_vsock_dev_init(void)
{
	return misc_register(&ne_vsock_dev);
}

/** ne_vsock_dev_exit() - remove the node; the first step of unloading */
void ne_vsock_dev_exit(void)
{
	misc_deregister(&ne_vsock_dev);
}
