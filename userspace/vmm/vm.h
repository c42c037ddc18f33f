/* SPDX-License-Identifier: Apache-2.0 */
/* The KVM virtual machine: capabilities, memory slots, interrupt wiring. */

#ifndef NE_EMU_VMM_VM_H
#define NE_EMU_VMM_VM_H

#include "common/error.h"
#include "vmm/memory.h"

#include <stddef.h>
#include <stdint.h>

/**
 * struct vm - owns its descriptors
 * @kvm_fd: /dev/kvm until the vCPUs are created, then -1
 * @stats_fd: KVM's statistics, or -1
 * @run_size: bytes to map from each vCPU descriptor
 * @max_vcpus: maximum number of vCPUs that the host's KVM supports
 */
struct vm {
	int kvm_fd;
	int fd;
	int stats_fd;
	size_t run_size;
	unsigned int max_vcpus;
};

/**
 * vm_create() - create a VM with interrupt controllers and memory
 * @kvm_fd: owned by @vm from then on
 *
 * Return: 0 or a negative errno with a text.
 */
int vm_create(struct vm *vm, int kvm_fd, const struct guest_memory *memory,
	      struct error *error);
void vm_destroy(struct vm *vm);

/**
 * vm_add_irq() - create a descriptor that raises edges on an interrupt line
 * @ret_fd: receives an eventfd, owned by the caller
 */
int vm_add_irq(struct vm *vm, uint32_t line, int *ret_fd);
/** irq_raise() - raise one edge through a descriptor from vm_add_irq() */
void irq_raise(int irq_fd);

/**
 * vm_add_notify() - signal a descriptor on 32-bit writes of @value to @gpa
 * @event_fd: eventfd of the caller; the write does not make the vCPU exit to user space
 */
int vm_add_notify(struct vm *vm, uint64_t gpa, uint32_t value, int event_fd);

#endif
