/* SPDX-License-Identifier: Apache-2.0 */
/* A minimal KVM guest: a few instructions in memory of the test. */

#ifndef NE_KVM_H
#define NE_KVM_H

#include "ne_harness.h"

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

/* Where a guest starts. */
#define NE_KVM_CODE_AT	0x1000

/** struct ne_kvm - a virtual machine with memory from address 0 */
struct ne_kvm {
	int dev;
	int vm;
	size_t run_size;
};

/** struct ne_kvm_vcpu - a vCPU of it */
struct ne_kvm_vcpu {
	int fd;
	struct kvm_run *run;
	size_t run_size;
};

/** ne_kvm_require() - skip the case without /dev/kvm */
void ne_kvm_require(struct ne_test *t);

/* These end the case on failure. */

/** ne_kvm_create() - make a virtual machine whose memory is [@mem, @mem + @size) */
void ne_kvm_create(struct ne_test *t, struct ne_kvm *kvm, void *mem, size_t size);
/** ne_kvm_add_vcpu() - add a vCPU at NE_KVM_CODE_AT, in 32-bit mode without paging */
void ne_kvm_add_vcpu(struct ne_test *t, struct ne_kvm *kvm, int index, struct ne_kvm_vcpu *vcpu);
/** ne_kvm_run_to_halt() - run the vCPU until HLT */
void ne_kvm_run_to_halt(struct ne_test *t, struct ne_kvm_vcpu *vcpu);

void ne_kvm_close_vcpu(struct ne_kvm_vcpu *vcpu);
void ne_kvm_close(struct ne_kvm *kvm);

/**
 * ne_kvm_touch() - have a guest write to memory
 *
 * A virtual machine with the memory [@mem, @mem + @size) adds 1 to the first byte of each
 * huge page except the lowest, which holds its code. It is destroyed afterwards.
 */
void ne_kvm_touch(struct ne_test *t, void *mem, size_t size);

#endif
