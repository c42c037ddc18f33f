// SPDX-License-Identifier: Apache-2.0
/* Debugging of a vCPU: registers, memory, and the debug registers that KVM lends. */

#include "common/util.h"
#include "vmm/arch/arch.h"
#include "vmm/arch/x86/gdb_registers.h"
#include "vmm/arch/x86/walk.h"

#include <cpuid.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#define MSR_KERNEL_GS_BASE	0xc0000102

#define VECTOR_DB		1
#define VECTOR_BP		3
#define INT3			0xcc

#define RFLAGS_RF		(1ULL << 16)
#define DR6_POINTS		0xfULL
#define DR6_STEP		(1ULL << 14)
/* The bits in which the guest finds the cause of its own debug exception. */
#define DR6_CAUSES		(DR6_POINTS | 1ULL << 13 | DR6_STEP | 1ULL << 15)
#define DR7_INDEX		7
/* Bit 10 is always set; bit 9 asks older CPUs for exact watchpoints. */
#define DR7_BASE		0x600ULL

#define LEAF_HYPERVISOR		0x40000000
#define FEATURES_ECX_HYPERVISOR	(1U << 31)

void arch_gdb_init(struct gdb_target *target)
{
	target->description = gdb_registers_xml;
	target->registers_size = gdb_registers_size;
	target->hardware_max = 4;
	target->read_watch = false;
	target->trap[0] = INT3;
	target->trap_len = arch_gdb_reports_traps() ? 1 : 0;
}

/*
 * QEMU's emulation of AMD-V lets int3 through to the guest, whatever KVM asks of it. There
 * the host itself runs on the emulated CPU.
 */
bool arch_gdb_reports_traps(void)
{
	unsigned int eax, name[3], ecx, edx, ebx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & FEATURES_ECX_HYPERVISOR))
		return true;
	__cpuid(LEAF_HYPERVISOR, eax, name[0], name[1], name[2]);
	return memcmp(name, "TCGTCGTCGTCG", sizeof(name));
}

bool arch_gdb_locate(unsigned int number, size_t *ret_offset, size_t *ret_size)
{
	return gdb_registers_locate(number, ret_offset, ret_size);
}

static int get_kernel_gs_base(int vcpu_fd, uint64_t *ret)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = { .head.nmsrs = 1, .entry.index = MSR_KERNEL_GS_BASE };

	if (ioctl(vcpu_fd, KVM_GET_MSRS, &msr) < 0)
		return -errno;
	*ret = msr.entry.data;
	return 0;
}

static int get_state(int vcpu_fd, struct gdb_state *state)
{
	if (ioctl(vcpu_fd, KVM_GET_REGS, &state->regs) ||
	    ioctl(vcpu_fd, KVM_GET_SREGS, &state->sregs) ||
	    ioctl(vcpu_fd, KVM_GET_XSAVE, state->xsave))
		return -errno;
	return get_kernel_gs_base(vcpu_fd, &state->kernel_gs_base);
}

int arch_gdb_get_registers(int vcpu_fd, uint8_t *bytes)
{
	struct gdb_state state;
	int err = get_state(vcpu_fd, &state);

	if (!err)
		gdb_registers_pack(&state, bytes);
	return err;
}

/* Write only what changes: to set some registers has side effects, such as on exceptions. */
int arch_gdb_set_registers(int vcpu_fd, const uint8_t *bytes)
{
	struct gdb_state old, new;
	int err = get_state(vcpu_fd, &old);

	if (err)
		return err;
	new = old;
	err = gdb_registers_unpack(bytes, &new);
	if (err)
		return err;
	if (memcmp(&new.sregs, &old.sregs, sizeof(new.sregs)) &&
	    ioctl(vcpu_fd, KVM_SET_SREGS, &new.sregs))
		return -errno;
	if (memcmp(&new.regs, &old.regs, sizeof(new.regs)) &&
	    ioctl(vcpu_fd, KVM_SET_REGS, &new.regs))
		return -errno;
	if (memcmp(new.xsave, old.xsave, sizeof(new.xsave)) &&
	    ioctl(vcpu_fd, KVM_SET_XSAVE, new.xsave))
		return -errno;
	return 0;
}

