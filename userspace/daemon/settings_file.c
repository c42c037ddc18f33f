// SPDX-License-Identifier: Apache-2.0
/* Settings of attestation in files. */

#include "settings_file.h"

#include "common/util.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME	"settings"

static int set(const char *section, const char *name, const char *value, void *arg,
	       struct config_error *error)
{
	struct lab_error cause;
	int err;

	if (strcmp(section, SETTINGS_SECTION)) {
		snprintf(error->text, sizeof(error->text), "%s is not in section ["
			 SETTINGS_SECTION "], the only one there is", name);
		return -EINVAL;
	}
	err = lab_set(arg, name, value, false, &cause);
	if (err)
		snprintf(error->text, sizeof(error->text), "%s: %s", name, cause.text);
	return err ? -EINVAL : 0;
}

int settings_load(const char *path, struct lab_settings *settings, struct config_error *error)
{
	return config_load(path, set, settings, error);
}

static int file_path(const char *folder, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/" FILE_NAME, folder);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

int settings_file_write(const char *folder, const struct lab_settings *settings)
{
	__cleanup_file FILE *file = NULL;
	char path[PATH_MAX], value[LAB_VALUE_SIZE];
	int err = file_path(folder, path, sizeof(path));

	if (err)
		return err;
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fprintf(file, "[" SETTINGS_SECTION "]\n");
	for (size_t i = 0; lab_name(i); i++) {
		lab_get(settings, i, value);
		fprintf(file, "%s = %s\n", lab_name(i), value);
	}
	return fflush(file) || ferror(file) ? -EIO : 0;
}

int settings_file_read(const char *folder, struct lab_settings *settings,
		       struct config_error *error)
{
	char path[PATH_MAX];
	int err = file_path(folder, path, sizeof(path));

	if (err) {
		snprintf(error->text, sizeof(error->text), "%s", strerror(-err));
		return err;
	}
	return settings_load(path, settings, error);
}

void settings_file_remove(const char *folder)
{
	char path[PATH_MAX];

	if (!file_path(folder, path, sizeof(path)))
		(void)unlink(path);	/* there may be none */
}
