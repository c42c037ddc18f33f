/* SPDX-License-Identifier: Apache-2.0 */
/* What each architecture provides; one directory per architecture, same file names. */

#ifndef NE_EMU_VMM_ARCH_ARCH_H
#define NE_EMU_VMM_ARCH_ARCH_H

#include "common/error.h"
#include "vmm/loader.h"
#include "vmm/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limit of vCPUs that the machine description can tell of. */
extern const unsigned int arch_max_vcpus;

/** arch_check_host() - capabilities that only this architecture needs */
int arch_check_host(int kvm_fd, struct error *error);
/** arch_init_vm() - interrupt controllers, timers; before memory and vCPUs */
int arch_init_vm(int vm_fd, struct error *error);
/** arch_init_vcpu() - what does not depend on the image: CPUID, interrupt inputs */
int arch_init_vcpu(int kvm_fd, int vcpu_fd, unsigned int index, unsigned int nr_vcpus,
		   struct error *error);
/**
 * arch_probe_kernel() - can this kernel be booted, and how?
 * @data: kernel section; may change under us, so each byte is read once
 *
 * Return: 0, or -EBADMSG with a text.
 */
int arch_probe_kernel(const uint8_t *data, uint64_t size, struct kernel_image *kernel,
		      struct error *error);
/**
 * arch_boot() - machine description and boot data into memory, below 1 MiB on x86
 *
 * Nothing else is left there of what the memory held before.
 */
int arch_boot(const struct guest_memory *memory, const struct loaded_image *image,
	      unsigned int nr_vcpus, struct error *error);
/** arch_start_vcpu() - registers of the first vCPU at the entry of the image */
int arch_start_vcpu(int vcpu_fd, const struct loaded_image *image, struct error *error);
/** arch_run_ioctls - requests of the two functions around this, after containment_seal() */
extern const unsigned long arch_run_ioctls[];
extern const size_t arch_nr_run_ioctls;
/** arch_vcpu_is_down() - will this vCPU, out of KVM_RUN, never run by itself again? */
bool arch_vcpu_is_down(int vcpu_fd);

#endif
