// SPDX-License-Identifier: Apache-2.0
/* Settings of faults: those that are accepted print to a text that gives the same again. */

#include "fuzz.h"

#include "common/fault.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fault_settings settings, again;
	char text[FAULT_TEXT_SIZE], second[FAULT_TEXT_SIZE];

	if (fault_settings_scan(&settings, (const char *)data, size))
		return 0;
	fault_settings_print(&settings, text);
	must(!fault_settings_scan(&again, text, strlen(text)));
	must(again.seed == settings.seed);
	must(!memcmp(again.faults, settings.faults, sizeof(again.faults)));
	fault_settings_print(&again, second);
	must(!strcmp(text, second));
	for (enum fault_id id = 0; id < NR_FAULTS; id++) {
		const struct fault *fault = &settings.faults[id];
		struct fault_event event = { .op = fault->op };
		struct fault_run run;
		unsigned int hits = 0;

		fault_run_init(&run, &settings, id);
		for (int i = 0; i < 100; i++)
			hits += fault_run_next(&run, fault, &event);
		must(fault->set || !hits);
		must(!fault->count || hits <= fault->count);
	}
	return 0;
}
