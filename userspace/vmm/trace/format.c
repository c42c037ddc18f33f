// SPDX-License-Identifier: Apache-2.0
/*
 * Events as lines of JSON. The library for JSON cannot be used: to begin with, it opens a file,
 * which a sealed process must not do.
 */

#include "vmm/trace/trace.h"

#include "common/clock.h"
#include "common/json_out.h"
#include "common/text.h"
#include "common/util.h"
#include "nsm/request.h"

#include <inttypes.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <stdarg.h>
#include <string.h>

#define NSEC_PER_USEC	(NSEC_PER_SEC / USEC_PER_SEC)
/* "\u001b"; each byte of a text becomes one of these at most. */
#define ESCAPE_SIZE	6
#define ESCAPED_SIZE	(ESCAPE_SIZE * TRACE_TEXT_SIZE + 1)
/* U+FFFD, for what is not UTF-8, and for NUL, which many programs do not expect. */
#define REPLACEMENT	0xfffd

/** struct line - a line that is being written; what does not fit is left out */
struct line {
	char *text;
	size_t len;
};

__attribute__((format(printf, 2, 3)))
static void add(struct line *line, const char *fmt, ...)
{
	size_t room = TRACE_LINE_MAX - line->len;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line->text + line->len, room, fmt, args);
	va_end(args);
	if (len > 0)
		line->len += MIN((size_t)len, room - 1);
}

static void add_size(struct line *line, const char *key, int64_t value)
{
	if (value < 0)
		add(line, ", \"%s\": null", key);
	else
		add(line, ", \"%s\": %" PRId64, key, value);
}

void trace_escape(char *to, size_t size, const char *text, size_t len)
{
	size_t used = 0;

	for (size_t i = 0, n; i < len; i += n ? n : 1) {
		unsigned char c = text[i];
		bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
		size_t need;

		n = text_char(text + i, len - i);
		need = n > 1 || plain ? n : ESCAPE_SIZE;
		if (used + need >= size)
			break;
		if (need == n)
			memcpy(to + used, text + i, n);
		else
			snprintf(to + used, size - used, "\\u%04x", n && c ? c : REPLACEMENT);
		used += need;
	}
	to[used] = '\0';
}

const char *trace_kind_name(enum trace_kind kind)
{
	static const char *const names[NR_TRACE_KINDS] = {
		[TRACE_NSM] = "nsm",
		[TRACE_VSOCK] = "vsock",
		[TRACE_HEARTBEAT] = "heartbeat",
		[TRACE_DEVICE] = "device",
		[TRACE_EXIT] = "exit",
		[TRACE_CONSOLE] = "console",
	};

	return names[kind];
}

static void add_fields(struct line *line, const struct trace_nsm *nsm)
{
	switch (nsm->operation) {
	case NSM_OP_EXTEND_PCR:
		add_size(line, "DataBytes", nsm->data);
		/* fall through */
	case NSM_OP_DESCRIBE_PCR:
	case NSM_OP_LOCK_PCR:
		add_size(line, "Index", nsm->index);
		break;
	case NSM_OP_LOCK_PCRS:
		add_size(line, "Range", nsm->index);
		break;
	case NSM_OP_EXIT:
		add_size(line, "WaitStatus", nsm->index);
		break;
	case NSM_OP_ATTESTATION:
		add_size(line, "UserDataBytes", nsm->user_data);
		add_size(line, "NonceBytes", nsm->nonce);
		add_size(line, "PublicKeyBytes", nsm->public_key);
		break;
	}
}

static void add_nsm(struct line *line, const struct trace_nsm *nsm)
{
	char error[ESCAPED_SIZE];

	if (nsm->valid)
		add(line, ", \"Operation\": \"%s\"", nsm_operation_name(nsm->operation));
	else
		add(line, ", \"Operation\": null");
	if (nsm->valid)
		add_fields(line, nsm);
	add_size(line, "RequestBytes", nsm->request_bytes);
	add_size(line, "ResponseBytes", nsm->response_bytes);
	trace_escape(error, sizeof(error), nsm->error, strlen(nsm->error));
	if (*error)
		add(line, ", \"Error\": \"%s\"", error);
	else
		add(line, ", \"Error\": null");
	add_size(line, "DurationUs", nsm->duration_ns / NSEC_PER_USEC);
}

