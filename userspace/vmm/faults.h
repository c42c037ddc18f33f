/* SPDX-License-Identifier: Apache-2.0 */
/* The faults on request of this enclave, which its devices ask for. */

#ifndef NE_EMU_VMM_FAULTS_H
#define NE_EMU_VMM_FAULTS_H

#include "common/fault.h"

/**
 * struct faults - for the main thread only
 * @armed: FAULT_BIT()s of the faults that are set
 * @applied: number of times that settings were applied
 * @runs: progress of each
 * @hook: called with FAULT_AT_TIME after settings were applied, and with other events when
 *	they happen while a crash or a stall is set; may be NULL
 */
struct faults {
	uint32_t armed;
	unsigned int applied;
	struct fault_settings settings;
	struct fault_run runs[NR_FAULTS];
	void (*hook)(void *arg, enum fault_when when);
	void *hook_arg;
};

/* The faults of the whole machine. */
#define MACHINE_FAULTS	(FAULT_BIT(FAULT_CRASH) | FAULT_BIT(FAULT_STALL))

/** faults_apply() - replace all settings; every fault begins with its first event */
void faults_apply(struct faults *faults, const struct fault_settings *settings);

/** faults_armed() - are any of these faults set? Costs one load while nothing is */
static inline bool faults_armed(const struct faults *faults, uint32_t bits)
{
	return faults->armed & bits;
}

/** fault_event_happens() - an event for which a crash or a stall may wait */
void fault_event_happens(struct faults *faults, enum fault_when when);

/**
 * fault_hits() - an event happens that this fault may hit
 * @faults: the faults of the enclave
 * @id: the fault
 * @event: what happens
 * @ret_value: value of the fault; set if it hits
 *
 * Return: true if it hits the event.
 */
bool fault_hits(struct faults *faults, enum fault_id id, const struct fault_event *event,
		uint64_t *ret_value);

#endif
