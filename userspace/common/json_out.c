// SPDX-License-Identifier: Apache-2.0
/* Write JSON documents value by value. */

#include "common/json_out.h"

#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Takes ownership of @value. */
static void json_out_add(struct json_out *out, const char *key, json_t *value)
{
	json_t *parent = out->depth ? out->open[out->depth - 1] : NULL;
	int failed;

	if (!value && !out->error)
		out->error = -ENOMEM;
	if (out->error || !parent) {
		if (!out->error)
			out->error = -EINVAL;
		json_decref(value);
		return;
	}
	if (json_is_array(parent))
		failed = json_array_append_new(parent, value);
	else
		failed = json_object_set_new(parent, key, value);
	if (failed)
		out->error = -ENOMEM;
}

static void open_container(struct json_out *out, const char *key, json_t *value)
{
	if (!out->error && out->depth == JSON_OUT_DEPTH)
		out->error = -E2BIG;
	if (!out->depth && value && !out->error) {
		out->open[out->depth++] = value;
		return;
	}
	json_out_add(out, key, value);
	if (!out->error)
		out->open[out->depth++] = value;	/* owned by its parent */
}

void json_out_object(struct json_out *out, const char *key)
{
	open_container(out, key, json_object());
}

void json_out_document(struct json_out *out)
{
	json_out_object(out, NULL);
	json_out_u64(out, "FormatVersion", JSON_OUT_FORMAT);
}

void json_out_array(struct json_out *out, const char *key)
{
	open_container(out, key, json_array());
}

void json_out_end(struct json_out *out)
{
	if (out->depth > 1)
		out->depth--;
}

void json_out_str(struct json_out *out, const char *key, const char *value)
{
	json_out_strn(out, key, value, value ? strlen(value) : 0);
}

void json_out_strn(struct json_out *out, const char *key, const char *value, size_t len)
{
	json_t *string = value ? json_stringn(value, len) : json_null();
	size_t size = 4 * len + 1;
	char *clean = string ? NULL : malloc(size);

	if (clean)
		string = json_string(text_clean(clean, size, value, len));
	free(clean);
	json_out_add(out, key, string);
}

void json_out_u64(struct json_out *out, const char *key, uint64_t value)
{
	json_out_add(out, key, json_integer(value));
}

void json_out_bool(struct json_out *out, const char *key, bool value)
{
	json_out_add(out, key, json_boolean(value));
}

void json_out_null(struct json_out *out, const char *key)
{
	json_out_add(out, key, json_null());
}

void json_out_hex(struct json_out *out, const char *key, const uint8_t *bytes, size_t size)
{
	char *hex = malloc(2 * size + 1);

	if (hex)
		hex_encode(bytes, size, hex);
	json_out_add(out, key, hex ? json_stringn(hex, 2 * size) : NULL);
	free(hex);
}

int json_out_text(struct json_out *out, const char *key, const char *text, size_t size)
{
	json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

	if (!value)
		return -EINVAL;
	json_out_add(out, key, value);
	return 0;
}

void json_out_json(struct json_out *out, const char *key, struct json_t *value)
{
	json_out_add(out, key, value ? json_incref(value) : json_null());
}

int json_out_print(struct json_out *out, FILE *file, unsigned int indent)
{
	size_t flags = JSON_ENSURE_ASCII | (indent ? JSON_INDENT(indent) : JSON_COMPACT);
	int err = out->error;

	if (!err && !out->depth)
		err = -EINVAL;
	if (!err && (json_dumpf(out->open[0], file, flags) || fputc('\n', file) == EOF ||
		     fflush(file)))
		err = -EIO;
	json_out_free(out);
	return err;
}

char *json_out_take(struct json_out *out)
{
	char *text = NULL;

	if (!out->error && out->depth)
		text = json_dumps(out->open[0], JSON_COMPACT);
	json_out_free(out);
	return text;
}

void json_out_free(struct json_out *out)
{
	if (out->depth)
		json_decref(out->open[0]);
	*out = (struct json_out){};
}
