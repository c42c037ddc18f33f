/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints ne_emu_vsock:*. They show headers, not what is in the packets. */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM ne_emu_vsock

#if !defined(NE_EMU_VSOCK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NE_EMU_VSOCK_TRACE_H

#include <linux/tracepoint.h>
#include <linux/virtio_vsock.h>

#define ne_emu_vsock_show_op(op)					\
	__print_symbolic(op,						\
			 { VIRTIO_VSOCK_OP_REQUEST, "request" },	\
			 { VIRTIO_VSOCK_OP_RESPONSE, "response" },	\
			 { VIRTIO_VSOCK_OP_RST, "rst" },		\
			 { VIRTIO_VSOCK_OP_SHUTDOWN, "shutdown" },	\
			 { VIRTIO_VSOCK_OP_RW, "rw" },			\
			 { VIRTIO_VSOCK_OP_CREDIT_UPDATE, "credit-update" }, \
			 { VIRTIO_VSOCK_OP_CREDIT_REQUEST, "credit-request" })

TRACE_DEFINE_ENUM(VIRTIO_VSOCK_OP_REQUEST);
TRACE_DEFINE_ENUM(VIRTIO_VSOCK_OP_RESPONSE);
TRACE_DEFINE_ENUM(VIRTIO_VSOCK_OP_RST);
TRACE_DEFINE_ENUM(VIRTIO_VSOCK_OP_SHUTDOWN);
TRACE_DEFINE_ENUM(VIRTIO_VSOCK_OP_RW);
TRACE_DEFINE_ENUM(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
TRACE_DEFINE_ENUM(VIRTIO_VSOCK_OP_CREDIT_REQUEST);

DECLARE_EVENT_CLASS(ne_emu_vsock_packet,
	TP_PROTO(u32 cid, const struct virtio_vsock_hdr *hdr),

	TP_ARGS(cid, hdr),

	TP_STRUCT__entry(
		__field(u64, src_cid)
		__field(u64, dst_cid)
		__field(u32, cid)
		__field(u32, src_port)
		__field(u32, dst_port)
		__field(u32, len)
		__field(u32, flags)
		__field(u16, type)
		__field(u16, op)
	),

	TP_fast_assign(
		__entry->src_cid = le64_to_cpu(hdr->src_cid);
		__entry->dst_cid = le64_to_cpu(hdr->dst_cid);
		__entry->cid = cid;
		__entry->src_port = le32_to_cpu(hdr->src_port);
		__entry->dst_port = le32_to_cpu(hdr->dst_port);
		__entry->len = le32_to_cpu(hdr->len);
		__entry->flags = le32_to_cpu(hdr->flags);
		__entry->type = le16_to_cpu(hdr->type);
		__entry->op = le16_to_cpu(hdr->op);
	),

	TP_printk("cid=%u %llu:%u -> %llu:%u op=%s type=%u len=%u flags=%#x",
		  __entry->cid, __entry->src_cid, __entry->src_port, __entry->dst_cid,
		  __entry->dst_port, ne_emu_vsock_show_op(__entry->op), __entry->type,
		  __entry->len, __entry->flags)
);

/* The VMM takes a packet for the enclave, or for a client of its console. */
DEFINE_EVENT(ne_emu_vsock_packet, ne_emu_vsock_to_guest,
	TP_PROTO(u32 cid, const struct virtio_vsock_hdr *hdr),
	TP_ARGS(cid, hdr)
);

/* The VMM brings a packet of the enclave, or of its console. */
DEFINE_EVENT(ne_emu_vsock_packet, ne_emu_vsock_from_guest,
	TP_PROTO(u32 cid, const struct virtio_vsock_hdr *hdr),
	TP_ARGS(cid, hdr)
);

#endif /* NE_EMU_VSOCK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
