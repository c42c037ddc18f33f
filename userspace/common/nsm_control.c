// SPDX-License-Identifier: Apache-2.0
/* Encode and decode the messages of ne-emud to the VMM of a running enclave. */

#include "common/nsm_control.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

#define CONTROL_VERSION	1

struct control_header {
	uint16_t version;
	uint16_t type;
};

struct field_head {
	uint16_t field;
	uint16_t len;
};

/* Numbers are never reused. A field occurs once unless stated otherwise. */
enum control_field {
	FIELD_PCR		= 1,	/* index (one byte) and value; any number of times */
	FIELD_FLAGS		= 2,	/* u32 */
	FIELD_CLOCK_MS		= 3,	/* u64 */
	FIELD_FLAWS		= 4,	/* u64 */
	FIELD_KEY		= 5,
	FIELD_CERTIFICATE	= 6,
	FIELD_CA		= 7,	/* any number of times, in order */
	FIELD_NOT_AFTER		= 8,	/* s64 */
	FIELD_AGENT_KEY		= 9,
	FIELD_LINE		= 10,	/* u32 */
	FIELD_NONCE		= 11,
	FIELD_SERVICE		= 12,	/* text without a NUL */
	FIELD_OPTIONS		= 13,	/* text without a NUL; may be empty */
	FIELD_FAULTS		= 14,	/* text of fault_settings_print() */
};

#define FIELD_LAST	FIELD_FAULTS

#define FIELD_BIT(field)	(1U << (field))

#define FLAG_REAL_DEBUG_PCRS	(1U << 0)
#define FLAG_STRICT_LIMITS	(1U << 1)
#define FLAG_DEFINITE_MAP	(1U << 2)
#define FLAGS_ALL		(FLAG_REAL_DEBUG_PCRS | FLAG_STRICT_LIMITS | FLAG_DEFINITE_MAP)

#define FLAWS_ALL		(NSM_FLAW_BIT(NR_NSM_FLAWS) - 1)
#define PCRS_ALL		((1U << NSM_CONTROL_PCRS) - 1)

static const char *const flaw_names[NR_NSM_FLAWS] = {
	[NSM_FLAW_SIGNATURE] = "signature",
	[NSM_FLAW_PAYLOAD] = "payload",
	[NSM_FLAW_ALGORITHM] = "algorithm",
	[NSM_FLAW_TAGGED] = "tagged",
	[NSM_FLAW_TRAILING] = "trailing",
	[NSM_FLAW_OVERSIZED] = "oversized",
	[NSM_FLAW_KEY_ORDER] = "key-order",
	[NSM_FLAW_DUPLICATE] = "duplicate",
	[NSM_FLAW_STALE] = "stale",
	[NSM_FLAW_FUTURE] = "future",
	[NSM_FLAW_TIME_ZERO] = "time-zero",
	[NSM_FLAW_MODULE_ID_EMPTY] = "module-id-empty",
	[NSM_FLAW_DIGEST] = "digest",
	[NSM_FLAW_PCRS_EMPTY] = "pcrs-empty",
	[NSM_FLAW_PCRS_33] = "pcrs-33",
	[NSM_FLAW_PCR_INDEX] = "pcr-index",
	[NSM_FLAW_PCR_SIZE] = "pcr-size",
	[NSM_FLAW_PCRS_ZERO] = "pcrs-zero",
	[NSM_FLAW_PCR0] = "pcr0",
	[NSM_FLAW_CABUNDLE_EMPTY] = "cabundle-empty",
	[NSM_FLAW_CABUNDLE_ENTRY] = "cabundle-entry",
	[NSM_FLAW_NONCE] = "nonce",
	[NSM_FLAW_NO_MODULE_ID] = "no-module-id",
	[NSM_FLAW_NO_DIGEST] = "no-digest",
	[NSM_FLAW_NO_TIMESTAMP] = "no-timestamp",
	[NSM_FLAW_NO_PCRS] = "no-pcrs",
	[NSM_FLAW_NO_CERTIFICATE] = "no-certificate",
	[NSM_FLAW_NO_CABUNDLE] = "no-cabundle",
	[NSM_FLAW_NO_PUBLIC_KEY] = "no-public-key",
	[NSM_FLAW_NO_USER_DATA] = "no-user-data",
	[NSM_FLAW_NO_NONCE] = "no-nonce",
};

/* A message under construction; @err is the first error. */
struct writer {
	uint8_t *buf;
	size_t size;
	size_t used;
	int err;
};

static void control_put(struct writer *writer, const void *data, size_t len)
{
	if (writer->err || len > writer->size - writer->used) {
		writer->err = -EMSGSIZE;
		return;
	}
	memcpy(writer->buf + writer->used, data, len);
	writer->used += len;
}

