// SPDX-License-Identifier: Apache-2.0
/* How an enclave ended: the reason that the emulator gives, and the status of its program. */

#include "cli/enclave/outcome.h"

#include "common/guest_status.h"

#include <stdio.h>
#include <string.h>

static bool is_fault(uint32_t reason)
{
	switch ((enum ne_emu_exit_reason)reason) {
	case NE_EMU_EXIT_REASON_NONE:
	case NE_EMU_EXIT_REASON_GUEST_RESET:
	case NE_EMU_EXIT_REASON_GUEST_HALT:
	case NE_EMU_EXIT_REASON_ADMIN_STOP:
		return false;
	case NE_EMU_EXIT_REASON_LOST:
	case NE_EMU_EXIT_REASON_GUEST_SHUTDOWN:
	case NE_EMU_EXIT_REASON_BAD_IMAGE:
	case NE_EMU_EXIT_REASON_VMM_ERROR:
		return true;
	}
	return true;
}

static bool is_by_guest(uint32_t reason)
{
	return reason == NE_EMU_EXIT_REASON_GUEST_RESET ||
	       reason == NE_EMU_EXIT_REASON_GUEST_HALT ||
	       reason == NE_EMU_EXIT_REASON_GUEST_SHUTDOWN;
}

void outcome_classify(struct outcome *outcome, uint32_t reason)
{
	outcome->fault = is_fault(reason);
	outcome->by_guest = is_by_guest(reason);
}

struct outcome outcome_of(const struct ne_nl_enclave *enclave)
{
	bool ended = enclave->exit_reason != NE_EMU_EXIT_REASON_NONE;
	struct outcome outcome = {
		.reason = ended ? ne_nl_exit_reason_name(enclave->exit_reason) : NULL,
		.guest_status = enclave->guest_status,
	};

	outcome_classify(&outcome, enclave->exit_reason);
	memcpy(outcome.text, enclave->exit_text, sizeof(outcome.text));
	return outcome;
}

int outcome_exit_code(const struct outcome *outcome)
{
	if (outcome->by_guest && outcome->guest_status)
		return guest_status_shell_code(outcome->guest_status);
	return outcome->fault ? OUTCOME_FAILED : 0;
}

const char *outcome_text(const struct outcome *outcome, char *buf)
{
	const char *reason = outcome->reason ? outcome->reason : "no reason is known";
	const char *text = outcome->text;
	char program[GUEST_STATUS_TEXT_SIZE] = "";

	if (outcome->guest_status)
		(void)guest_status_text(outcome->guest_status, program);
	/* That the guest has reset itself says less than why. */
	if (*program && outcome->by_guest && !outcome->fault)
		text = "";
	snprintf(buf, OUTCOME_TEXT_SIZE, "%s%s%s%s%s", reason, *text ? ": " : "", text,
		 !*program ? "" : *text ? "; " : ": ", program);
	return buf;
}

void outcome_json(struct json_out *out, const struct outcome *outcome)
{
	uint32_t status = outcome->guest_status;
	int sig = status ? guest_status_signal(status) : 0;

	json_out_str(out, "ExitReason", outcome->reason);
	json_out_str(out, "ExitText", *outcome->text ? outcome->text : NULL);
	if (status && !sig)
		json_out_u64(out, "ExitCode", guest_status_code(status));
	else
		json_out_null(out, "ExitCode");
	if (sig)
		json_out_u64(out, "ExitSignal", sig);
	else
		json_out_null(out, "ExitSignal");
}

int outcome_fail(int err, const struct error *error)
{
	(void)term_result(err, error);
	return OUTCOME_FAILED;
}
