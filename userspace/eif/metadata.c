// SPDX-License-Identifier: Apache-2.0
/* The metadata section, with the keys that AWS's tools read. */

#include "eif/build.h"

#include "common/json_out.h"

#include <errno.h>

#define TIME_SIZE	32

int eif_metadata_text(const struct eif_metadata *metadata, char **ret_text)
{
	char build_time[TIME_SIZE];
	struct json_out out = {};
	struct tm tm;
	char *text;
	int r = 0;

	if (!gmtime_r(&metadata->build_time, &tm) ||
	    !strftime(build_time, sizeof(build_time), "%Y-%m-%dT%H:%M:%S+00:00", &tm))
		return -EINVAL;
	json_out_object(&out, NULL);
	json_out_str(&out, "ImageName", metadata->image_name);
	json_out_str(&out, "ImageVersion", metadata->image_version);
	json_out_object(&out, "BuildMetadata");
	json_out_str(&out, "BuildTime", build_time);
	json_out_str(&out, "BuildTool", "ne-emu");
	json_out_str(&out, "BuildToolVersion", NE_EMU_VERSION);
	json_out_str(&out, "OperatingSystem", "Linux");
	json_out_str(&out, "KernelVersion", metadata->kernel_version);
	json_out_end(&out);
	json_out_null(&out, "DockerInfo");
	if (metadata->custom)
		r = json_out_text(&out, "CustomMetadata", metadata->custom, metadata->custom_size);
	else
		json_out_null(&out, "CustomMetadata");
	if (r) {
		json_out_free(&out);
		return r;
	}
	text = json_out_take(&out);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}