static struct writer control_begin(enum nsm_control_type type, void *buf, size_t size)
{
	struct control_header header = { .version = CONTROL_VERSION, .type = type };
	struct writer writer = { .buf = buf, .size = MIN(size, NSM_CONTROL_MAX) };

	control_put(&writer, &header, sizeof(header));
	return writer;
}

/* @len fits into head.len, because the callers enforce the limits of nsm_control.h. */
static void control_put_field(struct writer *writer, enum control_field field, const void *data,
			      size_t len)
{
	struct field_head head = { .field = field, .len = len };

	control_put(writer, &head, sizeof(head));
	control_put(writer, data, len);
}

static void put_pcr(struct writer *writer, uint8_t index, const uint8_t *value)
{
	uint8_t field[1 + NSM_CONTROL_PCR_SIZE] = { index };

	memcpy(field + 1, value, NSM_CONTROL_PCR_SIZE);
	control_put_field(writer, FIELD_PCR, field, sizeof(field));
}

static ssize_t control_finish(const struct writer *writer)
{
	return writer->err ? writer->err : (ssize_t)writer->used;
}

ssize_t nsm_control_encode_settings(const struct nsm_settings *settings, void *buf, size_t size)
{
	struct writer writer = control_begin(NSM_CONTROL_SETTINGS, buf, size);
	uint32_t flags = 0;

	if (settings->pcrs_given & ~PCRS_ALL || settings->flaws & ~FLAWS_ALL)
		return -EINVAL;
	flags |= settings->real_debug_pcrs ? FLAG_REAL_DEBUG_PCRS : 0;
	flags |= settings->strict_limits ? FLAG_STRICT_LIMITS : 0;
	flags |= settings->definite_map ? FLAG_DEFINITE_MAP : 0;
	for (unsigned int i = 0; i < NSM_CONTROL_PCRS; i++)
		if (settings->pcrs_given & (1U << i))
			put_pcr(&writer, i, settings->pcrs[i]);
	control_put_field(&writer, FIELD_FLAGS, &flags, sizeof(flags));
	control_put_field(&writer, FIELD_CLOCK_MS, &settings->clock_ms, sizeof(settings->clock_ms));
	control_put_field(&writer, FIELD_FLAWS, &settings->flaws, sizeof(settings->flaws));
	return control_finish(&writer);
}

static bool size_ok(const struct nsm_bytes *bytes, size_t max)
{
	return bytes->len && bytes->len <= max;
}

ssize_t nsm_control_encode_identity(const struct nsm_identity *identity, void *buf, size_t size)
{
	struct writer writer = control_begin(NSM_CONTROL_IDENTITY, buf, size);

	if (!size_ok(&identity->key, NSM_CONTROL_KEY_MAX) ||
	    !size_ok(&identity->certificate, NSM_CONTROL_CERT_MAX) ||
	    identity->nr_cas > NSM_CONTROL_CAS_MAX)
		return -EINVAL;
	control_put_field(&writer, FIELD_KEY, identity->key.data, identity->key.len);
	control_put_field(&writer, FIELD_CERTIFICATE, identity->certificate.data,
			  identity->certificate.len);
	for (size_t i = 0; i < identity->nr_cas; i++) {
		if (!size_ok(&identity->cas[i], NSM_CONTROL_CERT_MAX))
			return -EINVAL;
		control_put_field(&writer, FIELD_CA, identity->cas[i].data, identity->cas[i].len);
	}
	control_put_field(&writer, FIELD_NOT_AFTER, &identity->not_after,
			  sizeof(identity->not_after));
	return control_finish(&writer);
}

ssize_t nsm_control_encode_agent_key(const uint8_t *key, void *buf, size_t size)
{
	struct writer writer = control_begin(NSM_CONTROL_AGENT_KEY, buf, size);

	control_put_field(&writer, FIELD_AGENT_KEY, key, NSM_CONTROL_AGENT_KEY_SIZE);
	return control_finish(&writer);
}

ssize_t nsm_control_encode_session(const struct session_request *request, void *buf, size_t size)
{
	struct writer writer = control_begin(NSM_CONTROL_SESSION, buf, size);

	if (request->line >= SESSION_LINES || !*request->service)
		return -EINVAL;
	control_put_field(&writer, FIELD_LINE, &request->line, sizeof(request->line));
	control_put_field(&writer, FIELD_NONCE, request->nonce, sizeof(request->nonce));
	control_put_field(&writer, FIELD_SERVICE, request->service, strlen(request->service));
	control_put_field(&writer, FIELD_OPTIONS, request->options, strlen(request->options));
	return control_finish(&writer);
}

