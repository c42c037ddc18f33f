// SPDX-License-Identifier: Apache-2.0
/* What "ne-emu setup" reserves: from the command line, a file, or AWS's allocator.yaml. */

#include "cli/setup/conf.h"

#include "cli/host/sysfs.h"
#include "cli/setup/allocator.h"
#include "command/file.h"
#include "common/config.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER	"# Written by \"ne-emu setup --persistent\"; \"ne-emu setup --undo\" removes it.\n"

#define IN_CONF(member)	member

static const struct opt options[] = { SETUP_CONF_OPTIONS(struct setup_conf, IN_CONF), {} };

const char *setup_conf_check(const struct setup_conf *settings)
{
	__cleanup_free uint32_t *cpus = NULL;
	size_t count;

	if (settings->allocator && (settings->memory || settings->cpus || settings->cpu_ids))
		return "allocator cannot be combined with memory, cpus and cpu-ids";
	if (settings->cpus && settings->cpu_ids)
		return "cpus cannot be combined with cpu-ids";
	if (settings->cpu_ids && parse_cpu_list(settings->cpu_ids, &cpus, &count))
		return "cpu-ids is not a CPU list (e.g. 2,3 or 2-5)";
	if (!settings->allocator && !settings->memory && !settings->cpus && !settings->cpu_ids)
		return "there is neither memory nor cpus, cpu-ids or allocator";
	return NULL;
}

static int set(const char *section, const char *name, const char *value, void *arg,
	       struct error *error)
{
	return *section ? error_set(error, -EINVAL, "[%s]: this file has no sections", section) :
		opt_set(options, name, value, arg, error);
}

int setup_conf_load(const char *path, struct setup_conf *ret, struct error *error)
{
	const char *wrong;
	int err;

	*ret = (struct setup_conf){};
	err = config_read(path, &ret->text, error);
	if (!err)
		err = config_parse(path, ret->text, set, ret, error);
	if (err)
		return err;
	wrong = setup_conf_check(ret);
	return wrong ? error_set(error, -EINVAL, "%s: %s", path, wrong) : 0;
}

int setup_conf_allocate(struct setup_conf *settings, struct error *error)
{
	struct allocator allocator;
	int err = allocator_load(settings->allocator, &allocator, error);

	if (err)
		return err;
	setup_conf_free(settings);
	*settings = (struct setup_conf){
		.memory = allocator.memory_mib * MIB, .cpus = allocator.cpu_count,
		.cpu_ids = allocator.cpu_pool, .text = allocator.text,
	};
	return 0;
}

/* A later setup of only one of them keeps the other. */
static void merge(struct setup_conf *into, const struct setup_conf *from)
{
	into->allocator = from->allocator;
	if (from->memory)
		into->memory = from->memory;
	if (from->cpus || from->cpu_ids) {
		into->cpus = from->cpus;
		into->cpu_ids = from->cpu_ids;
	}
	if (from->allocator) {
		into->memory = into->cpus = 0;
		into->cpu_ids = NULL;
	}
}

static int print(const struct setup_conf *settings, FILE *to, struct error *error)
{
	char absolute[PATH_MAX];

	fputs(HEADER, to);
	if (settings->memory)
		fprintf(to, "memory = %llu\n", (settings->memory + MIB - 1) / MIB);
	if (settings->cpus)
		fprintf(to, "cpus = %" PRIu64 "\n", settings->cpus);
	if (settings->cpu_ids)
		fprintf(to, "cpu-ids = %s\n", settings->cpu_ids);
	if (settings->allocator && !realpath(settings->allocator, absolute))
		return error_set(error, -errno, "%s: %s", settings->allocator, strerror(errno));
	if (settings->allocator)
		fprintf(to, "allocator = %s\n", absolute);
	return 0;
}

/* The directory may be missing; if it cannot be made, opening the file fails. */
static void make_directory(const char *path)
{
	char directory[SYS_PATH_SIZE];

	snprintf(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = 0;
	(void)mkdir(directory, 0755);
}

static int write_file(const char *path, const char *text, size_t size, struct error *error)
{
	struct file_new file;
	int err;

	make_directory(path);
	err = file_new_open(&file, path, error);
	if (!err) {
		err = write_full(file.fd, text, size);
		if (err)
			(void)error_set(error, err, "%s: %s", path, strerror(-err));
	}
	if (!err)
		err = file_new_commit(&file, error);
	file_new_abort(&file);
	return err;
}

int setup_conf_store(const struct setup_conf *settings, struct error *error)
{
	__cleanup(setup_conf_free) struct setup_conf all = {};
	__cleanup_free char *text = NULL;
	char path[SYS_PATH_SIZE];
	size_t size = 0;
	FILE *stream;
	int err = setup_conf_load(sys_path(path, SETUP_CONF_FILE), &all, error);

	if (err && err != -ENOENT)
		return err;
	merge(&all, settings);
	stream = open_memstream(&text, &size);
	if (!stream)
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	err = print(&all, stream, error);
	if (fclose(stream) && !err)
		err = error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	return err ? err : write_file(path, text, size, error);
}

void setup_conf_free(struct setup_conf *settings)
{
	free(settings->text);
	settings->text = NULL;
}
