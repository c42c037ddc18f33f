// SPDX-License-Identifier: Apache-2.0
/* image.json: what the owner of an enclave reports about it, for other commands. */

#include "daemon/image_file.h"

#include "common/date.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>

/* More than all members together with their longest values, of which a quote takes two bytes. */
#define FILE_SIZE_MAX	(32 * KIB)

static int check_text(const json_t *value, const char *name, size_t max, struct error *error)
{
	if (!json_is_string(value) || json_string_length(value) > max)
		return error_set(error, -EINVAL, "\"%s\" is not a string of at most %zu bytes",
				 name, max);
	return 0;
}

static int check_measurements(json_t *object, struct error *error)
{
	const char *name;
	json_t *value;
	int err = 0;

	if (!json_is_object(object) || json_object_size(object) > IMAGE_FILE_REGISTERS)
		return error_set(error, -EINVAL, "\"measurements\" is not an object of at most %d "
				 "registers", IMAGE_FILE_REGISTERS);
	json_object_foreach(object, name, value) {
		if (strlen(name) > IMAGE_FILE_VALUE_MAX)
			return error_set(error, -EINVAL, "the name of a register is too long");
		err = err ?: check_text(value, "measurements", IMAGE_FILE_VALUE_MAX, error);
	}
	return err;
}

static int check_times(json_t *object, struct error *error)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object) || json_object_size(object) > IMAGE_FILE_TIMES)
		return error_set(error, -EINVAL, "\"times\" is not an object of at most %d times",
				 IMAGE_FILE_TIMES);
	json_object_foreach(object, name, value)
		if (strlen(name) > IMAGE_FILE_VALUE_MAX || !json_is_integer(value) ||
		    json_integer_value(value) < 0)
			return error_set(error, -EINVAL, "\"times\" holds what is not a time");
	return 0;
}

static int check_date(const json_t *value, struct error *error)
{
	int64_t ns;

	if (!json_is_string(value) || strlen(json_string_value(value)) >= DATE_SIZE ||
	    date_parse(json_string_value(value), 0, &ns))
		return error_set(error, -EINVAL, "\"booted\" is not a date");
	return 0;
}

static int check_report(const json_t *report, struct error *error)
{
	const json_t *image = json_object_get(report, "image");
	json_t *measurements = json_object_get(report, "measurements");
	const json_t *booted = json_object_get(report, "booted");
	json_t *times = json_object_get(report, "times");
	int err = 0;

	if (image)
		err = check_text(image, "image", IMAGE_FILE_PATH_MAX, error);
	if (!err && measurements)
		err = check_measurements(measurements, error);
	if (!err && times)
		err = check_times(times, error);
	if (!err && booted)
		err = check_date(booted, error);
	return err;
}

int image_file_update(const struct log_root *root, uid_t owner, uint64_t slot_uid,
		      const json_t *report, struct error *error)
{
	static const char *const members[] = {
		"image", "measurements", "times", "booted",
	};
	__cleanup_free char *old = malloc(FILE_SIZE_MAX), *text = NULL;
	json_t *file = NULL;
	int err;

	err = check_report(report, error);
	if (err)
		return err;
	if (old && !folder_read_file(root, owner, slot_uid, NE_EMU_IMAGE_FILE, old, FILE_SIZE_MAX))
		file = json_loads(old, 0, NULL);
	if (!json_is_object(file)) {
		json_decref(file);
		file = json_object();
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		json_t *value = json_object_get(report, members[i]);

		if (value)
			(void)json_object_set(file, members[i], value);
	}
	text = json_dumps(file, JSON_INDENT(2));
	json_decref(file);
	err = text ? folder_replace_file(root, owner, slot_uid, NE_EMU_IMAGE_FILE, text) : -ENOMEM;
	return err ? error_set(error, err, "cannot store it: %s", strerror(-err)) : 0;
}
