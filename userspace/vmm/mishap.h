/* SPDX-License-Identifier: Apache-2.0 */
/* Faults on request of the whole machine: a crash or a stall, at a time or an event. */

#ifndef NE_EMU_VMM_MISHAP_H
#define NE_EMU_VMM_MISHAP_H

#include "vmm/ending.h"
#include "vmm/faults.h"
#include "vmm/loop.h"
#include "vmm/pause.h"
#include "vmm/vcpu.h"

#include <stddef.h>
#include <stdint.h>

/**
 * struct mishap - for the main thread only
 * @faults: borrowed, as are @ending, @pause and @loop; its hook leads here
 * @vcpus: those of the running guest, or NULL
 * @at_ns: CLOCK_MONOTONIC of a crash or stall at a time, by fault; 0: none
 * @stall_end_ns: CLOCK_MONOTONIC when the guest goes on, 0 if it does not stand
 * @timer: expires at the first of these times
 */
struct mishap {
	struct faults *faults;
	struct ending *ending;
	struct pause *pause;
	struct loop *loop;
	struct vcpu *vcpus;
	int64_t at_ns[NR_FAULTS];
	int64_t stall_end_ns;
	struct loop_source timer;
};

/** mishap_init() - watch the faults; Return: 0 or a negative errno */
int mishap_init(struct mishap *mishap, struct faults *faults, struct ending *ending,
		struct pause *pause, struct loop *loop);
/** mishap_exit() - also allowed if only @timer.fd was set, to -1 */
void mishap_exit(struct mishap *mishap);
/** mishap_start() - the guest starts: times count from now */
void mishap_start(struct mishap *mishap, struct vcpu *vcpus);
/** mishap_stop() - the vCPUs will be freed; from now on nothing happens */
void mishap_stop(struct mishap *mishap);

#endif
