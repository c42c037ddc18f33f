// SPDX-License-Identifier: Apache-2.0
/* Fields of an enclave for tables, templates and filters. */

#include "cli/enclave/view_fields.h"

#include "common/text.h"
#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>

#define FIELD_NAME_SIZE	16

static void put_id(const struct view *view, char *buf)
{
	(void)state_id(view->enclave.slot_uid, buf);
}

static void put_cid(const struct view *view, char *buf)
{
	if (view->enclave.cid)
		snprintf(buf, VIEW_FIELD_SIZE, "%" PRIu32, view->enclave.cid);
}

static void put_name(const struct view *view, char *buf)
{
	snprintf(buf, VIEW_FIELD_SIZE, "%s", view->name);
}

static void put_state(const struct view *view, char *buf)
{
	(void)view_state(view, buf);
}

static void put_uptime(const struct view *view, char *buf)
{
	unsigned long long s = view->uptime_s;

	if (!*view->started)
		return;
	if (s < 3600)
		snprintf(buf, VIEW_FIELD_SIZE, "%llum%02llus", s / 60, s % 60);
	else
		snprintf(buf, VIEW_FIELD_SIZE, "%lluh%02llum", s / 3600, s / 60 % 60);
}

static void put_exit(const struct view *view, char *buf)
{
	struct outcome outcome = view->outcome;

	if (!view_has_ended(view))
		return;
	/* Of a start that failed, there is only the text. */
	if (!outcome.reason)
		outcome.reason = ne_nl_exit_reason_name(NE_EMU_EXIT_REASON_NONE);
	(void)outcome_text(&outcome, buf);
}

/* The state as people would say it. */
static void put_status(const struct view *view, char *buf)
{
	char more[VIEW_FIELD_SIZE] = "";
	bool ended = view_has_ended(view);

	if (ended)
		put_exit(view, more);
	else
		put_uptime(view, more);
	/* For how long it has run says little then. */
	if (view->paused)
		*more = 0;
	snprintf(buf, VIEW_FIELD_SIZE, "%s%s%.900s", ended ? "ended" : view->paused ? "paused" :
		 *more ? "running" : "starting",
		 ended ? ": " : *more ? " " : "", more);
}

static void put_owner(const struct view *view, char *buf)
{
	const struct passwd *user;

	if (view->enclave.owner_uid == NE_NL_NO_OWNER)
		return;
	user = getpwuid(view->enclave.owner_uid);
	if (user)
		snprintf(buf, VIEW_FIELD_SIZE, "%s", user->pw_name);
	else
		snprintf(buf, VIEW_FIELD_SIZE, "%" PRIu32, view->enclave.owner_uid);
}

static void put_mode(const struct view *view, char *buf)
{
	if (view_debug(view))
		strcpy(buf, "debug");
}

/* In the order of the vCPUs, so not as ranges. */
static void put_cpus(const struct view *view, char *buf)
{
	size_t len = 0;

	for (size_t i = 0; i < view->enclave.nr_vcpus && len < VIEW_FIELD_SIZE; i++)
		len += snprintf(buf + len, VIEW_FIELD_SIZE - len, "%s%" PRIu32, i ? "," : "",
				view->enclave.vcpus[i]);
}

static void put_memory(const struct view *view, char *buf)
{
	snprintf(buf, VIEW_FIELD_SIZE, "%llu MiB", view->enclave.mem_size / MIB);
}

static void put_pid(const struct view *view, char *buf)
{
	if (view->enclave.owner_pid)
		snprintf(buf, VIEW_FIELD_SIZE, "%" PRIu32, view->enclave.owner_pid);
}

static void put_started(const struct view *view, char *buf)
{
	strcpy(buf, view->started);
}

static void put_booted(const struct view *view, char *buf)
{
	strcpy(buf, view->booted);
}

static void put_ended(const struct view *view, char *buf)
{
	strcpy(buf, view->ended);
}

static void put_image(const struct view *view, char *buf)
{
	snprintf(buf, VIEW_FIELD_SIZE, "%s", view_image(view));
}

static const struct {
	const char *name;
	void (*put)(const struct view *view, char *buf);
} fields[] = {
	{ "id", put_id },
	{ "cid", put_cid },
	{ "name", put_name },
	{ "state", put_state },
	{ "status", put_status },
	{ "owner", put_owner },
	{ "mode", put_mode },
	{ "cpus", put_cpus },
	{ "memory", put_memory },
	{ "uptime", put_uptime },
	{ "pid", put_pid },
	{ "exit", put_exit },
	{ "started", put_started },
	{ "booted", put_booted },
	{ "ended", put_ended },
	{ "image", put_image },
};

