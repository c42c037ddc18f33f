/* SPDX-License-Identifier: Apache-2.0 */
/* The console output of a debug enclave: the last MiB of it, and a log file. */

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
/* Written at the end of a log that is full; the file then has the size below. */
#define CONSOLE_LOG_END		"\n[console log ends here: size limit]\n"
#define CONSOLE_LOG_FILE_MAX	NE_EMU_CONSOLE_LOG_MAX
#define CONSOLE_LOG_MAX		(CONSOLE_LOG_FILE_MAX - (sizeof(CONSOLE_LOG_END) - 1))

/**
 * struct console - console output; written by vCPUs, read by the main thread
 * @lock: protects @ring and @head; held only while a piece is copied, because the guest
 *	waits for it to print
 * @head: bytes printed so far; the ring holds the last CONSOLE_RING_SIZE
 * @timer_fd: becomes readable some time after new output
 * @timer_set: the timer is set, so that not every byte has to set it
 * @more: called on the main thread when there is new output
 * @log_pos: position in the output up to which it was handled for the log; main thread
 * @log_size: bytes in the log; main thread
 * @log_inside: the log ends within a line of the guest; main thread
 */
struct console {
	pthread_mutex_t lock;
	uint8_t *ring;
	uint64_t head;

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
	bool log_inside;
};

/**
 * console_init() - allocate the ring and start the log
 * @log_fd: borrowed; -1: no log
 *
 * Return: 0 or a negative errno.
 */
int console_init(struct console *console, struct loop *loop, int log_fd);
void console_exit(struct console *console);

/** console_write() - add one byte of the guest's output; any thread */
void console_write(struct console *console, uint8_t byte);

/**
 * console_copy() - copy a piece of the output; main thread
 * @pos: position in the output, advanced if the ring no longer holds it
 * @buf: receives a copy, so that the guest does not wait while the piece is passed on
 * @max: maximum number of bytes
 *
 * Return: bytes copied; 0 at the end of the output.
 */
size_t console_copy(struct console *console, uint64_t *pos, void *buf, size_t max);

/**
 * console_flush_log() - write output that is not in the log yet
 *
 * Each line begins with the date at which its first byte was seen, and a blank.
 */
void console_flush_log(struct console *console);

#endif
