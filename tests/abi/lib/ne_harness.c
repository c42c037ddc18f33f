// SPDX-License-Identifier: Apache-2.0
/* KTAP runner: each case is a process group, which has ended before the next one starts. */

#include "ne_harness.h"
#include "ne_lib.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_S	30
/* How long a killed process may need to leave the kernel. */
#define KILL_TIMEOUT_MS		20000

static int kill_timeout_ms(void)
{
	return KILL_TIMEOUT_MS * ne_slowness();
}

struct totals {
	unsigned int passed;
	unsigned int failed;
	unsigned int skipped;
};

bool ne_fail(struct ne_test *t, const char *file, int line, const char *fmt, ...)
{
	char text[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	__atomic_add_fetch(&t->failures, 1, __ATOMIC_RELAXED);
	printf("# %s:%d: %s\n", file, line, text);
	return false;
}

static void count_check(struct ne_test *t, const char *what, long long got)
{
	__atomic_add_fetch(&t->checks, 1, __ATOMIC_RELAXED);
	if (t->trace)
		printf("# = %s: %lld\n", what, got);
}

bool ne_check(struct ne_test *t, const char *file, int line, const char *what, bool ok)
{
	count_check(t, what, ok);
	return ok || ne_fail(t, file, line, "not true: %s", what);
}

bool ne_check_eq(struct ne_test *t, const char *file, int line, const char *what,
		 long long got, long long expected)
{
	count_check(t, what, got);
	if (got == expected)
		return true;
	if (got < 0 && got > -4096)
		return ne_fail(t, file, line, "%s: got %lld (%s), expected %lld", what, got,
			       strerror(-got), expected);
	return ne_fail(t, file, line, "%s: got %lld (0x%llx), expected %lld", what, got, got,
		       expected);
}

void ne_note(const char *fmt, ...)
{
	char text[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("# %s\n", text);
}

void ne_abort(void)
{
	fflush(stdout);
	_exit(NE_EXIT_FAIL);
}

void ne_wait_child(struct ne_test *t, pid_t pid)
{
	pid_t ended;
	int status;

	do {
		ended = waitpid(pid, &status, 0);
	} while (ended < 0 && errno == EINTR);
	if (ended == pid && WIFSIGNALED(status))
		ne_note("a child was killed by signal %d", WTERMSIG(status));
	CHECK(t, ended == pid && WIFEXITED(status) && !WEXITSTATUS(status));
}

void ne_skip(struct ne_test *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(t->skip, sizeof(t->skip), fmt, args);
	va_end(args);
	fflush(stdout);
	_exit(NE_EXIT_SKIP);
}

void ne_skip_suite(struct ne_test *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(t->skip, sizeof(t->skip), fmt, args);
	va_end(args);
}

/* Wait until @pid has ended. Return: false after @timeout_ms. */
static bool wait_end(pid_t pid, int timeout_ms)
{
	struct pollfd pfd = { .events = POLLIN };
	int rc;

	pfd.fd = syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd < 0)
		return true;	/* waitpid() blocks instead */
	do {
		rc = poll(&pfd, 1, timeout_ms);
	} while (rc < 0 && errno == EINTR);
	close(pfd.fd);
	return rc > 0;
}

/*
 * Kill the remaining processes of the case and wait for them. The runner is the
 * subreaper of all of them.
 */
static bool reap_group(pid_t group)
{
	int waited_ms;
	pid_t pid;

	kill(-group, SIGKILL);
	for (waited_ms = 0; waited_ms < kill_timeout_ms(); waited_ms += 10) {
		do {
			pid = waitpid(-group, NULL, WNOHANG);
		} while (pid > 0);
		if (pid < 0 && errno == ECHILD)
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

/*
 * Run @fn in a new process group. A crash, a timeout and processes that cannot be
 * killed count as failures.
 */
static void run_isolated(struct ne_test *t, void (*fn)(struct ne_test *), unsigned int timeout)
{
	unsigned int limit = (timeout ? timeout : DEFAULT_TIMEOUT_S) * ne_slowness();
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		ne_fail(t, __FILE__, __LINE__, "fork: %s", strerror(errno));
		return;
	}
	if (!pid) {
		setpgid(0, 0);
		fn(t);
		fflush(stdout);
		_exit(NE_EXIT_PASS);
	}
	setpgid(pid, pid);

	if (!wait_end(pid, limit * 1000)) {
		ne_fail(t, __FILE__, __LINE__, "still running after %u s", limit);
		kill(-pid, SIGKILL);
		if (!wait_end(pid, kill_timeout_ms())) {
			printf("Bail out! a process of the case does not react to SIGKILL\n");
			exit(NE_EXIT_FAIL);
		}
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		ne_fail(t, __FILE__, __LINE__, "ended by signal %d", WTERMSIG(status));
	if (!reap_group(pid))
		ne_fail(t, __FILE__, __LINE__, "processes of the case do not end");
}

static void run_case(const struct ne_suite *suite, const struct ne_case *c, struct ne_test *t,
		     unsigned int number, struct totals *totals)
{
	const char *missing =
		c->needs && suite->missing ? suite->missing(c->needs) : NULL;
	uint64_t start = ne_now_ms();

	memset(t, 0, sizeof(*t));
	t->env = suite->env;
	t->trace = getenv("NE_TRACE");
	if (missing) {
		ne_skip_suite(t, "needs %s", missing);
	} else {
		run_isolated(t, c->run, c->timeout);
		if (suite->after)
			suite->after(t);
		ne_note("%u ms", (unsigned int)(ne_now_ms() - start));
	}
	if (!t->checks && !t->skip[0])
		ne_fail(t, __FILE__, __LINE__, "no check ran");

	if (t->failures) {
		totals->failed++;
		printf("not ok %u %s\n", number, c->name);
	} else if (t->skip[0]) {
		totals->skipped++;
		printf("ok %u %s # SKIP %s\n", number, c->name, t->skip);
	} else {
		totals->passed++;
		printf("ok %u %s\n", number, c->name);
	}
}

/**
 * struct selection - the arguments of the program
 * @special: only cases that need a special machine
 * @list: print their names instead of running them
 * @prefixes: NULL-terminated; empty for all cases
 */
struct selection {
	bool special;
	bool list;
	char **prefixes;
};

static bool selected(const struct ne_case *c, const struct selection *selection)
{
	char **prefix = selection->prefixes;

	if (selection->special && !c->needs)
		return false;
	if (!*prefix)
		return true;
	for (; *prefix; prefix++)
		if (!strncmp(c->name, *prefix, strlen(*prefix)))
			return true;
	return false;
}

static int run_selected(const struct ne_suite *suite, struct ne_test *t,
			const struct selection *selection)
{
	struct totals totals = { 0 };
	unsigned int number = 0;
	size_t i;

	for (i = 0; i < suite->nr_cases; i++)
		number += selected(&suite->cases[i], selection);
	printf("1..%u\n", number);

	number = 0;
	for (i = 0; i < suite->nr_cases; i++)
		if (selected(&suite->cases[i], selection))
			run_case(suite, &suite->cases[i], t, ++number, &totals);

	printf("# Totals: pass:%u fail:%u skip:%u\n", totals.passed, totals.failed,
	       totals.skipped);
	if (totals.failed || !number)
		return NE_EXIT_FAIL;
	return totals.passed ? NE_EXIT_PASS : NE_EXIT_SKIP;
}

static void parse_arguments(struct selection *selection, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "ls")) != -1) {
		switch (option) {
		case 'l':
			selection->list = true;
			break;
		case 's':
			selection->special = true;
			break;
		default:
			fprintf(stderr, "usage: %s [-l] [-s] [NAME...]\n", argv[0]);
			exit(2);
		}
	}
	selection->prefixes = argv + optind;
}

