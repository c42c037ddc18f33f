// SPDX-License-Identifier: Apache-2.0
/* Show progress during long operations. */

#include "command/progress.h"

#include "common/clock.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/*
 * The thread that shows the time. A timer's signal would interrupt system calls of the
 * operation, such as a connect() with a time limit.
 *
 * @what: the operation; NULL: nothing is shown
 * @ended: asks the thread to end; protected by @lock
 * @shown: there is something to erase; the thread's until it ends
 */
static struct {
	const char *what;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ended;
	bool shown;
} progress = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void *show_time(void *arg)
{
	struct timespec next;
	long long seconds = 0;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &next);
	pthread_mutex_lock(&progress.lock);
	while (!progress.ended) {
		next.tv_sec++;
		/* The lock is only contended at the end, so the time passes in the wait. */
		while (!progress.ended &&
		       !pthread_cond_clockwait(&progress.changed, &progress.lock, CLOCK_MONOTONIC,
					       &next))
			;
		if (progress.ended)
			break;
		fprintf(stderr, "\r%s, %lld s ", progress.what, ++seconds);
		progress.shown = true;
	}
	pthread_mutex_unlock(&progress.lock);
	return NULL;
}

void progress_begin(const char *what)
{
	sigset_t all, before;

	progress.what = NULL;
	if (!isatty(STDERR_FILENO))
		return;
	progress.what = what;
	progress.ended = false;
	progress.shown = false;
	/* Signals are for the thread that does the work. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&progress.thread, NULL, show_time, NULL))
		progress.what = NULL;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void progress_end(void)
{
	if (!progress.what)
		return;
	pthread_mutex_lock(&progress.lock);
	progress.ended = true;
	pthread_cond_signal(&progress.changed);
	pthread_mutex_unlock(&progress.lock);
	pthread_join(progress.thread, NULL);
	if (progress.shown)
		fputs("\r\033[K", stderr);
	progress.what = NULL;
}
