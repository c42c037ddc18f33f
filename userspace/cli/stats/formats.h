/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of enclaves as a table, as JSON and as OpenMetrics. */

#ifndef NE_EMU_CLI_STATS_FORMATS_H
#define NE_EMU_CLI_STATS_FORMATS_H

#include "cli/stats/metrics.h"

#include <stdio.h>

/* The functions return 0, or a negative errno: no memory, or the stream failed. */

/** stats_json() - print one JSON array with an object per enclave, on one line */
int stats_json(const struct stats_source *sources, size_t count, FILE *to);

/**
 * stats_openmetrics() - print an exposition in the text format of OpenMetrics 1.0
 *
 * Prometheus's older text format is a superset of what is used here, apart from its last line.
 */
int stats_openmetrics(const struct stats_source *sources, size_t count, FILE *to);

/** stats_table() - print a line per enclave */
int stats_table(const struct stats_source *sources, size_t count, FILE *to);

#endif
