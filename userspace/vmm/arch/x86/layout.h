/* SPDX-License-Identifier: Apache-2.0 */
/* Fixed guest addresses of the x86 machine. */

#ifndef NE_EMU_VMM_ARCH_X86_LAYOUT_H
#define NE_EMU_VMM_ARCH_X86_LAYOUT_H

/* Boot data, which the kernel has read by the time that it reuses this memory. */
#define BOOT_GDT		0x500ULL
#define BOOT_ZERO_PAGE		0x7000ULL
#define BOOT_STACK		0x8ff0ULL
#define BOOT_PAGE_TABLES	0x9000ULL	/* six pages: one, one, four */
#define BOOT_CMDLINE		0x20000ULL
#define BOOT_CMDLINE_SIZE	0x10000ULL

/*
 * Low memory as on a PC, with a hole for video and ROM. The kernel looks for the MP table in
 * the last part of the ROM area.
 */
#define LOW_RAM_END		0x9fc00ULL
#define BIOS_START		0xf0000ULL
#define BIOS_END		0x100000ULL
#define HIGH_RAM_START		0x100000ULL

/* Pages that KVM needs for itself on some Intel hosts, outside RAM. */
#define KVM_IDENTITY_MAP	0xfffbc000ULL
#define KVM_TSS			0xfffbd000ULL	/* three pages */

#define LAPIC_BASE		0xfee00000U
#define IOAPIC_BASE		0xfec00000U

/* Selectors of the boot GDT, as the Linux boot protocol requires. */
#define BOOT_CS			0x10
#define BOOT_DS			0x18

#endif
