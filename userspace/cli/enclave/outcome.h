/* SPDX-License-Identifier: Apache-2.0 */
/* How an enclave ended: the reason that the emulator gives, and the status of its program. */

#ifndef NE_EMU_CLI_ENCLAVE_OUTCOME_H
#define NE_EMU_CLI_ENCLAVE_OUTCOME_H

#include "command/terminal.h"
#include "common/json_out.h"
#include "common/nl.h"

#include <stdbool.h>
#include <stdint.h>

/* Exit code of "ne-emu run" for failures other than those of the enclave's program. */
#define OUTCOME_FAILED		125

/* Reason, text and status. */
#define OUTCOME_TEXT_SIZE	(NE_NL_TEXT_SIZE + 128)

/**
 * struct outcome - how an enclave ended
 * @reason: name of the reason; NULL: not known, as on EC2
 * @fault: the reason is a fault, not a normal end
 * @by_guest: the guest itself ended the enclave
 * @text: explanation, or ""
 * @guest_status: see common/guest_status.h
 */
struct outcome {
	const char *reason;
	bool fault;
	bool by_guest;
	char text[NE_NL_TEXT_SIZE];
	uint32_t guest_status;
};

/** outcome_classify() - set @fault and @by_guest for a reason, enum ne_emu_exit_reason */
void outcome_classify(struct outcome *outcome, uint32_t reason);

/** outcome_of() - the outcome of an enclave as the kernel reports it */
struct outcome outcome_of(const struct ne_nl_enclave *enclave);

/**
 * outcome_exit_code() - exit code for the outcome
 *
 * Return: the status of the program as a shell reports it, if the guest itself ended the
 * enclave and has reported one; otherwise OUTCOME_FAILED for a fault, or 0.
 */
int outcome_exit_code(const struct outcome *outcome);

/**
 * outcome_text() - describe the outcome on one line
 * @buf: buffer of OUTCOME_TEXT_SIZE bytes
 *
 * Return: @buf, e.g. "guest-reset: the program exited with status 7".
 */
const char *outcome_text(const struct outcome *outcome, char *buf);

/** outcome_json() - add the members ExitReason, ExitText, ExitCode and ExitSignal */
void outcome_json(struct json_out *out, const struct outcome *outcome);

/** outcome_fail() - print the error of a command that exits as a program does; OUTCOME_FAILED */
int outcome_fail(int err, const struct error *error);

#endif
