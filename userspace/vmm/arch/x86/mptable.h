/* SPDX-License-Identifier: Apache-2.0 */
/* Intel MultiProcessor table: CPUs and interrupt wiring without ACPI. */

#ifndef NE_EMU_VMM_ARCH_X86_MPTABLE_H
#define NE_EMU_VMM_ARCH_X86_MPTABLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* APIC ids are 8 bits wide here; 0xff is broadcast and the IOAPIC needs one. */
#define MPTABLE_MAX_VCPUS	254

/**
 * mptable_build() - write the floating pointer and the configuration table
 * @gpa: guest address of @buf, a multiple of 16
 *
 * vCPU n has APIC id n. ISA interrupt n is wired to IOAPIC pin n, except 0, which is wired
 * to pin 2.
 *
 * Return: bytes used, or -ENOSPC.
 */
ssize_t mptable_build(void *buf, size_t size, uint32_t gpa, unsigned int nr_vcpus);

#endif
