/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One "ne-emu run": the enclave, from the preparation to its end. The functions print what goes
 * wrong themselves.
 */

#ifndef NE_EMU_CLI_RUN_RUN_H
#define NE_EMU_CLI_RUN_RUN_H

#include "cli/enclave/enclave.h"
#include "cli/enclave/file.h"
#include "cli/enclave/outcome.h"
#include "cli/enclave/state.h"
#include "cli/enclave/tracer.h"
#include "cli/enclave/watch.h"
#include "cli/image/image.h"

#define RUN_LOST_ADVICE	"\"journalctl -u ne-emud\" shows how its VMM ended, for example " \
			"because memory ran out"

/**
 * struct run - the command line and what came of it
 * @file: the file of --config, whose text the options refer to
 * @image: the image that is started
 * @enclave: the enclave; closing it ends it
 * @watch: what the command waits for
 * @tracer: the trace of --trace, or NULL
 * @booted_ns: when the heartbeat arrived, CLOCK_MONOTONIC
 * @id: the enclave; "" before its start
 */
struct run {
	/* The command line. */
	struct image_options options;
	const char *config;
	const char *name;
	bool rm;
	uint64_t cpus;
	const char *cpu_ids;
	uint64_t memory;
	uint64_t cid;
	uint64_t timeout;
	bool debug;
	bool console;
	bool detach;
	bool gdb;
	const char *trace;
	bool json;
	bool no_check;
	const char *dump_on_crash;

	struct enclave_file file;
	struct image image;
	struct enclave enclave;
	struct watch watch;
	struct tracer *tracer;
	uint64_t booted_ns;
	char id[STATE_ID_SIZE];
};

/** run_prepare() - do all that can take long or fail without an enclave; Return: the exit code */
int run_prepare(struct run *run);
/** run_boot() - start the enclave and wait for its heartbeat; Return: the exit code */
int run_boot(struct run *run);
/** run_keep() - wait until the booted enclave ends; Return: the exit code */
int run_keep(struct run *run);
/** run_take_rest() - the enclave has ended: take what is left of its console, trace and dump */
void run_take_rest(struct run *run);
/** run_lose_output() - end the enclave, whose output nobody takes; Return: the exit code */
int run_lose_output(struct run *run);
/** run_forget() - end the enclave and remove its log, if --rm asks for that */
void run_forget(struct run *run);

/** run_detach() - with --detach: leave the terminal, and let the foreground process exit */
int run_detach(struct run *run, unsigned char code);

/** run_outcome() - how it ended. Before the enclave is closed: the kernel forgets it then */
struct outcome run_outcome(const struct run *run);
/** run_is_lost() - did the VMM go away without a word? */
bool run_is_lost(const struct outcome *outcome);

/** run_foreground() - run until the end of the enclave; Return: the exit code */
int run_foreground(struct run *run);
/** run_background() - return once the enclave has booted; another process keeps it */
int run_background(struct run *run);

/** run_print_held() - say that the enclave stands before its first instruction */
void run_print_held(const struct run *run);
/** run_print_booted() - print what runs now */
void run_print_booted(struct run *run);
/** run_print_end() - print how it ended */
void run_print_end(const struct run *run, const struct outcome *outcome);
/** run_print_end_json() - the second object of --json, for the status of the program */
void run_print_end_json(const struct run *run, const struct outcome *outcome);
/** run_show_last_lines() - show what a program that failed soon after the boot has said */
void run_show_last_lines(const struct run *run);

#endif
