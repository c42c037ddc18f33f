// SPDX-License-Identifier: Apache-2.0
/* Detect a kernel panic as soon as the guest has printed it. */

#include "vmm/panic.h"

#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* The panic message of Linux (kernel/panic.c), which the reason follows. */
static const char panic_start[] = "Kernel panic - not syncing: ";
/* The kernel repeats the message with this end before it waits forever. */
static const char panic_repeated[] = " ]---";

#define SAMPLE_NS	100000000L
/*
 * A live kernel may disable interrupts for some time, but not in all of these samples. By then
 * a kernel that has panicked has printed the rest of its message.
 */
#define STUCK_SAMPLES	5
/* A kernel that has panicked may wait 1 s for each vCPU that does not stop. */
#define ALIVE_SAMPLES	50

/* Bytes of a cleaned line: each byte may become an escape. */
#define CLEAN_SIZE	(4 * PANIC_LINE_MAX + 1)

static void set_timer(const struct panic_watch *watch, bool on)
{
	const struct itimerspec interval = {
		{ .tv_nsec = on ? SAMPLE_NS : 0 }, { .tv_nsec = on ? SAMPLE_NS : 0 },
	};

	/* Cannot fail with these arguments. */
	(void)timerfd_settime(watch->source.fd, 0, &interval, NULL);
}

/* @lock is held. The last message counts: a program may have printed one before. */
static void found_panic(struct panic_watch *watch)
{
	watch->line_len = 0;
	watch->alive = 0;
	if (watch->watching)
		return;
	watch->watching = true;
	watch->stuck = 0;
	watch->asked = false;
	watch->sampled = watch->printed;
	set_timer(watch, true);
}

/* @lock is held. */
static void add_to_line(struct panic_watch *watch, uint8_t byte)
{
	if (byte == '\n' || byte == '\r')
		watch->matched = 0;
	else if (watch->line_len < sizeof(watch->line))
		watch->line[watch->line_len++] = byte;
}

void panic_watch_byte(struct panic_watch *watch, uint8_t byte)
{
	pthread_mutex_lock(&watch->lock);
	watch->printed++;
	if (watch->matched == sizeof(panic_start) - 1) {
		add_to_line(watch, byte);
	} else if (byte == (uint8_t)panic_start[watch->matched]) {
		watch->matched++;
		if (watch->matched == sizeof(panic_start) - 1)
			found_panic(watch);
	} else {
		watch->matched = byte == (uint8_t)panic_start[0];
	}
	pthread_mutex_unlock(&watch->lock);
}

uint64_t panic_watch_printed(struct panic_watch *watch)
{
	uint64_t printed;

	pthread_mutex_lock(&watch->lock);
	printed = watch->printed;
	pthread_mutex_unlock(&watch->lock);
	return printed;
}

bool panic_watch_suspects(struct panic_watch *watch)
{
	bool suspects;

	pthread_mutex_lock(&watch->lock);
	suspects = watch->watching;
	pthread_mutex_unlock(&watch->lock);
	return suspects;
}

void panic_watch_report(struct panic_watch *watch)
{
	char clean[CLEAN_SIZE], text[PANIC_TEXT_SIZE];
	size_t len;

	if (!watch->show_text) {
		ending_report(watch->ending, NE_EMU_EXIT_REASON_GUEST_SHUTDOWN,
			      "kernel panic (only a debug enclave shows its text)");
		return;
	}
	pthread_mutex_lock(&watch->lock);
	(void)text_clean(clean, sizeof(clean), watch->line, watch->line_len);
	pthread_mutex_unlock(&watch->lock);
	len = strlen(clean);
	if (len >= sizeof(panic_repeated) &&
	    !strcmp(clean + len - (sizeof(panic_repeated) - 1), panic_repeated))
		clean[len - (sizeof(panic_repeated) - 1)] = '\0';
	ending_report(watch->ending, NE_EMU_EXIT_REASON_GUEST_SHUTDOWN, PANIC_PREFIX "%s",
		      text_shorten(text, sizeof(text), clean));
}

/*
 * Return: VCPU_ALIVE if some vCPU takes interrupts, else VCPU_UNKNOWN if some vCPU has not
 * answered yet, else VCPU_DEAF: all look like those of a kernel that has panicked.
 */
static enum vcpu_state look_at_vcpus(const struct panic_watch *watch)
{
	enum vcpu_state result = VCPU_DEAF;

	for (size_t i = 0; i < watch->nr_vcpus; i++) {
		enum vcpu_state state = atomic_load(&watch->vcpus[i].state);

		if (state == VCPU_ALIVE)
			return VCPU_ALIVE;
		if (state == VCPU_UNKNOWN)
			result = VCPU_UNKNOWN;
	}
	return result;
}

/* @lock is held. Return: true if it is a panic. */
static bool take_sample(struct panic_watch *watch, enum vcpu_state state)
{
	bool quiet = watch->printed == watch->sampled;
	bool stuck = state == VCPU_DEAF;

	watch->sampled = watch->printed;
	watch->stuck = quiet && stuck ? watch->stuck + 1 : 0;
	watch->alive += quiet && !stuck;
	if (watch->alive >= ALIVE_SAMPLES) {
		watch->watching = false;
		set_timer(watch, false);
	}
	return watch->stuck >= STUCK_SAMPLES;
}

static void handle_tick(void *arg, uint32_t events)
{
	struct panic_watch *watch = arg;
	enum vcpu_state state = look_at_vcpus(watch);
	bool panicked = false, ask = false;
	uint64_t count;

	(void)events;
	(void)!read(watch->source.fd, &count, sizeof(count));
	pthread_mutex_lock(&watch->lock);
	/* On a busy host, answers may take longer than the time between two samples. */
	if (!watch->asked || state != VCPU_UNKNOWN) {
		panicked = watch->asked && take_sample(watch, state);
		ask = watch->watching && !panicked;
		watch->asked = ask;
	}
	pthread_mutex_unlock(&watch->lock);
	if (panicked)
		panic_watch_report(watch);
	for (size_t i = 0; ask && i < watch->nr_vcpus; i++)
		vcpu_ask(&watch->vcpus[i]);
}

int panic_watch_init(struct panic_watch *watch, struct ending *ending, bool show_text)
{
	int err;

	*watch = (struct panic_watch){
		.source = {
			.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
			.events = EPOLLIN,
			.call = handle_tick,
			.arg = watch,
		},
		.ending = ending,
		.show_text = show_text,
	};
	if (watch->source.fd < 0)
		return -errno;
	err = -pthread_mutex_init(&watch->lock, NULL);
	if (err)
		fd_close(&watch->source.fd);
	return err;
}

void panic_watch_exit(struct panic_watch *watch)
{
	if (watch->source.fd >= 0)
		(void)pthread_mutex_destroy(&watch->lock);
	fd_close(&watch->source.fd);
}

int panic_watch_start(struct panic_watch *watch, struct loop *loop, struct vcpu *vcpus,
		      size_t nr_vcpus)
{
	watch->vcpus = vcpus;
	watch->nr_vcpus = nr_vcpus;
	watch->loop = loop;
	return loop_add(loop, &watch->source);
}

void panic_watch_stop(struct panic_watch *watch)
{
	if (watch->loop)
		loop_del(watch->loop, &watch->source);
	watch->loop = NULL;
}
