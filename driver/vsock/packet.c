// SPDX-License-Identifier: GPL-2.0-only
/* ne_emu_vsock: packets between a channel and the memory of its VMM. */

#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <uapi/linux/nitro_enclaves_emu.h>

#include "compat.h"
#include "trace.h"
#include "vsock.h"

/*
 * Copy as much of a packet as fits, without changing the packet. Only the last part
 * carries the flags for the end of a message.
 * Return: bytes copied, or a negative errno.
 */
static ssize_t ne_vsock_copy_part(struct sk_buff *skb, struct iov_iter *to)
{
	struct virtio_vsock_hdr hdr = *virtio_vsock_hdr(skb);
	u32 offset = VIRTIO_VSOCK_SKB_CB(skb)->offset;
	u32 left = skb->len - offset;
	u32 part;

	if (iov_iter_count(to) <= sizeof(hdr))
		return -EINVAL;

	part = min_t(size_t, left, iov_iter_count(to) - sizeof(hdr));
	if (part < left)
		hdr.flags &= ~cpu_to_le32(VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR);
	hdr.len = cpu_to_le32(part);

	if (copy_to_iter(&hdr, sizeof(hdr), to) != sizeof(hdr))
		return -EFAULT;
	if (part && skb_copy_datagram_iter(skb, offset, to, part))
		return -EFAULT;

	return sizeof(hdr) + part;
}

/*
 * Read a part of *@skb, or of the next packet if that is NULL. Afterwards *@skb is the
 * rest of the packet, for ne_vsock_chan_requeue(), or NULL. A part counts as read only
 * after all of it, and its size in @result if given, has been copied to the reader; a part
 * that fails is read again.
 *
 * Return: bytes, -EAGAIN without a packet, or another negative errno.
 */
static ssize_t ne_vsock_read_part(struct ne_vsock_chan *chan, struct sk_buff **skb,
				  struct iov_iter *to, s32 __user *result)
{
	ssize_t rc;

	lockdep_assert_held(&chan->read_lock);

	if (!*skb) {
		*skb = ne_vsock_chan_dequeue(chan);
		if (!*skb)
			return -EAGAIN;
		/* Monitors get each packet once and as a whole. */
		virtio_transport_deliver_tap_pkt(*skb);
		trace_ne_emu_vsock_to_guest(chan->cid, virtio_vsock_hdr(*skb));
	}

	rc = ne_vsock_copy_part(*skb, to);
	if (rc < 0)
		return rc;
	if (result && put_user((s32)rc, result))
		return -EFAULT;

	VIRTIO_VSOCK_SKB_CB(*skb)->offset += rc - NE_VSOCK_HDR_SIZE;
	if (VIRTIO_VSOCK_SKB_CB(*skb)->offset == (*skb)->len) {
		ne_vsock_chan_done(chan, *skb);
		*skb = NULL;
	}

	return rc;
}

/**
 * ne_vsock_packet_read() - read a packet, or the next part of it
 * @chan: the channel, not NEW
 * @to: memory of the reader
 *
 * Context: Process context, may sleep.
 * Return: bytes, or -EAGAIN without a packet, -EINVAL (no room for more than the
 * header), -EFAULT, -ERESTARTSYS.
 */
ssize_t ne_vsock_packet_read(struct ne_vsock_chan *chan, struct iov_iter *to)
{
	struct sk_buff *skb = NULL;
	ssize_t rc;

	if (mutex_lock_interruptible(&chan->read_lock))
		return -ERESTARTSYS;

	rc = ne_vsock_read_part(chan, &skb, to, NULL);
	if (skb)
		ne_vsock_chan_requeue(chan, skb);

	mutex_unlock(&chan->read_lock);
	return rc;
}

/* Return: true if the packet may come from this channel and its size is valid. */
static bool ne_vsock_valid(struct ne_vsock_chan *chan,
			   const struct virtio_vsock_hdr *hdr, size_t payload_space)
{
	u64 src_cid = le64_to_cpu(hdr->src_cid);
	u32 src_port = le32_to_cpu(hdr->src_port);
	u32 len = le32_to_cpu(hdr->len);
	u16 op = le16_to_cpu(hdr->op);

	if (len > payload_space || len > VIRTIO_VSOCK_MAX_PKT_BUF_SIZE)
		return false;
	if (op == VIRTIO_VSOCK_OP_INVALID || op > VIRTIO_VSOCK_OP_CREDIT_REQUEST)
		return false;

	if (chan->console)
		return src_cid == NE_EMU_CID_HYPERVISOR &&
		       src_port == (u32)(NE_EMU_CONSOLE_PORT_BASE + chan->cid);

	return src_cid == chan->cid;
}

