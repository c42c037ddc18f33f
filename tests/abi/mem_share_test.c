// SPDX-License-Identifier: Apache-2.0
/*
 * J: other users of donated memory: the donor with its own KVM guests, its children, the
 * VMM's KVM. None of them costs the host a page or stops anything from working that works
 * without an enclave.
 */

#include "ne_fixture.h"
#include "ne_kvm.h"
#include "ne_lib.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUEST_SIZE	(8 * NE_MIB)

/* A user in the groups of both device nodes, without any capability. */
static void become_user(struct ne_test *t)
{
	struct stat ne, kvm;

	REQUIRE_EQ(t, stat(NE_DEVICE, &ne), 0);
	REQUIRE_EQ(t, stat("/dev/kvm", &kvm), 0);
	REQUIRE_EQ(t, setgroups(2, (gid_t []){ ne.st_gid, kvm.st_gid }), 0);
	REQUIRE_EQ(t, setresgid(65534, 65534, 65534), 0);
	REQUIRE_EQ(t, setresuid(65534, 65534, 65534), 0);
}

/* Run @body in a child and wait until it ends. */
static void in_child(struct ne_test *t, void (*body)(struct ne_test *t))
{
	pid_t pid = fork();

	REQUIRE(t, pid >= 0);
	if (!pid) {
		body(t);
		fflush(stdout);
		_exit(0);
	}
	ne_wait_child(t, pid);
}

static void guest_on_donated_pages(struct ne_test *t)
{
	char *mem;
	int fd;

	become_user(t);
	mem = ne_map_huge(GUEST_SIZE);
	REQUIRE(t, mem);
	fd = ne_require_enclave(t);
	REQUIRE_EQ(t, ne_add_region(fd, mem, GUEST_SIZE), 0);
	ne_kvm_touch(t, mem, GUEST_SIZE);
	CHECK_EQ(t, mem[NE_PAGE], 1);
}

/* The enclave is not started, so there is no VMM. The two groups are all that this needs. */
static void j01_donors_guest(struct ne_test *t)
{
	struct ne_env *env = t->env;

	ne_kvm_require(t);
	in_child(t, guest_on_donated_pages);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages);
}

static char *map_backend(struct ne_test *t, const struct ne_fixture *f, size_t size)
{
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f->info.backend_fd, 0);
	volatile char *touch = map;
	size_t i;

	REQUIRE(t, map != MAP_FAILED);
	/* The interface requires this of a VMM. */
	for (i = 0; i < size; i += NE_PAGE)
		(void)touch[i];
	return map;
}

/* The VMM's guest and one of the donor take turns on the pages of a running enclave. */
static void j02_both_guests(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct ne_fixture f;
	char *map;

	ne_kvm_require(t);
	ne_fixture_run(t, &f);
	map = map_backend(t, &f, NE_MIN_ENCLAVE_SIZE);
	ne_kvm_touch(t, map, NE_MIN_ENCLAVE_SIZE);
	ne_kvm_touch(t, f.mem, GUEST_SIZE);
	ne_kvm_touch(t, map, NE_MIN_ENCLAVE_SIZE);
	CHECK_EQ(t, f.mem[NE_PAGE], 3);
	CHECK_EQ(t, f.mem[NE_MIN_ENCLAVE_SIZE - NE_PAGE], 2);

	/* The pages are back although the VMM still runs. */
	close(f.fd);
	munmap(f.mem, NE_MIN_ENCLAVE_SIZE);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages);
	close(f.info.backend_fd);
}

/* The VMM's KVM guest of a failed start must not cost the host a page. */
static void j03_guest_of_failed_start(struct ne_test *t)
{
	struct ne_env *env = t->env;
	struct ne_fixture f;
	char *map;

	ne_kvm_require(t);
	ne_fixture_accept(t, &f);
	map = map_backend(t, &f, NE_MIN_ENCLAVE_SIZE);
	ne_kvm_touch(t, map, NE_MIN_ENCLAVE_SIZE);
	REQUIRE_EQ(t, ne_backend_done(f.info.backend_fd, EIO, "tried"), 0);
	ne_fixture_join(&f);
	CHECK_EQ(t, f.rc, -EIO);
	/* Another guest gets the same pages. */
	ne_kvm_touch(t, f.mem, GUEST_SIZE);
	ne_fixture_check_again(t, &f);
	close(f.fd);
	munmap(f.mem, NE_MIN_ENCLAVE_SIZE);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages);
}

/* KVM needs huge entries, but the setting of transparent huge pages must not matter. */
static void j09_without_thp(struct ne_test *t)
{
	struct ne_fixture f;
	char *map;

	ne_kvm_require(t);
	REQUIRE_EQ(t, prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	ne_fixture_run(t, &f);
	map = map_backend(t, &f, NE_MIN_ENCLAVE_SIZE);
	ne_kvm_touch(t, map, NE_MIN_ENCLAVE_SIZE);
	CHECK_EQ(t, f.mem[NE_PAGE], 1);
	close(f.fd);
	close(f.info.backend_fd);
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid < 0)
		return -errno;
	return waitpid(pid, NULL, 0) == pid ? 0 : -ECHILD;
}

