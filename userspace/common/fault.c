// SPDX-License-Identifier: Apache-2.0
/* Faults that an enclave has on request: their settings, and the events that they hit. */

#include "common/fault.h"

#include "common/clock.h"
#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define SEED_NAME	"fault-seed"

/* An hour: longer than any client waits. */
#define TIME_MAX_MS	UINT64_C(3600000)
/* Ten years: the host's time stays between 1970 and 2106, the end of kvmclock's seconds. */
#define SKEW_MAX_MS	(UINT64_C(3650) * 86400000)
/* Larger than all images. */
#define OFFSET_MAX	(64 * GIB)
/* Far more than a channel moves in a second. */
#define SIZE_MAX_BYTES	(64 * GIB)
/* Errors that a driver may return to programs are below this number. */
#define ERRNO_MAX	511

/* Linux has no port 2^32 - 1. */
#define PORT_MAX	(UINT32_MAX - 1)

enum value_kind {
	VALUE_ON, VALUE_WORD, VALUE_TIME, VALUE_SIZE, VALUE_OFFSET, VALUE_ERRNO, VALUE_SKEW
};

enum option {
	OPTION_P, OPTION_COUNT, OPTION_AFTER, OPTION_AT, OPTION_OP, OPTION_FROM, OPTION_PORT,
	NR_OPTIONS
};

#define OPTION_BIT(option)	(1U << (option))
#define OPTIONS_EVENTS \
	(OPTION_BIT(OPTION_P) | OPTION_BIT(OPTION_COUNT) | OPTION_BIT(OPTION_AFTER))
#define OPTIONS_NSM	(OPTIONS_EVENTS | OPTION_BIT(OPTION_OP))
#define OPTIONS_MACHINE	(OPTIONS_EVENTS | OPTION_BIT(OPTION_AT))
#define OPTIONS_VSOCK	(OPTIONS_EVENTS | OPTION_BIT(OPTION_FROM) | OPTION_BIT(OPTION_PORT))

/* Room for the words of a list in an error. */
#define LIST_SIZE	200
/* Room for a part of the value in an error. */
#define QUOTE_SIZE	48

static const char *const option_names[NR_OPTIONS] = {
	[OPTION_P] = "p", [OPTION_COUNT] = "count", [OPTION_AFTER] = "after",
	[OPTION_AT] = "at", [OPTION_OP] = "op", [OPTION_FROM] = "from", [OPTION_PORT] = "port",
};

/* Words are numbered from 0; "" has no word. Lists end with NULL. */
static const char *const error_words[] = {
	"", "InvalidArgument", "InvalidIndex", "InvalidResponse", "ReadOnlyIndex",
	"InvalidOperation", "BufferTooSmall", "InputTooLarge", "InternalError", NULL
};
static const char *const entropy_words[] = { "empty", "error", NULL };
static const char *const heartbeat_words[] = { "missing", "wrong", "twice", NULL };
static const char *const crash_words[] = { "nmi", "triple-fault", NULL };
static const char *const when_words[] = { "", "nsm-request", "heartbeat", "connection", NULL };
static const char *const from_words[] = { "", "guest", "host", NULL };
/* By AWS's numbers, and 1. */
static const char *const op_words[] = {
	"", "DescribePCR", "ExtendPCR", "LockPCR", "LockPCRs", "DescribeNSM", "Attestation",
	"GetRandom", NULL
};

