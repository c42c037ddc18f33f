// SPDX-License-Identifier: Apache-2.0
/* From the boot of an enclave to its end. */

#include "cli/run/run.h"

#include "cli/enclave/crash_dump.h"
#include "cli/enclave/record.h"
#include "cli/enclave/say.h"
#include "common/sd.h"
#include "common/util.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* As a shell reports a program that a closed pipe has ended. */
#define CODE_CLOSED_PIPE	(128 + SIGPIPE)

/* Call it before the enclave is closed: the kernel forgets the reason then. */
struct outcome run_outcome(const struct run *run)
{
	struct outcome outcome;

	return state_outcome(run->enclave.slot_uid, &outcome) ? (struct outcome){} : outcome;
}

/* The VMM went away without a word. */
bool run_is_lost(const struct outcome *outcome)
{
	return outcome->reason &&
		!strcmp(outcome->reason, ne_nl_exit_reason_name(NE_EMU_EXIT_REASON_LOST));
}

/* The enclave belongs to this process, which a closed pipe ends as it does other programs. */
int run_lose_output(struct run *run)
{
	enclave_close(&run->enclave);
	if (run->watch.output_err == -EPIPE) {
		fprintf(stderr, "%s terminated: nobody reads its console any more\n", run->id);
		return CODE_CLOSED_PIPE;
	}
	term_error("%s terminated: cannot write its console: %s", run->id,
		   strerror(-run->watch.output_err));
	return OUTCOME_FAILED;
}

void run_take_rest(struct run *run)
{
	watch_drain(&run->watch);
	if (run->watch.dump)
		crash_dump_finish(run->watch.dump);
}

int run_keep(struct run *run)
{
	struct outcome outcome;
	int event, code;

	fd_close(&run->watch.listener);
	run->watch.deadline_ns = 0;
	run->watch.progress = false;
	run->booted_ns = watch_now_ns();
	event = watch_next(&run->watch);
	(void)sd_report("STOPPING=1");	/* only systemd wants to know */
	if (event == WATCH_OUTPUT_LOST)
		return run_lose_output(run);
	if (event == WATCH_SIGNAL) {
		enclave_close(&run->enclave);
		watch_drain(&run->watch);
		say(stderr, run->id, "%s terminated", run->id);
		run_print_end_json(run, &(const struct outcome){ .reason = "closed" });
		return COMMAND_OK;
	}
	if (event < 0) {
		term_error("cannot wait for %s: %s", run->id, strerror(-event));
		return OUTCOME_FAILED;
	}
	outcome = run_outcome(run);
	code = outcome_exit_code(&outcome);
	run_take_rest(run);
	run_print_end(run, &outcome);
	if (code)
		run_show_last_lines(run);
	run_print_end_json(run, &outcome);
	return code;
}

/* The log of an enclave that was started; it ends when its descriptor is closed. */
void run_forget(struct run *run)
{
	struct error error;

	if (!run->rm || !*run->id)
		return;
	enclave_close(&run->enclave);
	if (record_forget(run->enclave.slot_uid, geteuid(), &error))
		term_error("warning: the log of %s stays: %s", run->id, error.text);
}
