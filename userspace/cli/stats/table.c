// SPDX-License-Identifier: Apache-2.0
/* The counters of enclaves as a table of at most 80 columns. */

#include "cli/stats/formats.h"
#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>

#define NUMBER_SIZE	24
#define WHO_WIDTH	19

/* Three to four digits and a unit of 1024. */
static const char *short_bytes(uint64_t bytes, char text[NUMBER_SIZE])
{
	static const char units[] = "BKMGTPE";
	size_t unit = 0;
	double value = bytes;

	for (; value >= 1024; unit++)
		value /= 1024;
	snprintf(text, NUMBER_SIZE, "%.*f%c", unit && value < 10 ? 1 : 0, value, units[unit]);
	return text;
}

static const char *short_count(uint64_t count, char text[NUMBER_SIZE])
{
	static const char units[] = " kMGTPE";
	size_t unit = 0;
	double value = count;

	for (; value >= 10000; unit++)
		value /= 1000;
	if (unit)
		snprintf(text, NUMBER_SIZE, "%.0f%c", value, units[unit]);
	else
		snprintf(text, NUMBER_SIZE, "%" PRIu64, count);
	return text;
}

/* What the guest's memory takes on the host, as far as the guest has touched it. */
static uint64_t touched(const struct metrics *metrics)
{
	return metrics_sum(metrics, "vm", "pages_4k") * 4 * KIB +
	       metrics_sum(metrics, "vm", "pages_2m") * 2 * MIB +
	       metrics_sum(metrics, "vm", "pages_1g") * GIB;
}

static void put_line(const struct stats_source *source, FILE *to)
{
	const struct metrics *metrics = &source->metrics;
	double cpu_s = metrics_sum(metrics, "vcpu", "cpu_time") / 1e9;
	double uptime_s = metrics_sum(metrics, "vm", "uptime") / 1e9;
	char id[STATE_ID_SIZE], used[NUMBER_SIZE], all[NUMBER_SIZE], exits[NUMBER_SIZE];
	char received[NUMBER_SIZE], sent[NUMBER_SIZE];

	fprintf(to, "%-*.*s %6.1f %5.1f %5s/%-5s %7s %6s/%-6s %5" PRIu64 "/%" PRIu64 "\n",
		WHO_WIDTH, WHO_WIDTH, *source->view.name ? source->view.name :
		state_id(source->view.enclave.slot_uid, id), cpu_s,
		uptime_s > 0 ? 100 * cpu_s / uptime_s : 0,
		short_bytes(touched(metrics), used),
		short_bytes(metrics_sum(metrics, "vm", "memory"), all),
		short_count(metrics_sum(metrics, "vcpu", "exits"), exits),
		short_bytes(metrics_sum(metrics, "vsock", "received"), received),
		short_bytes(metrics_sum(metrics, "vsock", "transmitted"), sent),
		metrics_sum(metrics, "nsm", "requests"), metrics_sum(metrics, "nsm", "errors"));
}

int stats_table(const struct stats_source *sources, size_t count, FILE *to)
{
	fprintf(to, "%-*s %6s %5s %5s/%-5s %7s %6s/%-6s %5s/%s\n", WHO_WIDTH, "ENCLAVE", "CPU s",
		"CPU %", "USED", "MEM", "EXITS", "IN", "OUT", "NSM", "ERRORS");
	for (size_t i = 0; i < count; i++)
		put_line(&sources[i], to);
	return fflush(to) ? -errno : 0;
}
