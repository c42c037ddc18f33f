/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that hold the lock of a socket as long as a test wants. */

#ifndef NE_STUCK_H
#define NE_STUCK_H

#include "ne_harness.h"

#include <pthread.h>

/**
 * enum ne_stuck_call - the call that blocks
 * @NE_STUCK_RECV: receives; needs data that has arrived
 * @NE_STUCK_SEND: sends
 * @NE_STUCK_SETSOCKOPT: sets the size of the socket's buffer
 */
enum ne_stuck_call {
	NE_STUCK_RECV,
	NE_STUCK_SEND,
	NE_STUCK_SETSOCKOPT,
};

/**
 * struct ne_stuck - a thread in a call that waits for a page of memory
 * @fd: socket
 * @call: the call
 * @uffd: supplies the page
 * @page: memory of the call, missing until ne_stuck_end()
 * @thread: the thread
 * @result: what the call returned, or a negative errno
 */
struct ne_stuck {
	int fd;
	enum ne_stuck_call call;
	int uffd;
	char *page;
	pthread_t thread;
	int result;
};

/** ne_stuck_begin() - start the call; returns when it waits with the lock of @fd held */
void ne_stuck_begin(struct ne_test *t, struct ne_stuck *s, int fd, enum ne_stuck_call call);

/** ne_stuck_end() - supply a page of zeros; returns the result of the call */
int ne_stuck_end(struct ne_test *t, struct ne_stuck *s);

#endif
