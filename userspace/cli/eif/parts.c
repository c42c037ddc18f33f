// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif build: write the sections of the image. */

#include "cli/eif/parts.h"

#include "cli/eif/app.h"
#include "cli/eif/guest_part.h"
#include "cli/eif/show.h"
#include "command/file.h"
#include "command/progress.h"

#include "common/sha256.h"
#include "common/util.h"
#include "eif/build.h"
#include "pack/application.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define KERNEL_SIZE_MAX		(512 * MIB)
/* AWS's builder refuses larger files of custom metadata. */
#define METADATA_SIZE_MAX	4096

/* The command lines that AWS uses with its kernels. */
#define X86_CMDLINE	"reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux " \
			"i8042.nopnp i8042.dumbkbd random.trust_cpu=on"
#define ARM64_CMDLINE	"reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on " \
			"root=/dev/ram0"

struct kernel {
	char *data;
	size_t size;
	struct eif_kernel_info info;
	char sha256[SHA256_TEXT_SIZE];
};

static int write_fail(struct error *error, int err)
{
	return err ? error_set(error, err, "cannot write: %s", strerror(-err)) : 0;
}

static int add_text(struct eif_writer *writer, enum eif_section_type type, const char *text,
		    struct error *error)
{
	return write_fail(error, eif_writer_add(writer, type, text, strlen(text)));
}

static int add_cmdline(const struct build *build, struct eif_writer *writer, struct error *error)
{
	__cleanup_free char *text = NULL;
	size_t size;
	char *start;
	int err;

	if (build->cmdline)
		return add_text(writer, EIF_SECTION_CMDLINE, build->cmdline, error);
	if (!build->cmdline_file)
		return add_text(writer, EIF_SECTION_CMDLINE, writer->flags & EIF_FLAG_ARM64 ?
				ARM64_CMDLINE : X86_CMDLINE, error);
	err = file_read(build->cmdline_file, METADATA_SIZE_MAX, &text, &size);
	if (err)
		return error_set(error, err, "%s: %s", build->cmdline_file, strerror(-err));
	start = text;
	while (size && isspace((unsigned char)start[size - 1]))
		size--;
	while (size && isspace((unsigned char)*start)) {
		start++;
		size--;
	}
	return write_fail(error, eif_writer_add(writer, EIF_SECTION_CMDLINE, start, size));
}

/* The build time in the metadata; SOURCE_DATE_EPOCH makes it reproducible. */
static int get_build_time(time_t *ret, struct error *error)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t value;

	if (!epoch) {
		*ret = time(NULL);
		return 0;
	}
	/* The last second of the year 9999. */
	if (parse_u64(epoch, 10, 253402300799, &value))
		return error_set(error, -EINVAL, "SOURCE_DATE_EPOCH \"%s\" is not a time", epoch);
	*ret = value;
	return 0;
}

/* The last component of a path, without slashes after it; empty if that names nothing. */
static void folder_name(const char *path, char *name, size_t size)
{
	size_t end = strlen(path), start;

	while (end && path[end - 1] == '/')
		end--;
	for (start = end; start && path[start - 1] != '/'; start--)
		;
	snprintf(name, size, "%.*s", (int)(end - start), path + start);
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		*name = 0;
}

/* As AWS's builder does: the name is that of the container image without its tag, the
 * version its hash. Other images are called like their directory. The output does not
 * count, so that an image does not depend on the name of its file.
 */
static void name_image(const struct build *build, const struct application *app,
		       struct eif_metadata *metadata, char *name, size_t size)
{
	const char *slash = app->name ? strrchr(app->name, '/') : NULL;
	const char *colon = app->name ? strchr(slash ?: app->name, ':') : NULL;

	*name = 0;
	if (app->name)
		snprintf(name, size, "%.*s", colon ? (int)(colon - app->name) : (int)size - 1,
			 app->name);
	else if (build->rootfs)
		folder_name(build->rootfs, name, size);
	metadata->image_name = build->name ?: *name ? name : "image";
	metadata->image_version = build->version ?: app->id ?: "1.0";
	metadata->docker = app->info;
}

static int add_metadata(const struct build *build, const struct kernel *kernel,
			const struct application *app, struct eif_writer *writer,
			struct error *error)
{
	__cleanup_free char *custom = NULL, *text = NULL;
	struct eif_metadata metadata = {
		.kernel_version = kernel->info.version,
		.kernel_sha256 = kernel->sha256,
	};
	char image_name[256];
	struct error cause;
	int err;