ssize_t nsm_control_encode_faults(const struct fault_settings *settings, void *buf, size_t size)
{
	struct writer writer = control_begin(NSM_CONTROL_FAULTS, buf, size);
	char text[FAULT_TEXT_SIZE];

	fault_settings_print(settings, text);
	control_put_field(&writer, FIELD_FAULTS, text, strlen(text));
	return control_finish(&writer);
}

static int get_fixed(const struct nsm_bytes *bytes, void *to, size_t size)
{
	if (bytes->len != size)
		return -EPROTO;
	memcpy(to, bytes->data, size);
	return 0;
}

static int get_blob(const struct nsm_bytes *bytes, size_t max, struct nsm_bytes *to)
{
	if (!size_ok(bytes, max))
		return -EPROTO;
	*to = *bytes;
	return 0;
}

static int get_pcr(const struct nsm_bytes *bytes, struct nsm_settings *settings)
{
	unsigned int index;

	if (bytes->len != 1 + NSM_CONTROL_PCR_SIZE || bytes->data[0] >= NSM_CONTROL_PCRS)
		return -EPROTO;
	index = bytes->data[0];
	if (settings->pcrs_given & (1U << index))
		return -EPROTO;
	settings->pcrs_given |= 1U << index;
	memcpy(settings->pcrs[index], bytes->data + 1, NSM_CONTROL_PCR_SIZE);
	return 0;
}

static int get_flags(const struct nsm_bytes *bytes, struct nsm_settings *settings)
{
	uint32_t flags;
	int err = get_fixed(bytes, &flags, sizeof(flags));

	if (err || flags & ~FLAGS_ALL)
		return -EPROTO;
	settings->real_debug_pcrs = flags & FLAG_REAL_DEBUG_PCRS;
	settings->strict_limits = flags & FLAG_STRICT_LIMITS;
	settings->definite_map = flags & FLAG_DEFINITE_MAP;
	return 0;
}

static int control_get_flaws(const struct nsm_bytes *bytes, struct nsm_settings *settings)
{
	int err = get_fixed(bytes, &settings->flaws, sizeof(settings->flaws));

	return err || settings->flaws & ~FLAWS_ALL ? -EPROTO : 0;
}

static int decode_settings(uint16_t field, const struct nsm_bytes *bytes,
			   struct nsm_settings *settings)
{
	switch (field) {
	case FIELD_PCR:
		return get_pcr(bytes, settings);
	case FIELD_FLAGS:
		return get_flags(bytes, settings);
	case FIELD_CLOCK_MS:
		return get_fixed(bytes, &settings->clock_ms, sizeof(settings->clock_ms));
	case FIELD_FLAWS:
		return control_get_flaws(bytes, settings);
	default:
		return -EPROTO;
	}
}

static int decode_identity(uint16_t field, const struct nsm_bytes *bytes,
			   struct nsm_identity *identity)
{
	switch (field) {
	case FIELD_KEY:
		return get_blob(bytes, NSM_CONTROL_KEY_MAX, &identity->key);
	case FIELD_CERTIFICATE:
		return get_blob(bytes, NSM_CONTROL_CERT_MAX, &identity->certificate);
	case FIELD_CA:
		if (identity->nr_cas == NSM_CONTROL_CAS_MAX)
			return -EPROTO;
		return get_blob(bytes, NSM_CONTROL_CERT_MAX, &identity->cas[identity->nr_cas++]);
	case FIELD_NOT_AFTER:
		return get_fixed(bytes, &identity->not_after, sizeof(identity->not_after));
	default:
		return -EPROTO;
	}
}

/* Printable ASCII, so that it can be logged and compared. */
static int get_text(const struct nsm_bytes *bytes, char *to, size_t max)
{
	if (bytes->len > max)
		return -EPROTO;
	for (size_t i = 0; i < bytes->len; i++)
		if (bytes->data[i] < ' ' || bytes->data[i] > '~')
			return -EPROTO;
	memcpy(to, bytes->data, bytes->len);
	to[bytes->len] = '\0';
	return 0;
}

static int get_line(const struct nsm_bytes *bytes, uint32_t *to)
{
	int err = get_fixed(bytes, to, sizeof(*to));

	return err || *to >= SESSION_LINES ? -EPROTO : 0;
}

static int decode_session(uint16_t field, const struct nsm_bytes *bytes,
			  struct session_request *request)
{
	switch (field) {
	case FIELD_LINE:
		return get_line(bytes, &request->line);
	case FIELD_NONCE:
		return get_fixed(bytes, request->nonce, sizeof(request->nonce));
	case FIELD_SERVICE:
		return get_text(bytes, request->service, SESSION_SERVICE_MAX);
	case FIELD_OPTIONS:
		return get_text(bytes, request->options, SESSION_OPTIONS_MAX);
	default:
		return -EPROTO;
	}
}