/* Small packets of a stream get room for later ones, see ne_vsock_rx_merge(). */
static size_t ne_vsock_room(const struct virtio_vsock_hdr *hdr, u32 len)
{
	bool share = len && len < NE_VSOCK_SMALL &&
		     le16_to_cpu(hdr->type) == VIRTIO_VSOCK_TYPE_STREAM;

	return share ? SKB_WITH_OVERHEAD(NE_VSOCK_SHARED_SIZE) : VIRTIO_VSOCK_SKB_HEADROOM + len;
}

static int ne_vsock_deliver_from(struct ne_vsock_chan *chan,
				 const struct virtio_vsock_hdr *hdr,
				 struct iov_iter *from)
{
	u32 len = le32_to_cpu(hdr->len);
	struct sk_buff *skb;

	skb = virtio_vsock_alloc_skb(ne_vsock_room(hdr, len), GFP_KERNEL);
	if (!skb)
		return -ENOMEM;

	*virtio_vsock_hdr(skb) = *hdr;
	if (len) {
		ne_vsock_compat_skb_put(skb, len);
		if (skb_copy_datagram_from_iter(skb, 0, from, len)) {
			kfree_skb(skb);
			return -EFAULT;
		}
	}

	virtio_transport_deliver_tap_pkt(skb);
	return ne_vsock_recv(chan, skb);
}

/* CID 2 is an alias of the parent, as on EC2; guests can reach nothing else. */
static bool ne_vsock_is_parent(const struct virtio_vsock_hdr *hdr)
{
	u64 cid = le64_to_cpu(hdr->dst_cid);

	return cid == NE_EMU_CID_PARENT || cid == VMADDR_CID_HOST;
}

/**
 * ne_vsock_packet_write() - deliver a packet from the VMM
 * @chan: the channel
 * @from: header and payload, each read once; bytes after the payload are ignored
 *
 * Context: Process context, may sleep; does not wait for sockets.
 * Return: the bytes in @from, or -ENOTCONN (NEW), -EPIPE (GONE), -EAGAIN (too many
 * answers wait), -EINVAL (dropped), -EFAULT, -ENOMEM, -ENOBUFS.
 */
ssize_t ne_vsock_packet_write(struct ne_vsock_chan *chan, struct iov_iter *from)
{
	size_t count = iov_iter_count(from);
	struct virtio_vsock_hdr hdr;
	int rc;

	switch (ne_vsock_chan_state(chan)) {
	case NE_VSOCK_NEW:
		return -ENOTCONN;
	case NE_VSOCK_GONE:
		return -EPIPE;
	case NE_VSOCK_LIVE:
		break;
	}

	if (count < sizeof(hdr))
		goto malformed;
	if (!ne_vsock_chan_may_write(chan))
		return -EAGAIN;
	if (!copy_from_iter_full(&hdr, sizeof(hdr), from))
		return -EFAULT;
	if (!ne_vsock_valid(chan, &hdr, count - sizeof(hdr)))
		goto malformed;

	trace_ne_emu_vsock_from_guest(chan->cid, &hdr);
	if (ne_vsock_is_parent(&hdr))
		rc = ne_vsock_deliver_from(chan, &hdr, from);
	else
		rc = ne_vsock_answer_rst(chan, &hdr);

	return rc ?: count;

malformed:
	atomic_inc(&chan->malformed);
	return -EINVAL;
}

static int ne_vsock_batch_get(struct ne_emu_vsock_batch *batch, void __user *arg)
{
	if (copy_from_user(batch, arg, sizeof(*batch)))
		return -EFAULT;
	if (!batch->count || batch->count > NE_EMU_VSOCK_MAX_BATCH || batch->reserved)
		return -EINVAL;

	return 0;
}

/*
 * Create an iterator over the memory of an element. On entry *@iov points to UIO_FASTIOV
 * elements; on success the caller kfree()s *@iov.
 * Return: bytes, or a negative errno with nothing to free.
 */
