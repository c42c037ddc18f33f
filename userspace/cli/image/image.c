// SPDX-License-Identifier: Apache-2.0
/* The image that "ne-emu run" starts: one that exists, or one that it builds or has built. */

#include "cli/image/image.h"

#include "cli/eif/app_options.h"
#include "cli/eif/parts.h"
#include "cli/eif/show.h"
#include "cli/host/json_in.h"
#include "cli/image/key.h"
#include "cli/image/source.h"
#include "command/terminal.h"
#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/** struct opening - an image that is being opened */
struct opening {
	struct image_options *options;
	struct image *image;
	char key[SHA256_TEXT_SIZE];
	struct error *error;
};

/* The architecture in the terms of containers. */
static const char *container_arch(const struct build *build)
{
	struct utsname uts;

	if (build->arch)
		return strcmp(build->arch, "aarch64") ? "amd64" : "arm64";
	return !uname(&uts) && !strcmp(uts.machine, "aarch64") ? "arm64" : "amd64";
}

static bool has_build_options(const struct image_options *options)
{
	const struct build *build = &options->build;

	return app_options_given(build) || build->kernel;
}

static int take_eif(struct opening *opening)
{
	struct source *source = &opening->image->source;
	struct stat st;

	if (has_build_options(opening->options))
		return error_set(opening->error, -EINVAL, "%s is an enclave image, in which command, "
				 "environment, user and files are fixed", source->name);
	/* What came from standard input has been written to the file. */
	if (fstat(source->fd, &st) || lseek(source->fd, 0, SEEK_SET) < 0)
		return error_set(opening->error, -errno, "%s: %s", source->name, strerror(errno));
	opening->image->size = st.st_size;
	opening->image->fd = fd_steal(&source->fd);
	return 0;
}

/* The name that the builder has chosen; the caller frees it. */
static char *read_name(const struct eif *eif)
{
	json_t *metadata = json_loadb((const char *)eif->metadata.data, eif->metadata.size, 0,
				      NULL);
	const char *name = json_string_value(json_object_get(metadata, "ImageName"));
	char *copy = name ? strdup(name) : NULL;

	json_decref(metadata);
	return copy;
}

/* What the cache, "ne-emu images" and "ne-emu run" know of a built image. */
static json_t *image_record(const struct opening *opening, const struct eif_file *file)
{
	__cleanup_free char *name = read_name(&file->eif);
	__cleanup_free char *text = NULL;
	struct json_out out = {};

	json_out_object(&out, NULL);
	json_out_str(&out, "Source", opening->image->source.name);
	json_out_str(&out, "ImageName", name);
	json_out_u64(&out, "Bytes", file->eif.size);
	eif_show_measurements(&out, &file->pcrs);
	text = json_out_take(&out);
	return text ? json_loads(text, 0, NULL) : NULL;
}

/* Build the image in @fd, and describe it. */
static int write_image(struct opening *opening, int fd)
{
	struct build *build = &opening->options->build;
	struct image *image = opening->image;
	int64_t started_ms = clock_ms();
	struct eif_writer writer;
	struct eif_file file;
	int err;

	err = source_fetch(&image->source, container_arch(build), opening->error);
	if (err)
		return err;
	if (image->source.kind == SOURCE_ROOTFS)
		build->rootfs = image->source.path;
	else
		build->image = image->source.path;
	err = build_write(build, &writer, fd, opening->error);
	if (err)
		return err;
	err = build_check(fd, &file, opening->error);
	if (err)
		return err;
	image->size = file.eif.size;
	image->record = image_record(opening, &file);
	eif_file_unmap(&file);
	image->took_ms = clock_ms() - started_ms;
	return image->record ? 0 : error_set(opening->error, -ENOMEM, "%s", strerror(ENOMEM));
}

static int take_fd(struct opening *opening, int fd)
{
	opening->image->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (opening->image->fd < 0 || lseek(opening->image->fd, 0, SEEK_SET) < 0)
		return error_set(opening->error, -errno, "%s", strerror(errno));
	return 0;
}

static int build_in_cache(struct opening *opening)
{
	struct file_new file;
	struct error why;
	int err;

	err = image_cache_begin(&opening->image->cache, opening->key, &file, opening->error);
	if (!err)
		err = write_image(opening, file.fd);
	if (!err)
		err = take_fd(opening, file.fd);
	/* A full disk does not keep the enclave from running. */
	if (!err && image_cache_add(&opening->image->cache, opening->key, &file,
				    opening->image->record, &why))
		term_error("warning: the image is not kept for the next start: %s", why.text);
	file_new_abort(&file);
	return err;
}

static int build_without_cache(struct opening *opening)
{
	__cleanup_fd int fd = temp_file_open();
	int err;

	if (fd < 0)
		return error_set(opening->error, fd, "cannot make a temporary file: %s",
				 strerror(-fd));
	err = write_image(opening, fd);
	return err ? err : take_fd(opening, fd);
}

static int find_or_build(struct opening *opening)
{
	struct image *image = opening->image;
	int err;

	if (!*image->cache.path)
		return build_without_cache(opening);
	err = image_key(&image->cache, &image->source, &opening->options->build, opening->key,
			opening->error);
	if (err)
		return err;
	if (image_cache_find(&image->cache, opening->key, &image->fd, &image->record))
		return build_in_cache(opening);
	image->cached = true;
	image->size = json_in_u64(image->record, "Bytes");
	return 0;
}

int image_find(const struct image_options *options, struct image *image, struct error *error)
{
	struct error why;

	*image = (struct image){ .fd = -1 };
	if (!options->no_cache && image_cache_open(&image->cache, &why))
		term_error("warning: images are not kept for the next start: %s", why.text);
	return source_open(&image->source, options->name, options->rootfs, &image->cache, error);
}

int image_open(struct image_options *options, struct image *image, struct error *error)
{
	struct opening opening = { .options = options, .image = image, .error = error };
	int err = image->source.kind == SOURCE_EIF ? take_eif(&opening) : find_or_build(&opening);

	/* Before the caller may fork: only one process removes a temporary directory. */
	source_close(&image->source);
	return err;
}

void image_close(struct image *image)
{
	fd_close(&image->fd);
	json_decref(image->record);
	image->record = NULL;
	source_close(&image->source);
}

void image_print(const struct image *image, FILE *to)
{
	const json_t *measurements = json_object_get(image->record, "Measurements");

	fprintf(to, "image: %s, %llu MiB, ", json_in_str(image->record, "ImageName"),
		(image->size + MIB - 1) / MIB);
	if (image->cached)
		fputs("from the cache\n", to);
	else
		fprintf(to, "built in %.1f s\n", (double)image->took_ms / MSEC_PER_SEC);
	for (size_t i = 0; i < EIF_REGISTERS; i++) {
		const char *name = eif_register_name(i), *value = json_in_str(measurements, name);

		if (*value)
			fprintf(to, "%s %s\n", name, value);
	}
}
