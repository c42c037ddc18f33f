/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Interfaces that nitro_enclaves_emu adds to the AWS ABI, used only by its own
 * userspace. The ABI that clients use is <linux/nitro_enclaves.h> and is not
 * repeated here; the netlink family is <linux/ne_emu_netlink.h>.
 */

#ifndef _UAPI_LINUX_NITRO_ENCLAVES_EMU_H
#define _UAPI_LINUX_NITRO_ENCLAVES_EMU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Offset of the enclave image in enclave memory, bytes (the AWS driver's value). */
#define NE_EMU_IMAGE_OFFSET		(8ULL << 20)

/* Fixed vsock addresses of EC2: hypervisor, parent; console port is base + CID. */
#define NE_EMU_CID_HYPERVISOR		0
#define NE_EMU_CID_PARENT		3
#define NE_EMU_CONSOLE_PORT_BASE	10000
#define NE_EMU_HEARTBEAT_PORT		9000
#define NE_EMU_HEARTBEAT_BYTE		0xb7

#define NE_EMU_IOC_MAGIC		0xe7

/*
 * The backend fd
 * ==============
 *
 * Netlink command "accept" hands the backend fd of one start request to the
 * supervisor, which passes it on to the VMM of that enclave.
 *
 * mmap()   shared mapping of the donated memory at offset 0: all regions in
 *          call order as one contiguous range of "mem-size" bytes. Accesses
 *          raise SIGBUS (KVM_RUN: EFAULT) once the enclave is being released.
 *          For KVM before Linux 6.13, at a multiple of 2 MiB (or of the page
 *          size, for larger mappings in KVM) and with each 2 MiB touched before
 *          a guest uses them: it does not fault them in (KVM_RUN: EFAULT).
 * poll()   POLLIN   the enclave is RUNNING: load and run the image.
 *          POLLHUP  the enclave was stopped or released, or its start was
 *                   given up: exit now. A VMM that stays is killed.
 * close()  of the last reference means "the backend is gone": a start in
 *          progress fails with ECONNRESET, a running enclave gets EPOLLHUP.
 */

/* Size of the text in struct ne_emu_backend_status, bytes with the NUL. */
#define NE_EMU_STATUS_TEXT_SIZE		120

/**
 * struct ne_emu_backend_status - outcome of a start or end of an enclave
 * @code: NE_EMU_BACKEND_DONE: 0 or a positive errno below 512;
 *	NE_EMU_BACKEND_EXIT: a NE_EMU_EXIT_REASON_* value (ne_emu_netlink.h),
 *	not "none" and not "lost".
 * @reserved: must be 0.
 * @text: why, for people; must hold a NUL. Unprintable bytes are replaced.
 */
struct ne_emu_backend_status {
	__u32 code;
	__u32 reserved;
	char text[NE_EMU_STATUS_TEXT_SIZE];
};

/*
 * NE_EMU_BACKEND_DONE - answer the start request; NE_START_ENCLAVE returns.
 *
 * With @code 0 the caller's process becomes the backend that is killed if it
 * outlives the enclave. It may have used the memory before, also with KVM, and
 * so may any other process that has the fd or a mapping: release takes the memory
 * from all of them. With another @code the start fails with that errno, the
 * enclave stays in INIT and @text is readable through "enclave-get".
 *
 * EFAULT: bad pointer. EINVAL: @reserved, @code or @text invalid.
 * EALREADY: already answered. ESTALE: the start was given up meanwhile.
 */
#define NE_EMU_BACKEND_DONE	_IOW(NE_EMU_IOC_MAGIC, 0x00, struct ne_emu_backend_status)

/*
 * NE_EMU_BACKEND_EXIT - the guest has ended; raises the enclave's EPOLLHUP.
 *
 * EFAULT, EINVAL: as above. ENOTCONN: not done yet. EALREADY: already ended.
 */
#define NE_EMU_BACKEND_EXIT	_IOW(NE_EMU_IOC_MAGIC, 0x01, struct ne_emu_backend_status)

/*
 * The channel fd: /dev/ne_emu_vsock (0600 root)
 * =============================================
 *
 * One open file carries the vsock packets of one address once it is attached:
 * the packets of the enclave's guest (flags 0), or those of its console service
 * (NE_EMU_VSOCK_CONSOLE). An enclave in debug mode has one file of each kind, so
 * that the VMM can read a packet straight into guest memory without looking at
 * it first. A packet is struct virtio_vsock_hdr (44 bytes, little endian)
 * followed by hdr.len bytes of payload.
 *
 * read()   one packet for this address, cut to the space given: a larger packet
 *          comes in several reads, each with a header of its own. The space
 *          must exceed the header. EAGAIN (O_NONBLOCK) without a packet; 0 when
 *          another file took the address.
 * write()  one packet from this address, whole. The source is the attached CID,
 *          or CID 0 with port NE_EMU_CONSOLE_PORT_BASE + cid on a console file.
 *          CID 3 and CID 2 are the parent; packets for anything else are answered
 *          with RST. Never waits for the user of a socket.
 *          EAGAIN while too many answers wait to be read. ENOMEM: not taken.
 *          EINVAL: malformed packet or wrong source, dropped.
 *          EPIPE: another file took the address.
 * poll()   POLLIN, POLLOUT as above; POLLHUP when another file took the address.
 * close()  resets every connection of this address.
 */

