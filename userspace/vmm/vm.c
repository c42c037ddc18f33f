// SPDX-License-Identifier: Apache-2.0
/* The KVM virtual machine: capabilities, memory slots, interrupt wiring. */

#include "vmm/vm.h"

#include "common/util.h"
#include "vmm/arch/arch.h"
#include "vmm/kvm_stats.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct {
	int cap;
	const char *name;
} needed_caps[] = {
	{ KVM_CAP_USER_MEMORY, "user memory" },
	{ KVM_CAP_IRQCHIP, "in-kernel interrupt controller" },
	{ KVM_CAP_IRQFD, "irqfd" },
	{ KVM_CAP_IOEVENTFD, "ioeventfd" },
	{ KVM_CAP_IMMEDIATE_EXIT, "immediate exit" },
	{ KVM_CAP_MP_STATE, "MP state" },
};

static int check_host(int kvm_fd, struct error *error)
{
	int version = ioctl(kvm_fd, KVM_GET_API_VERSION, 0);

	if (version < 0)
		return error_set(error, -errno, "/dev/kvm does not answer: %s",
				 strerror(errno));
	if (version != KVM_API_VERSION)
		return error_set(error, -EOPNOTSUPP, "KVM interface version %d, not %d",
				 version, KVM_API_VERSION);
	for (size_t i = 0; i < ARRAY_SIZE(needed_caps); i++)
		if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, needed_caps[i].cap) <= 0)
			return error_set(error, -EOPNOTSUPP, "this host's KVM lacks: %s",
					 needed_caps[i].name);
	return arch_check_host(kvm_fd, error);
}

static int add_memory_slot(int vm_fd, uint32_t slot, uint64_t gpa, uint64_t size, void *host)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	if (!size)
		return 0;
	return ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

static int add_memory(int vm_fd, const struct guest_memory *memory)
{
	int err = add_memory_slot(vm_fd, 0, 0, memory->low_size, memory->base);

	if (err)
		return err;
	return add_memory_slot(vm_fd, 1, MEMORY_HOLE_END, memory->size - memory->low_size,
			       memory->base + memory->low_size);
}

int vm_create(struct vm *vm, int kvm_fd, const struct guest_memory *memory,
	      struct error *error)
{
	__cleanup_fd int fd = -1;
	int ret;

	ret = check_host(kvm_fd, error);
	if (ret)
		return ret;

	ret = ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (ret < 0)
		return error_set(error, -errno, "KVM_GET_VCPU_MMAP_SIZE: %s",
				 strerror(errno));
	vm->run_size = ret;
	ret = ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	vm->max_vcpus = ret > 0 ? ret : 4;	/* the documented minimum */

	fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (fd < 0)
		return error_set(error, -errno, "cannot create a VM: %s", strerror(errno));
	ret = arch_init_vm(fd, error);
	if (ret)
		return ret;
	ret = add_memory(fd, memory);
	if (ret)
		return error_set(error, ret, "KVM refuses the enclave's memory: %s",
				 strerror(-ret));

	vm->kvm_fd = kvm_fd;
	vm->fd = fd_steal(&fd);
	vm->stats_fd = kvm_stats_open(vm->fd);	/* negative: there are none */
	return 0;
}

void vm_destroy(struct vm *vm)
{
	fd_close(&vm->stats_fd);
	fd_close(&vm->fd);
	fd_close(&vm->kvm_fd);
}

int vm_add_irq(struct vm *vm, uint32_t line, int *ret_fd)
{
	__cleanup_fd int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct kvm_irqfd irqfd = { .fd = fd, .gsi = line };

	if (fd < 0 || ioctl(vm->fd, KVM_IRQFD, &irqfd))
		return -errno;
	*ret_fd = fd_steal(&fd);
	return 0;
}

void irq_raise(int irq_fd)
{
	uint64_t one = 1;

	/* Fails only if the counter is full, so that an edge is pending anyway. */
	(void)!write(irq_fd, &one, sizeof(one));
}

int vm_add_notify(struct vm *vm, uint64_t gpa, uint32_t value, int event_fd)
{
	struct kvm_ioeventfd notify = {
		.datamatch = value,
		.addr = gpa,
		.len = sizeof(value),
		.fd = event_fd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	return ioctl(vm->fd, KVM_IOEVENTFD, &notify) ? -errno : 0;
}
