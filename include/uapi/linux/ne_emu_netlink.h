/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ne-emu.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_NE_EMU_NETLINK_H
#define _UAPI_LINUX_NE_EMU_NETLINK_H

#define NE_EMU_FAMILY_NAME	"ne-emu"
#define NE_EMU_FAMILY_VERSION	1

/**
 * enum ne_emu_enclave_state - State of an enclave.
 * @NE_EMU_ENCLAVE_STATE_INIT: Created, not started.
 * @NE_EMU_ENCLAVE_STATE_RUNNING: Started.
 * @NE_EMU_ENCLAVE_STATE_STOPPED: Ended, by itself or by enclave-stop; still
 *   holds its resources.
 * @NE_EMU_ENCLAVE_STATE_FREED: Released; only in notifications.
 */
enum ne_emu_enclave_state {
	NE_EMU_ENCLAVE_STATE_INIT,
	NE_EMU_ENCLAVE_STATE_RUNNING,
	NE_EMU_ENCLAVE_STATE_STOPPED,
	NE_EMU_ENCLAVE_STATE_FREED,
};

/**
 * enum ne_emu_exit_reason - Why an enclave ended.
 * @NE_EMU_EXIT_REASON_NONE: It has not ended.
 * @NE_EMU_EXIT_REASON_LOST: The VMM went away without giving a reason.
 * @NE_EMU_EXIT_REASON_GUEST_RESET: The guest reset itself, which is an orderly
 *   end.
 * @NE_EMU_EXIT_REASON_GUEST_SHUTDOWN: The guest caused a triple fault, or its
 *   kernel panicked.
 * @NE_EMU_EXIT_REASON_GUEST_HALT: All vCPUs halted permanently.
 * @NE_EMU_EXIT_REASON_BAD_IMAGE: The enclave image was refused.
 * @NE_EMU_EXIT_REASON_VMM_ERROR: The VMM could not continue.
 * @NE_EMU_EXIT_REASON_ADMIN_STOP: Stopped by enclave-stop.
 */
enum ne_emu_exit_reason {
	NE_EMU_EXIT_REASON_NONE,
	NE_EMU_EXIT_REASON_LOST,
	NE_EMU_EXIT_REASON_GUEST_RESET,
	NE_EMU_EXIT_REASON_GUEST_SHUTDOWN,
	NE_EMU_EXIT_REASON_GUEST_HALT,
	NE_EMU_EXIT_REASON_BAD_IMAGE,
	NE_EMU_EXIT_REASON_VMM_ERROR,
	NE_EMU_EXIT_REASON_ADMIN_STOP,
};

enum {
	NE_EMU_A_ENCLAVE_SLOT_UID = 1,
	NE_EMU_A_ENCLAVE_CID,
	NE_EMU_A_ENCLAVE_STATE,
	NE_EMU_A_ENCLAVE_FLAGS,
	NE_EMU_A_ENCLAVE_MEM_SIZE,
	NE_EMU_A_ENCLAVE_IMAGE_OFFSET,
	NE_EMU_A_ENCLAVE_VCPU,
	NE_EMU_A_ENCLAVE_BACKEND_FD,
	NE_EMU_A_ENCLAVE_EXIT_REASON,
	NE_EMU_A_ENCLAVE_EXIT_TEXT,
	NE_EMU_A_ENCLAVE_OWNER_PID,
	NE_EMU_A_ENCLAVE_OWNER_UID,
	NE_EMU_A_ENCLAVE_STARTED_NS,
	NE_EMU_A_ENCLAVE_PAD,
	NE_EMU_A_ENCLAVE_EXIT_STATUS,

	__NE_EMU_A_ENCLAVE_MAX,
	NE_EMU_A_ENCLAVE_MAX = (__NE_EMU_A_ENCLAVE_MAX - 1)
};

enum {
	NE_EMU_A_POOL_CPU = 1,
	NE_EMU_A_POOL_CLAIMED,
	NE_EMU_A_POOL_NODE,

	__NE_EMU_A_POOL_MAX,
	NE_EMU_A_POOL_MAX = (__NE_EMU_A_POOL_MAX - 1)
};

enum ne_emu_cmd {
	NE_EMU_CMD_ENCLAVE_GET = 1,
	NE_EMU_CMD_ENCLAVE_STOP,
	NE_EMU_CMD_ACCEPT,
	NE_EMU_CMD_READY,
	NE_EMU_CMD_ENCLAVE_NTF,
	NE_EMU_CMD_POOL_GET,
	NE_EMU_CMD_POOL_NTF,

	__NE_EMU_CMD_MAX,
	NE_EMU_CMD_MAX = (__NE_EMU_CMD_MAX - 1)
};

#define NE_EMU_MCGRP_BACKEND	"backend"
#define NE_EMU_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_NE_EMU_NETLINK_H */