/* The file is the console service: CID 0, port NE_EMU_CONSOLE_PORT_BASE + cid. */
#define NE_EMU_VSOCK_CONSOLE		(1U << 0)

/**
 * struct ne_emu_vsock_attach - the address of a channel
 * @cid: CID of the enclave, 4 to 0xfffffffe.
 * @flags: NE_EMU_VSOCK_CONSOLE or 0.
 */
struct ne_emu_vsock_attach {
	__u32 cid;
	__u32 flags;
};

/*
 * NE_EMU_VSOCK_ATTACH - give the channel its address; once per open file.
 *
 * An address that another file holds moves here and that file is detached: the
 * node is for root only and CIDs of live enclaves are unique, so the other file
 * belongs to an enclave that has ended.
 *
 * EFAULT: bad pointer. EINVAL: CID or flags. EBUSY: already attached. EINTR: killed.
 */
#define NE_EMU_VSOCK_ATTACH	_IOW(NE_EMU_IOC_MAGIC, 0x10, struct ne_emu_vsock_attach)

/*
 * NE_EMU_VSOCK_SEQPACKET - argument (by value) 1: the guest negotiated
 * VIRTIO_VSOCK_F_SEQPACKET, 0: it did not (initial value).
 *
 * EINVAL: other argument, or 1 on a console file. ENOTCONN: not attached.
 */
#define NE_EMU_VSOCK_SEQPACKET	_IO(NE_EMU_IOC_MAGIC, 0x11)

/* Most packets of one batch. */
#define NE_EMU_VSOCK_MAX_BATCH		256

/**
 * struct ne_emu_vsock_packet - one packet of a batch
 * @iov: address of an array of struct iovec: the packet, as for readv() and writev().
 * @iov_count: elements of the array.
 * @result: for each packet that counts: bytes moved, header included, or -EINVAL
 *	for a sent packet that was dropped. Those of later elements mean nothing.
 */
struct ne_emu_vsock_packet {
	__u64 iov;
	__u32 iov_count;
	__s32 result;
};

/**
 * struct ne_emu_vsock_batch - several packets in one call
 * @packets: address of an array of struct ne_emu_vsock_packet.
 * @count: elements of the array, 1 to NE_EMU_VSOCK_MAX_BATCH.
 * @reserved: 0.
 */
struct ne_emu_vsock_batch {
	__u64 packets;
	__u32 count;
	__u32 reserved;
};

/*
 * NE_EMU_VSOCK_RECV - as many reads as there are packets, at most @count
 *
 * Never waits for packets. A packet that is too large for one element continues in the
 * next. Returns the number of elements filled, from the first on. Fewer than @count:
 * nothing more is there, or the next element failed; a call that begins with that
 * one returns its errno. 0 when another file took the address.
 *
 * A part that could not be written to its element as a whole, @result included, stays
 * in the channel, and the next read begins with it: no byte is lost or read twice.
 * With EPOLLET, POLLIN comes when a packet reaches an empty channel, and when a part of
 * one stays: read until EAGAIN, or until a batch of good elements is not filled.
 *
 * EAGAIN: no packet. EFAULT: @packets, an element, its array or its memory. EINVAL:
 * as for read(), @iov_count beyond 1024, or @count, @reserved. ENOMEM: for an
 * element's array. ENOTCONN: not attached.
 */
#define NE_EMU_VSOCK_RECV	_IOW(NE_EMU_IOC_MAGIC, 0x12, struct ne_emu_vsock_batch)

/*
 * NE_EMU_VSOCK_SEND - as many writes
 *
 * A packet that writev() would refuse with EINVAL is dropped, its @result reports this,
 * and the next one follows. Other errors end the batch; they are returned when they meet
 * the first packet. Returns the number of packets taken or dropped, from the first on.
 *
 * A packet is delivered once and whole, and then it counts. One for which the call ended
 * was not delivered: sending it again does not send it twice. For that, @result is
 * written before the packet is delivered.
 *
 * EAGAIN, ENOMEM, EPIPE, ENOTCONN: as for write(). EFAULT: @packets, an element, its
 * array or its memory. EINVAL: @count, @reserved.
 */
#define NE_EMU_VSOCK_SEND	_IOW(NE_EMU_IOC_MAGIC, 0x13, struct ne_emu_vsock_batch)

#endif /* _UAPI_LINUX_NITRO_ENCLAVES_EMU_H */
