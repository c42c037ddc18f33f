// SPDX-License-Identifier: Apache-2.0
/* The console output of a debug enclave: the last MiB of it, and a log file. */

#include "vmm/console.h"

#include "common/clock.h"
#include "common/date.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Guests print byte by byte; output is collected for this long for the log and readers. */
#define COLLECT_NS	5000000L
#define LOG_PIECE	(8 * KIB)
/* The same with dates, unless lines are short. */
#define LOG_TEXT	(12 * KIB)

static void handle_more(void *arg, uint32_t events)
{
	struct console *console = arg;
	uint64_t count;

	(void)events;
	(void)!read(console->timer_fd, &count, sizeof(count));
	/* From here on, new output sets the timer again, so that none is missed. */
	atomic_store(&console->timer_set, false);
	console_flush_log(console);
	if (console->more)
		console->more(console->more_arg);
}

int console_init(struct console *console, struct loop *loop, int log_fd)
{
	uint8_t *ring;
	int err;

	memset(console, 0, sizeof(*console));
	/* Reads files, which is not possible later; dates are UTC, but libc does not know that. */
	tzset();
	console->log_fd = log_fd;
	console->loop = loop;
	console->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (console->timer_fd < 0)
		return -errno;
	/* Uses memory only for the part that has been written. */
	ring = mmap(NULL, CONSOLE_RING_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	err = ring == MAP_FAILED ? -errno : -pthread_mutex_init(&console->lock, NULL);
	if (!err) {
		console->ring = ring;
		console->source = (struct loop_source){
			.fd = console->timer_fd,
			.events = EPOLLIN,
			.call = handle_more,
			.arg = console,
		};
		err = loop_add(loop, &console->source);
	}
	if (err)
		console_exit(console);
	return err;
}

void console_exit(struct console *console)
{
	if (!console->ring) {
		fd_close(&console->timer_fd);
		return;
	}
	loop_del(console->loop, &console->source);
	(void)munmap(console->ring, CONSOLE_RING_SIZE);
	console->ring = NULL;
	(void)pthread_mutex_destroy(&console->lock);
	fd_close(&console->timer_fd);
}

void console_write(struct console *console, uint8_t byte)
{
	const struct itimerspec delay = { .it_value.tv_nsec = COLLECT_NS };

	pthread_mutex_lock(&console->lock);
	console->ring[console->head++ % CONSOLE_RING_SIZE] = byte;
	pthread_mutex_unlock(&console->lock);

	/* Cannot fail with these arguments. */
	if (!atomic_exchange(&console->timer_set, true))
		(void)timerfd_settime(console->timer_fd, 0, &delay, NULL);
}

size_t console_copy(struct console *console, uint64_t *pos, void *buf, size_t max)
{
	uint64_t oldest;
	size_t offset, len, first;

	pthread_mutex_lock(&console->lock);
	oldest = console->head - MIN(console->head, CONSOLE_RING_SIZE);
	*pos = MAX(*pos, oldest);
	len = MIN(console->head - *pos, max);
	offset = *pos % CONSOLE_RING_SIZE;
	first = MIN(len, CONSOLE_RING_SIZE - offset);
	memcpy(buf, console->ring + offset, first);
	memcpy((uint8_t *)buf + first, console->ring, len - first);
	pthread_mutex_unlock(&console->lock);
	return len;
}

/* A full disk does not stop the guest; the log continues once there is room. */
static void log_write_failed(struct console *console)
{
	if (!console->log_failed)
		log_warn("console log: %s; output is missing there", strerror(errno));
	console->log_failed = true;
}

static void log_text(struct console *console, const void *text, size_t len)
{
	ssize_t done;

	len = MIN(len, CONSOLE_LOG_MAX - console->log_size);
	if (!len)
		return;
	done = write(console->log_fd, text, len);
	if (done < 0 || (size_t)done < len)
		log_write_failed(console);
	else
		console->log_failed = false;
	console->log_size += len;
	if (console->log_size >= CONSOLE_LOG_MAX)
		(void)!write(console->log_fd, CONSOLE_LOG_END, sizeof(CONSOLE_LOG_END) - 1);
}

/* Add the date to each line that begins in this piece. */
static void log_piece(struct console *console, const uint8_t *piece, size_t len)
{
	char text[LOG_TEXT], date[DATE_SIZE];
	size_t used = 0, stamp;

	date_format(clock_ns(CLOCK_REALTIME), date);
	stamp = strlen(date);
	date[stamp++] = ' ';		/* in place of the NUL */
	for (size_t i = 0; i < len; i++) {
		if (used + stamp + 1 > sizeof(text)) {
			log_text(console, text, used);
			used = 0;
		}
		if (!console->log_inside) {
			memcpy(text + used, date, stamp);
			used += stamp;
		}
		text[used++] = piece[i];
		console->log_inside = piece[i] != '\n';
	}
	log_text(console, text, used);
}

void console_flush_log(struct console *console)
{
	uint8_t piece[LOG_PIECE];
	size_t len;

	while (console->log_fd >= 0 && console->log_size < CONSOLE_LOG_MAX) {
		len = console_copy(console, &console->log_pos, piece, sizeof(piece));
		if (!len)
			break;
		console->log_pos += len;
		log_piece(console, piece, len);
	}
}
