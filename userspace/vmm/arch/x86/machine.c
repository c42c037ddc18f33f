// SPDX-License-Identifier: Apache-2.0
/* The x86 machine around the CPUs: interrupt controllers, timer, CPU identity. */

#include "common/util.h"
#include "vmm/arch/arch.h"
#include "vmm/arch/x86/cpuid.h"
#include "vmm/arch/x86/layout.h"
#include "vmm/arch/x86/machine.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#define LAPIC_LVT_LINT0		0x350
#define LAPIC_LVT_LINT1		0x360
#define LAPIC_MODE_NMI		(4U << 8)
#define LAPIC_MODE_EXTINT	(7U << 8)
#define LAPIC_MODE_MASK		(7U << 8)

#define MSR_MISC_ENABLE		0x1a0
#define MISC_ENABLE_FAST_STRING	(1ULL << 0)
#define MSR_MTRR_DEF_TYPE	0x2ff
#define MTRR_ENABLE		(1ULL << 11)
#define MTRR_WRITE_BACK		6ULL

/* Event selectors and counters that every AMD CPU since the K7 has. */
#define MSR_K7_EVNTSEL0		0xc0010000
#define NR_K7_PMU_MSRS		8

#define LEAF_FEATURES			0x1
#define LEAF_EXTENDED_STATE		0xd
#define FEATURES_ECX_TSC_DEADLINE	(1U << 24)

int arch_check_host(int kvm_fd, struct error *error)
{
	static const struct {
		int cap;
		const char *name;
	} needed[] = {
		{ KVM_CAP_EXT_CPUID, "CPUID" },
		{ KVM_CAP_PIT2, "in-kernel timer (PIT)" },
		{ KVM_CAP_SET_TSS_ADDR, "TSS address" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
			return error_set(error, -EOPNOTSUPP, "this host's KVM lacks: %s",
					 needed[i].name);
	return 0;
}

/*
 * Guests probe AMD's counters without checking CPUID. If KVM does not emulate them, it
 * ignores each write and logs it on the host. Refuse the access (#GP) instead, which is
 * silent, and what guests expect on a machine without counters.
 */
static bool hides_k7_pmu(int vm_fd)
{
	return ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_PMU_CAPABILITY) <= 0 &&
	       ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_MSR_FILTER) > 0;
}

bool machine_hide_msrs(int vm_fd, struct kvm_msr_filter_range *range)
{
	static uint8_t none[sizeof(long)];	/* one bit per MSR; 0 denies access */

	if (!hides_k7_pmu(vm_fd))
		return false;
	*range = (struct kvm_msr_filter_range){
		.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
		.nmsrs = NR_K7_PMU_MSRS,
		.base = MSR_K7_EVNTSEL0,
		.bitmap = none,
	};
	return true;
}

static int hide_k7_pmu(int vm_fd)
{
	struct kvm_msr_filter filter = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW };

	if (!machine_hide_msrs(vm_fd, &filter.ranges[0]))
		return 0;
	return ioctl(vm_fd, KVM_X86_SET_MSR_FILTER, &filter);
}

int arch_init_vm(int vm_fd, struct error *error)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity_map = KVM_IDENTITY_MAP;
	const char *what;

	what = "TSS address";
	if (ioctl(vm_fd, KVM_SET_TSS_ADDR, KVM_TSS))
		goto fail;
	what = "identity map";
	if (ioctl(vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map))
		goto fail;
	what = "interrupt controllers";
	if (ioctl(vm_fd, KVM_CREATE_IRQCHIP, 0))
		goto fail;
	what = "timer";
	if (ioctl(vm_fd, KVM_CREATE_PIT2, &pit))
		goto fail;
	what = "MSR filter";
	if (hide_k7_pmu(vm_fd))
		goto fail;
	return 0;

fail:
	return error_set(error, -errno, "cannot set up the VM's %s: %s", what,
			 strerror(errno));
}

