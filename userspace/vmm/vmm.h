/* SPDX-License-Identifier: Apache-2.0 */
/* One enclave: its machine, from start to end. */

#ifndef NE_EMU_VMM_VMM_H
#define NE_EMU_VMM_VMM_H

#include "common/marks.h"
#include "nsm/nsm.h"
#include "vmm/arch/arch.h"
#include "vmm/bus.h"
#include "vmm/cmos.h"
#include "vmm/console.h"
#include "vmm/console_service.h"
#include "vmm/ending.h"
#include "vmm/faults.h"
#include "vmm/halt.h"
#include "vmm/i8042.h"
#include "vmm/loop.h"
#include "vmm/memory.h"
#include "vmm/mishap.h"
#include "vmm/nsm_inbox.h"
#include "vmm/options.h"
#include "vmm/panic.h"
#include "vmm/pause.h"
#include "vmm/serial.h"
#include "vmm/session.h"
#include "vmm/trace/trace.h"
#include "vmm/vcpu.h"
#include "vmm/virtio/nsm.h"
#include "vmm/virtio/vsock.h"
#include "vmm/vm.h"

#include <stdbool.h>
#include <stdint.h>

struct debugger;

/**
 * struct vmm - all state; a member has been set up if its descriptor or pointer is set
 * @marks: file for the moments of the start
 * @console: used in debug mode only, as is @service
 * @pool_fd: cgroup.threads of the CPU pool's cgroup until all vCPUs are placed, then -1
 * @backend: events of the backend fd: start and stop
 * @debugger: of gdb/service.c, NULL until one has been attached
 * @ended: event that an end was reported
 * @sigterm: signal of the administrator
 * @stop_wanted: the kernel has stopped the enclave, so it needs no report of the end
 * @started_ms: clock_ms() at the start, 0 before
 */
struct vmm {
	const struct vmm_options *options;
	struct marks marks;
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
	struct wall_clock wall_clock;
	struct faults faults;
	struct mishap mishap;
	struct vsock *vsock;
	struct nsm *nsm;
	struct nsm_inbox nsm_inbox;
	struct nsm_device *nsm_device;
	struct vcpu *vcpus;
	size_t nr_vcpus;
	int pool_fd;
	struct halt_watch halt_watch;
	struct panic_watch panic_watch;
	struct pause pause;
	struct sessions sessions;
	struct debugger *debugger;
	struct trace trace;
	struct loop_source backend;
	struct loop_source ended;
	struct loop_source sigterm;
	bool stop_wanted;
	int64_t started_ms;
};

/** vmm_init() - initialise the structure; from then on, vmm_destroy() may be called */
void vmm_init(struct vmm *vmm, const struct vmm_options *options);
/**
 * vmm_create() - create the machine, ready to run an image
 * @error: reason of a failure
 */
int vmm_create(struct vmm *vmm, struct error *error);
/** vmm_stop_vcpus() - end the guest; Return: false if a vCPU is stuck */
bool vmm_stop_vcpus(struct vmm *vmm);
/**
 * vmm_destroy() - stop the vCPUs and free everything
 *
 * Return: false if a vCPU is stuck; the process must then not return from main().
 */
bool vmm_destroy(struct vmm *vmm);

/**
 * vmm_run() - wait for the start, run the image, wait for the end and report it
 *
 * Return: 0 or a negative errno.
 */
int vmm_run(struct vmm *vmm);

#endif
