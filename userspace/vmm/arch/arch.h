/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that each architecture provides. Each has its own directory with the same file
 * names.
 */

#ifndef NE_EMU_VMM_ARCH_ARCH_H
#define NE_EMU_VMM_ARCH_ARCH_H

#include "common/error.h"
#include "vmm/dump/layout.h"
#include "vmm/dump/notes.h"
#include "vmm/dump/vmcoreinfo.h"
#include "vmm/gdb/target.h"
#include "vmm/loader.h"
#include "vmm/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kvm_run;

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
/**
 * struct wall_clock - the time of day that a guest gets, wrong by @skew_ns on request
 * @memory: borrowed
 */
struct wall_clock {
	int vm_fd;
	const struct guest_memory *memory;
	int64_t skew_ns;
};

/** arch_skew_clock() - make KVM leave the time of day to arch_write_msr() */
int arch_skew_clock(const struct wall_clock *clock);
/**
 * arch_write_msr() - a write to a model specific register that KVM has left to us
 *
 * Return: false if the guest gets an exception instead.
 */
bool arch_write_msr(const struct wall_clock *clock, uint32_t index, uint64_t value);

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
/** arch_vcpu_nmi() - inject a non-maskable interrupt; @vcpu_fd: not in KVM_RUN */
void arch_vcpu_nmi(int vcpu_fd);

/*
 * Debugging. All functions need a vCPU that stands still; @bytes are target->registers_size
 * bytes in gdb's order.
 */

/** arch_gdb_init() - fill in what @target says of the architecture */
void arch_gdb_init(struct gdb_target *target);
/** arch_gdb_reports_traps() - does KVM report software breakpoints on this host? */
bool arch_gdb_reports_traps(void);
/** arch_gdb_locate() - find register @number; Return: false if there is none */
bool arch_gdb_locate(unsigned int number, size_t *ret_offset, size_t *ret_size);
/** arch_gdb_get_registers() - Return: 0 or a negative errno */
int arch_gdb_get_registers(int vcpu_fd, uint8_t *bytes);
/** arch_gdb_set_registers() - Return: 0, -EPERM (one cannot be changed), another errno */
int arch_gdb_set_registers(int vcpu_fd, const uint8_t *bytes);
/** arch_gdb_translate() - get a physical address; Return: 0 or -EFAULT */
int arch_gdb_translate(int vcpu_fd, const struct guest_memory *memory, uint64_t address,
		       uint64_t *ret_gpa);
/** arch_gdb_set_debug() - arm the points of @run, or none if it is NULL, and a step */
int arch_gdb_set_debug(int vcpu_fd, const struct gdb_run *run, bool step);
/** arch_gdb_step_over() - do not report a breakpoint at the next instruction */
int arch_gdb_step_over(int vcpu_fd);
/** arch_gdb_is_trap() - is a KVM_EXIT_DEBUG a software breakpoint, at *@ret_pc? */
bool arch_gdb_is_trap(const struct kvm_run *run, uint64_t *ret_pc);
/**
 * arch_gdb_debug_exit() - explain another KVM_EXIT_DEBUG
 * @wanted: the points that were armed
 * @step: a step was
 * @stop: receives the reason
 *
 * Return: false if it is the guest's own, see arch_gdb_pass_on().
 */
bool arch_gdb_debug_exit(const struct kvm_run *run, const struct gdb_run *wanted, bool step,
			 struct gdb_stop *stop);
/** arch_gdb_pass_on() - give the exception of a KVM_EXIT_DEBUG to the guest; arms @wanted again */
int arch_gdb_pass_on(int vcpu_fd, const struct kvm_run *run, const struct gdb_run *wanted,
		     bool step);

/* What an ELF core of a guest says about its machine. */

/** arch_elf_machine - EM_* of the ELF header */
extern const uint16_t arch_elf_machine;
/** arch_vcpu_notes_size() - bytes of the notes about one vCPU */
size_t arch_vcpu_notes_size(void);
/** arch_vcpu_notes() - append notes about a vCPU that stands still; 0 or a negative errno */
int arch_vcpu_notes(int vcpu_fd, unsigned int index, struct dump_notes *notes);
/**
 * arch_kernel_maps() - where does Linux see physical memory?
 * @info: what the kernel says, or an empty one
 * @maps: receives up to LAYOUT_MAPS_MAX mappings that are known
 *
 * Return: the number of mappings.
 */
size_t arch_kernel_maps(const struct vmcoreinfo *info, struct layout_map *maps);

#endif
