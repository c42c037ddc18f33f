/* SPDX-License-Identifier: Apache-2.0 */
/* One vCPU: a thread on a CPU of its own that runs the guest and answers its exits. */

#ifndef NE_EMU_VMM_VCPU_H
#define NE_EMU_VMM_VCPU_H

#include "vmm/bus.h"
#include "vmm/ending.h"
#include "vmm/error.h"
#include "vmm/vm.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct kvm_run;

/**
 * struct vcpu - owned by the main thread
 * @pio: ports, and @mmio: registers in memory
 * @go: posted once, to run or to give up
 * @check: the main thread wants to know whether the guest has halted for good
 * @down: the answer
 */
struct vcpu {
	unsigned int index;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	const struct bus *pio;
	const struct bus *mmio;
	struct ending *ending;
	pthread_t thread;
	bool has_thread;
	sem_t go;
	atomic_bool stop;
	atomic_bool check;
	atomic_bool down;
};

/** vcpu_set_signal() - prepare the signal that interrupts vCPUs; once per process */
int vcpu_set_signal(void);

/**
 * vcpu_create() - vCPU and its thread, which waits for vcpu_go()
 * @cpu: host CPU that the thread is bound to
 * @vcpu: with @pio, @mmio and @ending set, otherwise zero; destroy it also after
 *	a failure
 *
 * Return: 0 or a negative errno with a text.
 */
int vcpu_create(struct vcpu *vcpu, const struct vm *vm, unsigned int index,
		unsigned int nr_vcpus, uint32_t cpu, struct vmm_error *error);
/** vcpu_go() - let the thread run the guest */
void vcpu_go(struct vcpu *vcpu);
/** vcpu_ask_down() - have @down refreshed soon */
void vcpu_ask_down(struct vcpu *vcpu);
/** vcpu_cpu_time_ns() - CPU time that the thread has used */
uint64_t vcpu_cpu_time_ns(const struct vcpu *vcpu);
/** vcpu_stop() - tell the thread to end */
void vcpu_stop(struct vcpu *vcpu);
/**
 * vcpu_destroy() - wait for the thread after vcpu_stop() and free the vCPU
 * @deadline: CLOCK_REALTIME
 *
 * Return: false if the thread is stuck; everything is left as it is then.
 */
bool vcpu_destroy(struct vcpu *vcpu, const struct timespec *deadline);

#endif