/* There is no free page to which fork() could copy one of them. */
static void j04_fork_without_free_page(struct ne_test *t)
{
	struct ne_env *env = t->env;
	size_t size = env->free_pages * NE_PAGE;
	char *mem = ne_map_huge(size);
	int fd = ne_require_enclave(t);

	REQUIRE(t, mem);
	memset(mem, 1, size);
	CHECK_EQ(t, try_fork(), 0);
	REQUIRE_EQ(t, ne_add_region(fd, mem, size), 0);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), 0);
	CHECK_EQ(t, try_fork(), 0);
	/* The child is gone: only the parent and the enclave have the page. */
	mem[0] = 2;
	CHECK_EQ(t, mem[0], 2);
	close(fd);
	CHECK_EQ(t, try_fork(), 0);
}

/* When the donor writes and gets a copy, the enclave keeps the original page. */
static void j05_written_beside_a_child(struct ne_test *t)
{
	struct ne_fixture f;
	int gate[2], status;
	char *map;
	pid_t pid;

	ne_fixture_run(t, &f);
	map = map_backend(t, &f, NE_MIN_ENCLAVE_SIZE);
	map[0] = 1;
	CHECK_EQ(t, f.mem[0], 1);

	REQUIRE(t, !pipe(gate));
	pid = fork();
	REQUIRE(t, pid >= 0);
	if (!pid) {
		char c;

		close(gate[1]);
		(void)!read(gate[0], &c, 1);
		_exit(f.mem[0]);
	}
	f.mem[0] = 2;
	CHECK_EQ(t, map[0], 1);
	map[0] = 3;
	CHECK_EQ(t, f.mem[0], 2);
	/* The child still has the first page; the other pages are the donor's alone. */
	map[NE_PAGE] = 4;
	CHECK_EQ(t, f.mem[NE_PAGE], 4);
	close(gate[1]);
	REQUIRE_EQ(t, waitpid(pid, &status, 0), pid);
	CHECK(t, WIFEXITED(status) && WEXITSTATUS(status) == 3);
	close(f.fd);
	close(f.info.backend_fd);
}

/* A child donates a page that it shares with its parent. */
static void j06_page_of_the_parent(struct ne_test *t)
{
	int prot;

	for (prot = 0; prot < 2; prot++) {
		char *mem = ne_map_huge(NE_MIN_ENCLAVE_SIZE);
		pid_t pid;

		REQUIRE(t, mem);
		memset(mem, 5, NE_MIN_ENCLAVE_SIZE);
		pid = fork();
		REQUIRE(t, pid >= 0);
		if (!pid) {
			struct ne_fixture f;
			char *map;

			REQUIRE_EQ(t, mprotect(mem, NE_MIN_ENCLAVE_SIZE,
					       prot ? PROT_READ : PROT_READ | PROT_WRITE), 0);
			ne_fixture_prepare_with(t, &f, mem);
			REQUIRE_EQ(t, ne_netlink_open(&f.nl, NE_EMU_MCGRP_BACKEND), 0);
			ne_fixture_begin(t, &f);
			map = map_backend(t, &f, NE_MIN_ENCLAVE_SIZE);
			CHECK_EQ(t, map[NE_PAGE], 5);
			memset(map, 6, NE_MIN_ENCLAVE_SIZE);
			/* The child's mapping shows what its enclave writes. */
			CHECK_EQ(t, mem[NE_PAGE], 6);
			fflush(stdout);
			_exit(0);
		}
		ne_wait_child(t, pid);
		CHECK_EQ(t, mem[NE_PAGE], 5);
		munmap(mem, NE_MIN_ENCLAVE_SIZE);
	}
}

static const struct ne_case cases[] = {
	{ "J01 a KVM guest of the donor on an enclave's pages", j01_donors_guest, 60 },
	{ "J02 KVM guests of the donor and of the VMM", j02_both_guests, 60 },
	{ "J03 a VMM's KVM guest after a failed start", j03_guest_of_failed_start, 60 },
	{ "J04 fork() with all huge pages donated", j04_fork_without_free_page, 60 },
	{ "J05 a donor with a child writes to a copy", j05_written_beside_a_child, 60 },
	{ "J06 pages shared with a parent are copied first", j06_page_of_the_parent, 60 },
	{ "J09 a VMM's guest without transparent huge pages", j09_without_thp, 60 },
};

int main(int argc, char **argv)
{
	return ne_fixture_main(cases, ARRAY_SIZE(cases), argc, argv);
}
