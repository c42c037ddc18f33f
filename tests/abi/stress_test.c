// SPDX-License-Identifier: Apache-2.0
/*
 * Z: clients, supervisors, VMMs, channels, sockets and administrators perform random
 * operations at the same time and are killed at random. Afterwards everything is as
 * before, and the modules can be unloaded.
 *
 * usage: stress_test [--time SECONDS] [--seed NUMBER] [CASE...]
 *
 * $NE_STRESS_TIME and $NE_STRESS_SEED do the same. The default seed is random; each run
 * prints its seed.
 */

#include "ne_backend.h"
#include "ne_lib.h"
#include "ne_stress.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_TIME_S	15
/* The memory of all clients, what they share, and copies that forks make. */
#define PAGE_NEED	(5 * NE_MIN_ENCLAVE_SIZE / NE_PAGE)
/* Time for kernel threads to free memory, and for sockets that wait for an answer. */
#define FREE_TIMEOUT_MS	10000
#define REFUSAL		EXFULL
/* Average time between two kills; a real start takes longer than one of the stand-in. */
#define KILL_MS		100
#define DAEMON_KILL_MS	500

/* The options of the run; constant after main() has read its arguments. */
static struct {
	unsigned int seconds;
	uint64_t seed;
} options = { .seconds = DEFAULT_TIME_S };

/** struct before - values that must be the same afterwards */
struct before {
	int kmsg_fd;
	long free_pages;
	long reserved_pages;
};

static void remember(struct ne_test *t, struct before *before)
{
	before->kmsg_fd = ne_kmsg_open();
	REQUIRE_OK(t, before->kmsg_fd);
	before->free_pages = ne_meminfo("HugePages_Free");
	before->reserved_pages = ne_meminfo("HugePages_Rsvd");
}

/* The pool can be set only if there are no enclaves. */
static bool all_free(const struct ne_env *env, const struct before *before)
{
	return !ne_env_pool_restore(env) &&
	       ne_meminfo("HugePages_Free") == before->free_pages &&
	       ne_meminfo("HugePages_Rsvd") == before->reserved_pages;
}

static void check_free(struct ne_test *t, const struct before *before)
{
	uint64_t end = ne_now_ms() + FREE_TIMEOUT_MS;

	while (!all_free(t->env, before) && ne_now_ms() < end)
		ne_msleep(50);
	CHECK_EQ(t, ne_env_pool_restore(t->env), 0);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), before->free_pages);
	CHECK_EQ(t, ne_meminfo("HugePages_Rsvd"), before->reserved_pages);
}

static void count(const struct ne_info *info, void *arg)
{
	ne_note("enclave 0x%016" PRIx64 " in state %u is left", info->slot_uid, info->state);
	(*(int *)arg)++;
}

/* Refuse one start. */
static void *refuse(void *arg)
{
	struct ne_netlink *nl = arg;
	struct ne_info info;

	if (!ne_netlink_wait_accept(nl, FREE_TIMEOUT_MS, &info)) {
		ne_backend_done(info.backend_fd, REFUSAL, "refused by the test");
		close(info.backend_fd);
	}
	return NULL;
}

/* A CID in use is refused with EADDRINUSE before a supervisor sees the request. */
static void check_cids(struct ne_test *t, struct ne_netlink *nl)
{
	struct ne_env *env = t->env;
	void *mem = ne_map_huge(NE_MIN_ENCLAVE_SIZE);
	int fd = ne_require_enclave(t);
	unsigned int i;

	REQUIRE(t, mem);
	REQUIRE_EQ(t, ne_add_region(fd, mem, NE_MIN_ENCLAVE_SIZE), 0);
	for (i = 0; i < env->threads; i++)
		REQUIRE_OK(t, ne_add_vcpu_id(fd, 0));
	for (i = 0; i < NE_STRESS_NR_CIDS; i++) {
		uint64_t cid = NE_STRESS_FIRST_CID + i;
		pthread_t thread;

		REQUIRE(t, !pthread_create(&thread, NULL, refuse, nl));
		CHECK_ERR(t, ne_start(fd, 0, &cid), REFUSAL);
		pthread_join(thread, NULL);
	}
	close(fd);
	munmap(mem, NE_MIN_ENCLAVE_SIZE);
}

static void check_after(struct ne_test *t, const struct before *before)
{
	struct ne_netlink nl;
	struct ne_info info;
	int left = 0;

	check_free(t, before);
	REQUIRE_EQ(t, ne_netlink_open(&nl, NE_EMU_MCGRP_BACKEND), 0);
	CHECK_EQ(t, ne_netlink_dump(&nl, count, &left), 0);
	CHECK_ERR(t, ne_netlink_accept(&nl, &info), EAGAIN);
	if (!left)
		check_cids(t, &nl);
	ne_netlink_close(&nl);
	CHECK(t, ne_kmsg_is_sane(before->kmsg_fd));
	close(before->kmsg_fd);
}

