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

/* Fixed vsock addresses, as on EC2. The port of a console is the base + CID. */
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
 * The netlink command "accept" gives the supervisor the backend fd of one start
 * request. The supervisor passes it on to the VMM of that enclave.
 *
 * mmap()   maps the donated memory, shared, at offset 0: all regions in call
 *          order as one contiguous range of "mem-size" bytes. Accesses raise
 *          SIGBUS (KVM_RUN: EFAULT) once the enclave is being released.
 *          KVM before Linux 6.13 does not fault this memory in (KVM_RUN:
 *          EFAULT). For such a kernel, map it at a multiple of 2 MiB (or of the
 *          page size, for larger mappings in KVM), and touch each 2 MiB before a
 *          guest uses it.
 * poll()   POLLIN   the enclave is RUNNING: load and run the image.
 *          POLLHUP  the enclave was stopped or released, or its start was
 *                   given up: exit now. A VMM that does not exit is killed.
 * close()  of the last reference means that the backend is gone: a start in
 *          progress fails with ECONNRESET, a running enclave gets EPOLLHUP.
 */

/* Size of the text in struct ne_emu_backend_status, bytes with the NUL. */
#define NE_EMU_STATUS_TEXT_SIZE		120

/*
 * The end of the program that the enclave ran, if its init reported it: this flag and,
 * in the lower 16 bits, the status as of wait(2).
 */
#define NE_EMU_GUEST_STATUS_KNOWN	(1U << 16)
#define NE_EMU_GUEST_STATUS_MASK	0xffffU

/**
 * struct ne_emu_backend_status - outcome of a start or end of an enclave
 * @code: NE_EMU_BACKEND_DONE: 0 or a positive errno below 512;
 *	NE_EMU_BACKEND_EXIT: a NE_EMU_EXIT_REASON_* value (ne_emu_netlink.h),
 *	not "none" and not "lost".
 * @guest_status: NE_EMU_BACKEND_DONE: must be 0; NE_EMU_BACKEND_EXIT: 0 (not known) or
 *	NE_EMU_GUEST_STATUS_KNOWN and the status of the enclave's program.
 * @text: reason as text, terminated by a NUL. Unprintable bytes are replaced.
 */
struct ne_emu_backend_status {
	__u32 code;
	__u32 guest_status;
	char text[NE_EMU_STATUS_TEXT_SIZE];
};

/*
 * NE_EMU_BACKEND_DONE - answer the start request; NE_START_ENCLAVE returns.
 *
 * With @code 0 the calling process becomes the backend, which is killed if it
 * outlives the enclave. It may use the memory before this call, also with KVM, and
 * so may any other process that has the fd or a mapping: release unmaps the memory
 * from all of them. With any other @code the start fails with that errno, the
 * enclave stays in INIT, and "enclave-get" returns @text.
 *
 * EFAULT: bad pointer. EINVAL: invalid @code, @guest_status or @text.
 * EALREADY: already answered. ESTALE: the start has been given up.
 */
#define NE_EMU_BACKEND_DONE	_IOW(NE_EMU_IOC_MAGIC, 0x00, struct ne_emu_backend_status)

/*
 * NE_EMU_BACKEND_EXIT - the guest has ended; raises the enclave's EPOLLHUP.
 *
 * EFAULT, EINVAL: as above. ENOTCONN: before NE_EMU_BACKEND_DONE. EALREADY: the
 * enclave has already ended.
 */
#define NE_EMU_BACKEND_EXIT	_IOW(NE_EMU_IOC_MAGIC, 0x01, struct ne_emu_backend_status)

