// SPDX-License-Identifier: Apache-2.0
/* The metadata section as read by verify and describe. */

#include "fuzz.h"

#include "common/json_out.h"
#include "eif/build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct json_out out = {};
	struct error error = {};

	if (eif_metadata_check(text, size, &error))
		must(*error.text);
	json_out_object(&out, NULL);
	eif_metadata_show(&out, text, size);
	free(json_out_take(&out));
	return 0;
}
