// SPDX-License-Identifier: Apache-2.0
/*
 * R: enclaves are closed while their vCPUs take page faults. The memory must be intact
 * afterwards: a late VMM must not touch pages that the client has back, nor their reference
 * counts.
 */

#include "ne_backend.h"
#include "ne_env.h"
#include "ne_kvm.h"
#include "ne_lib.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE		NE_MIN_ENCLAVE_SIZE
#define VCPUS		2
#define ROUNDS		300
#define EVENT_MS	10000
/* The longest time that a guest runs before its enclave is closed. */
#define RUN_US		(20000 * ne_slowness())

/* for (;;) for (eax = 2 MiB; eax < 64 MiB; eax += 2 MiB) (*(char *)eax)++; */
static const uint8_t guest_code[] = {
	0xb8, 0x00, 0x00, 0x20, 0x00,	/* mov  $0x200000,%eax */
	0xfe, 0x00,			/* incb (%eax) */
	0x05, 0x00, 0x00, 0x20, 0x00,	/* add  $0x200000,%eax */
	0x3d, 0x00, 0x00, 0x00, 0x04,	/* cmp  $0x4000000,%eax */
	0x72, 0xf2,			/* jb   incb */
	0xeb, 0xeb,			/* jmp  mov */
};

struct vcpu {
	struct vmm *vmm;
	pthread_t thread;
	struct ne_kvm_vcpu kvm;
};

/**
 * struct vmm - stands in for the VMM, in the client's process
 * @info: the accepted request
 * @map: the memory, mapped repeatedly so that each access faults
 * @active: rounds in which the guest wrote to its memory
 * @late: rounds in which a vCPU still had a page when the enclave was closed
 * @scratch: buffer for what is read from the memory
 * @stop: end the threads
 */
struct vmm {
	struct ne_netlink nl;
	struct ne_info info;
	int rc;
	struct ne_kvm kvm;
	struct vcpu vcpu[VCPUS];
	char *map;
	int active;
	int late;
	int scratch;
	pthread_t remap;
	volatile bool stop;
};

static void *accept_thread(void *arg)
{
	struct vmm *vmm = arg;

	vmm->info.backend_fd = -1;
	vmm->rc = ne_netlink_wait_accept(&vmm->nl, EVENT_MS, &vmm->info);
	if (!vmm->rc)
		vmm->rc = ne_backend_done(vmm->info.backend_fd, 0, "");
	return NULL;
}

/* Start an enclave, with its backend in @vmm. */
static int start_enclave(struct ne_test *t, struct vmm *vmm, char *mem)
{
	struct ne_env *env = t->env;
	pthread_t thread;
	uint64_t cid = 0;
	unsigned int i;
	int fd;

	fd = ne_require_enclave(t);
	REQUIRE_EQ(t, ne_add_region(fd, mem, SIZE), 0);
	for (i = 0; i < env->threads; i++)
		REQUIRE_OK(t, ne_add_vcpu_id(fd, 0));
	REQUIRE(t, !pthread_create(&thread, NULL, accept_thread, vmm));
	REQUIRE_EQ(t, ne_start(fd, 0, &cid), 0);
	pthread_join(thread, NULL);
	REQUIRE_EQ(t, vmm->rc, 0);
	return fd;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	/* Continue after EFAULT, when the mapping is missing. Threads of a VMM do sleep. */
	while (!vcpu->vmm->stop) {
		if (!ioctl(vcpu->kvm.fd, KVM_RUN, 0) || (errno != EFAULT && errno != EINTR))
			break;
		usleep(1);
	}
	return NULL;
}

/* Map all pages, as a VMM must. The kernel reads them, because they may be gone. */
static void touch_pages(const struct vmm *vmm)
{
	size_t i;

	for (i = 0; i < SIZE; i += NE_PAGE)
		if (pwrite(vmm->scratch, vmm->map + i, 1, 0) != 1)
			break;
}

/* Remove all pages of the guest from KVM and have it fault them in again. */
static void *remap_thread(void *arg)
{
	struct vmm *vmm = arg;

	while (!vmm->stop) {
		if (mmap(vmm->map, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 vmm->info.backend_fd, 0) == MAP_FAILED)
			abort();
		touch_pages(vmm);
		usleep(rand() % 2000);
	}
	return NULL;
}

