/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Injected failures of what the kernel does for this thread: the first, then the second, and
 * so on. For kernels with CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC and
 * CONFIG_FAULT_INJECTION_USERCOPY, and with the module ne_fault.
 */

#ifndef FAULT_H
#define FAULT_H

#include "ne_harness.h"

#include <stdbool.h>
#include <stddef.h>

/* Seconds for a case: each operation is repeated some hundred times. */
#define FAULT_TIMEOUT	900

/**
 * struct fault - the next failure in the calling thread
 * @fd: fail-nth file of the thread
 * @nth: number of the step that fails
 * @done: an operation ended before it reached that step
 * @injected: operations in which a step failed
 * @failed: how many of those returned an error, as counted by the caller
 */
struct fault {
	int fd;
	int nth;
	bool done;
	int injected;
	int failed;
};

/** fault_setup() - allow all kinds of failures, or skip the case */
void fault_setup(struct ne_test *t);
/** fault_require() - fail only steps in this kernel function and what it calls */
void fault_require(struct ne_test *t, const char *function);
/** fault_open() - set up the calling thread, starting with the first step */
void fault_open(struct ne_test *t, struct fault *f);
/** fault_next() - true until an operation ends without a failure */
bool fault_next(const struct fault *f);
/** fault_arm() - make the next step fail */
void fault_arm(struct fault *f);
/** fault_disarm() - stop failures; returns whether a step has failed */
bool fault_disarm(struct fault *f);
/** fault_close() - check that the end was reached and that something failed before */
void fault_close(struct ne_test *t, struct fault *f);
/** fault_close_unfailing() - check that the operation has no step that can fail */
void fault_close_unfailing(struct ne_test *t, struct fault *f);

/**
 * fault_check() - check the result of an operation after fault_disarm()
 * @rc: its result, negative on failure
 * @errors: the positive errnos with which it may fail, terminated by 0
 *
 * Return: whether it failed, and should be repeated.
 */
bool fault_check(struct ne_test *t, struct fault *f, const char *what, long rc,
		 const int *errors);

#define FAULT_CHECK(t, f, rc, ...) \
	fault_check(t, f, #rc, rc, (const int []){ __VA_ARGS__, 0 })

#endif
