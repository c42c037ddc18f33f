// SPDX-License-Identifier: Apache-2.0
/*
 * N: who else uses donated memory: KVM guests of the donor and of the VMM. None of
 * them loses a page for the host.
 */

#include "ne_fixture.h"
#include "ne_kvm.h"
#include "ne_lib.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUEST_SIZE	(8 * NE_MIB)

/* A user of the groups of both nodes, without any capability. */
static void become_user(struct ne_test *t)
{
	struct stat ne, kvm;

	REQUIRE_EQ(t, stat(NE_DEVICE, &ne), 0);
	REQUIRE_EQ(t, stat("/dev/kvm", &kvm), 0);
	REQUIRE_EQ(t, setgroups(2, (gid_t []){ ne.st_gid, kvm.st_gid }), 0);
	REQUIRE_EQ(t, setresgid(65534, 65534, 65534), 0);
	REQUIRE_EQ(t, setresuid(65534, 65534, 65534), 0);
}

/* Run @body in a process of its own and wait for its end. */
static void in_child(struct ne_test *t, void (*body)(struct ne_test *t))
{
	int status = -1;
	pid_t pid = fork();

	REQUIRE(t, pid >= 0);
	if (!pid) {
		body(t);
		fflush(stdout);
		_exit(0);
	}
	REQUIRE_EQ(t, waitpid(pid, &status, 0), pid);
	CHECK_EQ(t, status, 0);
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

/* No start, hence no VMM: only the two groups are needed for it. */
static void n01_donors_guest(struct ne_test *t)
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
	/* As the interface asks of a VMM. */
	for (i = 0; i < size; i += NE_PAGE)
		(void)touch[i];
	return map;
}

/* The VMM's guest and one of the donor's, in turn, on the pages of a running enclave. */
static void n02_both_guests(struct ne_test *t)
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

	/* The pages are back although the VMM lives on. */
	close(f.fd);
	munmap(f.mem, NE_MIN_ENCLAVE_SIZE);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages);
	close(f.info.backend_fd);
}

/* Whoever holds the memory of a VMM that is killed, it is not its KVM. */
static void n03_guest_of_failed_start(struct ne_test *t)
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
	/* Another one gets the same pages. */
	ne_kvm_touch(t, f.mem, GUEST_SIZE);
	ne_fixture_check_again(t, &f);
	close(f.fd);
	munmap(f.mem, NE_MIN_ENCLAVE_SIZE);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), env->free_pages);
}

static const struct ne_case cases[] = {
	{ "N01 a KVM guest of the donor on pages of an enclave loses none", n01_donors_guest, 60 },
	{ "N02 nor does one beside the VMM's guest", n02_both_guests, 60 },
	{ "N03 nor does a VMM's guest of a start that failed", n03_guest_of_failed_start, 60 },
};

int main(int argc, char **argv)
{
	return ne_fixture_main(cases, ARRAY_SIZE(cases), argc, argv);
}