static void vmm_run(struct ne_test *t, struct vmm *vmm)
{
	int i;

	vmm->stop = false;
	vmm->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vmm->info.backend_fd, 0);
	REQUIRE(t, vmm->map != MAP_FAILED);
	memcpy(vmm->map + NE_KVM_CODE_AT, guest_code, sizeof(guest_code));
	touch_pages(vmm);

	ne_kvm_create(t, &vmm->kvm, vmm->map, SIZE);
	for (i = 0; i < VCPUS; i++) {
		vmm->vcpu[i].vmm = vmm;
		ne_kvm_add_vcpu(t, &vmm->kvm, i, &vmm->vcpu[i].kvm);
	}
	for (i = 0; i < VCPUS; i++)
		REQUIRE(t, !pthread_create(&vmm->vcpu[i].thread, NULL, vcpu_thread,
					   &vmm->vcpu[i]));
	REQUIRE(t, !pthread_create(&vmm->remap, NULL, remap_thread, vmm));
}

static void kick(int signal)
{
	(void)signal;
}

static void vmm_end(struct vmm *vmm)
{
	int i;

	vmm->stop = true;
	for (i = 0; i < VCPUS; i++) {
		struct vcpu *vcpu = &vmm->vcpu[i];

		/* Without an end, the guest loops for ever. */
		while (pthread_tryjoin_np(vcpu->thread, NULL)) {
			pthread_kill(vcpu->thread, SIGUSR1);
			usleep(1000);
		}
		ne_kvm_close_vcpu(&vcpu->kvm);
	}
	pthread_join(vmm->remap, NULL);
	ne_kvm_close(&vmm->kvm);
	munmap(vmm->map, SIZE);
	close(vmm->info.backend_fd);
}

/* The client has the pages back: nothing writes to them, and they can be freed. */
static void check_untouched(struct ne_test *t, struct vmm *vmm, char *mem)
{
	size_t i;

	memset(mem, 0, SIZE);
	vmm_end(vmm);
	for (i = 0; i < SIZE; i += NE_PAGE)
		if (mem[i])
			break;
	CHECK_EQ(t, i, SIZE);
	munmap(mem, SIZE);
}

/* The host has the pages back, at the latest when a vCPU in a page fault releases them. */
static void check_free(struct ne_test *t, struct vmm *vmm, char *mem, long before)
{
	uint64_t limit = ne_now_ms() + EVENT_MS;

	munmap(mem, SIZE);
	vmm->late += ne_meminfo("HugePages_Free") != before;
	while (ne_meminfo("HugePages_Free") != before && ne_now_ms() < limit)
		ne_msleep(1);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), before);
	vmm_end(vmm);
}

static void round_of(struct ne_test *t, struct vmm *vmm, int round)
{
	long before = ne_meminfo("HugePages_Free");
	char *mem = ne_map_huge(SIZE);
	int fd;

	REQUIRE(t, mem);
	fd = start_enclave(t, vmm, mem);
	vmm_run(t, vmm);
	usleep(rand() % RUN_US);
	vmm->active += !!mem[NE_PAGE];
	close(fd);
	if (round % 2)
		check_untouched(t, vmm, mem);
	else
		check_free(t, vmm, mem, before);
}

static void rounds(struct ne_test *t)
{
	long before = ne_meminfo("HugePages_Free");
	struct vmm vmm = { };
	int i;

	vmm.scratch = memfd_create("ne-selftest", MFD_CLOEXEC);
	REQUIRE_OK(t, vmm.scratch);
	signal(SIGUSR1, kick);
	REQUIRE_EQ(t, ne_netlink_open(&vmm.nl, NE_EMU_MCGRP_BACKEND), 0);
	for (i = 0; i < ROUNDS; i++)
		round_of(t, &vmm, i);
	ne_note("the guest ran in %d of %d rounds; %d times a page was free a moment later",
		vmm.active, ROUNDS, vmm.late);
	CHECK(t, vmm.active > ROUNDS / 10);
	ne_netlink_close(&vmm.nl);
	close(vmm.scratch);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), before);
}

/* In a child, because it acts as a VMM, and the driver kills late VMMs. */
static void close_while_faulting(struct ne_test *t)
{
	pid_t pid;

	ne_kvm_require(t);
	/* ne-emud would accept the start requests. */
	REQUIRE(t, ne_stop_daemon());
	pid = fork();
	if (!pid) {
		rounds(t);
		fflush(stdout);
		_exit(0);
	}
	REQUIRE(t, pid > 0);
	ne_wait_child(t, pid);
}

static const struct ne_case cases[] = {
	{ "R01 close_while_faulting", close_while_faulting, 900 },
};

int main(int argc, char **argv)
{
	return ne_env_main(cases, ARRAY_SIZE(cases), 2 * SIZE / NE_PAGE, argc, argv);
}
