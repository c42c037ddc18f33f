/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that perform random operations on the driver, for stress_test.c. The
 * operations of a process depend only on its seed: operation n is drawn from a generator
 * that restarts with (seed, n), independent of the results of earlier operations.
 */

#ifndef NE_STRESS_H
#define NE_STRESS_H

#include "ne_env.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NE_STRESS_MAX_WORKERS	16

/* CIDs shared by enclaves, channels and sockets; the driver does not choose them. */
#define NE_STRESS_FIRST_CID	880001
#define NE_STRESS_NR_CIDS	4

struct ne_stress_worker;

/**
 * struct ne_stress_role - a kind of process
 * @name: for messages
 * @run: performs operations until it is killed; calls ne_stress_next() before each
 * @kill_weight: relative probability of being killed
 */
struct ne_stress_role {
	const char *name;
	void (*run)(struct ne_test *t, struct ne_stress_worker *w);
	unsigned int kill_weight;
};

/**
 * struct ne_stress_worker - a process and its replacements after it was killed
 * @role: constant
 * @env: constant
 * @seed: seed of this life
 * @lives: processes so far
 * @ops: operations in all lives
 * @starts: enclaves started in all lives
 * @random: state of the generator
 * @nr: number of the current operation in this life
 * @pid: process of this life
 * @shared: the ends of a queue of descriptors that all workers share
 * @huge_fd: huge pages that all workers share
 */
struct ne_stress_worker {
	const struct ne_stress_role *role;
	const struct ne_env *env;
	uint64_t seed;
	uint64_t lives;
	uint64_t ops;
	uint64_t starts;
	uint64_t random;
	uint64_t nr;
	pid_t pid;
	int shared[2];
	int huge_fd;
};

extern const struct ne_stress_role ne_stress_client;
extern const struct ne_stress_role ne_stress_supervisor;
extern const struct ne_stress_role ne_stress_vsock;
extern const struct ne_stress_role ne_stress_netlink;
extern const struct ne_stress_role ne_stress_pool;

/**
 * ne_stress_run() - run workers, kill some, then all
 * @roles: one worker each
 * @seconds: how long
 * @seed: all other seeds derive from it
 * @kill_ms: average time between two kills
 * @disturb: called between two kills with a number drawn from the seed, or NULL
 *
 * All processes that it started have ended when it returns.
 */
void ne_stress_run(struct ne_test *t, const struct ne_stress_role *const *roles,
		   size_t nr_roles, unsigned int seconds, uint64_t seed, unsigned int kill_ms,
		   void (*disturb)(struct ne_test *t, uint64_t number));

/** ne_stress_next() - begin the next operation: restart the generator */
void ne_stress_next(struct ne_stress_worker *w);
/** ne_stress_random() - 64 bits */
uint64_t ne_stress_random(struct ne_stress_worker *w);
/** ne_stress_below() - a number below @limit */
uint64_t ne_stress_below(struct ne_stress_worker *w, uint64_t limit);
/** ne_stress_chance() - true once in @n calls on average */
bool ne_stress_chance(struct ne_stress_worker *w, unsigned int n);
/** ne_stress_nasty() - 0, a power of two or a neighbour of one, all ones, or any number */
uint64_t ne_stress_nasty(struct ne_stress_worker *w);
/** ne_stress_cid() - mostly one of the CIDs above, else a nasty one */
uint64_t ne_stress_cid(struct ne_stress_worker *w);
/** ne_stress_fork() - fork a child that ends within seconds */
pid_t ne_stress_fork(void);
/** ne_stress_usleep() - sleep up to @max microseconds */
void ne_stress_usleep(struct ne_stress_worker *w, unsigned int max);

#endif
