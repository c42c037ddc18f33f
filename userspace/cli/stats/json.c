// SPDX-License-Identifier: Apache-2.0
/* The counters of enclaves as JSON. */

#include "cli/stats/formats.h"
#include "common/json_out.h"

#include <ctype.h>
#include <string.h>

#define KEY_SIZE	(METRIC_NAME_SIZE + 16)

/* "halt_poll_success_ns" becomes "HaltPollSuccessNs", as in all JSON of ours. */
static const char *pascal(const char *name, char key[KEY_SIZE])
{
	bool upper = true;
	char *to = key;

	for (; *name; name++) {
		if (*name != '_')
			*to++ = upper ? toupper((unsigned char)*name) : *name;
		upper = *name == '_';
	}
	*to = '\0';
	return key;
}

static void put_value(struct json_out *out, const struct metric *metric)
{
	char key[KEY_SIZE];

	pascal(metric->name, key);
	if (metric->unit == METRIC_NANOSECONDS && !strstr(metric->name, "_ns"))
		strcat(key, "Ns");
	if (metric->unit == METRIC_BYTES && !strstr(metric->name, "bytes"))
		strcat(key, "Bytes");
	json_out_u64(out, key, metric->value & INT64_MAX);
}

static void put_group(struct json_out *out, const struct metrics *metrics, const char *group,
		      unsigned int index)
{
	for (size_t i = 0; i < metrics->count; i++)
		if (!strcmp(metrics->list[i].group, group) && metrics->list[i].index == index)
			put_value(out, &metrics->list[i]);
}

static void put_vcpus(struct json_out *out, const struct stats_source *source)
{
	json_out_array(out, "Vcpus");
	for (size_t i = 0; i < source->view.enclave.nr_vcpus; i++) {
		json_out_object(out, NULL);
		put_group(out, &source->metrics, "vcpu", i);
		json_out_end(out);
	}
	json_out_end(out);
}

static void put_source(struct json_out *out, const struct stats_source *source)
{
	static const char *const groups[] = { "vm", "vsock", "nsm", "console" };
	char id[STATE_ID_SIZE], key[KEY_SIZE];

	json_out_document(out);
	json_out_str(out, "EnclaveID", state_id(source->view.enclave.slot_uid, id));
	json_out_str(out, "EnclaveName", *source->view.name ? source->view.name : NULL);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		json_out_object(out, pascal(groups[i], key));
		put_group(out, &source->metrics, groups[i], 0);
		json_out_end(out);
	}
	put_vcpus(out, source);
	json_out_bool(out, "Emulated", true);
	json_out_end(out);
}

int stats_json(const struct stats_source *sources, size_t count, FILE *to)
{
	struct json_out out = {};

	json_out_array(&out, NULL);
	for (size_t i = 0; i < count; i++)
		put_source(&out, &sources[i]);
	return json_out_print(&out, to, 0);
}
