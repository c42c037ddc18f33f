/* SPDX-License-Identifier: Apache-2.0 */
/* Users who keep the lock of their socket for as long as they like. */

#ifndef NE_STUCK_H
#define NE_STUCK_H

#include "ne_harness.h"

#include <pthread.h>

/**
 * enum ne_stuck_call - the call that does not return
 * @NE_STUCK_RECV: receives, so that data must have come
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
 * @call: what it does
 * @uffd: whoever holds this says when the page comes
 * @page: the page
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

/** ne_stuck_begin() - returns when the call waits, with the lock of @fd held */
void ne_stuck_begin(struct ne_test *t, struct ne_stuck *s, int fd, enum ne_stuck_call call);

/** ne_stuck_end() - give the page, full of zeros; what the call returned */
int ne_stuck_end(struct ne_test *t, struct ne_stuck *s);

#endif
