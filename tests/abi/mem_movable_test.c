// SPDX-License-Identifier: Apache-2.0
/*
 * J: huge pages in ZONE_MOVABLE. They stay there when they are donated. To move them out,
 * the kernel would have to use as much of the memory that it needs for itself.
 */

#include "ne_guest.h"
#include "ne_lib.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SMALL_PAGES	(NE_PAGE / 4096)	/* in a huge page, as vmstat counts */

/* A counter of /proc/vmstat; fails the case without it. */
static long vmstat(struct ne_test *t, const char *name)
{
	long value = ne_read_value("/proc/vmstat", name);

	REQUIRE(t, value >= 0);
	return value;
}

/* Reserve huge pages for three quarters of node 0's movable zone; most come from there. */
static long reserve(struct ne_test *t)
{
	long pages = ne_movable_pages() / SMALL_PAGES * 3 / 4;
	long nr;

	ne_write_number("/proc/sys/vm/compact_memory", 1);
	ne_write_number(NE_NODE0_2M "nr_hugepages", pages);
	nr = ne_read_number(NE_NODE0_2M "free_hugepages");
	ne_note("%ld of %ld huge pages of 2 MiB", nr, pages);
	REQUIRE(t, nr > pages / 2);
	return nr;
}

static void j07_pages_stay(struct ne_test *t)
{
	long nr = reserve(t);
	char *mem = ne_map_huge(nr * NE_PAGE);
	int fd = ne_require_enclave(t);
	long moved;

	REQUIRE(t, mem);
	memset(mem, 1, nr * NE_PAGE);
	moved = vmstat(t, "pgmigrate_success");
	REQUIRE_EQ(t, ne_add_region(fd, mem, nr * NE_PAGE), 0);
	moved = vmstat(t, "pgmigrate_success") - moved;
	ne_note("%ld pages of 4 KiB moved", moved);
	/* The kernel may compact memory at any time. */
	CHECK(t, moved < nr * (long)SMALL_PAGES / 10);

	munmap(mem, nr * NE_PAGE);
	close(fd);
	CHECK_EQ(t, ne_read_number(NE_NODE0_2M "free_hugepages"), nr);
}

/* The host keeps enough memory for itself, and gets back what the enclave had. */
static void j08_large_enclave(struct ne_test *t)
{
	long killed = vmstat(t, "oom_kill");
	long nr = reserve(t);
	struct ne_enclave e;
	int heartbeat_fd;

	ne_enclave_create(t, &e);
	ne_enclave_add_memory(t, &e, nr * NE_PAGE);
	ne_enclave_load(t, &e);
	ne_enclave_add_core(t, &e);
	heartbeat_fd = ne_heartbeat_listen(t);
	REQUIRE_EQ(t, ne_start(e.fd, 0, &e.cid), 0);
	ne_enclave_booted(t, heartbeat_fd);
	CHECK(t, ne_enclave_alive(t, &e));
	ne_enclave_close(&e);
	CHECK_EQ(t, ne_read_number(NE_NODE0_2M "free_hugepages"), nr);
	CHECK_EQ(t, vmstat(t, "oom_kill") - killed, 0);
}

static const struct ne_case cases[] = {
	{ "J07 donated pages stay in the movable zone", j07_pages_stay, 120, NE_NEED_MOVABLE },
	{ "J08 an enclave of most of the movable zone", j08_large_enclave, 300, NE_NEED_MOVABLE },
};

int main(int argc, char **argv)
{
	return ne_guest_main(cases, ARRAY_SIZE(cases), ne_guest_pages(), argc, argv);
}