/* @len characters of @name. Return: the index, or ARRAY_SIZE(fields). */
static size_t find_field(const char *name, size_t len)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(fields) &&
	       (strlen(fields[i].name) != len || strncmp(fields[i].name, name, len) != 0))
		i++;
	return i;
}

static const char *field_value(const struct view *view, size_t i, char *buf)
{
	char text[VIEW_FIELD_SIZE] = "";

	fields[i].put(view, text);
	return text_clean(buf, VIEW_FIELD_SIZE, text, strlen(text));
}

const char *view_field(const struct view *view, const char *name, char *buf)
{
	size_t i = find_field(name, strlen(name));

	return i < ARRAY_SIZE(fields) ? field_value(view, i, buf) : NULL;
}

int view_format_check(const char *format, struct error *error)
{
	while ((format = strchr(format, '{'))) {
		size_t len = strcspn(++format, "}");

		if (*format == '{') {
			format++;
			continue;
		}
		if (!format[len] || find_field(format, len) == ARRAY_SIZE(fields))
			return error_set(error, -EINVAL, "--format: \"{%.*s\" is not a field; there "
					 "are {" "id}, for example, and: " VIEW_FIELDS,
					 (int)MIN(len + !!format[len], FIELD_NAME_SIZE), format);
		format += len;
	}
	return 0;
}

/* Return: what follows the escape. */
static const char *print_escape(const char *at, FILE *to)
{
	switch (*at) {
	case 't':
		fputc('\t', to);
		return at + 1;
	case 'n':
		fputc('\n', to);
		return at + 1;
	case '\\':
		fputc('\\', to);
		return at + 1;
	}
	fputc('\\', to);
	return at;
}

void view_format(const struct view *view, const char *format, FILE *to)
{
	char buf[VIEW_FIELD_SIZE];

	while (*format) {
		char c = *format++;
		size_t len;

		if (c == '\\') {
			format = print_escape(format, to);
		} else if (c != '{' || *format == '{') {
			format += c == '{';
			fputc(c, to);
		} else {
			len = strcspn(format, "}");
			fputs(field_value(view, find_field(format, len), buf), to);
			format += len + 1;
		}
	}
	fputc('\n', to);
}

#define FILTERS	"name, state, owner, cid and debug"

static const char *filter_value(const char *filter, const char *key)
{
	size_t len = strlen(key);

	return !strncmp(filter, key, len) && filter[len] == '=' ? filter + len + 1 : NULL;
}

static int owner_of(const char *value, uint64_t *ret)
{
	const struct passwd *user = getpwnam(value);

	if (!user)
		return parse_u64(value, 10, UINT32_MAX - 1, ret);
	*ret = user->pw_uid;
	return 0;
}

static bool state_known(const char *value)
{
	static const char *const names[] = {
		"init", "running", "stopped", "terminated",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcasecmp(names[i], value))
			return true;
	return false;
}

int view_filter_check(const char *filter, struct error *error)
{
	const char *value;
	uint64_t number;

	if (filter_value(filter, "name"))
		return 0;
	value = filter_value(filter, "state");
	if (value)
		return state_known(value) ? 0 :
			error_set(error, -EINVAL, "--filter: \"%s\" is not a state: init, running, "
				  "stopped or terminated", value);
	value = filter_value(filter, "owner");
	if (value)
		return !owner_of(value, &number) ? 0 :
			error_set(error, -EINVAL, "--filter: unknown user \"%s\"", value);
	value = filter_value(filter, "cid");
	if (value)
		return !parse_u64(value, 10, UINT32_MAX, &number) ? 0 :
			error_set(error, -EINVAL, "--filter: \"%s\" is not a CID", value);
	value = filter_value(filter, "debug");
	if (value)
		return !strcmp(value, "true") || !strcmp(value, "false") ? 0 :
			error_set(error, -EINVAL, "--filter: debug is true or false");
	return error_set(error, -EINVAL, "--filter: \"%s\" is not KEY=VALUE; keys are " FILTERS,
			 filter);
}

bool view_matches(const struct view *view, const char *filter)
{
	char state[VIEW_STATE_SIZE];
	const char *value;
	uint64_t number = 0;

	value = filter_value(filter, "name");
	if (value)
		return !strcmp(value, view->name);
	value = filter_value(filter, "state");
	if (value)
		return !strcasecmp(value, view_state(view, state));
	value = filter_value(filter, "owner");
	if (value)
		return !owner_of(value, &number) && number == view->enclave.owner_uid;
	value = filter_value(filter, "cid");
	if (value)
		return !parse_u64(value, 10, UINT32_MAX, &number) && number == view->enclave.cid;
	value = filter_value(filter, "debug");
	return value && !strcmp(value, view_debug(view) ? "true" : "false");
}
