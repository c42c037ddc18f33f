// SPDX-License-Identifier: Apache-2.0
/* Measures what a flood of vsock packets costs the kernel and another enclave. */

#include "ne_flood.h"
#include "ne_lib.h"
#include "ne_vsock.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Round trips of the neighbour during a flood, which lasts until they are done. */
#define MIN_TRIPS	10
/* Minimum number of packets in a flood, even on a slow kernel. */
#define MIN_SENT	1000
/* Minimum duration of a flood, in which emulated CPUs send 20,000 packets. */
#define FLOOD_MS	1000
/* Tolerance in KiB for what the rest of the system takes or releases during a flood. */
#define NOISE_KIB	6144
#define NOISE_SOCKETS	16
/* How long the kernel may take to release unused memory. */
#define RETURN_MS	(12000 * ne_slowness())
/* Round trips between two measurements of what the kernel holds. */
#define TRIPS_PER_LOOK	4

/* The number that @format scans in the first matching line of @path, or 0. */
static long find_number(const char *path, const char *format)
{
	FILE *file = fopen(path, "re");
	char line[256];
	long value = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, format, &value) == 1)
			break;
	if (file)
		fclose(file);
	return value;
}

static struct ne_usage look(void)
{
	return (struct ne_usage) {
		.slab = ne_meminfo("SUnreclaim"),
		.taken = ne_meminfo("MemTotal") - ne_available_kib(),
		.packets = find_number("/proc/slabinfo", "skbuff_head_cache %ld"),
		.sockets = find_number("/proc/net/sockstat", "sockets: used %ld"),
	};
}

static void raise_to(long *peak, long now)
{
	if (now > *peak)
		*peak = now;
}

static void round_trip(struct ne_test *t, struct ne_conn *c, int fd, struct ne_packet *p)
{
	char byte;

	REQUIRE_EQ(t, ne_sock_send(fd, "x", 1, 0), 1);
	ne_conn_expect(t, c, VIRTIO_VSOCK_OP_RW, p, sizeof(*p));
	REQUIRE_EQ(t, ne_conn_send(c, VIRTIO_VSOCK_OP_RW, 0, "y", 1), 0);
	REQUIRE_EQ(t, ne_sock_recv(fd, &byte, 1), 1);
}

static void note_peak(struct ne_usage *peak)
{
	struct ne_usage now = look();

	raise_to(&peak->slab, now.slab);
	raise_to(&peak->taken, now.taken);
	raise_to(&peak->packets, now.packets);
	raise_to(&peak->sockets, now.sockets);
}

static void run_neighbour(struct ne_test *t, struct ne_neighbour *neighbour)
{
	struct ne_conn c = ne_conn_guest(ne_chan_open(t, CID_B, 0), CID_B);
	struct ne_packet *p = ne_packet_new(t);
	int fd = ne_conn_open(t, &c, p);

	while (!__atomic_load_n(&neighbour->stop, __ATOMIC_RELAXED)) {
		uint64_t begin = ne_now_ms();

		round_trip(t, &c, fd, p);
		begin = ne_now_ms() - begin;
		if (begin > neighbour->worst_ms)
			neighbour->worst_ms = begin;
		if (neighbour->trips++ % TRIPS_PER_LOOK == 0)
			note_peak(&neighbour->peak);
	}
	note_peak(&neighbour->peak);
}

struct ne_flood ne_flood_begin(struct ne_test *t, const char *name)
{
	struct ne_flood flood = { .t = t, .name = name };

	flood.neighbour = mmap(NULL, sizeof(*flood.neighbour), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(t, flood.neighbour != MAP_FAILED);
	flood.before = look();
	flood.pid = fork();
	REQUIRE(t, flood.pid >= 0);
	if (!flood.pid) {
		run_neighbour(t, flood.neighbour);
		_exit(0);
	}
	flood.end = ne_now_ms() + FLOOD_MS;
	return flood;
}

bool ne_flood_goes_on(struct ne_flood *flood)
{
	flood->sent++;
	return ne_now_ms() < flood->end || flood->sent < MIN_SENT ||
	       __atomic_load_n(&flood->neighbour->trips, __ATOMIC_RELAXED) < MIN_TRIPS;
}

/* The usage is back to that before the flood, within NOISE_KIB. */
static bool is_back(const struct ne_flood *flood, struct ne_usage *now)
{
	*now = look();
	return now->slab - flood->before.slab < NOISE_KIB &&
	       now->taken - flood->before.taken < NOISE_KIB &&
	       now->sockets - flood->before.sockets < NOISE_SOCKETS;
}

void ne_flood_stop(struct ne_flood *flood)
{
	struct ne_test *t = flood->t;
	int status = -1;

	__atomic_store_n(&flood->neighbour->stop, true, __ATOMIC_RELAXED);
	REQUIRE_EQ(t, waitpid(flood->pid, &status, 0), flood->pid);
	CHECK_EQ(t, status, 0);
	CHECK(t, flood->neighbour->trips >= MIN_TRIPS);
	CHECK(t, flood->neighbour->worst_ms < STARVED_MS);
}

void ne_flood_end(struct ne_flood *flood, long max_kib)
{
	struct ne_usage *before = &flood->before, *peak = &flood->neighbour->peak;
	uint64_t end = ne_now_ms() + RETURN_MS;
	struct ne_test *t = flood->t;
	struct ne_usage now;

	while (!is_back(flood, &now) && ne_now_ms() < end)
		ne_msleep(100);
	ne_note("| %-22s | %7lu | %7ld | %7ld | %7ld | %7ld | %5ld | %5u | %4u | %6ld | %6ld | %5ld |",
		flood->name, flood->sent, max_kib, peak->slab - before->slab,
		peak->taken - before->taken, peak->packets - before->packets,
		peak->sockets - before->sockets, flood->neighbour->trips,
		flood->neighbour->worst_ms, now.slab - before->slab, now.taken - before->taken,
		now.sockets - before->sockets);
	CHECK(t, now.sockets - before->sockets < NOISE_SOCKETS);
	/* Checkers quarantine freed memory and enlarge allocations. */
	if (ne_has_checkers())
		return;
	CHECK(t, peak->slab - before->slab < max_kib + NOISE_KIB);
	CHECK(t, peak->taken - before->taken < max_kib + NOISE_KIB);
	CHECK(t, is_back(flood, &now));
}

void ne_flood_heading(void)
{
	ne_note("memory during the flood, KiB, and the echo of another enclave");
	ne_note("| %-22s | %7s | %7s | %7s | %7s | %7s | %5s | %5s | %4s | %6s | %6s | %5s |", "flood",
		"packets", "bound", "slab", "memory", "skbs", "socks", "trips", "ms",
		"slab", "memory", "socks");
}