/* Return: what KVM supports, to be freed; NULL, with errno, on failure. */
static struct kvm_cpuid2 *get_supported_cpuid(int kvm_fd)
{
	struct kvm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + CPUID_ENTRIES_MAX * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return NULL;
	cpuid->nent = CPUID_ENTRIES_MAX;
	if (!ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid))
		return cpuid;
	free(cpuid);
	return NULL;
}

/*
 * KVM reports the TSC deadline timer as a capability, not in CPUID, since it depends on the
 * in-kernel interrupt controller.
 */
static void add_tsc_deadline(int kvm_fd, struct kvm_cpuid2 *cpuid)
{
	if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) <= 0)
		return;
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == LEAF_FEATURES)
			cpuid->entries[i].ecx |= FEATURES_ECX_TSC_DEADLINE;
}

/*
 * Enable all extended state, as firmware does. KVM updates a size in CPUID when the guest
 * changes XCR0. Where KVM does not see that change (nested in QEMU's emulation of AMD-V),
 * the size must be right from the start.
 */
static void set_extended_state(int vcpu_fd, const struct kvm_cpuid2 *cpuid)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1 };

	for (uint32_t i = 0; i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

		if (entry->function == LEAF_EXTENDED_STATE && !entry->index)
			xcrs.xcrs[0].value = entry->eax | (uint64_t)entry->edx << 32;
	}
	/* Ignore failures: not every host supports it, and a guest can set it itself. */
	if (xcrs.xcrs[0].value)
		(void)ioctl(vcpu_fd, KVM_SET_XCRS, &xcrs);
}

static int set_cpuid(int kvm_fd, int vcpu_fd, unsigned int index, unsigned int nr_vcpus)
{
	__cleanup_free struct kvm_cpuid2 *cpuid = get_supported_cpuid(kvm_fd);

	if (!cpuid)
		return -errno;
	cpuid_set_topology(cpuid, index, nr_vcpus);
	cpuid_hide_virtualization(cpuid);
	add_tsc_deadline(kvm_fd, cpuid);
	if (ioctl(vcpu_fd, KVM_SET_CPUID2, cpuid))
		return -errno;
	set_extended_state(vcpu_fd, cpuid);
	return 0;
}

static int set_msrs(int vcpu_fd)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[2];
	} msrs = {
		.head.nmsrs = 2,
		.entries = {
			{ .index = MSR_MTRR_DEF_TYPE, .data = MTRR_ENABLE | MTRR_WRITE_BACK },
			{ .index = MSR_MISC_ENABLE, .data = MISC_ENABLE_FAST_STRING },
		},
	};

	/* The number of MSRs that were set does not matter: some hosts do not know the second. */
	return ioctl(vcpu_fd, KVM_SET_MSRS, &msrs) < 0 ? -errno : 0;
}

static void set_lvt(struct kvm_lapic_state *lapic, unsigned int reg, uint32_t mode)
{
	uint32_t value;

	memcpy(&value, lapic->regs + reg, sizeof(value));
	value = (value & ~LAPIC_MODE_MASK) | mode;
	memcpy(lapic->regs + reg, &value, sizeof(value));
}

static int set_lapic(int vcpu_fd)
{
	struct kvm_lapic_state lapic;

	if (ioctl(vcpu_fd, KVM_GET_LAPIC, &lapic))
		return -errno;
	set_lvt(&lapic, LAPIC_LVT_LINT0, LAPIC_MODE_EXTINT);
	set_lvt(&lapic, LAPIC_LVT_LINT1, LAPIC_MODE_NMI);
	return ioctl(vcpu_fd, KVM_SET_LAPIC, &lapic) ? -errno : 0;
}

int arch_init_vcpu(int kvm_fd, int vcpu_fd, unsigned int index, unsigned int nr_vcpus,
		   struct error *error)
{
	const char *what = "CPUID";
	int err = set_cpuid(kvm_fd, vcpu_fd, index, nr_vcpus);

	if (!err) {
		what = "MSRs";
		err = set_msrs(vcpu_fd);
	}
	if (!err) {
		what = "local APIC";
		err = set_lapic(vcpu_fd);
	}
	if (err)
		return error_set(error, err, "cannot set up vCPU %u (%s): %s", index, what,
				 strerror(-err));
	return 0;
}
