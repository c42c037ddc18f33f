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
 * @env: what the suite's setup prepared
 * @failures: failed checks so far
 * @checks: checks so far; a case without any fails
 * @trace: print what each check got ($NE_TRACE is set)
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
 * @name: "ID short_name", the ID as in the file conformance
 * @run: body; runs in a process of its own, so it may leave things open
 * @timeout: seconds, 0 for the default of 30; kernels with checkers get more
 * @needs: what not every machine has, in the suite's bits
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
 *	(CHECK) or skip all (ne_skip_suite)
 * @after: runs after each case in the runner's process, with all processes of
 *	the case gone: puts things back and reports what leaked
 * @teardown: runs once at the end, also after a failed @setup
 * @missing: the first of a case's needs that this machine does not have, as the
 *	reason to skip it; NULL when it has them all
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
 * Arguments: "-s" takes only the cases that need a special machine, "-l" lists
 * cases instead of running them; others are prefixes of names to take.
 *
 * Return: exit code for main(): 0 passed, 1 failed, 4 nothing but skips.
 */
int ne_suite_run(const struct ne_suite *suite, int argc, char **argv);

/** ne_fail() - count a failed check and say where; returns false */
__attribute__((format(printf, 4, 5)))
bool ne_fail(struct ne_test *t, const char *file, int line, const char *fmt, ...);

/** ne_check_eq() - @got is what is expected; returns whether it was */
bool ne_check_eq(struct ne_test *t, const char *file, int line, const char *what,
		 long long got, long long expected);

/** ne_check() - @ok holds; returns it */
bool ne_check(struct ne_test *t, const char *file, int line, const char *what, bool ok);

/** ne_note() - a diagnostic line */
__attribute__((format(printf, 1, 2)))
void ne_note(const char *fmt, ...);

/** ne_abort() - end this process of the case now */
__attribute__((noreturn)) void ne_abort(void);

/**
 * ne_wait_child() - wait for a process of the case that ends with _exit(0)
 *
 * A failure if it ends in any other way: then it may have checked nothing.
 */
void ne_wait_child(struct ne_test *t, pid_t pid);

/** ne_skip() - end the case, it cannot run here because of ... */
__attribute__((noreturn, format(printf, 2, 3)))
void ne_skip(struct ne_test *t, const char *fmt, ...);

/**
 * ne_skip_suite() - in a setup: no case can run here because of ...
 *
 * A failure where NE_TEST_COMPLETE is set: the machine is made for the tests.
 */
__attribute__((format(printf, 2, 3)))
void ne_skip_suite(struct ne_test *t, const char *fmt, ...);

/* CHECK goes on after a failure, REQUIRE ends the case. */
#define CHECK(t, cond)	ne_check(t, __FILE__, __LINE__, #cond, cond)
#define CHECK_EQ(t, got, expected) \
	ne_check_eq(t, __FILE__, __LINE__, #got, (long long)(got), (long long)(expected))
/* The call returned this errno (calls of ne_lib.h return it negative). */
#define CHECK_ERR(t, call, err)	CHECK_EQ(t, call, -(err))

#define REQUIRE(t, cond) \
	do { if (!CHECK(t, cond)) ne_abort(); } while (0)
#define REQUIRE_EQ(t, got, expected) \
	do { if (!CHECK_EQ(t, got, expected)) ne_abort(); } while (0)
/* The call succeeded: not negative. */
#define REQUIRE_OK(t, call) \
	do { \
		long long rc__ = (call); \
		if (!(rc__ >= 0 ? CHECK(t, true) : \
		      ne_check_eq(t, __FILE__, __LINE__, #call, rc__, 0))) \
			ne_abort(); \
	} while (0)

#endif
