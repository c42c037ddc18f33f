// SPDX-License-Identifier: Apache-2.0
/*
 * R: enclaves are closed while their vCPUs take page faults. The memory must be
 * whole afterwards: a VMM that is late must not touch pages, nor the counts of
 * references to them, that are the client's again.
 */

#include "ne_backend.h"
#include "ne_env.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
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
#define CODE_AT		0x1000

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
	struct kvm_run *run;
	int fd;
};

/**
 * struct vmm - stands in for the VMM, in the client's process
 * @info: the accepted request
 * @map: the memory, mapped again and again so that each access faults
 * @active: rounds in which the guest wrote to its memory
 * @stop: end the threads
 */
struct vmm {
	struct ne_netlink nl;
	struct ne_info info;
	int rc;
	int kvm;
	int vm;
	struct vcpu vcpu[VCPUS];
	size_t run_size;
	char *map;
	int active;
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

/* An enclave, running, with its backend in @vmm. */
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

	/* EFAULT whenever the mapping is away: go on. Threads of a VMM do sleep. */
	while (!vcpu->vmm->stop) {
		if (!ioctl(vcpu->fd, KVM_RUN, 0) || (errno != EFAULT && errno != EINTR))
			break;
		usleep(1);
	}
	return NULL;
}

/* Take all of the guest's pages away from KVM, have it fault them in again. */
static void *remap_thread(void *arg)
{
	struct vmm *vmm = arg;

	while (!vmm->stop) {
		if (mmap(vmm->map, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 vmm->info.backend_fd, 0) == MAP_FAILED)
			abort();
		usleep(rand() % 2000);
	}
	return NULL;
}

static void flat_segment(struct kvm_segment *segment, uint8_t type)
{
	*segment = (struct kvm_segment){
		.limit = 0xffffffff, .selector = 8, .type = type, .present = 1, .db = 1,
		.s = 1, .g = 1,
	};
}

/* 32-bit protected mode without paging. */
static void vcpu_create(struct ne_test *t, struct vmm *vmm, int i)
{
	struct kvm_regs regs = { .rip = CODE_AT, .rflags = 2 };
	struct vcpu *vcpu = &vmm->vcpu[i];
	struct kvm_sregs sregs;

	vcpu->vmm = vmm;
	vcpu->fd = ioctl(vmm->vm, KVM_CREATE_VCPU, i);
	REQUIRE_OK(t, vcpu->fd);
	vcpu->run = mmap(NULL, vmm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	REQUIRE(t, vcpu->run != MAP_FAILED);
	REQUIRE_EQ(t, ioctl(vcpu->fd, KVM_GET_SREGS, &sregs), 0);
	flat_segment(&sregs.cs, 11);
	flat_segment(&sregs.ds, 3);
	sregs.es = sregs.ss = sregs.fs = sregs.gs = sregs.ds;
	sregs.cr0 |= 1;
	REQUIRE_EQ(t, ioctl(vcpu->fd, KVM_SET_SREGS, &sregs), 0);
	REQUIRE_EQ(t, ioctl(vcpu->fd, KVM_SET_REGS, &regs), 0);
}

static void vmm_run(struct ne_test *t, struct vmm *vmm)
{
	struct kvm_userspace_memory_region slot = { .memory_size = SIZE };
	int i;

	vmm->stop = false;
	vmm->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vmm->info.backend_fd, 0);
	REQUIRE(t, vmm->map != MAP_FAILED);
	memcpy(vmm->map + CODE_AT, guest_code, sizeof(guest_code));

	vmm->vm = ioctl(vmm->kvm, KVM_CREATE_VM, 0);
	REQUIRE_OK(t, vmm->vm);
	slot.userspace_addr = (uintptr_t)vmm->map;
	REQUIRE_EQ(t, ioctl(vmm->vm, KVM_SET_USER_MEMORY_REGION, &slot), 0);
	for (i = 0; i < VCPUS; i++)
		vcpu_create(t, vmm, i);
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

		/* The guest loops for ever if it still can. */
		while (pthread_tryjoin_np(vcpu->thread, NULL)) {
			pthread_kill(vcpu->thread, SIGUSR1);
			usleep(1000);
		}
		munmap(vcpu->run, vmm->run_size);
		close(vcpu->fd);
	}
	pthread_join(vmm->remap, NULL);
	close(vmm->vm);
	munmap(vmm->map, SIZE);
	close(vmm->info.backend_fd);
}

static void round_of(struct ne_test *t, struct vmm *vmm)
{
	char *mem = ne_map_huge(SIZE);
	size_t i;
	int fd;

	REQUIRE(t, mem);
	fd = start_enclave(t, vmm, mem);
	vmm_run(t, vmm);
	usleep(rand() % 20000);
	vmm->active += !!mem[SIZE - NE_PAGE];
	close(fd);

	/* The client's again: nobody writes to them, and they can be given back. */
	memset(mem, 0, SIZE);
	vmm_end(vmm);
	for (i = 0; i < SIZE; i += NE_PAGE)
		if (mem[i])
			break;
	CHECK_EQ(t, i, SIZE);
	munmap(mem, SIZE);
}

static void rounds(struct ne_test *t)
{
	long before = ne_meminfo("HugePages_Free");
	struct vmm vmm = { };
	int i;

	vmm.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	REQUIRE_OK(t, vmm.kvm);
	vmm.run_size = ioctl(vmm.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	signal(SIGUSR1, kick);
	REQUIRE_EQ(t, ne_netlink_open(&vmm.nl, NE_EMU_MCGRP_BACKEND), 0);
	for (i = 0; i < ROUNDS; i++)
		round_of(t, &vmm);
	ne_note("the guest ran in %d of %d rounds", vmm.active, ROUNDS);
	CHECK(t, vmm.active > ROUNDS / 10);
	ne_netlink_close(&vmm.nl);
	close(vmm.kvm);
	CHECK_EQ(t, ne_meminfo("HugePages_Free"), before);
}

/* In a process of its own, since it is a VMM, and the driver kills late ones. */
static void close_while_faulting(struct ne_test *t)
{
	int status = -1;
	pid_t pid;

	if (access("/dev/kvm", R_OK | W_OK))
		ne_skip(t, "there is no /dev/kvm");
	pid = fork();
	if (!pid) {
		rounds(t);
		fflush(stdout);
		_exit(0);
	}
	REQUIRE(t, pid > 0);
	REQUIRE_EQ(t, waitpid(pid, &status, 0), pid);
	CHECK_EQ(t, status, 0);
}

static const struct ne_case cases[] = {
	{ "R01 close_while_faulting", close_while_faulting, 900 },
};

int main(int argc, char **argv)
{
	return ne_env_main(cases, ARRAY_SIZE(cases), 2 * SIZE / NE_PAGE, argc, argv);
}
