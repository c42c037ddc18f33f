// SPDX-License-Identifier: Apache-2.0
/* Print what the service "trace" of a VMM sends: lines of JSON, each an object. */

#include "cli/enclave/trace_text.h"

#include "cli/host/json_in.h"
#include "common/clock.h"
#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static void print_str(FILE *to, const json_t *event, const char *key)
{
	const char *text = json_in_str(event, key);

	text_print(to, text, strlen(text), "");
}

static double in_seconds(const json_t *event, const char *key)
{
	return (double)json_in_u64(event, key) / USEC_PER_SEC;
}

/* A field of a request, if it has one. */
static void print_field(FILE *to, const json_t *event, const char *key, const char *name,
			const char *unit, const char **separator)
{
	if (!json_in_has(event, key))
		return;
	if (json_is_null(json_object_get(event, key)))
		fprintf(to, "%s%s=none", *separator, name);
	else
		fprintf(to, "%s%s=%" PRIu64 "%s", *separator, name, json_in_u64(event, key), unit);
	*separator = ", ";
}

static void print_nsm(FILE *to, const json_t *event)
{
	static const struct {
		const char *key, *name, *unit;
	} fields[] = {
		{ "Index", "index", "" }, { "Range", "range", "" },
		{ "WaitStatus", "status", "" }, { "DataBytes", "data", " bytes" },
		{ "UserDataBytes", "user_data", " bytes" }, { "NonceBytes", "nonce", " bytes" },
		{ "PublicKeyBytes", "public_key", " bytes" },
	};
	const char *separator = "";

	if (json_is_string(json_object_get(event, "Operation")))
		print_str(to, event, "Operation");
	else
		fputs("request that cannot be decoded", to);
	fputc('(', to);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		print_field(to, event, fields[i].key, fields[i].name, fields[i].unit, &separator);
	fputs(") = ", to);
	if (json_is_string(json_object_get(event, "Error")))
		print_str(to, event, "Error");
	else
		fprintf(to, "ok, %" PRIu64 " bytes", json_in_u64(event, "ResponseBytes"));
	fprintf(to, " <%.6f>", in_seconds(event, "DurationUs"));
}

static void print_vsock(FILE *to, const json_t *event)
{
	const char *what = json_in_str(event, "Event");

	fprintf(to, "guest:%" PRIu64 " %" PRIu64 ":%" PRIu64 " ", json_in_u64(event, "GuestPort"),
		json_in_u64(event, "PeerCID"), json_in_u64(event, "PeerPort"));
	print_str(to, event, "Event");
	fputs(" by ", to);
	print_str(to, event, "By");
	if (json_in_has(event, "Byte"))
		fprintf(to, ": 0x%02" PRIx64, json_in_u64(event, "Byte"));
	else if (strcmp(what, "request") && strcmp(what, "open"))
		fprintf(to, ", %" PRIu64 " bytes to parent, %" PRIu64 " to guest <%.6f>",
			json_in_u64(event, "BytesToParent"), json_in_u64(event, "BytesToGuest"),
			in_seconds(event, "DurationUs"));
}

static void print_device(FILE *to, const json_t *event)
{
	const json_t *status = json_object_get(event, "Status");
	const json_t *bit;
	size_t i;

	print_str(to, event, "Device");
	fputc(' ', to);
	print_str(to, event, "Event");
	json_array_foreach(status, i, bit) {
		const char *name = json_is_string(bit) ? json_string_value(bit) : "?";

		fputs(i ? "|" : " ", to);
		text_print(to, name, strlen(name), "");
	}
	if (json_in_has(event, "Text")) {
		fputs(": ", to);
		print_str(to, event, "Text");
	}
}

static void print_exit(FILE *to, const json_t *event)
{
	fprintf(to, "%" PRIu64 " unknown ports, %" PRIu64 " unknown addresses, %" PRIu64
		" interrupted, in %.1f s", json_in_u64(event, "UnknownPorts"),
		json_in_u64(event, "UnknownAddresses"), json_in_u64(event, "Interrupted"),
		in_seconds(event, "PeriodUs"));
}

static void print_console(FILE *to, const json_t *event)
{
	fputc('"', to);
	print_str(to, event, "Text");
	fputc('"', to);
}

static void print_begin(FILE *to, const json_t *event)
{
	print_str(to, event, "Time");
}

static void print_lost(FILE *to, const json_t *event)
{
	fprintf(to, "%" PRIu64 " events: they came too fast", json_in_u64(event, "Count"));
}

static void print_end(FILE *to, const json_t *event)
{
	print_str(to, event, "Reason");
	fputs(": ", to);
	print_str(to, event, "Text");
}

static void print_text(FILE *to, const json_t *event)
{
	static const struct {
		const char *kind;
		void (*print)(FILE *to, const json_t *event);
	} kinds[] = {
		{ "begin", print_begin }, { "nsm", print_nsm }, { "vsock", print_vsock },
		{ "heartbeat", print_vsock }, { "device", print_device }, { "exit", print_exit },
		{ "console", print_console }, { "lost", print_lost }, { "end", print_end },
	};
	const char *kind = json_in_str(event, "Kind");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].kind, kind))
			continue;
		fprintf(to, "%12.6f %-9s ", in_seconds(event, "AtUs"), kind);
		kinds[i].print(to, event);
		fputc('\n', to);
	}
}

/* Also JSON is written anew, so that its form does not depend on the VMM. */
static int print_line(struct trace_text_out *out, size_t len, struct error *error)
{
	json_t *event = json_loadb(out->line, len, JSON_REJECT_DUPLICATES, NULL);
	int err = 0;

	if (!json_is_object(event))
		err = error_set(error, -EPROTO, "the enclave's VMM sent what is not an event");
	else if (!out->json)
		print_text(out->to, event);
	else if (!json_dumpf(event, out->to, JSON_ENSURE_ASCII))
		fputc('\n', out->to);
	json_decref(event);
	return err;
}

int trace_text_add(struct trace_text_out *out, const char *bytes, size_t len,
		   struct error *error)
{
	int err = 0;

	for (size_t i = 0; i < len && !err; i++) {
		if (bytes[i] == '\n') {
			err = print_line(out, out->len, error);
			out->len = 0;
		} else if (out->len == sizeof(out->line)) {
			err = error_set(error, -EPROTO, "the enclave's VMM sent too long a line");
		} else {
			out->line[out->len++] = bytes[i];
		}
	}
	return err;
}