int arch_gdb_translate(int vcpu_fd, const struct guest_memory *memory, uint64_t address,
		       uint64_t *ret_gpa)
{
	struct kvm_sregs sregs;

	if (ioctl(vcpu_fd, KVM_GET_SREGS, &sregs))
		return -errno;
	return walk_page_tables(memory, &sregs, address, ret_gpa);
}

/* The bits of register @n in DR7: enabled for all tasks, kind of access, length. */
static uint64_t dr7_bits(unsigned int n, const struct gdb_hardware *point)
{
	static const uint8_t lens[] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };
	uint64_t kind = point->type == GDB_POINT_HARDWARE ? 0 :
		point->type == GDB_POINT_WRITE ? 1 : 3;

	return 2ULL << 2 * n | (kind | (uint64_t)lens[point->len] << 2) << (16 + 4 * n);
}

int arch_gdb_set_debug(int vcpu_fd, const struct gdb_run *run, bool step)
{
	struct kvm_guest_debug debug = { 0 };

	if (step)
		debug.control |= KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_BLOCKIRQ;
	if (run && run->software)
		debug.control |= KVM_GUESTDBG_USE_SW_BP;
	if (run && run->nr_hardware) {
		debug.control |= KVM_GUESTDBG_USE_HW_BP;
		debug.arch.debugreg[DR7_INDEX] = DR7_BASE;
		for (unsigned int i = 0; i < run->nr_hardware; i++) {
			debug.arch.debugreg[i] = run->hardware[i].address;
			debug.arch.debugreg[DR7_INDEX] |= dr7_bits(i, &run->hardware[i]);
		}
	}
	if (debug.control)
		debug.control |= KVM_GUESTDBG_ENABLE;
	return ioctl(vcpu_fd, KVM_SET_GUEST_DEBUG, &debug) ? -errno : 0;
}

/* The resume flag suppresses the breakpoint for one instruction. */
int arch_gdb_step_over(int vcpu_fd)
{
	struct kvm_regs regs;

	if (ioctl(vcpu_fd, KVM_GET_REGS, &regs))
		return -errno;
	regs.rflags |= RFLAGS_RF;
	return ioctl(vcpu_fd, KVM_SET_REGS, &regs) ? -errno : 0;
}

bool arch_gdb_is_trap(const struct kvm_run *run, uint64_t *ret_pc)
{
	*ret_pc = run->debug.arch.pc;
	return run->debug.arch.exception == VECTOR_BP;
}

bool arch_gdb_debug_exit(const struct kvm_run *run, const struct gdb_run *wanted, bool step,
			 struct gdb_stop *stop)
{
	uint64_t dr6 = run->debug.arch.dr6;

	if (run->debug.arch.exception != VECTOR_DB)
		return false;
	for (unsigned int i = 0; i < wanted->nr_hardware; i++) {
		if (dr6 & 1ULL << i) {
			stop->reason = GDB_STOP_HARDWARE;
			stop->hardware = i;
			return true;
		}
	}
	stop->reason = GDB_STOP_STEP;
	return step && dr6 & DR6_STEP;
}

int arch_gdb_pass_on(int vcpu_fd, const struct kvm_run *run, const struct gdb_run *wanted,
		     bool step)
{
	bool trap = run->debug.arch.exception == VECTOR_BP;
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE |
			(trap ? KVM_GUESTDBG_INJECT_BP : KVM_GUESTDBG_INJECT_DB),
	};
	struct kvm_debugregs regs;

	if (!trap) {
		if (ioctl(vcpu_fd, KVM_GET_DEBUGREGS, &regs))
			return -errno;
		regs.dr6 |= run->debug.arch.dr6 & DR6_CAUSES;
		if (ioctl(vcpu_fd, KVM_SET_DEBUGREGS, &regs))
			return -errno;
	}
	if (ioctl(vcpu_fd, KVM_SET_GUEST_DEBUG, &debug))
		return -errno;
	return arch_gdb_set_debug(vcpu_fd, wanted, step);
}
