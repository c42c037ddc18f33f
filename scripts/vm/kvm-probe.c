// SPDX-License-Identifier: Apache-2.0
/* Runs a guest of one instruction, HLT, and reports whether that worked. */

#include <err.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kvm.h>

#define PAGE_SIZE	4096
#define GUEST_ADDRESS	0x1000
#define HLT		0xf4

static void *map(int fd, size_t size)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	return p;
}

/* Start in real mode at CS:IP 0:GUEST_ADDRESS. */
static void point_at_code(int vcpu)
{
	struct kvm_regs regs = { .rip = GUEST_ADDRESS, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		err(1, "KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
		err(1, "KVM_SET_REGS");
}

int main(void)
{
	unsigned char *code = map(-1, PAGE_SIZE);
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = GUEST_ADDRESS,
		.memory_size = PAGE_SIZE,
		.userspace_addr = (unsigned long)code,
	};
	int kvm, vm, vcpu, size;
	struct kvm_run *run;

	code[0] = HLT;
	kvm = open("/dev/kvm", O_RDWR);
	if (kvm < 0)
		err(1, "/dev/kvm");
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		err(1, "KVM_CREATE_VM");
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		err(1, "KVM_SET_USER_MEMORY_REGION");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		err(1, "KVM_CREATE_VCPU");
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < 0)
		err(1, "KVM_GET_VCPU_MMAP_SIZE");
	run = map(vcpu, size);
	point_at_code(vcpu);
	if (ioctl(vcpu, KVM_RUN, 0) < 0)
		err(1, "KVM_RUN");
	if (run->exit_reason != KVM_EXIT_HLT)
		errx(1, "unexpected exit %u", run->exit_reason);
	puts("nested guest ran");
	return 0;
}
