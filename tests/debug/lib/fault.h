/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures of what the kernel does for this thread: the first, then the second,
 * and so on. For kernels with CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC and
 * CONFIG_FAULT_INJECTION_USERCOPY, and with the module ne_fault.
 */

#ifndef FAULT_H
#define FAULT_H

#include "ne_harness.h"

#include <stdbool.h>
#include <stddef.h>

/* Seconds for a case: each operation is done some hundred times. */
#define FAULT_TIMEOUT	900

/**
 * struct fault - the failure that is due in the calling thread
 * @fd: its fail-nth file
 * @nth: which one fails
 * @done: an operation ran to its end without reaching that many
 * @injected: how many operations had one
 * @failed: how many of those returned an error, as the caller counts them
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
/** fault_require() - only what a function of the kernel does, or calls */
void fault_require(struct ne_test *t, const char *function);
/** fault_open() - of the calling thread, starting with the first failure */
void fault_open(struct ne_test *t, struct fault *f);
/** fault_next() - go on until nothing failed any more */
bool fault_next(const struct fault *f);
/** fault_arm() - let the next one fail */
void fault_arm(struct fault *f);
/** fault_disarm() - let nothing fail any more; whether something has */
bool fault_disarm(struct fault *f);
/** fault_close() - check that the end was reached, and something failed before */
void fault_close(struct ne_test *t, struct fault *f);
/** fault_close_unfailing() - the same for what needs nothing that could be missing */
void fault_close_unfailing(struct ne_test *t, struct fault *f);

/**
 * fault_check() - an operation ended, disarmed: as it may
 * @rc: its result, negative on failure
 * @errors: the positive errnos it may fail with, 0 ends them
 *
 * Return: whether it failed, and should be repeated.
 */
bool fault_check(struct ne_test *t, struct fault *f, const char *what, long rc,
		 const int *errors);

#define FAULT_CHECK(t, f, rc, ...) \
	fault_check(t, f, #rc, rc, (const int []){ __VA_ARGS__, 0 })

#endif