static const struct {
	const char *name;
	enum value_kind kind;
	const char *const *words;
	unsigned int options;
	bool at_start;
} table[NR_FAULTS] = {
	[FAULT_NSM_ERROR] = { "nsm-error", VALUE_WORD, error_words, OPTIONS_NSM },
	[FAULT_NSM_LATENCY] = { "nsm-latency", VALUE_TIME, NULL, OPTIONS_NSM },
	[FAULT_NSM_HANG] = { "nsm-hang", VALUE_ON, NULL, OPTIONS_NSM },
	[FAULT_NSM_ENTROPY] = { "nsm-entropy", VALUE_WORD, entropy_words, OPTIONS_EVENTS },
	[FAULT_HEARTBEAT] = { "heartbeat", VALUE_WORD, heartbeat_words, OPTIONS_EVENTS },
	[FAULT_HEARTBEAT_DELAY] = { "heartbeat-delay", VALUE_TIME, NULL, OPTIONS_EVENTS },
	[FAULT_VSOCK_REFUSE] = { "vsock-refuse", VALUE_ON, NULL, OPTIONS_VSOCK },
	[FAULT_VSOCK_RESET] = { "vsock-reset", VALUE_SIZE, NULL, OPTIONS_VSOCK },
	[FAULT_VSOCK_DELAY] = { "vsock-delay", VALUE_TIME, NULL, OPTIONS_VSOCK },
	[FAULT_VSOCK_RATE] = { "vsock-rate", VALUE_SIZE, NULL, OPTIONS_VSOCK },
	[FAULT_CRASH] = { "crash", VALUE_WORD, crash_words, OPTIONS_MACHINE },
	[FAULT_STALL] = { "stall", VALUE_TIME, NULL, OPTIONS_MACHINE },
	[FAULT_START_ERROR] = { "start-error", VALUE_ERRNO, NULL, 0, true },
	[FAULT_IMAGE_FLIP] = { "image-flip", VALUE_OFFSET, NULL, 0, true },
	[FAULT_CLOCK_SKEW] = { "clock-skew", VALUE_SKEW, NULL, 0, true },
};

/* A part of a value, which does not end with a NUL. */
struct part {
	const char *text;
	size_t len;
};

static bool part_is(const struct part *part, const char *word)
{
	return strlen(word) == part->len && !memcmp(word, part->text, part->len);
}

/* Return: index of the word or -1. */
static int word_find(const char *const *words, const struct part *part)
{
	for (int i = 0; part->len && words[i]; i++)
		if (part_is(part, words[i]))
			return i;
	return -1;
}

static int word_refuse(const char *const *words, const struct part *part, struct error *error)
{
	char list[LIST_SIZE] = "", quote[QUOTE_SIZE];

	for (size_t i = 0; words[i]; i++) {
		size_t len = strlen(list);

		if (*words[i])
			snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "", words[i]);
	}
	return error_set(error, -EINVAL, "\"%s\" is none of: %s",
			 text_clean(quote, sizeof(quote), part->text, part->len), list);
}

/* Parse the decimal digits of @part, of which the last @tail characters are something else. */
static int part_number(const struct part *part, size_t tail, uint64_t max, uint64_t *ret)
{
	char digits[24];

	if (part->len <= tail || part->len - tail >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, part->text, part->len - tail);
	digits[part->len - tail] = 0;
	return parse_u64(digits, 10, max, ret);
}

