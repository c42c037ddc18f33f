// SPDX-License-Identifier: Apache-2.0
/* What an ELF core says about x86: registers, and where Linux maps its memory. */

#include "common/util.h"
#include "vmm/arch/arch.h"

#include <elf.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/procfs.h>

/* Documentation/arch/x86/x86_64/mm.rst of Linux. */
#define KERNEL_TEXT		0xffffffff80000000ULL
/* Without KASLR; modules are above. */
#define KERNEL_TEXT_SIZE	(512 * MIB)
#define KERNEL_TEXT_SIZE_MAX	GIB
#define DIRECT_MAP_4_LEVELS	0xffff888000000000ULL
#define DIRECT_MAP_5_LEVELS	0xff11000000000000ULL
#define DIRECT_MAP_SIZE		(1ULL << 46)

#define MSR_KERNEL_GS_BASE	0xc0000102

/* The note of QEMU's dumps (target/i386/arch_dump.c), from which crash finds KASLR's offset. */
#define QEMU_NAME		"QEMU"
#define QEMU_VERSION		1

struct qemu_segment {
	uint32_t selector;
	uint32_t limit;
	uint32_t flags;
	uint32_t reserved;
	uint64_t base;
};

struct qemu_cpu {
	uint32_t version;
	uint32_t size;
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
	struct qemu_segment cs, ds, es, fs, gs, ss;
	struct qemu_segment ldt, tr, gdt, idt;
	uint64_t cr[5];
	uint64_t kernel_gs_base;
};

_Static_assert(sizeof(struct qemu_cpu) == 440, "as in QEMU");
_Static_assert(sizeof(struct elf_prstatus) == 336, "as in the kernel");

const uint16_t arch_elf_machine = EM_X86_64;

/* Flags are bits 8 to 23 of a descriptor's second word. */
static struct qemu_segment segment(const struct kvm_segment *from)
{
	return (struct qemu_segment){
		.selector = from->selector,
		.limit = from->limit,
		.flags = from->type << 8 | from->s << 12 | from->dpl << 13 |
			from->present << 15 | from->avl << 20 | from->l << 21 | from->db << 22 |
			from->g << 23,
		.base = from->base,
	};
}

static struct qemu_segment table(const struct kvm_dtable *from)
{
	return (struct qemu_segment){ .limit = from->limit, .base = from->base };
}

static int add_prstatus(struct dump_notes *notes, unsigned int index, const struct kvm_regs *regs,
			const struct kvm_sregs *sregs)
{
	const struct user_regs_struct user = {
		.r15 = regs->r15, .r14 = regs->r14, .r13 = regs->r13, .r12 = regs->r12,
		.r11 = regs->r11, .r10 = regs->r10, .r9 = regs->r9, .r8 = regs->r8,
		.rax = regs->rax, .rbx = regs->rbx, .rcx = regs->rcx, .rdx = regs->rdx,
		.rsi = regs->rsi, .rdi = regs->rdi, .rbp = regs->rbp, .rsp = regs->rsp,
		.rip = regs->rip, .eflags = regs->rflags,
		.cs = sregs->cs.selector, .ss = sregs->ss.selector,
		.ds = sregs->ds.selector, .es = sregs->es.selector,
		.fs = sregs->fs.selector, .gs = sregs->gs.selector,
		.fs_base = sregs->fs.base, .gs_base = sregs->gs.base,
	};
	/* Numbered from 1, as threads are: readers show vCPU n as n + 1. */
	struct elf_prstatus status = { .pr_pid = index + 1 };

	_Static_assert(sizeof(status.pr_reg) == sizeof(user), "the same registers");
	memcpy(&status.pr_reg, &user, sizeof(user));
	return dump_notes_add(notes, "CORE", NT_PRSTATUS, &status, sizeof(status));
}

/* Not every guest has it, and readers can do without. */
static uint64_t kernel_gs_base(int vcpu_fd)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head.nmsrs = 1, .entry.index = MSR_KERNEL_GS_BASE };

	return ioctl(vcpu_fd, KVM_GET_MSRS, &msrs) == 1 ? msrs.entry.data : 0;
}

static int add_qemu(struct dump_notes *notes, int vcpu_fd, const struct kvm_regs *regs,
		    const struct kvm_sregs *sregs)
{
	const struct qemu_cpu cpu = {
		.version = QEMU_VERSION,
		.size = sizeof(cpu),
		.rax = regs->rax, .rbx = regs->rbx, .rcx = regs->rcx, .rdx = regs->rdx,
		.rsi = regs->rsi, .rdi = regs->rdi, .rsp = regs->rsp, .rbp = regs->rbp,
		.r8 = regs->r8, .r9 = regs->r9, .r10 = regs->r10, .r11 = regs->r11,
		.r12 = regs->r12, .r13 = regs->r13, .r14 = regs->r14, .r15 = regs->r15,
		.rip = regs->rip, .rflags = regs->rflags,
		.cs = segment(&sregs->cs), .ds = segment(&sregs->ds), .es = segment(&sregs->es),
		.fs = segment(&sregs->fs), .gs = segment(&sregs->gs), .ss = segment(&sregs->ss),
		.ldt = segment(&sregs->ldt), .tr = segment(&sregs->tr),
		.gdt = table(&sregs->gdt), .idt = table(&sregs->idt),
		.cr = { sregs->cr0, 0, sregs->cr2, sregs->cr3, sregs->cr4 },
		.kernel_gs_base = kernel_gs_base(vcpu_fd),
	};

	return dump_notes_add(notes, QEMU_NAME, 0, &cpu, sizeof(cpu));
}

size_t arch_vcpu_notes_size(void)
{
	return dump_note_size(sizeof("CORE") - 1, sizeof(struct elf_prstatus)) +
		dump_note_size(sizeof(QEMU_NAME) - 1, sizeof(struct qemu_cpu));
}

int arch_vcpu_notes(int vcpu_fd, unsigned int index, struct dump_notes *notes)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	if (ioctl(vcpu_fd, KVM_GET_REGS, &regs) || ioctl(vcpu_fd, KVM_GET_SREGS, &sregs))
		return -errno;
	return add_prstatus(notes, index, &regs, &sregs) ?: add_qemu(notes, vcpu_fd, &regs, &sregs);
}

size_t arch_kernel_maps(const struct vmcoreinfo *info, struct layout_map *maps)
{
	uint64_t phys_base = 0, text_size = KERNEL_TEXT_SIZE, levels_5 = 0, kaslr = 0;

	(void)vmcoreinfo_number(info, "NUMBER(phys_base)", 10, &phys_base);
	(void)vmcoreinfo_number(info, "NUMBER(KERNEL_IMAGE_SIZE)", 10, &text_size);
	(void)vmcoreinfo_number(info, "NUMBER(pgtable_l5_enabled)", 10, &levels_5);
	(void)vmcoreinfo_number(info, "KERNELOFFSET", 16, &kaslr);
	maps[0] = (struct layout_map){
		KERNEL_TEXT, phys_base, MIN(text_size, KERNEL_TEXT_SIZE_MAX),
	};
	/* KASLR moves the direct map, too, and only the kernel's variables say where to. */
	if (kaslr)
		return 1;
	maps[1] = (struct layout_map){
		levels_5 ? DIRECT_MAP_5_LEVELS : DIRECT_MAP_4_LEVELS, 0, DIRECT_MAP_SIZE,
	};
	return 2;
}
