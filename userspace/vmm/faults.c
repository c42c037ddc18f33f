// SPDX-License-Identifier: Apache-2.0
/* The faults on request of this enclave, which its devices ask for. */

#include "vmm/faults.h"

void faults_apply(struct faults *faults, const struct fault_settings *settings)
{
	faults->applied++;
	faults->armed = 0;
	faults->settings = *settings;
	for (enum fault_id id = 0; id < NR_FAULTS; id++) {
		fault_run_init(&faults->runs[id], settings, id);
		if (settings->faults[id].set)
			faults->armed |= FAULT_BIT(id);
	}
	if (faults->hook)
		faults->hook(faults->hook_arg, FAULT_AT_TIME);
}

void fault_event_happens(struct faults *faults, enum fault_when when)
{
	if (faults_armed(faults, MACHINE_FAULTS) && faults->hook)
		faults->hook(faults->hook_arg, when);
}

bool fault_hits(struct faults *faults, enum fault_id id, const struct fault_event *event,
		uint64_t *ret_value)
{
	const struct fault *fault = &faults->settings.faults[id];

	if (!faults_armed(faults, FAULT_BIT(id)) ||
	    !fault_run_next(&faults->runs[id], fault, event))
		return false;
	*ret_value = fault->value;
	return true;
}
