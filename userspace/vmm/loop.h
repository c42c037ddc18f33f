/* SPDX-License-Identifier: Apache-2.0 */
/* The main thread's event loop: epoll over a few descriptors. */

#ifndef NE_EMU_VMM_LOOP_H
#define NE_EMU_VMM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop {
	int epoll_fd;
	bool stop;
};

/**
 * struct loop_source - a descriptor and the handler of its events; owned by the caller
 * @events: EPOLL* bits to wait for
 * @call: called with the bits that occurred, on the thread that runs the loop
 */
struct loop_source {
	int fd;
	uint32_t events;
	void (*call)(void *arg, uint32_t events);
	void *arg;
};

/* Return: 0 or a negative errno. */
int loop_init(struct loop *loop);
void loop_exit(struct loop *loop);

int loop_add(struct loop *loop, struct loop_source *source);
void loop_del(struct loop *loop, struct loop_source *source);
/** loop_wait_for() - change the bits to wait for; 0 leaves only errors and hang-ups */
void loop_wait_for(struct loop *loop, struct loop_source *source, uint32_t events);

/** loop_run() - handle events until loop_stop() is called; Return: 0 or a negative errno */
int loop_run(struct loop *loop);
/**
 * loop_run_once() - wait for events and handle them
 * @timeout_ms: maximum time to wait for the first event, -1 for no limit
 */
int loop_run_once(struct loop *loop, int timeout_ms);
void loop_stop(struct loop *loop);

#endif
