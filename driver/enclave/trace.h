/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints ne_emu:*. Errors that clients cause are not logged; they can be traced
 * here.
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM ne_emu

#if !defined(NE_EMU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NE_EMU_TRACE_H

#include <linux/tracepoint.h>

#include "ne_emu.h"

TRACE_DEFINE_ENUM(NE_EMU_ENCLAVE_STATE_INIT);
TRACE_DEFINE_ENUM(NE_EMU_ENCLAVE_STATE_RUNNING);
TRACE_DEFINE_ENUM(NE_EMU_ENCLAVE_STATE_STOPPED);
TRACE_DEFINE_ENUM(NE_EMU_ENCLAVE_STATE_FREED);

/* An enclave entered a state. */
TRACE_EVENT(ne_emu_state,
	TP_PROTO(const struct ne_enclave *enclave),

	TP_ARGS(enclave),

	TP_STRUCT__entry(
		__field(u64, slot_uid)
		__field(u32, cid)
		__field(u32, state)
		__field(u32, reason)
		__string(text, enclave->exit_text)
	),

	TP_fast_assign(
		__entry->slot_uid = enclave->slot_uid;
		__entry->cid = enclave->cid;
		__entry->state = enclave->state;
		__entry->reason = enclave->exit_reason;
		__assign_str(text);
	),

	TP_printk("slot_uid=%016llx cid=%u state=%s reason=%u text=\"%s\"",
		  __entry->slot_uid, __entry->cid,
		  __print_symbolic(__entry->state,
				   { NE_EMU_ENCLAVE_STATE_INIT, "init" },
				   { NE_EMU_ENCLAVE_STATE_RUNNING, "running" },
				   { NE_EMU_ENCLAVE_STATE_STOPPED, "stopped" },
				   { NE_EMU_ENCLAVE_STATE_FREED, "freed" }),
		  __entry->reason, __get_str(text))
);

/* The VMM has answered a start request, or nobody has; error is an errno. */
TRACE_EVENT(ne_emu_start,
	TP_PROTO(u64 slot_uid, u32 cid, int error, s64 duration_us),

	TP_ARGS(slot_uid, cid, error, duration_us),

	TP_STRUCT__entry(
		__field(u64, slot_uid)
		__field(s64, duration_us)
		__field(u32, cid)
		__field(int, error)
	),

	TP_fast_assign(
		__entry->slot_uid = slot_uid;
		__entry->duration_us = duration_us;
		__entry->cid = cid;
		__entry->error = error;
	),

	TP_printk("slot_uid=%016llx cid=%u error=%d duration_us=%lld",
		  __entry->slot_uid, __entry->cid, __entry->error, __entry->duration_us)
);

/* An ioctl of an enclave fd failed; error is an errno or NE_ERR_*. */
TRACE_EVENT(ne_emu_refused,
	TP_PROTO(u64 slot_uid, unsigned int cmd, int error),

	TP_ARGS(slot_uid, cmd, error),

	TP_STRUCT__entry(
		__field(u64, slot_uid)
		__field(unsigned int, cmd)
		__field(int, error)
	),

	TP_fast_assign(
		__entry->slot_uid = slot_uid;
		__entry->cmd = cmd;
		__entry->error = error;
	),

	TP_printk("slot_uid=%016llx ioctl=%#x error=%d",
		  __entry->slot_uid, __entry->cmd, __entry->error)
);

#endif /* NE_EMU_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
