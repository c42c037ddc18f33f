// SPDX-License-Identifier: Apache-2.0
/* Read small JSON objects from files that programs of this project wrote. */

#include "cli/host/json_in.h"

#include "command/file.h"
#include "common/util.h"

#include <errno.h>
#include <jansson.h>

#define FILE_SIZE_MAX	(64 * KIB)

int json_in_load(const char *path, struct json_t **ret)
{
	__cleanup_free char *text = NULL;
	json_t *object;
	size_t size;
	int err;

	err = file_read(path, FILE_SIZE_MAX, &text, &size);
	if (err)
		return err;
	object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(object)) {
		json_decref(object);
		return -EBADMSG;
	}
	*ret = object;
	return 0;
}

void json_in_free(struct json_t **object)
{
	json_decref(*object);
	*object = NULL;
}

const char *json_in_str(const struct json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

uint64_t json_in_u64(const struct json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool json_in_has(const json_t *object, const char *key)
{
	return json_object_get(object, key);
}

const json_t *json_in_object(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_object(value) ? value : NULL;
}

int json_in_each_u64(struct json_t *object,
		     int (*fn)(void *arg, const char *key, uint64_t value), void *arg)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		int err = json_is_integer(value) ? fn(arg, key, json_integer_value(value)) : 0;

		if (err)
			return err;
	}
	return 0;
}

uint32_t *json_in_u32_list(const json_t *object, const char *key, size_t *ret_count)
{
	const json_t *array = json_object_get(object, key);
	size_t count = json_array_size(array), i;
	uint32_t *list = count ? calloc(count, sizeof(*list)) : NULL;
	json_t *value;

	*ret_count = list ? count : 0;
	if (list)
		json_array_foreach(array, i, value)
			list[i] = json_integer_value(value);
	return list;
}
