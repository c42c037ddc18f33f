/* SPDX-License-Identifier: Apache-2.0 */
/* What a debug enclave printed: the last MiB, and a log file. */

#ifndef NE_EMU_VMM_CONSOLE_H
#define NE_EMU_VMM_CONSOLE_H

#include "common/paths.h"
#include "vmm/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_RING_SIZE	(1U << 20)
/* Written behind the last byte of a log that is full; the file has this size then. */
#define CONSOLE_LOG_END		"\n[console log ends here: size limit]\n"
#define CONSOLE_LOG_FILE_MAX	NE_EMU_CONSOLE_LOG_MAX
#define CONSOLE_LOG_MAX		(CONSOLE_LOG_FILE_MAX - (sizeof(CONSOLE_LOG_END) - 1))
#define CONSOLE_PANIC_SIZE	80

/**
 * struct console - the ring is written by vCPUs and read by the main thread
 * @lock: protects @ring, @head, and the panic fields; held for no more than a copy,
 *	since the guest's output waits for it
 * @head: bytes printed so far; the ring holds the last CONSOLE_RING_SIZE
 * @matched: bytes of the panic message's beginning that the line has shown
 * @panic: what follows it, with a NUL once @panic_len says so
 * @timer_fd: readable some time after there was something new
 * @timer_set: it will be, so that not every byte needs to see to it
 * @more: called on the main thread when there is something new
 * @log_pos: bytes taken for the log; main thread
 * @log_size: bytes in the log; main thread
 */
struct console {
	pthread_mutex_t lock;
	uint8_t *ring;
	uint64_t head;
	unsigned int matched;
	size_t panic_len;
	char panic[CONSOLE_PANIC_SIZE];

	int timer_fd;
	atomic_bool timer_set;
	struct loop *loop;
	struct loop_source source;
	void (*more)(void *arg);
	void *more_arg;

	int log_fd;
	bool log_failed;
	uint64_t log_pos;
	uint64_t log_size;
};

/**
 * console_init() - ring and log
 * @log_fd: borrowed; -1: no log
 *
 * Return: 0 or a negative errno.
 */
int console_init(struct console *console, struct loop *loop, int log_fd);
void console_exit(struct console *console);

/** console_write() - one byte from the guest; any thread */
void console_write(struct console *console, uint8_t byte);

/**
 * console_copy() - a piece of the output; main thread
 * @pos: position in the output, moved on if the ring no longer holds it
 * @buf: gets the piece; a copy, so that the guest never waits for who passes it on
 * @max: bytes wanted at most
 *
 * Return: bytes copied; 0 at the end of the output.
 */
size_t console_copy(struct console *console, uint64_t *pos, void *buf, size_t max);

/** console_flush_log() - write what the log does not have yet */
void console_flush_log(struct console *console);

/** console_panic() - text of a kernel panic that was printed, clean; false without one */
bool console_panic(struct console *console, char *text, size_t size);

#endif
