// SPDX-License-Identifier: Apache-2.0
/* The counters of an enclave: reading the lines of its VMM. */

#include "cli/stats/metrics.h"

#include "cli/enclave/vmm.h"
#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Far more than a VMM with the most vCPUs reports. */
#define TEXT_MAX	(4 * MIB)
#define METRICS_MAX	65536
#define WORDS		6
#define WORD_SIZE	64

void metrics_free(struct metrics *metrics)
{
	free(metrics->list);
	*metrics = (struct metrics){};
}

static int add(struct metrics *metrics, const struct metric *metric)
{
	struct metric *grown;

	if (metrics->count == METRICS_MAX)
		return -EPROTO;
	grown = reallocarray(metrics->list, metrics->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	metrics->list = grown;
	grown[metrics->count++] = *metric;
	return 0;
}

/* Names become parts of other formats. */
static bool is_name(const char *word, size_t size)
{
	size_t len = strlen(word);

	if (!len || len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)word[i]) && !isdigit((unsigned char)word[i]) &&
		    word[i] != '_')
			return false;
	return true;
}

static int parse_unit(const char *word, enum metric_unit *ret)
{
	static const char *const names[] = {
		[METRIC_NONE] = "none",
		[METRIC_BYTES] = "bytes",
		[METRIC_NANOSECONDS] = "nanoseconds",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i], word)) {
			*ret = i;
			return 0;
		}
	}
	return -EPROTO;
}

static int parse_words(char words[WORDS][WORD_SIZE], struct metric *metric)
{
	uint64_t index;

	if (!is_name(words[0], sizeof(metric->group)) || !is_name(words[2], sizeof(metric->name)))
		return -EPROTO;
	strcpy(metric->group, words[0]);
	strcpy(metric->name, words[2]);
	if (parse_u64(words[1], 10, UINT16_MAX, &index) || parse_unit(words[4], &metric->unit) ||
	    parse_u64(words[5], 10, UINT64_MAX, &metric->value))
		return -EPROTO;
	metric->index = index;
	metric->grows = !strcmp(words[3], "counter");
	return metric->grows || !strcmp(words[3], "gauge") ? 0 : -EPROTO;
}

static int parse_line(const char *line, size_t len, struct metric *metric)
{
	char words[WORDS][WORD_SIZE];

	for (int i = 0; i < WORDS; i++) {
		const char *end = memchr(line, ' ', len);
		size_t size = end ? (size_t)(end - line) : len;

		if (size >= WORD_SIZE || !end != (i == WORDS - 1))
			return -EPROTO;
		memcpy(words[i], line, size);
		words[i][size] = '\0';
		line += size + 1;
		len -= MIN(size + 1, len);
	}
	return parse_words(words, metric);
}

int metrics_parse(const char *text, struct metrics *ret)
{
	struct metrics metrics = {};
	int err = 0;

	while (!err && *text != '\n') {
		const char *end = strchr(text, '\n');
		struct metric metric;

		err = end ? parse_line(text, end - text, &metric) : -EPROTO;
		if (!err)
			err = add(&metrics, &metric);
		text = end + 1;
	}
	if (err)
		metrics_free(&metrics);
	*ret = metrics;
	return err;
}

uint64_t metrics_sum(const struct metrics *metrics, const char *group, const char *name)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < metrics->count; i++)
		if (!strcmp(metrics->list[i].group, group) && !strcmp(metrics->list[i].name, name))
			sum += metrics->list[i].value;
	return sum;
}

/* Receive one set: everything up to an empty line. */
static int receive_set(struct session_client *session, char **ret, struct error *error)
{
	__cleanup_free char *text = NULL;
	size_t len = 0;

	for (;;) {
		char *grown = realloc(text, len + 4096 + 1);
		ssize_t n;

		if (!grown || len > TEXT_MAX) {
			free(grown ? NULL : text);
			text = grown;
			return error_set(error, -ENOMEM, "out of memory");
		}
		text = grown;
		n = session_wait(session, text + len, 4096, error);
		if (n <= 0)
			return n ? n : error_set(error, -EPROTO, "the VMM reports nothing");
		len += n;
		text[len] = '\0';
		if ((len >= 2 && !strcmp(text + len - 2, "\n\n")) || (len == 1 && *text == '\n'))
			break;
	}
	*ret = text;
	text = NULL;
	return 0;
}

/* What the kernel knows about the VMM's threads, if it can be seen from here. */
static int add_waits(struct stats_source *source)
{
	struct metric metric = {
		.group = "vcpu", .name = "steal", .grows = true, .unit = METRIC_NANOSECONDS,
	};
	int err = 0;

	for (size_t i = 0; !err && source->pid && i < source->view.enclave.nr_vcpus; i++) {
		metric.index = i;
		if (!vmm_vcpu_waited_ns(source->pid, i, &metric.value))
			err = add(&source->metrics, &metric);
	}
	return err;
}

static int read_set(struct stats_source *source, struct error *error)
{
	__cleanup_free char *text = NULL;
	int err = receive_set(&source->session, &text, error);

	if (err)
		return err;
	metrics_free(&source->metrics);
	err = metrics_parse(text, &source->metrics);
	if (!err)
		err = add_waits(source);
	if (err)
		return error_set(error, err, "%s", err == -ENOMEM ? "out of memory" :
				 "the enclave's VMM is of another version");
	return 0;
}

int stats_source_open(struct stats_source *source, const struct view *view, struct error *error)
{
	int err;

	*source = (struct stats_source){
		.view = *view, .session = { .read_fd = -1, .write_fd = -1 },
	};
	err = session_open(view->enclave.slot_uid, "stats", "", &source->session, error);
	if (!err) {
		source->pid = vmm_find(view->enclave.slot_uid);
		err = read_set(source, error);
	}
	return err;
}

int stats_source_read(struct stats_source *source, struct error *error)
{
	int err = session_write(&source->session, "\n", 1, error);

	return err ? err : read_set(source, error);
}

void stats_source_close(struct stats_source *source)
{
	session_close(&source->session);
	metrics_free(&source->metrics);
	view_done(&source->view);
}
