/* SPDX-License-Identifier: Apache-2.0 */
/* What a flood of vsock packets costs the kernel and its neighbour. */

#ifndef NE_FLOOD_H
#define NE_FLOOD_H

#include "ne_harness.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct ne_usage - what the kernel holds
 * @slab: SUnreclaim of /proc/meminfo, KiB
 * @taken: memory that is not available for programs, KiB
 * @packets: sk_buffs
 * @sockets: of all kinds
 */
struct ne_usage {
	long slab;
	long taken;
	long packets;
	long sockets;
};

/**
 * struct ne_neighbour - another enclave's echo, in a process of its own
 * @peak: the most of each since the start
 * @trips: round trips so far
 * @worst_ms: the longest of them
 * @stop: set to end it
 */
struct ne_neighbour {
	struct ne_usage peak;
	unsigned int trips;
	unsigned int worst_ms;
	bool stop;
};

/**
 * struct ne_flood - one flood
 * @before: at its begin
 * @end: when it has to end, ne_now_ms()
 * @sent: packets that were taken so far
 */
struct ne_flood {
	struct ne_test *t;
	const char *name;
	struct ne_neighbour *neighbour;
	pid_t pid;
	struct ne_usage before;
	uint64_t end;
	unsigned long sent;
};

/** ne_flood_begin() - start the neighbour and remember what the kernel holds */
struct ne_flood ne_flood_begin(struct ne_test *t, const char *name);
/** ne_flood_goes_on() - one more packet was taken; is another one wanted? */
bool ne_flood_goes_on(struct ne_flood *flood);
/** ne_flood_stop() - end the neighbour, which must have been served all the time */
void ne_flood_stop(struct ne_flood *flood);
/**
 * ne_flood_end() - say what the flood cost and CHECK it
 * @max_kib: the most that the kernel may have held
 *
 * After ne_flood_stop(), when the case has closed everything: all must come back.
 */
void ne_flood_end(struct ne_flood *flood, long max_kib);
/** ne_flood_heading() - of the lines of ne_flood_end(): before, during and after */
void ne_flood_heading(void);

#endif
