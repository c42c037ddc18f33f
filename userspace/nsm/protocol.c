// SPDX-License-Identifier: Apache-2.0
/* The NSM's requests and responses as CBOR. */

#include "nsm/protocol.h"

#include "common/util.h"
#include "nsm/cbor.h"

#include <string.h>

#define TAG_SELF_DESCRIBED	55799	/* RFC 8949, 3.4.6 */

#define NSM_VERSION_MAJOR	1
#define NSM_VERSION_MINOR	0
#define NSM_VERSION_PATCH	0
#define NSM_DIGEST		"SHA384"

/* Requests without fields: by name, or by their number in AWS's enumeration. */
static const struct {
	const char *name;
	uint64_t number;
	enum nsm_operation operation;
} plain_requests[] = {
	{ "DescribeNSM", 4, NSM_OP_DESCRIBE_NSM },
	{ "GetRandom", 6, NSM_OP_GET_RANDOM },
};

static enum nsm_operation find_operation(const struct nsm_cbor_item *item)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain_requests); i++) {
		const char *name = plain_requests[i].name;

		switch (item->kind) {
		case NSM_CBOR_UINT:
			if (item->value == plain_requests[i].number)
				return plain_requests[i].operation;
			break;
		case NSM_CBOR_BYTES:
		case NSM_CBOR_TEXT:
			if (item->value == strlen(name) && !memcmp(item->data, name, item->value))
				return plain_requests[i].operation;
			break;
		default:
			return NSM_OP_UNKNOWN;
		}
	}
	return NSM_OP_UNKNOWN;
}

/*
 * AWS's library decodes by a general scheme for enumerations, so that besides
 * the bare name it takes [name] and {name: null}, all after an optional tag.
 */
enum nsm_operation nsm_decode(const void *req, size_t req_len)
{
	struct nsm_cbor_reader reader = { .data = req, .left = req_len };
	struct nsm_cbor_item item = nsm_cbor_read(&reader);
	enum nsm_operation operation;
	bool in_map = false;

	if (item.kind == NSM_CBOR_TAG && item.value == TAG_SELF_DESCRIBED)
		item = nsm_cbor_read(&reader);
	if ((item.kind == NSM_CBOR_ARRAY || item.kind == NSM_CBOR_MAP) && item.value == 1) {
		in_map = item.kind == NSM_CBOR_MAP;
		item = nsm_cbor_read(&reader);
	}
	operation = find_operation(&item);
	if (in_map && nsm_cbor_read(&reader).kind != NSM_CBOR_NULL)
		return NSM_OP_UNKNOWN;
	return reader.left ? NSM_OP_UNKNOWN : operation;
}

static size_t finish(const struct nsm_cbor_writer *writer)
{
	return writer->overflow ? 0 : writer->used;
}

static const char *error_name(enum nsm_error error)
{
	switch (error) {
	case NSM_ERROR_INVALID_OPERATION:
		return "InvalidOperation";
	case NSM_ERROR_BUFFER_TOO_SMALL:
		return "BufferTooSmall";
	case NSM_ERROR_INPUT_TOO_LARGE:
		return "InputTooLarge";
	case NSM_ERROR_INTERNAL:
		break;
	}
	return "InternalError";
}

size_t nsm_encode_error(enum nsm_error error, void *rsp, size_t rsp_cap)
{
	struct nsm_cbor_writer writer = { .buf = rsp, .size = rsp_cap };

	nsm_cbor_put_map(&writer, 1);
	nsm_cbor_put_text(&writer, "Error");
	nsm_cbor_put_text(&writer, error_name(error));
	return finish(&writer);
}

static void put_locked_pcrs(struct nsm_cbor_writer *writer, uint32_t locked)
{
	nsm_cbor_put_array(writer, __builtin_popcount(locked));
	for (unsigned int i = 0; i < 32; i++)
		if (locked & (1U << i))
			nsm_cbor_put_uint(writer, i);
}

/* The order of the fields is AWS's. */
size_t nsm_encode_description(const struct nsm_description *description, void *rsp,
			      size_t rsp_cap)
{
	struct nsm_cbor_writer writer = { .buf = rsp, .size = rsp_cap };

	nsm_cbor_put_map(&writer, 1);
	nsm_cbor_put_text(&writer, "DescribeNSM");
	nsm_cbor_put_map(&writer, 7);
	nsm_cbor_put_text(&writer, "version_major");
	nsm_cbor_put_uint(&writer, NSM_VERSION_MAJOR);
	nsm_cbor_put_text(&writer, "version_minor");
	nsm_cbor_put_uint(&writer, NSM_VERSION_MINOR);
	nsm_cbor_put_text(&writer, "version_patch");
	nsm_cbor_put_uint(&writer, NSM_VERSION_PATCH);
	nsm_cbor_put_text(&writer, "module_id");
	nsm_cbor_put_text(&writer, description->module_id);
	nsm_cbor_put_text(&writer, "max_pcrs");
	nsm_cbor_put_uint(&writer, description->max_pcrs);
	nsm_cbor_put_text(&writer, "locked_pcrs");
	put_locked_pcrs(&writer, description->locked_pcrs);
	nsm_cbor_put_text(&writer, "digest");
	nsm_cbor_put_text(&writer, NSM_DIGEST);
	return finish(&writer);
}

size_t nsm_encode_random(size_t len, void *rsp, size_t rsp_cap, uint8_t **ret_random)
{
	struct nsm_cbor_writer writer = { .buf = rsp, .size = rsp_cap };

	nsm_cbor_put_map(&writer, 1);
	nsm_cbor_put_text(&writer, "GetRandom");
	nsm_cbor_put_map(&writer, 1);
	nsm_cbor_put_text(&writer, "random");
	*ret_random = nsm_cbor_put_bytes(&writer, len);
	return finish(&writer);
}
