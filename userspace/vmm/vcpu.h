/* SPDX-License-Identifier: Apache-2.0 */
/* One vCPU: a thread, pinned to a CPU, that runs the guest and handles its exits. */

#ifndef NE_EMU_VMM_VCPU_H
#define NE_EMU_VMM_VCPU_H

#include "common/error.h"
#include "common/util.h"
#include "vmm/bus.h"
#include "vmm/ending.h"
#include "vmm/trace/trace.h"
#include "vmm/vm.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VCPU_STACK_SIZE		(128 * KIB)

struct kvm_run;

enum vcpu_state {
	VCPU_UNKNOWN,		/* not answered yet */
	VCPU_ALIVE,		/* takes interrupts, or waits for one */
	VCPU_DEAF,		/* runs with interrupts disabled */
	VCPU_DOWN,		/* has halted permanently */
};

/* Whether a vCPU stands still; see vcpu_park(). */
enum vcpu_motion {
	VCPU_RUNS,
	VCPU_STOPPING,		/* has been asked to stand still */
	VCPU_STANDS,		/* is not in KVM_RUN, and its last exit is complete */
};

/* Exits of KVM_RUN, counted by what they were for. */
enum vcpu_exit {
	VCPU_EXIT_PORT,		/* a port of a device here */
	VCPU_EXIT_MMIO,		/* a register of a device here */
	VCPU_EXIT_INTERRUPTED,	/* a signal: the main thread wants something */
	VCPU_EXIT_OTHER,
	NR_VCPU_EXITS,
};

/**
 * struct vcpu - owned by the main thread
 * @pio: bus of ports
 * @mmio: bus of memory-mapped registers
 * @trace: counts exits that no device handles, or NULL
 * @cpu: host CPU that the thread is pinned to
 * @pool_fd: cgroup.threads of the cgroup that the thread enters, or -1; valid until @placed
 *	is posted
 * @placed: posted once the thread has entered its cgroup and is pinned, or has failed to
 * @move_err: why it is not in the cgroup, a positive errno; valid after @placed
 * @pin_err: why it is not pinned to @cpu, likewise
 * @go: posted once, to run or to exit
 * @motion: the main thread and the vCPU's thread change it
 * @unpark: posted when the vCPU may go on after it stood still
 * @ended: the thread does not run the guest any more, so the vCPU stands permanently
 * @stands_fd: eventfd to which the thread writes once it stands still, or -1; borrowed
 * @stats_fd: KVM's statistics, or -1
 * @exits: how often KVM_RUN returned; written by the vCPU's thread only
 * @debug_exit: it stands because of a KVM_EXIT_DEBUG, until the main thread clears this
 * @nmi: the main thread wants an NMI
 * @check: the main thread asks for the state
 * @state: the answer
 */
struct vcpu {
	unsigned int index;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	const struct bus *pio;
	const struct bus *mmio;
	struct ending *ending;
	struct trace *trace;
	const struct wall_clock *wall_clock;
	pthread_t thread;
	bool has_thread;
	uint32_t cpu;
	int pool_fd;
	sem_t placed;
	int move_err;
	int pin_err;
	sem_t go;
	atomic_bool stop;
	_Atomic enum vcpu_motion motion;
	sem_t unpark;
	atomic_bool ended;
	int stands_fd;
	int stats_fd;
	_Atomic uint64_t exits[NR_VCPU_EXITS];
	atomic_bool debug_exit;
	atomic_bool nmi;
	atomic_bool check;
	_Atomic enum vcpu_state state;
};

/** vcpu_set_signal() - prepare the signal that interrupts vCPUs; once per process */
int vcpu_set_signal(void);

/**
 * vcpu_create() - create a vCPU and its thread, which waits for vcpu_go()
 * @vcpu: with @pio, @mmio, @ending, @cpu, @pool_fd and @stands_fd set, otherwise zero; has to be
 *	destroyed also after a failure
 *
 * Return: 0 or a negative errno with a text.
 */
int vcpu_create(struct vcpu *vcpu, const struct vm *vm, unsigned int index,
		unsigned int nr_vcpus, struct error *error);
/**
 * vcpu_wait_placed() - wait until the thread has moved to its CPU; once per vCPU
 *
 * Failures are only logged: the enclave can run on other CPUs.
 */
void vcpu_wait_placed(struct vcpu *vcpu);
/** vcpu_go() - let the thread run the guest */
void vcpu_go(struct vcpu *vcpu);
/** vcpu_ask() - make the thread update @state soon */
void vcpu_ask(struct vcpu *vcpu);
/**
 * vcpu_park() - make the vCPU stand still soon, also if it has not run yet
 *
 * It then writes to @stands_fd. From then on, its registers may be read and changed.
 */
void vcpu_park(struct vcpu *vcpu);
/** vcpu_stands() - Return: true if the vCPU stands still */
bool vcpu_stands(const struct vcpu *vcpu);
/** vcpu_unpark() - let it go on */
void vcpu_unpark(struct vcpu *vcpu);
/** vcpu_exit_name() - Return: what a counter of exits is called: "user_port_exits", ... */
const char *vcpu_exit_name(enum vcpu_exit exit);
/** vcpu_nmi() - make the guest take a non-maskable interrupt on this vCPU soon */
void vcpu_nmi(struct vcpu *vcpu);
/** vcpu_cpu_time_ns() - Return: CPU time that the thread has used */
uint64_t vcpu_cpu_time_ns(const struct vcpu *vcpu);
/** vcpu_stop() - make the thread exit */
void vcpu_stop(struct vcpu *vcpu);
/**
 * vcpu_destroy() - wait for the thread after vcpu_stop() and free the vCPU
 * @deadline_ms: time of clock_ms() until which to wait
 *
 * Return: false if the thread is stuck; nothing is freed in this case.
 */
bool vcpu_destroy(struct vcpu *vcpu, int64_t deadline_ms);

#endif