static void add_vsock(struct line *line, const struct trace_vsock *vsock)
{
	static const char *const names[] = {
		[TRACE_VSOCK_REQUEST] = "request",
		[TRACE_VSOCK_OPEN] = "open",
		[TRACE_VSOCK_REFUSED] = "refused",
		[TRACE_VSOCK_CLOSED] = "closed",
		[TRACE_VSOCK_RESET] = "reset",
		[TRACE_VSOCK_BYTE] = "byte",
	};

	add(line, ", \"Event\": \"%s\", \"By\": \"%s\", \"GuestPort\": %" PRIu32
	    ", \"PeerCID\": %" PRIu64 ", \"PeerPort\": %" PRIu32, names[vsock->what],
	    vsock->by_guest ? "guest" : "parent", vsock->guest_port,
	    vsock->peer_cid & INT64_MAX, vsock->peer_port);
	if (vsock->what == TRACE_VSOCK_BYTE)
		add(line, ", \"Byte\": %u", vsock->byte);
	if (vsock->what == TRACE_VSOCK_REQUEST)
		return;
	add(line, ", \"BytesToParent\": %" PRIu64 ", \"BytesToGuest\": %" PRIu64,
	    vsock->to_parent & INT64_MAX, vsock->to_guest & INT64_MAX);
	add_size(line, "DurationUs", vsock->duration_ns / NSEC_PER_USEC);
}

static void add_status(struct line *line, uint8_t status)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} bits[] = {
		{ VIRTIO_CONFIG_S_ACKNOWLEDGE, "ACKNOWLEDGE" },
		{ VIRTIO_CONFIG_S_DRIVER, "DRIVER" },
		{ VIRTIO_CONFIG_S_FEATURES_OK, "FEATURES_OK" },
		{ VIRTIO_CONFIG_S_DRIVER_OK, "DRIVER_OK" },
		{ VIRTIO_CONFIG_S_NEEDS_RESET, "DEVICE_NEEDS_RESET" },
		{ VIRTIO_CONFIG_S_FAILED, "FAILED" },
	};
	const char *separator = "";

	add(line, ", \"Status\": [");
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		if (!(status & bits[i].bit))
			continue;
		add(line, "%s\"%s\"", separator, bits[i].name);
		separator = ", ";
	}
	add(line, "]");
}

static void add_device(struct line *line, const struct trace_device *device)
{
	static const char *const names[] = {
		[TRACE_DEVICE_RESET] = "reset",
		[TRACE_DEVICE_STATUS] = "status",
		[TRACE_DEVICE_BROKEN] = "broken",
	};

	add(line, ", \"Device\": \"%s\", \"Event\": \"%s\"",
	    device->id == VIRTIO_ID_VSOCK ? "vsock" : "nsm", names[device->what]);
	if (device->what == TRACE_DEVICE_STATUS)
		add_status(line, device->status);
	if (device->what == TRACE_DEVICE_BROKEN)
		add(line, ", \"Text\": \"%s\"", device->why);
}

static void add_exits(struct line *line, const struct trace_exits *exits)
{
	add(line, ", \"UnknownPorts\": %" PRIu64 ", \"UnknownAddresses\": %" PRIu64
	    ", \"Interrupted\": %" PRIu64, exits->counts[TRACE_EXIT_PORT],
	    exits->counts[TRACE_EXIT_ADDRESS], exits->counts[TRACE_EXIT_INTERRUPTED]);
	add_size(line, "PeriodUs", exits->period_ns / NSEC_PER_USEC);
}

static void add_console(struct line *line, const struct trace_text *console)
{
	char text[ESCAPED_SIZE];

	trace_escape(text, sizeof(text), console->bytes, console->len);
	add(line, ", \"Text\": \"%s\"", text);
}

size_t trace_format(const struct trace_event *event, int64_t begin_ns, char *ret)
{
	struct line line = { .text = ret };

	add(&line, "{\"FormatVersion\": %d, \"AtUs\": %" PRId64 ", \"Kind\": \"%s\"",
	    JSON_OUT_FORMAT, (event->at_ns - begin_ns) / NSEC_PER_USEC,
	    trace_kind_name(event->kind));
	switch (event->kind) {
	case TRACE_NSM:
		add_nsm(&line, &event->nsm);
		break;
	case TRACE_VSOCK:
	case TRACE_HEARTBEAT:
		add_vsock(&line, &event->vsock);
		break;
	case TRACE_DEVICE:
		add_device(&line, &event->device);
		break;
	case TRACE_EXIT:
		add_exits(&line, &event->exits);
		break;
	case TRACE_CONSOLE:
		add_console(&line, &event->console);
		break;
	case NR_TRACE_KINDS:
		break;
	}
	add(&line, "}\n");
	return line.len;
}
