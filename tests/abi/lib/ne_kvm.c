// SPDX-License-Identifier: Apache-2.0
/* A minimal KVM guest: a few instructions in memory of the test. */

#include "ne_kvm.h"
#include "ne_lib.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* for (eax = 2 MiB; eax < size; eax += 2 MiB) (*(char *)eax)++; hlt */
static const uint8_t touch_code[] = {
	0xb8, 0x00, 0x00, 0x20, 0x00,	/* mov  $0x200000,%eax */
	0xfe, 0x00,			/* incb (%eax) */
	0x05, 0x00, 0x00, 0x20, 0x00,	/* add  $0x200000,%eax */
	0x3d, 0x00, 0x00, 0x00, 0x00,	/* cmp  $size,%eax */
	0x72, 0xf2,			/* jb   incb */
	0xf4,				/* hlt */
};

#define TOUCH_SIZE_AT	13	/* offset of the operand $size */

void ne_kvm_require(struct ne_test *t)
{
	if (access("/dev/kvm", R_OK | W_OK))
		ne_skip(t, "there is no /dev/kvm");
}

void ne_kvm_create(struct ne_test *t, struct ne_kvm *kvm, void *mem, size_t size)
{
	struct kvm_userspace_memory_region slot = {
		.memory_size = size, .userspace_addr = (uintptr_t)mem,
	};

	kvm->dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	REQUIRE_OK(t, kvm->dev);
	kvm->run_size = ioctl(kvm->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	kvm->vm = ioctl(kvm->dev, KVM_CREATE_VM, 0);
	REQUIRE_OK(t, kvm->vm);
	REQUIRE_EQ(t, ioctl(kvm->vm, KVM_SET_USER_MEMORY_REGION, &slot), 0);
}

static void flat_segment(struct kvm_segment *segment, uint8_t type)
{
	*segment = (struct kvm_segment){
		.limit = 0xffffffff, .selector = 8, .type = type, .present = 1, .db = 1,
		.s = 1, .g = 1,
	};
}

void ne_kvm_add_vcpu(struct ne_test *t, struct ne_kvm *kvm, int index, struct ne_kvm_vcpu *vcpu)
{
	struct kvm_regs regs = { .rip = NE_KVM_CODE_AT, .rflags = 2 };
	struct kvm_sregs sregs;

	vcpu->fd = ioctl(kvm->vm, KVM_CREATE_VCPU, index);
	REQUIRE_OK(t, vcpu->fd);
	vcpu->run_size = kvm->run_size;
	vcpu->run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	REQUIRE(t, vcpu->run != MAP_FAILED);
	REQUIRE_EQ(t, ioctl(vcpu->fd, KVM_GET_SREGS, &sregs), 0);
	flat_segment(&sregs.cs, 11);
	flat_segment(&sregs.ds, 3);
	sregs.es = sregs.ss = sregs.fs = sregs.gs = sregs.ds;
	sregs.cr0 |= 1;
	REQUIRE_EQ(t, ioctl(vcpu->fd, KVM_SET_SREGS, &sregs), 0);
	REQUIRE_EQ(t, ioctl(vcpu->fd, KVM_SET_REGS, &regs), 0);
}

void ne_kvm_run_to_halt(struct ne_test *t, struct ne_kvm_vcpu *vcpu)
{
	REQUIRE_EQ(t, ioctl(vcpu->fd, KVM_RUN, 0), 0);
	REQUIRE_EQ(t, vcpu->run->exit_reason, KVM_EXIT_HLT);
}

void ne_kvm_close_vcpu(struct ne_kvm_vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->run_size);
	close(vcpu->fd);
}

void ne_kvm_close(struct ne_kvm *kvm)
{
	close(kvm->vm);
	close(kvm->dev);
}

void ne_kvm_touch(struct ne_test *t, void *mem, size_t size)
{
	uint8_t *code = (uint8_t *)mem + NE_KVM_CODE_AT;
	uint32_t end = size;
	struct ne_kvm kvm;
	struct ne_kvm_vcpu vcpu;

	memcpy(code, touch_code, sizeof(touch_code));
	memcpy(code + TOUCH_SIZE_AT, &end, sizeof(end));
	ne_kvm_create(t, &kvm, mem, size);
	ne_kvm_add_vcpu(t, &kvm, 0, &vcpu);
	ne_kvm_run_to_halt(t, &vcpu);
	ne_kvm_close_vcpu(&vcpu);
	ne_kvm_close(&kvm);
}
