// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif build: ramdisks from a directory or a container image. */

#include "cli/eif/app.h"

#include "cli/eif/check.h"
#include "cli/eif/copies.h"
#include "cli/eif/guest_part.h"
#include "command/progress.h"
#include "common/util.h"
#include "pack/application.h"
#include "pack/unpack.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int fail(const char *what, int err, const struct error *cause, struct error *error)
{
	return error_set(error, err, "%s: %s", what, *cause->text ? cause->text : strerror(-err));
}

static int replace_strings(struct strings *strings, const struct opt_strings *by)
{
	int err = 0;

	strings_free(strings);
	for (size_t i = 0; !err && i < by->count; i++)
		err = strings_add(strings, by->list[i]);
	return err;
}

static int replace_text(char **text, const char *by)
{
	char *copy;

	if (!by)
		return 0;
	copy = strdup(by);
	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

/* As container engines do it: another entry point also drops the image's arguments. */
static int replace_command(const struct build *build, struct application *app)
{
	int err = 0;

	if (build->entrypoint) {
		strings_cut(&app->command, 0);
		err = strings_add(&app->command, build->entrypoint);
	} else if (build->nr_args) {
		strings_cut(&app->command, app->nr_entrypoint);
	}
	for (size_t i = 0; !err && i < build->nr_args; i++)
		err = strings_add(&app->command, build->args[i]);
	return err;
}

/* Options take precedence over the configuration of the container image. */
static int apply_options(const struct build *build, struct application *app)
{
	int err = build->exec.count ? replace_strings(&app->command, &build->exec) :
		replace_command(build, app);

	for (size_t i = 0; !err && i < build->env.count; i++)
		err = strings_set(&app->env, build->env.list[i]);
	if (!err)
		err = replace_text(&app->workdir, build->workdir);
	if (!err)
		err = replace_text(&app->user, build->user);
	return err;
}

/* A directory is the user's own, so it has no limits; a container image is untrusted. */
static struct tree_limits get_limits(const struct build *build)
{
	if (build->rootfs)
		return (struct tree_limits){ .size = UINT64_MAX, .names = UINT64_MAX };
	return (struct tree_limits){
		.size = build->max_size ?: TREE_SIZE_MAX,
		.names = build->max_files ?: TREE_NAMES_MAX,
	};
}

int build_read_app(const struct build *build, uint16_t flags, struct application *app,
		   struct error *error)
{
	const char *what = build->rootfs ?: build->image;
	struct error cause = {};
	int err;

	err = application_init(app);
	if (err)
		return error_set(error, err, "cannot make a temporary file: %s", strerror(-err));
	app->tree.limits = get_limits(build);
	app->as_nitro_cli = build->like;
	progress_begin("unpacking");
	if (build->rootfs)
		err = unpack_folder(&app->tree, build->rootfs, &cause);
	else
		err = application_read_image(app, build->image,
					     flags & EIF_FLAG_ARM64 ? "arm64" : "amd64", build->tag,
					     &cause);
	progress_end();
	if (!err)
		err = apply_options(build, app);
	if (!err)
		err = application_add_files(app, build->rootfs && !build->like, &cause);
	if (!err)
		err = copies_add(&build->copies, &app->tree, &cause);
	if (!err)
		err = application_add_env(app);
	if (!err)
		err = check_app(build, flags, app, &cause);
	return err ? fail(what, err, &cause, error) : 0;
}

static int add_bootstrap(const struct build *build, struct eif_writer *writer,
			 struct error *error)
{
	const char *init = build->init;
	struct error cause = {};
	int err = init ? 0 : guest_init(&init, error);

	if (err)
		return err;
	err = eif_writer_begin(writer);
	if (!err)
		err = bootstrap_write(writer->fd, init, build->nsm, &cause);
	if (!err)
		err = eif_writer_end(writer, EIF_SECTION_RAMDISK);
	return err ? fail("bootstrap ramdisk", err, &cause, error) : 0;
}

int build_add_app(const struct build *build, struct application *app, struct eif_writer *writer,
		  struct error *error)
{
	struct error cause = {};
	int err;

	if (build->init && application_needs_more(app))
		term_error("warning: %s must read the files user and workdir, which AWS's init "
			   "ignores", build->init);
	check_init(build, writer->flags);
	err = add_bootstrap(build, writer, error);
	if (err)
		return err;
	progress_begin("packing");
	err = eif_writer_begin(writer);
	if (!err)
		err = application_write(app, writer->fd, &cause);
	if (!err)
		err = eif_writer_end(writer, EIF_SECTION_RAMDISK);
	progress_end();
	return err ? fail("application ramdisk", err, &cause, error) : 0;
}
