/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the program of an enclave ended, as struct ne_emu_backend_status has it: 0 if this is
 * not known, otherwise NE_EMU_GUEST_STATUS_KNOWN with the 16 bits of wait(2).
 */

#ifndef NE_EMU_COMMON_GUEST_STATUS_H
#define NE_EMU_COMMON_GUEST_STATUS_H

#include <linux/nitro_enclaves_emu.h>
#include <stdbool.h>
#include <stdint.h>

#define GUEST_STATUS_TEXT_SIZE	64

/** guest_status_make() - make a known status from the 16 bits of wait(2) */
static inline uint32_t guest_status_make(uint16_t wait_status)
{
	return NE_EMU_GUEST_STATUS_KNOWN | wait_status;
}

/** guest_status_valid() - do these 16 bits mean that a process has ended? */
bool guest_status_valid(uint16_t wait_status);
/** guest_status_code() - exit code of the program; -1: it was killed by a signal */
int guest_status_code(uint32_t status);
/** guest_status_signal() - signal that killed the program; 0: it has exited */
int guest_status_signal(uint32_t status);
/** guest_status_signal_name() - name without SIG, e.g. "KILL", or "unknown" */
const char *guest_status_signal_name(uint32_t status);
/** guest_status_shell_code() - exit code as of a shell: that of the program, or 128 + signal */
int guest_status_shell_code(uint32_t status);

/**
 * guest_status_text() - describe a status
 * @status: a known one
 * @buf: buffer of GUEST_STATUS_TEXT_SIZE bytes
 *
 * Return: @buf: "the program exited with status 7", "the program was killed by signal 9 (KILL)".
 */
const char *guest_status_text(uint32_t status, char *buf);

#endif
