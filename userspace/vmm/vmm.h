/* SPDX-License-Identifier: Apache-2.0 */
/* One enclave: its machine, and its life from start to end. */

#ifndef NE_EMU_VMM_VMM_H
#define NE_EMU_VMM_VMM_H

#include "nsm/nsm.h"
#include "vmm/bus.h"
#include "vmm/cmos.h"
#include "vmm/console.h"
#include "vmm/console_service.h"
#include "vmm/ending.h"
#include "vmm/halt.h"
#include "vmm/i8042.h"
#include "vmm/loop.h"
#include "vmm/memory.h"
#include "vmm/nsm_inbox.h"
#include "vmm/options.h"
#include "vmm/serial.h"
#include "vmm/vcpu.h"
#include "vmm/virtio/nsm.h"
#include "vmm/virtio/vsock.h"
#include "vmm/vm.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * struct vmm - everything; a member is set up when its descriptor or pointer is
 * @console: debug mode only, as @service
 * @pool_fd: way into the CPU pool's cgroup until all vCPUs are placed, then -1
 * @backend: the kernel's wishes
 * @ended: somebody reported an end
 * @sigterm: the administrator's wish
 * @stop_wanted: the kernel wants no more of the enclave; it knows why
 * @started_ms: clock_ms() at the start, 0 before
 */
struct vmm {
	const struct vmm_options *options;
	struct loop loop;
	struct ending ending;
	struct guest_memory memory;
	struct vm vm;
	struct bus pio;
	struct bus mmio;
	struct console console;
	struct console_service *service;
	int serial_irq_fd;
	int vsock_irq_fd;
	int nsm_irq_fd;
	struct serial serial;
	struct i8042 i8042;
	struct cmos cmos;
	struct vsock *vsock;
	struct nsm *nsm;
	struct nsm_inbox nsm_inbox;
	struct nsm_device *nsm_device;
	struct vcpu *vcpus;
	size_t nr_vcpus;
	int pool_fd;
	struct halt_watch halt_watch;
	struct loop_source backend;
	struct loop_source ended;
	struct loop_source sigterm;
	bool stop_wanted;
	int64_t started_ms;
};

/** vmm_init() - nothing set up yet; vmm_destroy() is allowed from here on */
void vmm_init(struct vmm *vmm, const struct vmm_options *options);
/**
 * vmm_create() - the machine, ready to run an image
 * @error: why, on failure
 */
int vmm_create(struct vmm *vmm, struct error *error);
/** vmm_stop_vcpus() - end the guest; false if a vCPU is stuck */
bool vmm_stop_vcpus(struct vmm *vmm);
/**
 * vmm_destroy() - free all, if the vCPUs have ended
 *
 * Return: false if a vCPU is stuck; the process must not return from main() then.
 */
bool vmm_destroy(struct vmm *vmm);

/**
 * vmm_run() - wait for the start, run the image, wait for the end and tell of it
 *
 * Return: 0 or a negative errno.
 */
int vmm_run(struct vmm *vmm);

#endif
