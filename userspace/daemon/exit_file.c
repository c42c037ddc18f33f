// SPDX-License-Identifier: Apache-2.0
/* exit.json: how an enclave ended, for people and tools that look later. */

#include "daemon/exit_file.h"

#include "common/date.h"
#include "common/guest_status.h"
#include "common/paths.h"
#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/nitro_enclaves.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* As in the manual; the kernel does not have this reason. */
#define REASON_CLOSED		"closed"
#define TEXT_CLOSED		"closed by its owner"

/* null if not known. */
static json_t *exit_file_time(int64_t ns)
{
	char text[DATE_SIZE];

	return *date_format(ns, text) ? json_string(text) : json_null();
}

static json_t *exit_file_string(const char *text)
{
	char clean[NE_NL_TEXT_SIZE];

	return json_string(text_clean(clean, sizeof(clean), text, strlen(text)));
}

static json_t *exit_file_vcpus(const struct ne_nl_enclave *enclave)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < enclave->nr_vcpus; i++)
		if (json_array_append_new(array, json_integer(enclave->vcpus[i]))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *exit_file_vmm(const struct exit_record *record)
{
	const char *abbrev;

	if (!record->vmm_pid)
		return json_null();
	if (!record->vmm_ended)
		return json_pack("{s:i}", "pid", record->vmm_pid);
	if (record->vmm_code == CLD_EXITED)
		return json_pack("{s:i, s:i}", "pid", record->vmm_pid,
				 "exit_code", record->vmm_status);

	abbrev = sigabbrev_np(record->vmm_status);
	return json_pack("{s:i, s:i, s:s}", "pid", record->vmm_pid, "signal",
			 record->vmm_status, "signal_name", abbrev ? abbrev : "unknown");
}

static json_t *exit_file_program(const struct ne_nl_enclave *enclave)
{
	uint32_t status = enclave->guest_status;

	if (!status)
		return json_null();
	if (!guest_status_signal(status))
		return json_pack("{s:i}", "exit_code", guest_status_code(status));
	return json_pack("{s:i, s:s}", "signal", guest_status_signal(status),
			 "signal_name", guest_status_signal_name(status));
}

int exit_file_text(const struct exit_record *record, char **ret_text)
{
	const struct ne_nl_enclave *enclave = record->enclave;
	char uid[17];
	json_t *root;
	char *text;

	snprintf(uid, sizeof(uid), "%016" PRIx64, enclave->slot_uid);
	root = json_pack("{s:b, s:s, s:I, s:I, s:I, s:b, s:I, s:o, s:o, s:o, s:s, s:o, s:o, s:o}",
			 "emulated", 1,
			 "slot_uid", uid,
			 "owner_uid", (json_int_t)ne_nl_owner(enclave),
			 "cid", (json_int_t)enclave->cid,
			 "flags", (json_int_t)enclave->flags,
			 "debug_mode", !!(enclave->flags & NE_ENCLAVE_DEBUG_MODE),
			 "mem_size", (json_int_t)enclave->mem_size,
			 "vcpus", exit_file_vcpus(enclave),
			 "started", exit_file_time(record->started_ns),
			 "ended", exit_file_time(record->ended_ns),
			 "reason", record->closed ? REASON_CLOSED :
				   ne_nl_exit_reason_name(enclave->exit_reason),
			 "text", record->closed ? json_string(TEXT_CLOSED) :
				 exit_file_string(enclave->exit_text),
			 "program", exit_file_program(enclave),
			 "vmm", exit_file_vmm(record));
	if (!root)
		return -ENOMEM;

	text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

int exit_file_write(const struct log_root *root, const struct exit_record *record)
{
	__cleanup_free char *text = NULL;
	int err = exit_file_text(record, &text);

	return err ? err : folder_replace_file(root, ne_nl_owner(record->enclave),
					       record->enclave->slot_uid, NE_EMU_EXIT_FILE, text);
}