/* Hostile supervisors and VMMs in this program. */
static void stand_in(struct ne_test *t)
{
	static const struct ne_stress_role *const roles[] = {
		&ne_stress_client, &ne_stress_client, &ne_stress_client, &ne_stress_supervisor,
		&ne_stress_supervisor, &ne_stress_vsock, &ne_stress_vsock, &ne_stress_netlink,
		&ne_stress_pool,
	};
	struct before before;

	remember(t, &before);
	ne_stress_run(t, roles, ARRAY_SIZE(roles), options.seconds * 2 / 3, options.seed,
		      KILL_MS, NULL);
	check_after(t, &before);
}

/* Find at most @max processes with this name in /proc/PID/comm. */
static size_t find_processes(const char *name, pid_t *pids, size_t max)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	size_t nr = 0;

	while (dir && nr < max && (entry = readdir(dir))) {
		char path[300], comm[32];

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (ne_read_file(path, comm, sizeof(comm)) <= 0)
			continue;
		comm[strcspn(comm, "\n")] = 0;
		if (!strcmp(comm, name))
			pids[nr++] = atoi(entry->d_name);
	}
	if (dir)
		closedir(dir);
	return nr;
}

/* Sometimes kill a VMM, and seldom ne-emud. */
static void disturb_daemon(struct ne_test *t, uint64_t number)
{
	pid_t pids[16];
	size_t nr;

	if (!(number % 16)) {
		nr = find_processes("ne-emud", pids, ARRAY_SIZE(pids));
		if (nr)
			kill(pids[0], SIGKILL);
		CHECK_EQ(t, ne_start_daemon(), 0);
	} else if (!(number % 2)) {
		nr = find_processes("ne-emu-vmm", pids, ARRAY_SIZE(pids));
		if (nr)
			kill(pids[(number >> 8) % nr], SIGKILL);
	}
}

/* With ne-emud and real VMMs. Without an image, a VMM starts and reports the end. */
static void daemon_and_vmm(struct ne_test *t)
{
	static const struct ne_stress_role *const roles[] = {
		&ne_stress_client, &ne_stress_client, &ne_stress_client, &ne_stress_vsock,
		&ne_stress_netlink,
	};
	uint64_t end = ne_now_ms() + FREE_TIMEOUT_MS;
	struct before before;
	pid_t pids[16];

	if (access("/dev/kvm", R_OK | W_OK))
		ne_skip(t, "there is no /dev/kvm");
	if (ne_start_daemon())
		ne_skip(t, "ne-emud does not start");
	remember(t, &before);
	ne_stress_run(t, roles, ARRAY_SIZE(roles), options.seconds / 3, options.seed,
		      DAEMON_KILL_MS, disturb_daemon);
	while (find_processes("ne-emu-vmm", pids, ARRAY_SIZE(pids)) && ne_now_ms() < end)
		ne_msleep(50);
	CHECK_EQ(t, find_processes("ne-emu-vmm", pids, ARRAY_SIZE(pids)), 0);
	REQUIRE(t, ne_stop_daemon());
	check_after(t, &before);
}

/*
 * A socket holds its transport until a timer of the kernel releases it: 8 s after one of
 * our connects (vsock_connect_timeout()) or after a close that the peer has not answered
 * (virtio_transport_close_timeout()).
 */
static void wait_for_sockets(void)
{
	uint64_t end = ne_now_ms() + FREE_TIMEOUT_MS;

	while (ne_read_number("/sys/module/ne_emu_vsock/refcnt") > 0 && ne_now_ms() < end)
		ne_msleep(50);
}

/* If anything still held the modules, this would fail. */
static void unload(struct ne_test *t)
{
	ne_stop_daemon();
	CHECK_EQ(t, NE_COMMAND("rmmod", "nitro_enclaves_emu"), 0);
	wait_for_sockets();
	CHECK_EQ(t, NE_COMMAND("rmmod", "ne_emu_vsock"), 0);
	CHECK_EQ(t, NE_COMMAND("modprobe", "nitro_enclaves_emu"), 0);
	CHECK_EQ(t, NE_COMMAND("udevadm", "settle"), 0);
	CHECK_EQ(t, ne_env_pool_restore(t->env), 0);
	ne_stop_daemon();
}

/* Remove the options from the arguments. Return: how many are left. */
static int read_options(int argc, char **argv)
{
	const char *seconds = getenv("NE_STRESS_TIME");
	const char *seed = getenv("NE_STRESS_SEED");
	int i, left = 1;

	if (seconds && *seconds)
		options.seconds = strtoul(seconds, NULL, 10);
	if (seed && *seed)
		options.seed = strtoull(seed, NULL, 0);
	else if (getrandom(&options.seed, sizeof(uint32_t), 0) < 0)
		options.seed = time(NULL);
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--time") && i + 1 < argc)
			options.seconds = strtoul(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
			options.seed = strtoull(argv[++i], NULL, 0);
		else
			argv[left++] = argv[i];
	}
	return left;
}

int main(int argc, char **argv)
{
	struct ne_case cases[] = {
		{ "Z01 stand-ins for supervisor and VMM", stand_in, 0 },
		{ "Z02 ne-emud and its VMMs", daemon_and_vmm, 0 },
		{ "Z03 the modules unload", unload, 300 },
	};

	argc = read_options(argc, argv);
	cases[0].timeout = options.seconds + 120;
	cases[1].timeout = options.seconds + 120;
	return ne_env_main_alone(cases, ARRAY_SIZE(cases), PAGE_NEED, argc, argv);
}
