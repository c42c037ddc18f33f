// SPDX-License-Identifier: Apache-2.0
/* Requests to the NSM as events. */

#include "vmm/trace/trace.h"

#include "common/cbor.h"
#include "common/util.h"
#include "nsm/request.h"

#include <string.h>

static int32_t size_of(const struct nsm_bytes *bytes)
{
	return bytes->data ? (int32_t)bytes->len : -1;
}

/* An error is the map {"Error": name}. */
static void read_error(const void *response, size_t len, char ret[TRACE_ERROR_SIZE])
{
	static const char key[] = "Error";
	struct emu_cbor_reader reader = { .data = response, .left = len };
	struct emu_cbor_item map = emu_cbor_read(&reader), name, error;

	*ret = '\0';
	if (map.kind != EMU_CBOR_MAP)
		return;
	name = emu_cbor_read(&reader);
	if (name.kind != EMU_CBOR_TEXT || name.value != sizeof(key) - 1 ||
	    memcmp(name.data, key, sizeof(key) - 1))
		return;
	error = emu_cbor_read(&reader);
	if (error.kind == EMU_CBOR_TEXT && error.value < TRACE_ERROR_SIZE) {
		memcpy(ret, error.data, error.value);
		ret[error.value] = '\0';
	}
}

void trace_request(struct trace *trace, const void *request, size_t request_len,
		   const void *response, size_t response_len, int64_t duration_ns)
{
	struct trace_event event = {
		.kind = TRACE_NSM,
		.nsm = {
			.request_bytes = request_len, .response_bytes = response_len,
			.duration_ns = duration_ns,
		},
	};
	struct trace_nsm *nsm = &event.nsm;
	struct nsm_request decoded;

	memset(&decoded, 0, offsetof(struct nsm_request, scratch));
	nsm->valid = request_len <= NSM_REQUEST_MAX &&
		     !nsm_request_decode(request, request_len, &decoded);
	if (nsm->valid) {
		nsm->operation = decoded.operation;
		nsm->index = decoded.index;
		nsm->data = size_of(&decoded.data);
		nsm->user_data = size_of(&decoded.user_data);
		nsm->nonce = size_of(&decoded.nonce);
		nsm->public_key = size_of(&decoded.public_key);
	}
	read_error(response, response_len, nsm->error);
	trace_put(trace, &event);
}
