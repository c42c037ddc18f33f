/* SPDX-License-Identifier: Apache-2.0 */
/* vCPUs with known registers, for programs that wrap ioctl(). */

#ifndef NE_EMU_TESTS_UNIT_FAKE_VCPU_H
#define NE_EMU_TESTS_UNIT_FAKE_VCPU_H

#include <errno.h>
#include <linux/kvm.h>

int __wrap_ioctl(int fd, unsigned long request, void *arg);

/* A vCPU: the descriptor is its number. */
int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	switch (request) {
	case KVM_GET_REGS: {
		struct kvm_regs *regs = arg;

		*regs = (struct kvm_regs){
			.rip = 0xffffffff81000000 + fd, .rsp = 0xffffc90000000000,
			.rax = 0x1111, .r15 = 0x1515, .rbp = 0xbbbb, .rflags = 0x46,
		};
		return 0;
	}
	case KVM_GET_SREGS: {
		struct kvm_sregs *sregs = arg;

		*sregs = (struct kvm_sregs){
			.cs = { .selector = 0x10, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1,
				.limit = 0xffffffff },
			.gs.base = 0xffff888003a00000, .idt.base = 0xfffffe0000000000,
			.cr0 = 0x80050033, .cr2 = 0xc2, .cr3 = 0x1a10000, .cr4 = 0x6b0,
		};
		return 0;
	}
	case KVM_GET_MSRS: {
		struct kvm_msrs *msrs = arg;

		assert_int_equal(msrs->nmsrs, 1);
		assert_int_equal(msrs->entries[0].index, 0xc0000102);
		msrs->entries[0].data = 0x5a5a;
		return 1;
	}
	}
	errno = EINVAL;
	return -1;
}

#endif
