// SPDX-License-Identifier: Apache-2.0
/* Messages of "ne-emu run". */

#include "cli/run/run.h"

#include "cli/enclave/logs.h"
#include "cli/enclave/say.h"
#include "common/clock.h"
#include "common/guest_status.h"
#include "common/json_out.h"
#include "common/util.h"

#include <stdio.h>
#include <unistd.h>

#define CPUS_TEXT_SIZE		512
/* For a program that fails within this time after the boot, this many lines are shown. */
#define EARLY_NS		(10 * NSEC_PER_SEC)
#define LAST_LINES		10

/* In the order in which they were added; a list that does not fit is cut. */
static const char *cpus_text(const struct enclave *enclave, char *buf)
{
	size_t len = 0;

	*buf = 0;
	for (size_t i = 0; i < enclave->nr_cpus && len < CPUS_TEXT_SIZE; i++)
		len += snprintf(buf + len, CPUS_TEXT_SIZE - len, "%s%u", i ? "," : "",
				enclave->cpus[i]);
	return buf;
}

void run_print_held(const struct run *run)
{
	say(run->console || run->json ? stderr : stdout, run->id,
	    "%s stands before its first instruction; \"ne-emu gdb %s\" attaches a debugger",
	    run->id,
	    run->id);
}

void run_print_booted(struct run *run)
{
	const struct enclave *enclave = &run->enclave;
	uint64_t took = (watch_now_ns() - run->watch.started_ns) / NSEC_PER_MSEC;
	/* With --console, stdout carries only the console. */
	FILE *to = run->console ? stderr : stdout;
	char cpus[CPUS_TEXT_SIZE];
	struct json_out out = {};

	if (!run->json) {
		say(to, run->id, "%s booted in %llu.%03llu s: CID %u, CPUs %s, %llu MiB%s%s",
		    run->id, (unsigned long long)took / 1000, (unsigned long long)took % 1000,
		    enclave->cid, cpus_text(enclave, cpus), enclave->mem_size / MIB,
		    enclave->debug ? ", debug mode" : "", state_emulated() ? ", EMULATED" : "");
		if (run->console && isatty(STDOUT_FILENO))
			fputs("(Ctrl-C ends the enclave)\n", stderr);
		return;
	}
	json_out_document(&out);
	json_out_str(&out, "EnclaveID", run->id);
	json_out_u64(&out, "ProcessID", getpid());
	json_out_u64(&out, "EnclaveCID", enclave->cid);
	state_json_cpus(&out, enclave->cpus, enclave->nr_cpus);
	json_out_u64(&out, "MemoryMiB", enclave->mem_size / MIB);
	json_out_str(&out, "State", "RUNNING");
	json_out_str(&out, "Flags", enclave->debug ? "DEBUG_MODE" : "NONE");
	json_out_u64(&out, "BootMs", took);
	json_out_bool(&out, "Emulated", state_emulated());
	json_out_str(&out, "Name", run->name);
	json_out_json(&out, "Measurements", json_object_get(run->image.record, "Measurements"));
	if (json_out_print(&out, stdout, 2))
		term_error("cannot print the result");
}

/* A script reads this second object of --json for the status of the program. */
void run_print_end_json(const struct run *run, const struct outcome *outcome)
{
	struct json_out out = {};

	if (!run->json)
		return;
	json_out_document(&out);
	json_out_str(&out, "EnclaveID", run->id);
	json_out_str(&out, "State", "TERMINATED");
	outcome_json(&out, outcome);
	if (json_out_print(&out, stdout, 2))
		term_error("cannot print the result");
}

/* A program that failed soon after the boot was probably never right: show what it said. */
void run_show_last_lines(const struct run *run)
{
	const struct logs_id id = { .uid = run->enclave.slot_uid, .owner = geteuid() };

	if (run->console)
		return;
	if (!run->debug)
		fprintf(stderr, "%s: --debug --console shows what it prints\n", run->id);
	else if ((watch_now_ns() - run->booted_ns > EARLY_NS ||
		  logs_print_last(&id, LAST_LINES, stderr) <= 0) && !run->rm)
		fprintf(stderr, "%s: \"ne-emu logs %s\" shows its console\n", run->id, run->id);
}

void run_print_end(const struct run *run, const struct outcome *outcome)
{
	bool known = outcome->by_guest && outcome->guest_status;
	char text[OUTCOME_TEXT_SIZE], program[GUEST_STATUS_TEXT_SIZE];

	if (known && !outcome->fault)
		say(stderr, run->id, "%s ended: %s", run->id,
		    guest_status_text(outcome->guest_status, program));
	else if (outcome->fault)
		term_error("%s ended by a fault (%s)%s", run->id, outcome_text(outcome, text),
			   run_is_lost(outcome) ? "; " RUN_LOST_ADVICE : "");
	else
		say(stderr, run->id, "%s ended (%s)%s", run->id, outcome_text(outcome, text),
		    outcome->by_guest ? "; its init did not report a status" : "");
}