/* setup() runs in the runner's process, because what it opens and starts must last. */
int ne_suite_run(const struct ne_suite *suite, int argc, char **argv)
{
	struct selection selection = { 0 };
	struct ne_test *t;
	size_t i;
	int rc;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse_arguments(&selection, argc, argv);
	if (selection.list) {
		for (i = 0; i < suite->nr_cases; i++)
			if (selected(&suite->cases[i], &selection))
				printf("%s\n", suite->cases[i].name);
		return NE_EXIT_PASS;
	}

	t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t == MAP_FAILED)
		return NE_EXIT_FAIL;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	memset(t, 0, sizeof(*t));
	t->env = suite->env;

	printf("KTAP version 1\n");
	if (suite->setup)
		suite->setup(t);
	if (t->skip[0] && getenv("NE_TEST_COMPLETE")) {
		printf("# %s\nBail out! this machine should have everything\n", t->skip);
		rc = NE_EXIT_FAIL;
	} else if (t->skip[0]) {
		printf("1..0 # SKIP %s\n", t->skip);
		rc = NE_EXIT_SKIP;
	} else if (t->failures) {
		printf("Bail out! the set-up failed\n");
		rc = NE_EXIT_FAIL;
	} else {
		rc = run_selected(suite, t, &selection);
	}
	if (suite->teardown)
		suite->teardown(t);
	fflush(stdout);
	return rc;
}
