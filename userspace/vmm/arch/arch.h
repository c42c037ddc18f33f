/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that each architecture provides. Each has its own directory with the same file
 * names.
 */

#ifndef NE_EMU_VMM_ARCH_ARCH_H
#define NE_EMU_VMM_ARCH_ARCH_H

#include "common/error.h"
#include "vmm/loader.h"
#include "vmm/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Maximum number of vCPUs that the machine description can list. */
extern const unsigned int arch_max_vcpus;

/** arch_check_host() - check for KVM capabilities that only this architecture needs */
int arch_check_host(int kvm_fd, struct error *error);
/** arch_init_vm() - create interrupt controllers and timers; before memory and vCPUs */
int arch_init_vm(int vm_fd, struct error *error);
/** arch_init_vcpu() - set up what does not depend on the image: CPUID, interrupt inputs */
int arch_init_vcpu(int kvm_fd, int vcpu_fd, unsigned int index, unsigned int nr_vcpus,
		   struct error *error);
/**
 * arch_probe_kernel() - check whether and how a kernel can be booted
 * @data: kernel section; may change at any time, so each byte is read once
 *
 * Return: 0, or -EBADMSG with a text.
 */
int arch_probe_kernel(const uint8_t *data, uint64_t size, struct kernel_image *kernel,
		      struct error *error);
/**
 * arch_boot() - write machine description and boot data to memory, below 1 MiB on x86
 *
 * Clears the rest of that memory.
 */
int arch_boot(const struct guest_memory *memory, const struct loaded_image *image,
	      unsigned int nr_vcpus, struct error *error);
/** arch_start_vcpu() - set the registers of the first vCPU for the entry of the image */
int arch_start_vcpu(int vcpu_fd, const struct loaded_image *image, struct error *error);
/** arch_run_ioctls - ioctls of the functions above and below, used after containment_seal() */
extern const unsigned long arch_run_ioctls[];
extern const size_t arch_nr_run_ioctls;
/**
 * arch_vcpu_is_down() - check whether a vCPU has halted permanently
 * @vcpu_fd: not in KVM_RUN
 *
 * Return: true if only another vCPU can make it run again.
 */
bool arch_vcpu_is_down(int vcpu_fd);
/** arch_vcpu_is_deaf() - does a vCPU have interrupts disabled? @vcpu_fd: not in KVM_RUN */
bool arch_vcpu_is_deaf(int vcpu_fd);

#endif
