// SPDX-License-Identifier: Apache-2.0
/* Responses of the NSM as CBOR, with the form and order of AWS's. */

#include "nsm/response.h"

#include "common/cbor.h"
#include "nsm/nsm.h"

#define NSM_VERSION_MAJOR	1
#define NSM_VERSION_MINOR	0
#define NSM_VERSION_PATCH	0

static size_t response_finish(const struct emu_cbor_writer *writer)
{
	return writer->overflow ? 0 : writer->used;
}

/* Begin {name: map}; the caller adds the @fields fields of the map. */
static struct emu_cbor_writer response_begin(const char *name, size_t fields, void *rsp,
					     size_t rsp_cap)
{
	struct emu_cbor_writer writer = { .buf = rsp, .size = rsp_cap };

	emu_cbor_put_map(&writer, 1);
	emu_cbor_put_text(&writer, name);
	emu_cbor_put_map(&writer, fields);
	return writer;
}

static const char *error_name(enum nsm_error error)
{
	switch (error) {
	case NSM_ERROR_INVALID_ARGUMENT:
		return "InvalidArgument";
	case NSM_ERROR_INVALID_INDEX:
		return "InvalidIndex";
	case NSM_ERROR_INVALID_RESPONSE:
		return "InvalidResponse";
	case NSM_ERROR_READ_ONLY_INDEX:
		return "ReadOnlyIndex";
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
	struct emu_cbor_writer writer = { .buf = rsp, .size = rsp_cap };

	emu_cbor_put_map(&writer, 1);
	emu_cbor_put_text(&writer, "Error");
	emu_cbor_put_text(&writer, error_name(error));
	return response_finish(&writer);
}

size_t nsm_encode_name(const char *name, void *rsp, size_t rsp_cap)
{
	struct emu_cbor_writer writer = { .buf = rsp, .size = rsp_cap };

	emu_cbor_put_text(&writer, name);
	return response_finish(&writer);
}

static void put_locked_pcrs(struct emu_cbor_writer *writer, uint32_t locked)
{
	emu_cbor_put_array(writer, __builtin_popcount(locked));
	for (unsigned int i = 0; i < NSM_PCRS; i++)
		if (locked & (1U << i))
			emu_cbor_put_uint(writer, i);
}

size_t nsm_encode_description(const struct nsm_description *description, void *rsp,
			      size_t rsp_cap)
{
	struct emu_cbor_writer writer = response_begin("DescribeNSM", 7, rsp, rsp_cap);

	emu_cbor_put_text(&writer, "version_major");
	emu_cbor_put_uint(&writer, NSM_VERSION_MAJOR);
	emu_cbor_put_text(&writer, "version_minor");
	emu_cbor_put_uint(&writer, NSM_VERSION_MINOR);
	emu_cbor_put_text(&writer, "version_patch");
	emu_cbor_put_uint(&writer, NSM_VERSION_PATCH);
	emu_cbor_put_text(&writer, "module_id");
	emu_cbor_put_text(&writer, description->module_id);
	emu_cbor_put_text(&writer, "max_pcrs");
	emu_cbor_put_uint(&writer, description->max_pcrs);
	emu_cbor_put_text(&writer, "locked_pcrs");
	put_locked_pcrs(&writer, description->locked_pcrs);
	emu_cbor_put_text(&writer, "digest");
	emu_cbor_put_text(&writer, NSM_DIGEST);
	return response_finish(&writer);
}

size_t nsm_encode_pcr(bool locked, const uint8_t *value, void *rsp, size_t rsp_cap)
{
	struct emu_cbor_writer writer = response_begin("DescribePCR", 2, rsp, rsp_cap);

	emu_cbor_put_text(&writer, "lock");
	emu_cbor_put_bool(&writer, locked);
	emu_cbor_put_text(&writer, "data");
	emu_cbor_put_data(&writer, value, NSM_PCR_SIZE);
	return response_finish(&writer);
}

size_t nsm_encode_extended(const uint8_t *value, void *rsp, size_t rsp_cap)
{
	struct emu_cbor_writer writer = response_begin("ExtendPCR", 1, rsp, rsp_cap);

	emu_cbor_put_text(&writer, "data");
	emu_cbor_put_data(&writer, value, NSM_PCR_SIZE);
	return response_finish(&writer);
}

size_t nsm_encode_document(const void *document, size_t len, void *rsp, size_t rsp_cap)
{
	struct emu_cbor_writer writer = response_begin("Attestation", 1, rsp, rsp_cap);

	emu_cbor_put_text(&writer, "document");
	emu_cbor_put_data(&writer, document, len);
	return response_finish(&writer);
}

size_t nsm_encode_random(size_t len, void *rsp, size_t rsp_cap, uint8_t **ret_random)
{
	struct emu_cbor_writer writer = response_begin("GetRandom", 1, rsp, rsp_cap);

	emu_cbor_put_text(&writer, "random");
	*ret_random = emu_cbor_put_bytes(&writer, len);
	return response_finish(&writer);
}

size_t nsm_encode_agent_key(const uint8_t *key, void *rsp, size_t rsp_cap)
{
	struct emu_cbor_writer writer = response_begin("NeEmuAgentKey", 1, rsp, rsp_cap);

	emu_cbor_put_text(&writer, "key");
	emu_cbor_put_data(&writer, key, NSM_AGENT_KEY_SIZE);
	return response_finish(&writer);
}