	name_image(build, app, &metadata, image_name, sizeof(image_name));
	err = get_build_time(&metadata.build_time, error);
	if (err)
		return err;
	if (build->metadata) {
		err = file_read(build->metadata, METADATA_SIZE_MAX, &custom, &metadata.custom_size);
		if (err)
			return error_set(error, err, "%s: %s", build->metadata, strerror(-err));
		metadata.custom = custom;
	}
	err = eif_metadata_text(&metadata, &text, &cause);
	if (err == -EINVAL)
		return error_set(error, -EINVAL, "%s: %s", build->metadata, cause.text);
	return err ? write_fail(error, err) : add_text(writer, EIF_SECTION_METADATA, text, error);
}

static int add_ramdisk(const char *path, struct eif_writer *writer, struct error *error)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	progress_begin("copying");
	err = eif_writer_add_fd(writer, EIF_SECTION_RAMDISK, fd);
	progress_end();
	return err ? error_set(error, err, "%s: %s", path, strerror(-err)) : 0;
}

static int add_ramdisks(const struct build *build, struct application *app,
			struct eif_writer *writer, struct error *error)
{
	int err = 0;

	if (build_has_app(build))
		err = build_add_app(build, app, writer, error);
	for (size_t i = 0; !err && i < build->ramdisks.count; i++)
		err = add_ramdisk(build->ramdisks.list[i], writer, error);
	return err;
}

/* @kernel->data may be allocated on failure, too. */
static int read_kernel(const struct build *build, struct kernel *kernel, struct error *error)
{
	struct eif_kernel_info *info = &kernel->info;
	struct sha256 hash;
	const char *path = build->kernel;
	int err = path ? 0 : guest_kernel(build->arch, &path, error);

	if (err)
		return err;
	err = file_read(path, KERNEL_SIZE_MAX, &kernel->data, &kernel->size);
	if (err)
		return error_set(error, err, "%s: %s", path, strerror(-err));
	if (eif_kernel_inspect((uint8_t *)kernel->data, kernel->size, info))
		return error_set(error, -ENOEXEC, "%s is neither an x86 bzImage nor an arm64 "
				 "Image; no enclave can boot it", path);
	if (build->arch && strcmp(build->arch, eif_show_arch(info->flags)))
		return error_set(error, -EINVAL, "%s is a kernel for %s", path,
				 eif_show_arch(info->flags));
	if (!build->kernel)
		fprintf(stderr, "kernel: %s, Linux %s\n", path, info->version);
	if (info->unplaced && build->fix_kernel)
		eif_kernel_fix((uint8_t *)kernel->data, kernel->size, info);
	else if (info->unplaced)
		term_error("warning: text_offset of %s is 0, so it will not boot on EC2: "
			   "see --fix-kernel", path);
	/* What the image holds, so after the fix. */
	sha256_begin(&hash);
	sha256_add(&hash, kernel->data, kernel->size);
	if (sha256_end(&hash, kernel->sha256))
		return error_set(error, -ENOMEM, "%s: cannot compute its SHA-256", path);
	return 0;
}

/* Before anything is copied: kernel, command line and metadata, ramdisks, signature. */
static int check_sections(const struct build *build, struct error *error)
{
	size_t others = 3 + 2 * build_has_app(build) + !!build->certificate;

	if (build->ramdisks.count <= EIF_MAX_SECTIONS - others)
		return 0;
	return error_set(error, -E2BIG, "with %zu ramdisks, the image has %zu sections; the limit "
			 "is %d", build->ramdisks.count, build->ramdisks.count + others,
			 EIF_MAX_SECTIONS);
}

int build_write(const struct build *build, struct eif_writer *writer, int fd,
		struct error *error)
{
	struct application app = { .tree = { .fd = -1, .lent_fd = -1 } };
	struct kernel kernel = {};
	int err;

	err = check_sections(build, error);
	if (!err)
		err = read_kernel(build, &kernel, error);
	eif_writer_init(writer, fd, EIF_VERSION_MAX, kernel.info.flags);
	if (!err && build_has_app(build))
		err = build_read_app(build, kernel.info.flags, &app, error);
	if (!err)
		err = write_fail(error, eif_writer_add(writer, EIF_SECTION_KERNEL, kernel.data,
						       kernel.size));
	if (!err)
		err = add_cmdline(build, writer, error);
	if (!err)
		err = add_metadata(build, &kernel, &app, writer, error);
	if (!err)
		err = add_ramdisks(build, &app, writer, error);
	application_free(&app);
	free(kernel.data);
	return err ? err : write_fail(error, eif_writer_finish(writer));
}

/* Parse it as a loader does. */
int build_check(int fd, struct eif_file *ret, struct error *error)
{
	int err = eif_file_map(fd, EIF_PARSE_STRICT, ret, error);

	if (err == -EBADMSG)
		return err;
	return err ? error_set(error, err, "cannot measure: %s", strerror(-err)) : 0;
}