static int decode_faults(uint16_t field, const struct nsm_bytes *bytes,
			 struct fault_settings *settings)
{
	if (field != FIELD_FAULTS ||
	    fault_settings_scan(settings, (const char *)bytes->data, bytes->len))
		return -EPROTO;
	return 0;
}

static int decode_field(uint16_t field, const struct nsm_bytes *bytes,
			struct nsm_control_message *message)
{
	switch (message->type) {
	case NSM_CONTROL_SETTINGS:
		return decode_settings(field, bytes, &message->settings);
	case NSM_CONTROL_IDENTITY:
		return decode_identity(field, bytes, &message->identity);
	case NSM_CONTROL_AGENT_KEY:
		return field != FIELD_AGENT_KEY ? -EPROTO :
		       get_fixed(bytes, message->agent_key, sizeof(message->agent_key));
	case NSM_CONTROL_SESSION:
		return decode_session(field, bytes, &message->session);
	case NSM_CONTROL_FAULTS:
		return decode_faults(field, bytes, &message->faults);
	}
	return -EPROTO;
}

/* Refuse fields that occur twice, unless they may. */
static int mark_seen(uint16_t field, uint32_t *seen)
{
	if (field > FIELD_LAST)
		return -EPROTO;
	if (field != FIELD_PCR && field != FIELD_CA && *seen & FIELD_BIT(field))
		return -EPROTO;
	*seen |= FIELD_BIT(field);
	return 0;
}

static int decode_fields(const uint8_t *at, size_t left, struct nsm_control_message *message,
			 uint32_t *seen)
{
	while (left) {
		struct field_head head;
		struct nsm_bytes bytes;
		int err;

		if (left < sizeof(head))
			return -EPROTO;
		memcpy(&head, at, sizeof(head));
		bytes = (struct nsm_bytes){ .data = at + sizeof(head), .len = head.len };
		if (bytes.len > left - sizeof(head))
			return -EPROTO;
		err = mark_seen(head.field, seen);
		if (!err)
			err = decode_field(head.field, &bytes, message);
		if (err)
			return err;
		at = bytes.data + bytes.len;
		left -= sizeof(head) + bytes.len;
	}
	return 0;
}

int nsm_control_decode(const void *bytes, size_t len, struct nsm_control_message *ret)
{
	struct nsm_control_message message = { 0 };
	struct control_header header;
	uint32_t needed, seen = 0;
	int err;

	if (len < sizeof(header) || len > NSM_CONTROL_MAX)
		return -EPROTO;
	memcpy(&header, bytes, sizeof(header));
	if (header.version != CONTROL_VERSION)
		return -EPROTONOSUPPORT;
	switch (header.type) {
	case NSM_CONTROL_SETTINGS:
		needed = FIELD_BIT(FIELD_FLAGS) | FIELD_BIT(FIELD_CLOCK_MS) |
			 FIELD_BIT(FIELD_FLAWS);
		break;
	case NSM_CONTROL_IDENTITY:
		needed = FIELD_BIT(FIELD_KEY) | FIELD_BIT(FIELD_CERTIFICATE) |
			 FIELD_BIT(FIELD_NOT_AFTER);
		break;
	case NSM_CONTROL_AGENT_KEY:
		needed = FIELD_BIT(FIELD_AGENT_KEY);
		break;
	case NSM_CONTROL_SESSION:
		needed = FIELD_BIT(FIELD_LINE) | FIELD_BIT(FIELD_NONCE) |
			 FIELD_BIT(FIELD_SERVICE) | FIELD_BIT(FIELD_OPTIONS);
		break;
	case NSM_CONTROL_FAULTS:
		needed = FIELD_BIT(FIELD_FAULTS);
		break;
	default:
		return -ENOMSG;
	}
	message.type = header.type;
	err = decode_fields((const uint8_t *)bytes + sizeof(header), len - sizeof(header),
			    &message, &seen);
	if (err || needed & ~seen)
		return -EPROTO;
	*ret = message;
	return 0;
}

const char *nsm_flaw_name(enum nsm_flaw flaw)
{
	return flaw_names[flaw];
}

static int parse_flaw(const char *name, size_t len, uint64_t *flaws)
{
	for (unsigned int i = 0; i < NR_NSM_FLAWS; i++) {
		if (strlen(flaw_names[i]) == len && !memcmp(flaw_names[i], name, len)) {
			*flaws |= NSM_FLAW_BIT(i);
			return 0;
		}
	}
	return -EINVAL;
}

int nsm_flaws_parse(const char *names, uint64_t *ret_flaws)
{
	uint64_t flaws = 0;

	if (*names && strcmp(names, "none")) {
		for (;; names++) {
			size_t len = strcspn(names, ",");

			if (parse_flaw(names, len, &flaws))
				return -EINVAL;
			names += len;
			if (!*names)
				break;
		}
	}
	*ret_flaws = flaws;
	return 0;
}