/* Parse a number with a unit. Return: 0 or -EINVAL. */
static int part_time(const struct part *part, uint64_t max_ms, uint64_t *ret_ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	uint64_t number;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t len = strlen(units[i].unit);

		if (part->len <= len ||
		    memcmp(part->text + part->len - len, units[i].unit, len) ||
		    part_number(part, len, max_ms / units[i].ms, &number))
			continue;
		*ret_ms = number * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

static int parse_time(const struct part *part, uint64_t *ret, struct error *error)
{
	if (!part_time(part, TIME_MAX_MS, ret))
		return 0;
	return error_set(error, -EINVAL, "not a time such as 200ms, 5s or 2m, up to an hour");
}

static int parse_skew(const struct part *part, uint64_t *ret, struct error *error)
{
	struct part time = { part->text + 1, part->len - 1 };
	char sign = part->len ? *part->text : 0;

	if ((sign != '+' && sign != '-') || part_time(&time, SKEW_MAX_MS, ret) || !*ret)
		return error_set(error, -EINVAL,
				 "not a difference such as +5m, -1h or +400d, up to ten years");
	if (sign == '-')
		*ret = -*ret;
	return 0;
}

static int parse_size(const struct part *part, uint64_t *ret, struct error *error)
{
	char unit = part->len ? part->text[part->len - 1] : 0;
	uint64_t factor = unit == 'K' ? KIB : unit == 'M' ? MIB : 1;

	if (part_number(part, factor > 1, SIZE_MAX_BYTES / factor, ret) || !*ret)
		return error_set(error, -EINVAL, "not a number of bytes such as 4096, 64K or 1M");
	*ret *= factor;
	return 0;
}

static int parse_errno(const struct part *part, uint64_t *ret, struct error *error)
{
	for (int i = 1; i <= ERRNO_MAX; i++) {
		const char *name = strerrorname_np(i);

		if (name && part_is(part, name)) {
			*ret = i;
			return 0;
		}
	}
	if (!part_number(part, 0, ERRNO_MAX, ret) && *ret)
		return 0;
	return error_set(error, -EINVAL, "neither an error such as ENOMEM nor a number up to %d",
			 ERRNO_MAX);
}

static int parse_value(enum fault_id id, const struct part *part, uint64_t *ret,
		       struct error *error)
{
	int word;

	switch (table[id].kind) {
	case VALUE_ON:
		*ret = 0;
		return part_is(part, "on") ? 0 : error_set(error, -EINVAL, "neither on nor none");
	case VALUE_WORD:
		word = word_find(table[id].words, part);
		if (word < 0)
			return word_refuse(table[id].words, part, error);
		*ret = word;
		return 0;
	case VALUE_TIME:
		return parse_time(part, ret, error);
	case VALUE_SIZE:
		return parse_size(part, ret, error);
	case VALUE_OFFSET:
		if (!part_number(part, 0, OFFSET_MAX, ret))
			return 0;
		return error_set(error, -EINVAL, "not a number of bytes");
	case VALUE_ERRNO:
		return parse_errno(part, ret, error);
	case VALUE_SKEW:
		return parse_skew(part, ret, error);
	}
	return -EINVAL;
}

/* Parse "1" or "0." and up to six digits. */
static int parse_probability(const struct part *part, uint32_t *ret, struct error *error)
{
	char digits[] = "000000";
	uint64_t parts = 0;

	if (part_is(part, "1")) {
		parts = FAULT_ALWAYS;
	} else if (part->len > 2 && part->len <= 2 + strlen(digits) &&
		 !memcmp(part->text, "0.", 2)) {
		memcpy(digits, part->text + 2, part->len - 2);
		if (parse_u64(digits, 10, FAULT_ALWAYS, &parts))
			parts = 0;
	}
	if (!parts)
		return error_set(error, -EINVAL,
				 "p: not a probability from 0.000001 to 1 such as 0.25");
	*ret = parts;
	return 0;
}

static int parse_count(const struct part *part, const char *name, uint32_t *ret,
		       struct error *error)
{
	uint64_t number;

	if (part_number(part, 0, UINT32_MAX, &number) || !number)
		return error_set(error, -EINVAL, "%s: not a number of events", name);
	*ret = number;
	return 0;
}

static int parse_word(const struct part *part, const char *const *words, uint8_t *ret,
		      struct error *error)
{
	int word = word_find(words, part);

	if (word < 0)
		return word_refuse(words, part, error);
	*ret = word;
	return 0;
}

static int parse_at(const struct part *part, struct fault *fault, struct error *error)
{
	int word = word_find(when_words, part);
	uint64_t ms;

	if (word < 0 && parse_time(part, &ms, NULL))
		return error_set(error, -EINVAL, "at: neither a time such as 30s nor nsm-request, "
				 "heartbeat or connection");
	fault->at = word < 0 ? FAULT_AT_TIME : word;
	fault->at_ms = word < 0 ? ms : 0;
	return 0;
}

static int parse_port(const struct part *part, uint32_t *ret, struct error *error)
{
	uint64_t number;

	if (part_number(part, 0, PORT_MAX, &number) || !number)
		return error_set(error, -EINVAL, "port: not a port of vsock");
	*ret = number;
	return 0;
}

/* Return: number of the option, or NR_OPTIONS. @part becomes its value. */
static enum option take_option(struct part *part)
{
	const char *equals = memchr(part->text, '=', part->len);
	struct part name = { part->text, equals ? (size_t)(equals - part->text) : part->len };
	enum option option;

	for (option = 0; option < NR_OPTIONS; option++)
		if (equals && part_is(&name, option_names[option]))
			break;
	if (option < NR_OPTIONS)
		*part = (struct part){ equals + 1, part->len - name.len - 1 };
	return option;
}

static int parse_option(enum fault_id id, struct part part, unsigned int *seen,
			struct fault *fault, struct error *error)
{
	char quote[QUOTE_SIZE];
	enum option option;

	(void)text_clean(quote, sizeof(quote), part.text, part.len);
	option = take_option(&part);
	if (option == NR_OPTIONS || !(table[id].options & OPTION_BIT(option)))
		return error_set(error, -EINVAL, "\"%s\" is not an option of this fault", quote);
	if (*seen & OPTION_BIT(option))
		return error_set(error, -EINVAL, "option %s occurs twice", option_names[option]);
	*seen |= OPTION_BIT(option);
	switch (option) {
	case OPTION_P:
		return parse_probability(&part, &fault->parts, error);
	case OPTION_COUNT:
		return parse_count(&part, "count", &fault->count, error);
	case OPTION_AFTER:
		return parse_count(&part, "after", &fault->after, error);
	case OPTION_AT:
		return parse_at(&part, fault, error);
	case OPTION_OP:
		return parse_word(&part, op_words, &fault->op, error);
	case OPTION_FROM:
		return parse_word(&part, from_words, &fault->from, error);
	case OPTION_PORT:
		return parse_port(&part, &fault->port, error);
	case NR_OPTIONS:
		break;
	}
	return -EINVAL;
}

/* Take the text up to the next colon. @at becomes NULL after the last part. */
static struct part next_part(const char **at)
{
	struct part part = { *at, strcspn(*at, ":") };

	*at = part.text[part.len] ? part.text + part.len + 1 : NULL;
	return part;
}

static int parse_fault(enum fault_id id, const char *text, struct fault *ret,
		       struct error *error)
{
	struct fault fault = { .set = true, .parts = FAULT_ALWAYS };
	struct part part = next_part(&text);
	unsigned int seen = 0;
	int err;

	if (part_is(&part, "none") && !text) {
		*ret = (struct fault){ 0 };
		return 0;
	}
	err = parse_value(id, &part, &fault.value, error);
	while (!err && text)
		err = parse_option(id, next_part(&text), &seen, &fault, error);
	if (!err)
		*ret = fault;
	return err;
}

const char *fault_setting_name(size_t i)
{
	if (i < NR_FAULTS)
		return table[i].name;
	return i == NR_FAULTS ? SEED_NAME : NULL;
}

bool fault_setting_at_start(size_t i)
{
	return i < NR_FAULTS && table[i].at_start;
}

int fault_setting_parse(struct fault_settings *settings, size_t i, const char *value,
			struct error *error)
{
	int err;

	if (i < NR_FAULTS)
		err = parse_fault(i, value, &settings->faults[i], error);
	else if (parse_u64(value, 10, UINT64_MAX, &settings->seed))
		err = error_set(error, -EINVAL, "not a number from 0 to %" PRIu64, UINT64_MAX);
	else
		err = 0;
	if (!err)
		settings->changes++;
	return err;
}

__attribute__((format(printf, 2, 3)))
static void append(char value[FAULT_VALUE_SIZE], const char *fmt, ...)
{
	size_t len = strlen(value);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(value + len, FAULT_VALUE_SIZE - len, fmt, args);
	va_end(args);
}

static void format_time(uint64_t ms, char *to)
{
	if (ms % MSEC_PER_SEC)
		append(to, "%" PRIu64 "ms", ms);
	else
		append(to, "%" PRIu64 "s", ms / MSEC_PER_SEC);
}

static void format_value(enum fault_id id, uint64_t value, char *to)
{
	const char *name;

	switch (table[id].kind) {
	case VALUE_ON:
		append(to, "on");
		break;
	case VALUE_WORD:
		append(to, "%s", table[id].words[value]);
		break;
	case VALUE_TIME:
		format_time(value, to);
		break;
	case VALUE_SIZE:
	case VALUE_OFFSET:
		append(to, "%" PRIu64, value);
		break;
	case VALUE_ERRNO:
		name = strerrorname_np(value);
		if (name)
			append(to, "%s", name);
		else
			append(to, "%" PRIu64, value);
		break;
	case VALUE_SKEW:
		append(to, "%c", (int64_t)value < 0 ? '-' : '+');
		format_time((int64_t)value < 0 ? -value : value, to);
		break;
	}
}

void fault_setting_format(const struct fault_settings *settings, size_t i,
			  char value[FAULT_VALUE_SIZE])
{
	const struct fault *fault;

	*value = 0;
	if (i >= NR_FAULTS) {
		append(value, "%" PRIu64, settings->seed);
		return;
	}
	fault = &settings->faults[i];
	if (!fault->set) {
		append(value, "none");
		return;
	}
	format_value(i, fault->value, value);
	if (fault->at) {
		append(value, ":at=%s", when_words[fault->at]);
	} else if (fault->at_ms) {
		append(value, ":at=");
		format_time(fault->at_ms, value);
	}
	if (fault->op)
		append(value, ":op=%s", op_words[fault->op]);
	if (fault->from)
		append(value, ":from=%s", from_words[fault->from]);
	if (fault->port)
		append(value, ":port=%" PRIu32, fault->port);
	if (fault->parts != FAULT_ALWAYS)
		append(value, ":p=0.%06" PRIu32, fault->parts);
	if (fault->count)
		append(value, ":count=%" PRIu32, fault->count);
	if (fault->after)
		append(value, ":after=%" PRIu32, fault->after);
}

void fault_settings_print(const struct fault_settings *settings, char text[FAULT_TEXT_SIZE])
{
	char value[FAULT_VALUE_SIZE];
	size_t len = 0;

	*text = 0;
	for (size_t i = 0; i < NR_FAULT_SETTINGS; i++) {
		if (i < NR_FAULTS ? !settings->faults[i].set : !settings->seed)
			continue;
		fault_setting_format(settings, i, value);
		len += snprintf(text + len, FAULT_TEXT_SIZE - len, "%s%s=%s", len ? " " : "",
				fault_setting_name(i), value);
	}
}

static int scan_one(struct fault_settings *settings, const char *text)
{
	const char *value = strchr(text, '=');

	for (size_t i = 0; value && i < NR_FAULT_SETTINGS; i++) {
		const char *name = fault_setting_name(i);

		if (strlen(name) == (size_t)(value - text) &&
		    !memcmp(name, text, value - text))
			return fault_setting_parse(settings, i, value + 1, NULL);
	}
	return -EINVAL;
}

int fault_settings_scan(struct fault_settings *settings, const char *text, size_t len)
{
	struct fault_settings parsed = { 0 };
	char copy[FAULT_TEXT_SIZE], *at = copy;

	if (len >= sizeof(copy) || memchr(text, 0, len))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = 0;
	for (bool more = len; more;) {
		char *end = at + strcspn(at, " ");

		more = *end;
		*end = 0;
		if (scan_one(&parsed, at))
			return -EINVAL;
		at = end + 1;
	}
	*settings = parsed;
	return 0;
}

bool fault_settings_any(const struct fault_settings *settings)
{
	for (size_t i = 0; i < NR_FAULTS; i++)
		if (settings->faults[i].set)
			return true;
	return false;
}

/* Public domain algorithm of Sebastiano Vigna: every state is as good as any other. */
uint64_t fault_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void fault_run_init(struct fault_run *run, const struct fault_settings *settings,
		    enum fault_id id)
{
	uint64_t seed = settings->seed;

	/* Each fault has its own sequence, which does not depend on the events of others. */
	for (unsigned int i = 0; i <= id; i++)
		*run = (struct fault_run){ .random = fault_random(&seed) };
}

/* Does an event count for this fault? */
static bool fault_selects(const struct fault *fault, const struct fault_event *event)
{
	return fault->set && fault->at == event->at && (!fault->op || fault->op == event->op) &&
	       (!fault->from || fault->from == event->from) &&
	       (!fault->port || fault->port == event->port);
}

bool fault_run_next(struct fault_run *run, const struct fault *fault,
		    const struct fault_event *event)
{
	if (!fault_selects(fault, event))
		return false;
	if (run->seen < fault->after) {
		run->seen++;
		return false;
	}
	if (fault->count && run->hits == fault->count)
		return false;
	if (fault->parts < FAULT_ALWAYS &&
	    fault_random(&run->random) % FAULT_ALWAYS >= fault->parts)
		return false;
	if (fault->count)
		run->hits++;
	return true;
}
