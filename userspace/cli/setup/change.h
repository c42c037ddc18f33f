/* SPDX-License-Identifier: Apache-2.0 */
/* One setup: a plan of what to change, and the change, which happens as a whole or not at all. */

#ifndef NE_EMU_CLI_SETUP_CHANGE_H
#define NE_EMU_CLI_SETUP_CHANGE_H

#include "cli/host/reserve.h"
#include "cli/setup/conf.h"

#include <stdbool.h>

#define CPUS_TEXT_SIZE	512		/* longest CPU list that the driver takes */

/**
 * struct change - the plan
 * @settings: what is wanted
 * @cpus: list of CPUs for the pool; "": it stays as it is
 * @before: the pool before, as the driver shows it
 * @same_pool: the pool has these CPUs already
 * @node: NUMA node of pool and memory, or -1
 * @memory: plan and result for the huge pages
 */
struct change {
	const struct setup_conf *settings;
	char cpus[CPUS_TEXT_SIZE];
	char before[SYS_TEXT_SIZE];
	bool same_pool;
	int node;
	struct reserve memory;
};

/**
 * change_plan() - plan it, and check all that can be checked without a change
 * @change: filled
 * @settings: without an allocator; must stay valid
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int change_plan(struct change *change, const struct setup_conf *settings, struct error *error);

/** change_apply() - do it; on failure, nothing has changed. 0 or -errno with a message */
int change_apply(struct change *change, struct error *error);

/** change_revert() - take back what change_apply() did, for a failure after it */
void change_revert(const struct change *change);

/** change_set_pool() - set the CPU pool; 0 or a negative errno with a message */
int change_set_pool(const char *cpus, struct error *error);

#endif
