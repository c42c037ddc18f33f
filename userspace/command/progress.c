// SPDX-License-Identifier: Apache-2.0
/* Show progress during long operations. */

#include "command/progress.h"

#include "common/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define FIRST_S	2

/* Global because the signal handler uses it. */
static struct {
	const char *what;
	long long since_ms;
	volatile sig_atomic_t shown;
} progress;

static void put(const char *text)
{
	/* Failures are ignored: progress is not important. */
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

/* Runs in a signal handler, where snprintf() is not safe. */
static void tick(int sig)
{
	long long seconds = (clock_ms() - progress.since_ms) / MSEC_PER_SEC;
	int saved = errno;
	char digits[24];
	char *at = digits + sizeof(digits) - 1;

	*at = 0;
	do {
		*--at = '0' + seconds % 10;
		seconds /= 10;
	} while (seconds);
	put("\r");
	put(progress.what);
	put(", ");
	put(at);
	put(" s ");
	progress.shown = 1;
	errno = saved;
}

void progress_begin(const char *what)
{
	const struct itimerval every = { { 1, 0 }, { FIRST_S, 0 } };
	struct sigaction action = { .sa_handler = tick, .sa_flags = SA_RESTART };

	progress.what = NULL;
	if (!isatty(STDERR_FILENO))
		return;
	progress.what = what;
	progress.since_ms = clock_ms();
	progress.shown = 0;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &every, NULL))
		progress.what = NULL;
}

void progress_end(void)
{
	const struct itimerval never = {};

	if (!progress.what)
		return;
	(void)setitimer(ITIMER_REAL, &never, NULL);
	(void)signal(SIGALRM, SIG_DFL);
	if (progress.shown)
		put("\r\033[K");
}
