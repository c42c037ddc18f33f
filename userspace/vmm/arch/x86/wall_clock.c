// SPDX-License-Identifier: Apache-2.0
/*
 * A time of day that is wrong on request. A guest with kvmclock asks for the time at which its
 * clock was 0 by writing an address to an MSR, where KVM stores that of the host. With a skew,
 * the write leaves KVM, and the VMM stores another time instead.
 */

#include "common/clock.h"
#include "vmm/arch/arch.h"
#include "vmm/arch/x86/machine.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

/* Of KVM's interface to guests, Documentation/virt/kvm/x86/msr.rst. */
#define MSR_WALL_CLOCK		0x11
#define MSR_WALL_CLOCK_NEW	0x4b564d00

struct wall_clock_data {
	uint32_t version;	/* odd while it changes */
	uint32_t sec;
	uint32_t nsec;
};

int arch_skew_clock(const struct wall_clock *clock)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR, .args[0] = KVM_MSR_EXIT_REASON_FILTER,
	};
	uint8_t none[sizeof(long)] = { 0 };	/* one bit per MSR; 0 denies access */
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges = {
			{ KVM_MSR_FILTER_WRITE, 1, MSR_WALL_CLOCK, none },
			{ KVM_MSR_FILTER_WRITE, 1, MSR_WALL_CLOCK_NEW, none },
		},
	};

	/* A filter replaces the one before. */
	(void)machine_hide_msrs(clock->vm_fd, &filter.ranges[2]);
	if (ioctl(clock->vm_fd, KVM_ENABLE_CAP, &cap) ||
	    ioctl(clock->vm_fd, KVM_X86_SET_MSR_FILTER, &filter))
		return -errno;
	return 0;
}

/* Return: when the guest's clock was 0, with the skew, in nanoseconds since 1970. */
static int64_t skewed_epoch_ns(const struct wall_clock *clock)
{
	struct kvm_clock_data data = { 0 };

	/* Cannot fail for a VM with interrupt controllers. */
	(void)ioctl(clock->vm_fd, KVM_GET_CLOCK, &data);
	return clock_ns(CLOCK_REALTIME) - (int64_t)data.clock + clock->skew_ns;
}

static void store(const struct wall_clock *clock, uint64_t gpa)
{
	struct wall_clock_data *to = memory_at(clock->memory, gpa, sizeof(*to));
	int64_t epoch_ns = skewed_epoch_ns(clock);
	struct wall_clock_data data = {
		.sec = epoch_ns / NSEC_PER_SEC, .nsec = epoch_ns % NSEC_PER_SEC,
	};

	if (!to)
		return;		/* as KVM does with a bad address */
	memcpy(&data.version, &to->version, sizeof(data.version));
	/* The vCPU that asks waits for its write, so nobody sees a part of it. */
	data.version = (data.version | 1) + 1;
	memcpy(to, &data, sizeof(data));
}

bool arch_write_msr(const struct wall_clock *clock, uint32_t index, uint64_t value)
{
	if (!clock->skew_ns || (index != MSR_WALL_CLOCK && index != MSR_WALL_CLOCK_NEW))
		return false;
	store(clock, value);
	return true;
}
