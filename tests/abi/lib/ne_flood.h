/* SPDX-License-Identifier: Apache-2.0 */
/* Measures what a flood of vsock packets costs the kernel and another enclave. */

#ifndef NE_FLOOD_H
#define NE_FLOOD_H

#include "ne_harness.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct ne_usage - what the kernel holds
 * @slab: SUnreclaim of /proc/meminfo, KiB
 * @taken: memory that is not available to programs, KiB
 * @packets: number of sk_buffs
 * @sockets: number of sockets of all kinds
 */
struct ne_usage {
	long slab;
	long taken;
	long packets;
	long sockets;
};

/**
 * struct ne_neighbour - the echo of another enclave, in a separate process
 * @peak: maximum of each value since the start
 * @trips: round trips so far
 * @worst_ms: the longest of them
 * @stop: set to end the process
 */
struct ne_neighbour {
	struct ne_usage peak;
	unsigned int trips;
	unsigned int worst_ms;
	bool stop;
};

/**
 * struct ne_flood - one flood
 * @before: usage at its start
 * @end: when it must end, in the time of ne_now_ms()
 * @sent: packets accepted so far
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

/** ne_flood_begin() - start the neighbour and record what the kernel holds */
struct ne_flood ne_flood_begin(struct ne_test *t, const char *name);
/** ne_flood_goes_on() - count an accepted packet; returns whether to send another */
bool ne_flood_goes_on(struct ne_flood *flood);
/** ne_flood_stop() - end the neighbour and CHECK that it was served all the time */
void ne_flood_stop(struct ne_flood *flood);
/**
 * ne_flood_end() - print the cost of the flood and CHECK it
 * @max_kib: limit for the memory that the kernel held
 *
 * Call it after ne_flood_stop(), when the case has closed everything: the kernel must have
 * released everything.
 */
void ne_flood_end(struct ne_flood *flood, long max_kib);
/** ne_flood_heading() - print the heading of the lines of ne_flood_end() */
void ne_flood_heading(void);

#endif