/*
 * The channel fd: /dev/ne_emu_vsock (0600 root)
 * =============================================
 *
 * Once attached, an open file carries the vsock packets of one address: those of
 * the enclave's guest (flags 0), or those of its console service
 * (NE_EMU_VSOCK_CONSOLE). An enclave in debug mode has one file of each kind, so
 * that the VMM can read packets directly into guest memory without examining them
 * first. A packet is struct virtio_vsock_hdr (44 bytes, little endian) followed by
 * hdr.len bytes of payload.
 *
 * read()   returns one packet for this address, limited by the size of the buffer:
 *          a larger packet takes several reads, each with its own header. The
 *          buffer must be larger than the header. EAGAIN (O_NONBLOCK): no packet.
 *          Returns 0 if another file took the address.
 * write()  sends one whole packet from this address. Its source must be the
 *          attached CID, or on a console file CID 0 with port
 *          NE_EMU_CONSOLE_PORT_BASE + cid. CID 3 and CID 2 are the parent; packets
 *          for other CIDs are answered with RST. Does not wait for sockets.
 *          EAGAIN: too many answers wait to be read. ENOMEM: not delivered.
 *          EINVAL: malformed packet or wrong source, dropped.
 *          EPIPE: another file took the address.
 * poll()   POLLIN, POLLOUT: as above. POLLHUP: another file took the address.
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
 * NE_EMU_VSOCK_ATTACH - attach the channel to an address; once per open file.
 *
 * If another file has the address, that file is detached. Only root can open the
 * device, and CIDs of live enclaves are unique, so the other file belongs to an
 * enclave that has ended.
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

/* Maximum number of packets in a batch. */
#define NE_EMU_VSOCK_MAX_BATCH		256

/**
 * struct ne_emu_vsock_packet - one packet of a batch
 * @iov: address of an array of struct iovec for the packet, as for readv() and writev().
 * @iov_count: number of elements of the array.
 * @result: for each packet in the returned count: bytes moved, including the header,
 *	or -EINVAL for a sent packet that was dropped. Undefined in later elements.
 */
struct ne_emu_vsock_packet {
	__u64 iov;
	__u32 iov_count;
	__s32 result;
};

/**
 * struct ne_emu_vsock_batch - several packets in one call
 * @packets: address of an array of struct ne_emu_vsock_packet.
 * @count: number of elements of the array, 1 to NE_EMU_VSOCK_MAX_BATCH.
 * @reserved: must be 0.
 */
struct ne_emu_vsock_batch {
	__u64 packets;
	__u32 count;
	__u32 reserved;
};

/*
 * NE_EMU_VSOCK_RECV - read up to @count packets
 *
 * Does not wait for packets. A packet that is too large for one element continues in
 * the next one. Returns the number of elements filled, starting with the first. If that
 * is less than @count, there are no more packets, or the next element failed; a call
 * that starts with that element returns its errno. Returns 0 if another file took the
 * address.
 *
 * A part that could not be written completely to its element, including @result, stays
 * in the channel, and the next read starts with it: no byte is lost or read twice.
 * With EPOLLET, POLLIN is reported when a packet reaches an empty channel, and when a
 * part of a packet stays. Read until EAGAIN, or until a batch of valid elements is not
 * filled.
 *
 * EAGAIN: no packet. EFAULT: bad @packets, element, array or memory. EINVAL: as for
 * read(), or @iov_count above 1024, or invalid @count or @reserved. ENOMEM: no memory
 * for an element's array. ENOTCONN: not attached.
 */
#define NE_EMU_VSOCK_RECV	_IOW(NE_EMU_IOC_MAGIC, 0x12, struct ne_emu_vsock_batch)

/*
 * NE_EMU_VSOCK_SEND - write up to @count packets
 *
 * A packet that writev() would refuse with EINVAL is dropped, its @result reports this,
 * and the next one follows. Other errors end the batch; the call returns them only if
 * they occur at the first packet. Returns the number of packets delivered or dropped,
 * starting with the first.
 *
 * Each packet in the returned count was delivered once and as a whole, or dropped. The
 * packet at which the call ended was not delivered and can be sent again; to allow
 * this, @result is written before the packet is delivered.
 *
 * EAGAIN, ENOMEM, EPIPE, ENOTCONN: as for write(). EFAULT: bad @packets, element, array
 * or memory. EINVAL: invalid @count or @reserved.
 */
#define NE_EMU_VSOCK_SEND	_IOW(NE_EMU_IOC_MAGIC, 0x13, struct ne_emu_vsock_batch)

#endif /* _UAPI_LINUX_NITRO_ENCLAVES_EMU_H */
