// SPDX-License-Identifier: Apache-2.0
/* The metadata section, with the keys that AWS's tools read. */

#include "eif/build.h"

#include "common/json_out.h"
#include "common/util.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define TIME_SIZE	32

#define BYTE_ORDER_MARK	"\xef\xbb\xbf"

/* nitro-cli prints the members of @custom among others, so it must be an object. */
static int add_custom(struct json_out *out, const struct eif_metadata *metadata,
		      struct error *error)
{
	size_t mark = strlen(BYTE_ORDER_MARK);
	json_error_t why;
	json_t *custom;

	if (metadata->custom_size >= mark && !memcmp(metadata->custom, BYTE_ORDER_MARK, mark))
		return error_set(error, -EINVAL, "begins with a byte order mark, which JSON does "
				 "not allow: remove it");
	custom = json_loadb(metadata->custom, metadata->custom_size, JSON_REJECT_DUPLICATES, &why);
	if (!custom)
		return error_set(error, -EINVAL, "line %d: %s", why.line, why.text);
	if (!json_is_object(custom)) {
		json_decref(custom);
		return error_set(error, -EINVAL, "not a JSON object");
	}
	json_out_json(out, "CustomMetadata", custom);
	json_decref(custom);
	return 0;
}

int eif_metadata_text(const struct eif_metadata *metadata, char **ret_text,
		      struct error *error)
{
	char build_time[TIME_SIZE];
	struct json_out out = {};
	struct tm tm;
	char *text;
	int err = 0;

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
	/* AWS's reader ignores members that it does not know. */
	json_out_str(&out, "KernelSHA256", metadata->kernel_sha256);
	json_out_end(&out);
	if (metadata->docker)
		err = json_out_text(&out, "DockerInfo", metadata->docker, strlen(metadata->docker));
	else
		json_out_null(&out, "DockerInfo");
	if (!err && metadata->custom)
		err = add_custom(&out, metadata, error);
	else if (!err)
		json_out_null(&out, "CustomMetadata");
	if (err) {
		json_out_free(&out);
		return err;
	}
	text = json_out_take(&out);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

static const char *const build_keys[] = {
	"BuildTime", "BuildTool", "BuildToolVersion", "OperatingSystem", "KernelVersion",
};

/* Return: the name of a missing member, or NULL. */
static const char *missing(json_t *metadata)
{
	const json_t *build = json_object_get(metadata, "BuildMetadata");
	const json_t *custom = json_object_get(metadata, "CustomMetadata");

	if (!json_is_string(json_object_get(metadata, "ImageName")))
		return "ImageName";
	if (!json_is_string(json_object_get(metadata, "ImageVersion")))
		return "ImageVersion";
	for (size_t i = 0; i < ARRAY_SIZE(build_keys); i++)
		if (!json_is_string(json_object_get(build, build_keys[i])))
			return build_keys[i];
	if (!json_object_get(metadata, "DockerInfo"))
		return "DockerInfo";
	return json_is_object(custom) || json_is_null(custom) ? NULL : "CustomMetadata";
}

int eif_metadata_check(const char *text, size_t size, struct error *error)
{
	json_error_t why;
	json_t *metadata = json_loadb(text, size, 0, &why);
	const char *key;

	if (!metadata)
		return error_set(error, -EBADMSG, "not JSON, at byte %d: %.80s", why.position,
				 why.text);
	key = missing(metadata);
	json_decref(metadata);
	return key ? error_set(error, -EBADMSG, "\"%s\" is missing or not valid", key) : 0;
}

void eif_metadata_show(struct json_out *out, const char *text, size_t size)
{
	json_t *metadata = json_loadb(text, size, 0, NULL);
	json_t *value;
	const char *key;

	if (metadata && !missing(metadata)) {
		json_out_json(out, "ImageName", json_object_get(metadata, "ImageName"));
		json_out_json(out, "ImageVersion", json_object_get(metadata, "ImageVersion"));
		json_out_object(out, "Metadata");
		json_object_foreach(json_object_get(metadata, "BuildMetadata"), key, value)
			json_out_json(out, key, value);
		json_out_json(out, "DockerInfo", json_object_get(metadata, "DockerInfo"));
		json_object_foreach(json_object_get(metadata, "CustomMetadata"), key, value)
			json_out_json(out, key, value);
		json_out_end(out);
	}
	json_decref(metadata);
}
