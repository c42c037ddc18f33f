/* SPDX-License-Identifier: Apache-2.0 */
/* A small KTAP runner: one process and one time limit per case. */

#ifndef NE_HARNESS_H
#define NE_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define NE_EXIT_PASS	0
#define NE_EXIT_FAIL	1
#define NE_EXIT_SKIP	4

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * struct ne_test - a running case, shared by all of its processes
 * @env: prepared by the suite's setup
 * @failures: failed checks so far
 * @checks: checks so far; a case without any fails
 * @trace: print the value of each check ($NE_TRACE is set)
 * @skip: reason to skip, empty if none
 */
struct ne_test {
	void *env;
	int failures;
	int checks;
	bool trace;
	char skip[200];
};

/**
 * struct ne_case - one case
 * @name: "ID text", the ID as in the file conformance
 * @run: body; runs in a separate process, so it may leave things open
 * @timeout: seconds, 0 for the default of 30; kernels with checkers get more
 * @needs: special features that the machine must have; the suite defines the bits
 */
struct ne_case {
	const char *name;
	void (*run)(struct ne_test *t);
	unsigned int timeout;
	unsigned int needs;
};

/**
 * struct ne_suite - the cases of one program
 * @setup: runs once before the first case, in the runner's process; may fail
 *	(CHECK) or skip all cases (ne_skip_suite)
 * @after: runs after each case in the runner's process, when all processes of the
 *	case have ended; restores the environment and reports leaks
 * @teardown: runs once at the end, also after a failed @setup
 * @missing: returns the first of a case's needs that this machine does not have, as
 *	the reason to skip it, or NULL
 */
struct ne_suite {
	const struct ne_case *cases;
	size_t nr_cases;
	void *env;
	void (*setup)(struct ne_test *t);
	void (*after)(struct ne_test *t);
	void (*teardown)(struct ne_test *t);
	const char *(*missing)(unsigned int needs);
};

/**
 * ne_suite_run() - run the cases that @argv selects, print KTAP
 *
 * Arguments: "-s" selects only the cases that need a special machine, "-l" lists cases
 * instead of running them; others are prefixes of the names to select.
 *
 * Return: exit code for main(): 0 passed, 1 failed, 4 only skipped cases.
 */
int ne_suite_run(const struct ne_suite *suite, int argc, char **argv);

/** ne_fail() - count a failed check and print where; returns false */
__attribute__((format(printf, 4, 5)))
bool ne_fail(struct ne_test *t, const char *file, int line, const char *fmt, ...);

/** ne_check_eq() - check that @got equals @expected; returns whether it does */
bool ne_check_eq(struct ne_test *t, const char *file, int line, const char *what,
		 long long got, long long expected);

/** ne_check() - check that @ok is true; returns it */
bool ne_check(struct ne_test *t, const char *file, int line, const char *what, bool ok);

/** ne_note() - print a diagnostic line */
__attribute__((format(printf, 1, 2)))
void ne_note(const char *fmt, ...);

/** ne_abort() - end this process of the case now */
__attribute__((noreturn)) void ne_abort(void);

/**
 * ne_wait_child() - wait for a process of the case to end with _exit(0)
 *
 * Fails if it ends in any other way, because then it may not have checked anything.
 */
void ne_wait_child(struct ne_test *t, pid_t pid);

/** ne_skip() - end the case as skipped; the text is the reason */
__attribute__((noreturn, format(printf, 2, 3)))
void ne_skip(struct ne_test *t, const char *fmt, ...);

/**
 * ne_skip_suite() - in a setup: skip all cases; the text is the reason
 *
 * Fails if NE_TEST_COMPLETE is set, because then the machine should have everything.
 */
__attribute__((format(printf, 2, 3)))
void ne_skip_suite(struct ne_test *t, const char *fmt, ...);

/* CHECK continues after a failure, REQUIRE ends the case. */
#define CHECK(t, cond)	ne_check(t, __FILE__, __LINE__, #cond, cond)
#define CHECK_EQ(t, got, expected) \
	ne_check_eq(t, __FILE__, __LINE__, #got, (long long)(got), (long long)(expected))
/* The call failed with this errno (calls of ne_lib.h return it negated). */
#define CHECK_ERR(t, call, err)	CHECK_EQ(t, call, -(err))

#define REQUIRE(t, cond) \
	do { if (!CHECK(t, cond)) ne_abort(); } while (0)
#define REQUIRE_EQ(t, got, expected) \
	do { if (!CHECK_EQ(t, got, expected)) ne_abort(); } while (0)
/* The call succeeded: its result is not negative. */
#define REQUIRE_OK(t, call) \
	do { \
		long long rc__ = (call); \
		if (!(rc__ >= 0 ? CHECK(t, true) : \
		      ne_check_eq(t, __FILE__, __LINE__, #call, rc__, 0))) \
			ne_abort(); \
	} while (0)

#endif
