/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detect a kernel panic as soon as the guest has printed it.
 *
 * A program can print the same text, so the vCPUs must confirm it: a kernel that has panicked
 * runs with interrupts disabled on one vCPU until it resets, and has halted the others
 * permanently. A kernel that lives enables interrupts between any two samples.
 */

#ifndef NE_EMU_VMM_PANIC_H
#define NE_EMU_VMM_PANIC_H

#include "vmm/ending.h"
#include "vmm/loop.h"
#include "vmm/vcpu.h"

#include <linux/nitro_enclaves_emu.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text of a panic that is kept, bytes; enough for a line that is then shortened. */
#define PANIC_LINE_MAX		160
/* What precedes the text in the reason of the end. */
#define PANIC_PREFIX		"kernel panic: "
/* A panic's text in the reason of the end, bytes with the NUL. */
#define PANIC_TEXT_SIZE		(NE_EMU_STATUS_TEXT_SIZE - (sizeof(PANIC_PREFIX) - 1))

/**
 * struct panic_watch - fed by vCPUs, watched by the main thread
 * @source: timer of the samples, which is set while @watching
 * @loop, @vcpus, @nr_vcpus: main thread; set by panic_watch_start()
 * @show_text: the console may be read, so the reason of the end has the text
 * @lock: protects the fields below; the guest waits for it to print
 * @printed: bytes that the guest has printed
 * @matched: number of bytes of the message's beginning in the current line; one more than all
 *	of them after the end of the line
 * @line, @line_len: the text after that beginning, of the last such line
 * @watching: the text was printed, and nothing has shown yet that the guest lives
 * @sampled: value of @printed at the last sample
 * @stuck: samples in a row in which the guest printed nothing and all vCPUs looked like those
 *	of a kernel that has panicked
 * @alive: samples since the text in which it printed nothing and a vCPU looked otherwise
 * @asked: the vCPUs were asked for the next sample
 */
struct panic_watch {
	struct loop_source source;
	struct loop *loop;
	struct vcpu *vcpus;
	size_t nr_vcpus;
	struct ending *ending;
	bool show_text;

	pthread_mutex_t lock;
	uint64_t printed;
	unsigned int matched;
	char line[PANIC_LINE_MAX];
	size_t line_len;
	bool watching;
	uint64_t sampled;
	unsigned int stuck;
	unsigned int alive;
	bool asked;
};

/** panic_watch_init() - prepare; Return: 0 or a negative errno */
int panic_watch_init(struct panic_watch *watch, struct ending *ending, bool show_text);
void panic_watch_exit(struct panic_watch *watch);
/** panic_watch_start() - watch the running @vcpus; Return: 0 or a negative errno */
int panic_watch_start(struct panic_watch *watch, struct loop *loop, struct vcpu *vcpus,
		      size_t nr_vcpus);
void panic_watch_stop(struct panic_watch *watch);

/** panic_watch_byte() - see one byte of the guest's output; any thread */
void panic_watch_byte(struct panic_watch *watch, uint8_t byte);

/** panic_watch_printed() - Return: bytes that the guest has printed */
uint64_t panic_watch_printed(struct panic_watch *watch);

/**
 * panic_watch_suspects() - has the guest just printed a panic, and not shown since that it lives?
 *
 * Then a reset is the end of a panic.
 */
bool panic_watch_suspects(struct panic_watch *watch);
/** panic_watch_report() - end the enclave with the text of the panic; any thread */
void panic_watch_report(struct panic_watch *watch);

#endif