static ssize_t ne_vsock_batch_import(const struct ne_emu_vsock_packet __user *element,
				     int direction, struct iovec **iov, struct iov_iter *iter)
{
	struct ne_emu_vsock_packet packet;

	if (copy_from_user(&packet, element, sizeof(packet)))
		return -EFAULT;

	return import_iovec(direction, u64_to_user_ptr(packet.iov), packet.iov_count,
			    UIO_FASTIOV, iov, iter);
}

/* One element of NE_EMU_VSOCK_RECV. Return: as ne_vsock_read_part(). */
static ssize_t ne_vsock_batch_recv_one(struct ne_vsock_chan *chan, struct sk_buff **skb,
				       struct ne_emu_vsock_packet __user *element)
{
	struct iovec fast[UIO_FASTIOV], *iov = fast;
	struct iov_iter to;
	ssize_t rc;

	rc = ne_vsock_batch_import(element, ITER_DEST, &iov, &to);
	if (rc < 0)
		return rc;

	rc = ne_vsock_read_part(chan, skb, &to, &element->result);
	kfree(iov);
	return rc;
}

/**
 * ne_vsock_batch_recv() - NE_EMU_VSOCK_RECV
 * @chan: the channel
 * @arg: struct ne_emu_vsock_batch
 *
 * Context: Process context, may sleep.
 * Return: the number of elements filled, or a negative errno.
 */
long ne_vsock_batch_recv(struct ne_vsock_chan *chan, void __user *arg)
{
	struct ne_emu_vsock_packet __user *packets;
	struct ne_emu_vsock_batch batch;
	struct sk_buff *skb = NULL;
	ssize_t rc;
	u32 n;

	rc = ne_vsock_batch_get(&batch, arg);
	if (rc)
		return rc;
	if (ne_vsock_chan_state(chan) == NE_VSOCK_NEW)
		return -ENOTCONN;
	if (ne_vsock_chan_state(chan) == NE_VSOCK_GONE)
		return 0;
	if (mutex_lock_interruptible(&chan->read_lock))
		return -ERESTARTSYS;

	packets = u64_to_user_ptr(batch.packets);
	for (n = 0; n < batch.count && !fatal_signal_pending(current); n++) {
		rc = ne_vsock_batch_recv_one(chan, &skb, &packets[n]);
		if (rc < 0)
			break;
		cond_resched();
	}
	if (skb)
		ne_vsock_chan_requeue(chan, skb);

	mutex_unlock(&chan->read_lock);
	return n ?: rc;
}

/*
 * One element of NE_EMU_VSOCK_SEND. A delivered packet cannot be taken back, so its
 * result is written first.
 * Return: as ne_vsock_packet_write().
 */
static ssize_t ne_vsock_batch_send_one(struct ne_vsock_chan *chan,
				       struct ne_emu_vsock_packet __user *element)
{
	struct iovec fast[UIO_FASTIOV], *iov = fast;
	struct iov_iter from;
	ssize_t rc;

	rc = ne_vsock_batch_import(element, ITER_SOURCE, &iov, &from);
	if (rc < 0)
		return rc;

	rc = put_user((s32)rc, &element->result) ? -EFAULT : ne_vsock_packet_write(chan, &from);
	kfree(iov);
	return rc;
}

/**
 * ne_vsock_batch_send() - NE_EMU_VSOCK_SEND
 * @chan: the channel
 * @arg: struct ne_emu_vsock_batch
 *
 * Context: Process context, may sleep; does not wait for sockets.
 * Return: the number of packets delivered or dropped, or a negative errno.
 */
long ne_vsock_batch_send(struct ne_vsock_chan *chan, void __user *arg)
{
	struct ne_emu_vsock_packet __user *packets;
	struct ne_emu_vsock_batch batch;
	ssize_t rc;
	u32 n;

	rc = ne_vsock_batch_get(&batch, arg);
	if (rc)
		return rc;

	packets = u64_to_user_ptr(batch.packets);
	for (n = 0; n < batch.count && !fatal_signal_pending(current); n++) {
		rc = ne_vsock_batch_send_one(chan, &packets[n]);
		/* A dropped packet gets another result. */
		if (rc == -EINVAL && put_user((s32)rc, &packets[n].result))
			rc = -EFAULT;
		if (rc < 0 && rc != -EINVAL)
			break;
		cond_resched();
	}

	return n ?: rc;
}
