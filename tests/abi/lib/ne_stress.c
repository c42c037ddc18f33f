// SPDX-License-Identifier: Apache-2.0
/* The processes of a stress run: their generator, start and end. */

#include "ne_stress.h"
#include "ne_lib.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/memfd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Maximum extra time until an enclave was started. */
#define EXTRA_MS		60000
/* After this many seconds, children without a parent that reaps them end. */
#define CHILD_LIFE_S		4
/* Time limit until all processes have left the kernel. */
#define END_TIMEOUT_MS		(20000 * ne_slowness())

#define SHARED_HUGE_SIZE	(16 * NE_PAGE)

/* SplitMix64 (public domain, Sebastiano Vigna): one step and its output. */
static uint64_t split_mix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t state = a;

	state = split_mix(&state) ^ b;
	return split_mix(&state);
}

void ne_stress_next(struct ne_stress_worker *w)
{
	w->random = mix(w->seed, w->nr++);
	w->ops++;
}

uint64_t ne_stress_random(struct ne_stress_worker *w)
{
	return split_mix(&w->random);
}

uint64_t ne_stress_below(struct ne_stress_worker *w, uint64_t limit)
{
	return ne_stress_random(w) % limit;
}

bool ne_stress_chance(struct ne_stress_worker *w, unsigned int n)
{
	return !ne_stress_below(w, n);
}

uint64_t ne_stress_nasty(struct ne_stress_worker *w)
{
	uint64_t power = 1ULL << ne_stress_below(w, 64);

	switch (ne_stress_below(w, 6)) {
	case 0:
		return 0;
	case 1:
		return power;
	case 2:
		return power - 1;
	case 3:
		return -power;
	case 4:
		return UINT64_MAX;
	default:
		return ne_stress_random(w);
	}
}

uint64_t ne_stress_cid(struct ne_stress_worker *w)
{
	if (ne_stress_chance(w, 16))
		return ne_stress_nasty(w);
	return NE_STRESS_FIRST_CID + ne_stress_below(w, NE_STRESS_NR_CIDS);
}

pid_t ne_stress_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		alarm(CHILD_LIFE_S);
	return pid;
}

void ne_stress_usleep(struct ne_stress_worker *w, unsigned int max)
{
	usleep(ne_stress_below(w, max) + 1);
}

static void give_birth(struct ne_test *t, struct ne_stress_worker *w, uint64_t seed)
{
	pid_t pid;

	w->seed = mix(seed, w->lives++);
	w->nr = 0;
	fflush(stdout);
	pid = fork();
	if (pid) {
		w->pid = pid;
		return;
	}
	signal(SIGPIPE, SIG_IGN);
	w->role->run(t, w);
	fflush(stdout);
	_exit(0);
}

/* Reap workers that have ended and the children they left behind. */
static void reap(struct ne_stress_worker *workers, size_t nr_workers)
{
	pid_t pid;
	size_t i;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (i = 0; i < nr_workers; i++)
			if (workers[i].pid == pid)
				workers[i].pid = 0;
}

static void kill_one(struct ne_stress_worker *workers, size_t nr_workers, uint64_t number)
{
	unsigned int total = 0;
	size_t i;

	for (i = 0; i < nr_workers; i++)
		total += workers[i].role->kill_weight;
	number %= total;
	for (i = 0; number >= workers[i].role->kill_weight; i++)
		number -= workers[i].role->kill_weight;
	if (workers[i].pid > 0)
		kill(workers[i].pid, SIGKILL);
}

/* Kill all processes of this group except this one. */
static void kill_all(struct ne_test *t)
{
	uint64_t end = ne_now_ms() + END_TIMEOUT_MS;

	signal(SIGTERM, SIG_IGN);
	while (ne_now_ms() < end) {
		pid_t pid;

		/* Repeatedly, because some may be forking; some are stopped. */
		kill(0, SIGTERM);
		kill(0, SIGCONT);
		ne_msleep(10);
		do {
			pid = waitpid(-1, NULL, WNOHANG);
		} while (pid > 0);
		if (pid < 0 && errno == ECHILD)
			break;
	}
	CHECK(t, ne_now_ms() < end);
	signal(SIGTERM, SIG_DFL);
}

static uint64_t count_starts(const struct ne_stress_worker *workers, size_t nr_workers)
{
	uint64_t starts = 0;

	while (nr_workers--)
		starts += workers[nr_workers].starts;
	return starts;
}

static void report(struct ne_test *t, const struct ne_stress_worker *workers,
		   size_t nr_workers)
{
	size_t i;

	for (i = 0; i < nr_workers; i++) {
		const struct ne_stress_worker *w = &workers[i];

		ne_note("%s %zu: last seed 0x%016" PRIx64 ", %" PRIu64 " lives, %" PRIu64
			" operations, %" PRIu64 " starts", w->role->name, i, w->seed, w->lives,
			w->ops, w->starts);
		CHECK(t, w->ops > 0);
	}
	CHECK(t, count_starts(workers, nr_workers) > 0);
}

void ne_stress_run(struct ne_test *t, const struct ne_stress_role *const *roles,
		   size_t nr_roles, unsigned int seconds, uint64_t seed, unsigned int kill_ms,
		   void (*disturb)(struct ne_test *t, uint64_t number))
{
	uint64_t end = ne_now_ms() + seconds * 1000ULL;
	uint64_t random = mix(seed, nr_roles);
	struct ne_stress_worker *workers;
	int shared[2], huge_fd;
	size_t i;

	REQUIRE(t, nr_roles <= NE_STRESS_MAX_WORKERS);
	workers = mmap(NULL, NE_STRESS_MAX_WORKERS * sizeof(*workers), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(t, workers != MAP_FAILED);
	REQUIRE_OK(t, prctl(PR_SET_CHILD_SUBREAPER, 1));
	REQUIRE_OK(t, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, shared));
	huge_fd = memfd_create("stress", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	REQUIRE_OK(t, huge_fd);
	REQUIRE_OK(t, ftruncate(huge_fd, SHARED_HUGE_SIZE));

	ne_note("seed %" PRIu64 ", %u s", seed, seconds);
	for (i = 0; i < nr_roles; i++) {
		workers[i].role = roles[i];
		workers[i].env = t->env;
		memcpy(workers[i].shared, shared, sizeof(shared));
		workers[i].huge_fd = huge_fd;
	}
	/* On slow machines, continue until an enclave was started. */
	while (ne_now_ms() < end || (!count_starts(workers, nr_roles) &&
				     ne_now_ms() < end + EXTRA_MS)) {
		for (i = 0; i < nr_roles; i++)
			if (workers[i].pid <= 0)
				give_birth(t, &workers[i], mix(seed, i));
		ne_msleep(split_mix(&random) % (2 * kill_ms));
		kill_one(workers, nr_roles, split_mix(&random));
		if (disturb)
			disturb(t, split_mix(&random));
		reap(workers, nr_roles);
	}
	kill_all(t);
	close(shared[0]);
	close(shared[1]);
	close(huge_fd);
	report(t, workers, nr_roles);
}
