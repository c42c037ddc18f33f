// SPDX-License-Identifier: Apache-2.0
/* Settings in files: the configuration, and the attestation settings of one enclave. */

#include "daemon/settings_file.h"

#include "common/paths.h"
#include "common/util.h"
#include "daemon/folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME	"settings"

static int set_attestation(const char *name, const char *value, struct lab_settings *settings,
			   struct error *error)
{
	struct error cause;
	int err = lab_set(settings, name, value, false, &cause);

	return err ? error_set(error, -EINVAL, "%s: %s", name, cause.text) : 0;
}

/* Parse a size such as "512M" or "2G". */
static int settings_parse_size(const char *value, uint64_t *ret)
{
	size_t len = strlen(value);
	char digits[16];
	uint64_t unit;

	if (len < 2 || len >= sizeof(digits))
		return -EINVAL;
	unit = value[len - 1] == 'M' ? MIB : value[len - 1] == 'G' ? GIB : 0;
	if (!unit)
		return -EINVAL;
	memcpy(digits, value, len - 1);
	digits[len - 1] = 0;
	if (parse_u64(digits, 10, UINT64_MAX / unit, ret))
		return -EINVAL;
	*ret *= unit;
	return 0;
}

static int set_logs(const char *name, const char *value, struct settings *settings,
		    struct error *error)
{
	uint64_t size;

	if (strcmp(name, "consoles-max"))
		return error_set(error, -EINVAL, "%s: no such setting", name);
	if (settings_parse_size(value, &size) || size < FOLDER_CONSOLES_MIN)
		return error_set(error, -EINVAL, "%s: not a size of %lluM or more, such as 2G",
				 name, FOLDER_CONSOLES_MIN / MIB);
	settings->consoles_max = size;
	return 0;
}

static int settings_set(const char *section, const char *name, const char *value, void *arg,
			struct error *error)
{
	struct settings *settings = arg;

	if (!strcmp(section, SETTINGS_SECTION))
		return set_attestation(name, value, &settings->attestation, error);
	if (!strcmp(section, SETTINGS_SECTION_LOGS))
		return set_logs(name, value, settings, error);
	return error_set(error, -EINVAL, "%s is neither in section [" SETTINGS_SECTION
			 "] nor in [" SETTINGS_SECTION_LOGS "]", name);
}

int settings_load(const char *path, struct settings *settings, struct error *error)
{
	return config_load(path, settings_set, settings, error);
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

static int set_of_enclave(const char *section, const char *name, const char *value, void *arg,
			  struct error *error)
{
	return set_attestation(name, value, arg, error);
}

int settings_file_read(const char *folder, struct lab_settings *settings,
		       struct error *error)
{
	char path[PATH_MAX];
	int err = file_path(folder, path, sizeof(path));

	if (err)
		return error_set(error, err, "%s", strerror(-err));
	return config_load(path, set_of_enclave, settings, error);
}

void settings_file_remove(const char *folder)
{
	char path[PATH_MAX];

	if (!file_path(folder, path, sizeof(path)))
		(void)unlink(path);	/* it may not exist */
}
