// SPDX-License-Identifier: Apache-2.0
/* Warnings about what an application loses in an enclave, and what keeps it from running. */

#include "cli/eif/check.h"

#include "command/command.h"
#include "command/terminal.h"
#include "common/util.h"
#include "eif/eif.h"
#include "pack/application.h"
#include "pack/losses.h"
#include "pack/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* Where AWS's init searches for the program, whatever the environment says. */
#define AWS_PATH	"/sbin:/usr/sbin:/bin:/usr/bin"

static unsigned int get_machine(uint16_t flags)
{
	return flags & EIF_FLAG_ARM64 ? EM_AARCH64 : EM_X86_64;
}

/* The first names, separated by commas, and dots if there are more. */
static const char *list_names(const struct loss *loss, char *buf, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < MIN(loss->count, (uint64_t)LOSSES_NAMES_MAX) && used < size; i++)
		used += snprintf(buf + used, size - used, "%s%.200s", i ? ", " : "",
				 loss->names[i]);
	if (loss->count > LOSSES_NAMES_MAX && used < size)
		snprintf(buf + used, size - used, ", ...");
	return buf;
}

static int warn_of_losses(const struct application *app)
{
	struct losses losses;
	char names[800];
	int err = losses_find(&app->tree, &losses);

	if (!err && losses.capable.count)
		term_error("warning: %" PRIu64 " files lose their capabilities, which ramdisks "
			   "cannot keep (%s): run as root what needs them",
			   losses.capable.count, list_names(&losses.capable, names, sizeof(names)));
	if (!err && losses.covered.count)
		term_error("warning: %" PRIu64 " files are not visible in the enclave, because its "
			   "init mounts file systems on /dev, /proc, /run, /sys and /tmp (%s): "
			   "move what is needed", losses.covered.count,
			   list_names(&losses.covered, names, sizeof(names)));
	losses_free(&losses);
	return err;
}

static void warn_of_nitro_cli(struct application *app, const struct program_search *search,
			      const char *path)
{
	struct program_search aws = *search;
	char aws_path[PATH_MAX];
	struct error why = {};

	aws.path = AWS_PATH;
	aws.directory = NULL;
	if (!program_check(&app->tree, &aws, aws_path, &why))
		return;
	if (strchr(search->name, '/'))
		term_error("warning: %s is found here, but not after \"nitro-cli build-enclave\": "
			   "AWS's init ignores the working directory; give the whole path of the "
			   "program", search->name);
	else
		term_error("warning: %s is found here, but not after \"nitro-cli build-enclave\": "
			   "AWS's init ignores PATH and searches " AWS_PATH "; name the program %s",
			   search->name, path);
}

static int check_program(const struct build *build, uint16_t flags, struct application *app,
			 struct error *error)
{
	const struct program_search search = {
		.name = app->command.list[0],
		.path = app->as_nitro_cli ? AWS_PATH : strings_value(&app->env, "PATH"),
		.directory = app->workdir,
		.machine = get_machine(flags),
	};
	struct error why = {};
	char path[PATH_MAX];
	int err = program_check(&app->tree, &search, path, &why);

	if (!err && !app->as_nitro_cli)
		warn_of_nitro_cli(app, &search, path);
	if (!err)
		return 0;
	/* Other inits and more ramdisks may make it run. */
	if (err != -EOPNOTSUPP && !build->init && !build->ramdisks.count) {
		*error = why;
		return err;
	}
	term_error("warning: %s", why.text);
	return 0;
}

int check_app(const struct build *build, uint16_t flags, struct application *app,
	      struct error *error)
{
	int err = warn_of_losses(app);

	return err || !app->command.count ? err : check_program(build, flags, app, error);
}

static int read_program(const char *path, struct program *ret)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	return program_read(fd, 0, st.st_size, ret);
}

void check_init(const struct build *build, uint16_t flags)
{
	struct program program;

	/* What cannot be read becomes an error later. */
	if (!build->init || read_program(build->init, &program))
		return;
	if (program.kind == PROGRAM_OTHER)
		term_error("warning: --init: %s is not a program", build->init);
	else if (program.kind == PROGRAM_ELF && program.machine != get_machine(flags))
		term_error("warning: --init: %s is for another machine than the kernel",
			   build->init);
	else if (*program.interpreter && !build->ramdisks.count)
		term_error("warning: --init: %s needs %s, which is not in the first ramdisk: link "
			   "it statically", build->init, program.interpreter);
}
