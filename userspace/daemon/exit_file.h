/* SPDX-License-Identifier: Apache-2.0 */
/* exit.json: how an enclave ended, for people and tools that look later. */

#ifndef NE_EMU_DAEMON_EXIT_FILE_H
#define NE_EMU_DAEMON_EXIT_FILE_H

#include "common/nl.h"
#include "daemon/folder.h"

#include <stdint.h>

/**
 * struct exit_record - contents of the file
 * @enclave: the last known state of the enclave; not owned
 * @closed: its owner closed it while it was running, so that there is no reason
 * @started_ns: CLOCK_REALTIME, nanoseconds; 0: not known
 * @ended_ns: time of the end, likewise
 * @vmm_pid: process id of its VMM; 0: not a child of this supervisor
 * @vmm_ended: the VMM has been waited for
 * @vmm_code: si_code of its end: CLD_EXITED, CLD_KILLED or CLD_DUMPED
 * @vmm_status: exit code or signal number
 */
struct exit_record {
	const struct ne_nl_enclave *enclave;
	bool closed;
	int64_t started_ns;
	int64_t ended_ns;
	pid_t vmm_pid;
	bool vmm_ended;
	int vmm_code;
	int vmm_status;
};

/**
 * exit_file_text() - make the text of the file
 * @ret_text: receives the text, which the caller frees
 *
 * Return: 0 or -ENOMEM.
 */
int exit_file_text(const struct exit_record *record, char **ret_text);

/**
 * exit_file_write() - write the file into the enclave's directory
 *
 * Readers see either the old file or the complete new one. Return: 0 or a negative errno.
 */
int exit_file_write(const struct log_root *root, const struct exit_record *record);

#endif
