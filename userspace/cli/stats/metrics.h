/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of an enclave, as its VMM reports them (vmm/stats.c). */

#ifndef NE_EMU_CLI_STATS_METRICS_H
#define NE_EMU_CLI_STATS_METRICS_H

#include "cli/enclave/session.h"
#include "cli/enclave/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRIC_GROUP_SIZE	16
#define METRIC_NAME_SIZE	64

enum metric_unit { METRIC_NONE, METRIC_BYTES, METRIC_NANOSECONDS };

/**
 * struct metric - one value
 * @group: "vm", "vcpu", "vsock", "nsm" or "console"
 * @name: of KVM, or of ours
 * @index: number of the vCPU; 0 in other groups
 * @grows: it is a counter
 */
struct metric {
	char group[METRIC_GROUP_SIZE];
	char name[METRIC_NAME_SIZE];
	unsigned int index;
	bool grows;
	enum metric_unit unit;
	uint64_t value;
};

/** struct metrics - all values, in the order in which they were reported */
struct metrics {
	struct metric *list;
	size_t count;
};

void metrics_free(struct metrics *metrics);

/**
 * metrics_parse() - read a set of lines
 * @text: lines, up to an empty one; not changed
 * @ret: receives the values; empty after a failure
 *
 * Return: 0, -EPROTO (not such lines) or -ENOMEM.
 */
int metrics_parse(const char *text, struct metrics *ret);

/** metrics_sum() - Return: the value, or 0 if there is none; of all vCPUs together */
uint64_t metrics_sum(const struct metrics *metrics, const char *group, const char *name);

/**
 * struct stats_source - an enclave whose counters are read
 * @view: which one
 * @session: open while it runs
 * @pid: of its VMM, or 0
 * @metrics: as last read
 */
struct stats_source {
	struct view view;
	struct session_client session;
	uint64_t pid;
	struct metrics metrics;
};

/**
 * stats_source_open() - connect, and read all counters; takes over @view
 *
 * Return: 0, or a negative errno with a message.
 */
int stats_source_open(struct stats_source *source, const struct view *view, struct error *error);
void stats_source_close(struct stats_source *source);
/** stats_source_read() - read all counters again; Return: as stats_source_open() */
int stats_source_read(struct stats_source *source, struct error *error);

#endif
