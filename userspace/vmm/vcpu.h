/* SPDX-License-Identifier: Apache-2.0 */
/* One vCPU: a thread on a CPU of its own that runs the guest and answers its exits. */

#ifndef NE_EMU_VMM_VCPU_H
#define NE_EMU_VMM_VCPU_H

#include "common/error.h"
#include "common/util.h"
#include "vmm/bus.h"
#include "vmm/ending.h"
#include "vmm/vm.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VCPU_STACK_SIZE		(128 * KIB)

struct kvm_run;

/**
 * struct vcpu - owned by the main thread
 * @pio: ports, and @mmio: registers in memory
 * @cpu: host CPU that the thread is bound to
 * @pool_fd: cgroup.threads of the cgroup it belongs into, or -1; until @placed
 * @placed: posted once, when the thread is where it belongs, or cannot get there
 * @move_err: why it is not in the cgroup, a positive errno; valid when @placed
 * @pin_err: why it is not bound to @cpu, likewise
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
	uint32_t cpu;
	int pool_fd;
	sem_t placed;
	int move_err;
	int pin_err;
	sem_t go;
	atomic_bool stop;
	atomic_bool check;
	atomic_bool down;
};

/** vcpu_set_signal() - prepare the signal that interrupts vCPUs; once per process */
int vcpu_set_signal(void);

/**
 * vcpu_create() - vCPU and its thread, which waits for vcpu_go()
 * @vcpu: with @pio, @mmio, @ending, @cpu and @pool_fd set, otherwise zero; destroy
 *	it also after a failure
 *
 * Return: 0 or a negative errno with a text.
 */
int vcpu_create(struct vcpu *vcpu, const struct vm *vm, unsigned int index,
		unsigned int nr_vcpus, struct error *error);
/**
 * vcpu_wait_placed() - wait until the thread has moved to its CPU; once per vCPU
 *
 * The enclave is worth more than its place: what went wrong is logged.
 */
void vcpu_wait_placed(struct vcpu *vcpu);
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
 * @deadline_ms: as clock_ms() tells it
 *
 * Return: false if the thread is stuck; everything is left as it is then.
 */
bool vcpu_destroy(struct vcpu *vcpu, int64_t deadline_ms);

#endif
