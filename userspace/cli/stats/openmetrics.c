// SPDX-License-Identifier: Apache-2.0
/*
 * The counters of enclaves in the text format of OpenMetrics 1.0: families of samples, each with
 * a type and a unit. All samples of a family come together, whatever enclave they are of.
 */

#include "cli/stats/formats.h"
#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* "ne_emu_", group, "_", name, unit. */
#define FAMILY_SIZE	(16 + METRIC_GROUP_SIZE + METRIC_NAME_SIZE + 16)

/* Return: @text without @suffix if it ends with that. */
static void cut(char *text, const char *suffix)
{
	size_t len = strlen(text), cut_len = strlen(suffix);

	if (len > cut_len && !strcmp(text + len - cut_len, suffix))
		text[len - cut_len] = '\0';
}

static const char *unit_name(const struct metric *metric)
{
	switch (metric->unit) {
	case METRIC_BYTES:
		return "bytes";
	case METRIC_NANOSECONDS:
		return "seconds";
	default:
		return "";
	}
}

/* A name ends with its unit; "_total" belongs to the samples of counters only. */
static const char *family(const struct metric *metric, char name[FAMILY_SIZE])
{
	const char *unit = unit_name(metric);

	snprintf(name, FAMILY_SIZE, "ne_emu_%s_%s", metric->group, metric->name);
	cut(name, "_total");
	if (metric->unit == METRIC_NANOSECONDS)
		cut(name, "_ns");
	if (*unit) {
		cut(name, "_bytes");
		strcat(strcat(name, "_"), unit);
	}
	return name;
}

static void put_value(const struct metric *metric, FILE *to)
{
	if (metric->unit == METRIC_NANOSECONDS)
		fprintf(to, " %" PRIu64 ".%09" PRIu64 "\n", metric->value / NSEC_PER_SEC,
			metric->value % NSEC_PER_SEC);
	else
		fprintf(to, " %" PRIu64 "\n", metric->value);
}

/* Ids and names have no characters that need an escape. */
static void put_sample(const struct stats_source *source, const struct metric *metric, FILE *to)
{
	char id[STATE_ID_SIZE], name[FAMILY_SIZE];

	fprintf(to, "%s%s{enclave=\"%s\"", family(metric, name), metric->grows ? "_total" : "",
		state_id(source->view.enclave.slot_uid, id));
	if (*source->view.name)
		fprintf(to, ",name=\"%s\"", source->view.name);
	if (!strcmp(metric->group, "vcpu"))
		fprintf(to, ",vcpu=\"%u\"", metric->index);
	fputc('}', to);
	put_value(metric, to);
}

static bool same_family(const struct metric *a, const struct metric *b)
{
	return !strcmp(a->group, b->group) && !strcmp(a->name, b->name);
}

/* Has a family been printed with an earlier metric? */
static bool is_known(const struct stats_source *sources, size_t source, size_t metric)
{
	const struct metric *wanted = &sources[source].metrics.list[metric];

	for (size_t s = 0; s <= source; s++) {
		const struct metrics *metrics = &sources[s].metrics;
		size_t end = s == source ? metric : metrics->count;

		for (size_t i = 0; i < end; i++)
			if (same_family(&metrics->list[i], wanted))
				return true;
	}
	return false;
}

static void put_family(const struct stats_source *sources, size_t count,
		       const struct metric *metric, FILE *to)
{
	char name[FAMILY_SIZE];

	family(metric, name);
	fprintf(to, "# TYPE %s %s\n", name, metric->grows ? "counter" : "gauge");
	if (metric->unit != METRIC_NONE)
		fprintf(to, "# UNIT %s %s\n", name, unit_name(metric));
	for (size_t s = 0; s < count; s++) {
		const struct metrics *metrics = &sources[s].metrics;

		for (size_t i = 0; i < metrics->count; i++)
			if (same_family(&metrics->list[i], metric))
				put_sample(&sources[s], &metrics->list[i], to);
	}
}

int stats_openmetrics(const struct stats_source *sources, size_t count, FILE *to)
{
	for (size_t s = 0; s < count; s++)
		for (size_t i = 0; i < sources[s].metrics.count; i++)
			if (!is_known(sources, s, i))
				put_family(sources, count, &sources[s].metrics.list[i], to);
	fputs("# EOF\n", to);
	return fflush(to) ? -errno : 0;
}
