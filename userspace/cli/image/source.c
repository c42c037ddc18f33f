// SPDX-License-Identifier: Apache-2.0
/* What "ne-emu run" is given: an enclave image, or what one can be built from. */

#include "cli/image/source.h"

#include "cli/image/reference.h"
#include "cli/image/walk.h"
#include "command/progress.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first bytes of an enclave image, and the end of the names of such files. */
static const char magic[] = ".eif";

static int fail(const struct source *source, int err, struct error *error)
{
	return error_set(error, err, "%s: %s", source->name, strerror(-err));
}

static int set_path(struct source *source, const char *path, struct error *error)
{
	source->path = strdup(path);
	return source->path ? 0 : fail(source, -ENOMEM, error);
}

static bool has_suffix(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(magic) && !strcmp(name + len - strlen(magic), magic);
}

static bool is_eif(int fd)
{
	char start[sizeof(magic) - 1];

	return pread(fd, start, sizeof(start), 0) == (ssize_t)sizeof(start) &&
		!memcmp(start, magic, sizeof(start));
}

/* An image and an archive are told apart by what they contain; "x.eif" may be a bad image. */
static int take_file(struct source *source, const struct image_cache *cache,
		     struct error *error)
{
	int err;

	if (is_eif(source->fd) || has_suffix(source->name)) {
		source->kind = SOURCE_EIF;
		return 0;
	}
	source->kind = SOURCE_IMAGE;
	if (*source->digest || !*cache->path)
		return 0;
	progress_begin("reading");
	err = image_cache_hash(cache, source->path, source->digest);
	progress_end();
	return err ? fail(source, err, error) : 0;
}

/* Everything is read before it is used, so that the sender sees no difference. */
static int take_stdin(struct source *source, const struct image_cache *cache,
		      struct error *error)
{
	struct sha256 digest;
	char path[32];
	int err;

	if (isatty(STDIN_FILENO))
		return error_set(error, -ENOTTY, "standard input is a terminal; pipe an archive "
				 "into it: docker save NAME | ne-emu run -");
	source->fd = temp_file_open();
	if (source->fd < 0)
		return error_set(error, source->fd, "cannot make a temporary file: %s",
				 strerror(-source->fd));
	progress_begin("reading");
	sha256_begin(&digest);
	err = sha256_add_fd(&digest, STDIN_FILENO, source->fd);
	err = sha256_end(&digest, source->digest) ?: err;
	progress_end();
	if (err)
		return error_set(error, err, "standard input: %s", strerror(-err));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", source->fd);
	err = set_path(source, path, error);
	return err ? err : take_file(source, cache, error);
}

static int take_dir(struct source *source, struct error *error)
{
	int err;

	progress_begin("reading");
	err = walk_digest(source->path, source->digest, error);
	progress_end();
	return err;
}

/* A path with a slash at its start, or "." or ".." before one, and "x.eif" are never names. */
static bool is_path(const char *name)
{
	return *name == '/' || !strncmp(name, "./", 2) || !strncmp(name, "../", 3) ||
		has_suffix(name);
}

static int take_reference(struct source *source, struct error *error)
{
	int err;

	source->kind = SOURCE_REFERENCE;
	progress_begin("looking up the image");
	err = reference_resolve(source->name, &source->reference, source->digest, error);
	progress_end();
	return err;
}

static int take_path(struct source *source, bool rootfs, const struct image_cache *cache,
		     struct error *error)
{
	struct stat st;
	int err;

	source->fd = open(source->name, O_RDONLY | O_CLOEXEC);
	if (source->fd < 0 && errno == ENOENT && !rootfs && !is_path(source->name))
		return take_reference(source, error);
	if (source->fd < 0 || fstat(source->fd, &st))
		return fail(source, -errno, error);
	err = set_path(source, source->name, error);
	if (err)
		return err;
	source->kind = rootfs ? SOURCE_ROOTFS : SOURCE_IMAGE;
	if (S_ISDIR(st.st_mode))
		return *cache->path ? take_dir(source, error) : 0;
	return rootfs ? fail(source, -ENOTDIR, error) : take_file(source, cache, error);
}

int source_open(struct source *source, const char *name, bool rootfs,
		const struct image_cache *cache, struct error *error)
{
	*source = (struct source){ .name = name, .fd = -1 };
	if (rootfs)
		return take_path(source, true, cache, error);
	if (!strcmp(name, "-"))
		return take_stdin(source, cache, error);
	if (reference_has_transport(name))
		return take_reference(source, error);
	return take_path(source, false, cache, error);
}

static int make_temp_dir(char **ret)
{
	const char *base = getenv("TMPDIR");
	char *path;

	if (asprintf(&path, "%s/ne-emu-XXXXXX", base && *base ? base : "/var/tmp") < 0)
		return -ENOMEM;
	if (!mkdtemp(path)) {
		int err = -errno;

		free(path);
		return err;
	}
	*ret = path;
	return 0;
}

int source_fetch(struct source *source, const char *arch, struct error *error)
{
	int err;

	if (source->kind != SOURCE_REFERENCE || source->path)
		return 0;
	err = make_temp_dir(&source->temp_dir);
	if (err)
		return error_set(error, err, "cannot make a temporary directory: %s",
				 strerror(-err));
	progress_begin("copying the image");
	err = reference_fetch(source->reference, arch, source->temp_dir, error);
	progress_end();
	return err ? err : set_path(source, source->temp_dir, error);
}

void source_close(struct source *source)
{
	if (source->temp_dir)
		walk_remove(source->temp_dir);
	free(source->temp_dir);
	free(source->reference);
	free(source->path);
	fd_close(&source->fd);
	*source = (struct source){ .fd = -1 };
}
