/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of KVM, as files of its binary interface give them (KVM_GET_STATS_FD). */

#ifndef NE_EMU_VMM_KVM_STATS_H
#define NE_EMU_VMM_KVM_STATS_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

/**
 * kvm_stats_open() - get the statistics of a VM or a vCPU
 * @fd: of the VM or the vCPU
 *
 * Return: a descriptor, or a negative errno (-ENOTTY, -EINVAL: this KVM has none).
 */
int kvm_stats_open(int fd);

/**
 * typedef kvm_stats_fn - called for one value
 * @name: letters, digits and "_"; ends with NUL
 * @desc: how to understand @value: kind, unit, and exponent of the unit
 */
typedef void kvm_stats_fn(void *arg, const char *name, const struct kvm_stats_desc *desc,
			  uint64_t value);

/**
 * kvm_stats_read() - read all values that are single numbers; not histograms
 * @stats_fd: from kvm_stats_open()
 *
 * Return: 0, -EPROTO (not understood) or another negative errno.
 */
int kvm_stats_read(int stats_fd, kvm_stats_fn *call, void *arg);

#endif
