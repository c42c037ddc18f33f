/* SPDX-License-Identifier: Apache-2.0 */
/* Detect a guest whose vCPUs have all halted permanently. */

#ifndef NE_EMU_VMM_HALT_H
#define NE_EMU_VMM_HALT_H

#include "vmm/ending.h"
#include "vmm/loop.h"
#include "vmm/vcpu.h"

#include <stddef.h>
#include <stdint.h>

/**
 * struct halt_watch - used by the main thread only
 * @cpu_time_ns: CPU time of all vCPUs at the last tick
 * @asked: the vCPUs were asked at the last tick
 * @all_down: number of ticks in a row that found all vCPUs down
 */
struct halt_watch {
	struct loop *loop;
	struct loop_source source;
	struct vcpu *vcpus;
	size_t nr_vcpus;
	struct ending *ending;
	uint64_t cpu_time_ns;
	bool asked;
	unsigned int all_down;
};

/** halt_watch_open() - create the timer; Return: 0 or a negative errno */
int halt_watch_open(struct halt_watch *watch);
/** halt_watch_start() - watch the running @vcpus; Return: 0 or a negative errno */
int halt_watch_start(struct halt_watch *watch, struct loop *loop, struct vcpu *vcpus,
		     size_t nr_vcpus, struct ending *ending);
void halt_watch_stop(struct halt_watch *watch);
void halt_watch_close(struct halt_watch *watch);

#endif
