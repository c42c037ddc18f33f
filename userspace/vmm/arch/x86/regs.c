// SPDX-License-Identifier: Apache-2.0
/* State of the CPU at the 64-bit entry of a Linux kernel. */

#include "vmm/arch/x86/regs.h"

#include "common/util.h"
#include "vmm/arch/arch.h"
#include "vmm/arch/x86/layout.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#define ENTRY_OFFSET		0x200	/* 64-bit entry, from the start of the kernel's code */

#define GDT_CODE64		0x00af9b000000ffffULL
#define GDT_DATA		0x00cf93000000ffffULL

#define PAGE_SIZE		4096ULL
#define PAGE_ENTRIES		512
#define PAGE_TABLE		0x3ULL	/* present, writable */
#define PAGE_2M			0x83ULL	/* present, writable, a 2 MiB page */
#define MAPPED_GIB		4

#define CR0_PE			(1ULL << 0)
#define CR0_ET			(1ULL << 4)
#define CR0_NE			(1ULL << 5)
#define CR0_PG			(1ULL << 31)
#define CR4_PAE			(1ULL << 5)
#define EFER_LME		(1ULL << 8)
#define EFER_LMA		(1ULL << 10)
#define RFLAGS_FIXED		0x2
#define RFLAGS_IF		(1ULL << 9)

static void write_page_tables(uint64_t *tables)
{
	uint64_t *pml4 = tables;
	uint64_t *pdpt = pml4 + PAGE_ENTRIES;
	uint64_t *pd = pdpt + PAGE_ENTRIES;

	memset(tables, 0, (2 + MAPPED_GIB) * PAGE_SIZE);
	pml4[0] = (BOOT_PAGE_TABLES + PAGE_SIZE) | PAGE_TABLE;
	for (uint64_t i = 0; i < MAPPED_GIB; i++)
		pdpt[i] = (BOOT_PAGE_TABLES + (2 + i) * PAGE_SIZE) | PAGE_TABLE;
	for (uint64_t i = 0; i < MAPPED_GIB * PAGE_ENTRIES; i++)
		pd[i] = (i << 21) | PAGE_2M;
}

int regs_write_tables(const struct guest_memory *memory)
{
	static const uint64_t gdt[] = {
		[BOOT_CS / 8] = GDT_CODE64,
		[BOOT_DS / 8] = GDT_DATA,
	};
	uint64_t *tables = memory_at(memory, BOOT_PAGE_TABLES, (2 + MAPPED_GIB) * PAGE_SIZE);
	void *gdt_at = memory_at(memory, BOOT_GDT, sizeof(gdt));

	if (!tables || !gdt_at)
		return -EFAULT;
	write_page_tables(tables);
	memcpy(gdt_at, gdt, sizeof(gdt));
	return 0;
}

const unsigned long arch_run_ioctls[] = {
	KVM_GET_SREGS,
	KVM_SET_SREGS,
	KVM_SET_REGS,
	KVM_GET_REGS,
	KVM_NMI,
	KVM_GET_CLOCK,

	/* gdb.c, dump.c */
	KVM_GET_XSAVE,
	KVM_SET_XSAVE,
	KVM_GET_MSRS,
	KVM_GET_DEBUGREGS,
	KVM_SET_DEBUGREGS,
	KVM_SET_GUEST_DEBUG,
};

const size_t arch_nr_run_ioctls = ARRAY_SIZE(arch_run_ioctls);

static int set_special_registers(int vcpu_fd)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = BOOT_CS, .type = 11, .present = 1,
		.s = 1, .l = 1, .g = 1,
	};
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = BOOT_DS, .type = 3, .present = 1,
		.db = 1, .s = 1, .g = 1,
	};
	struct kvm_sregs sregs;

	if (ioctl(vcpu_fd, KVM_GET_SREGS, &sregs))
		return -errno;
	sregs.cs = code;
	sregs.ds = data;
	sregs.es = data;
	sregs.fs = data;
	sregs.gs = data;
	sregs.ss = data;
	sregs.gdt.base = BOOT_GDT;
	sregs.gdt.limit = BOOT_DS + 7;
	sregs.idt.base = 0;
	sregs.idt.limit = 0;
	sregs.cr3 = BOOT_PAGE_TABLES;
	sregs.cr4 = CR4_PAE;
	sregs.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG;
	sregs.efer = EFER_LME | EFER_LMA;
	return ioctl(vcpu_fd, KVM_SET_SREGS, &sregs) ? -errno : 0;
}

int arch_start_vcpu(int vcpu_fd, const struct loaded_image *image, struct error *error)
{
	struct kvm_regs regs = {
		.rip = image->kernel.address + ENTRY_OFFSET,
		.rsi = BOOT_ZERO_PAGE,
		.rsp = BOOT_STACK,
		.rflags = RFLAGS_FIXED,
	};
	int err = set_special_registers(vcpu_fd);

	if (!err && ioctl(vcpu_fd, KVM_SET_REGS, &regs))
		err = -errno;
	if (err)
		return error_set(error, err, "cannot set the registers of vCPU 0: %s",
				 strerror(-err));
	return 0;
}

bool arch_vcpu_is_deaf(int vcpu_fd)
{
	struct kvm_regs regs;

	return !ioctl(vcpu_fd, KVM_GET_REGS, &regs) && !(regs.rflags & RFLAGS_IF);
}

void arch_vcpu_nmi(int vcpu_fd)
{
	/* Cannot fail: KVM has the interrupt controllers. */
	(void)ioctl(vcpu_fd, KVM_NMI, 0);
}

/* Halted without interrupts, or waiting for another vCPU to start it. */
bool arch_vcpu_is_down(int vcpu_fd)
{
	struct kvm_mp_state state;

	if (ioctl(vcpu_fd, KVM_GET_MP_STATE, &state))
		return false;
	switch (state.mp_state) {
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
		return true;
	case KVM_MP_STATE_HALTED:
		return arch_vcpu_is_deaf(vcpu_fd);
	}
	return false;
}
