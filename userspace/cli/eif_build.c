// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif build: an image from a kernel, a command line and ramdisks. */

#include "cli/cli.h"
#include "cli/eif_show.h"
#include "cli/file.h"

#include "common/util.h"
#include "eif/build.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define KERNEL_SIZE_MAX		(512 * MIB)
/* AWS's builder refuses larger files of custom metadata. */
#define METADATA_SIZE_MAX	4096

struct build {
	const char *kernel;
	const char *cmdline;
	const char *cmdline_file;
	struct cli_strings ramdisks;
	const char *name;
	const char *version;
	const char *metadata;
	const char *arch;
	const char *output;
	bool json;
};

static int add_cmdline(const struct build *build, struct eif_writer *writer, struct cli_text *why)
{
	__cleanup_free char *text = NULL;
	size_t size;
	char *start;
	int r;

	if (build->cmdline) {
		r = eif_writer_add(writer, EIF_SECTION_CMDLINE, build->cmdline,
				   strlen(build->cmdline));
		return r ? cli_fail(why, -r, "cannot write: %s", strerror(-r)) : 0;
	}
	r = file_read(build->cmdline_file, METADATA_SIZE_MAX, &text, &size);
	if (r)
		return cli_fail(why, -r, "%s: %s", build->cmdline_file, strerror(-r));
	start = text;
	while (size && isspace((unsigned char)start[size - 1]))
		size--;
	while (size && isspace((unsigned char)*start)) {
		start++;
		size--;
	}
	r = eif_writer_add(writer, EIF_SECTION_CMDLINE, start, size);
	return r ? cli_fail(why, -r, "cannot write: %s", strerror(-r)) : 0;
}

/* The time for the metadata; SOURCE_DATE_EPOCH makes it reproducible. */
static int get_build_time(time_t *ret, struct cli_text *why)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t value;

	if (!epoch) {
		*ret = time(NULL);
		return 0;
	}
	/* The last second of the year 9999. */
	if (parse_u64(epoch, 10, 253402300799, &value))
		return cli_fail(why, EINVAL, "SOURCE_DATE_EPOCH \"%s\" is no time", epoch);
	*ret = value;
	return 0;
}

static int add_metadata(const struct build *build, const struct eif_kernel_info *kernel,
			struct eif_writer *writer, struct cli_text *why)
{
	__cleanup_free char *custom = NULL, *text = NULL;
	struct eif_metadata metadata = {
		.image_name = build->name,
		.image_version = build->version,
		.kernel_version = kernel->version,
	};
	int r;

	r = get_build_time(&metadata.build_time, why);
	if (r)
		return r;
	if (build->metadata) {
		r = file_read(build->metadata, METADATA_SIZE_MAX, &custom, &metadata.custom_size);
		if (r)
			return cli_fail(why, -r, "%s: %s", build->metadata, strerror(-r));
		metadata.custom = custom;
	}
	r = eif_metadata_text(&metadata, &text);
	if (r == -EINVAL)
		return cli_fail(why, EINVAL, "%s does not hold JSON", build->metadata);
	if (!r)
		r = eif_writer_add(writer, EIF_SECTION_METADATA, text, strlen(text));
	return r ? cli_fail(why, -r, "cannot write: %s", strerror(-r)) : 0;
}

static int add_ramdisk(const char *path, struct eif_writer *writer, struct cli_text *why)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return cli_fail(why, errno, "%s: %s", path, strerror(errno));
	r = eif_writer_add_fd(writer, EIF_SECTION_RAMDISK, fd);
	return r ? cli_fail(why, -r, "%s: %s", path, strerror(-r)) : 0;
}

/* Sections in the order of AWS's builder, so that measurements are comparable. */
static int write_image(const struct build *build, struct eif_writer *writer, int fd,
		       struct cli_text *why)
{
	struct eif_kernel_info kernel;
	__cleanup_free char *data = NULL;
	size_t size, i;
	int r;

	r = file_read(build->kernel, KERNEL_SIZE_MAX, &data, &size);
	if (r)
		return cli_fail(why, -r, "%s: %s", build->kernel, strerror(-r));
	if (eif_kernel_inspect((uint8_t *)data, size, &kernel))
		return cli_fail(why, ENOEXEC, "%s is neither an x86 bzImage nor an arm64 Image; "
				"no enclave can boot it", build->kernel);
	if (build->arch && strcmp(build->arch, eif_show_arch(kernel.flags)))
		return cli_fail(why, EINVAL, "%s is a kernel for %s", build->kernel,
				eif_show_arch(kernel.flags));
	eif_kernel_fix((uint8_t *)data, size, &kernel);

	eif_writer_init(writer, fd, EIF_VERSION_MAX, kernel.flags);
	r = eif_writer_add(writer, EIF_SECTION_KERNEL, data, size);
	if (r)
		return cli_fail(why, -r, "cannot write: %s", strerror(-r));
	r = add_cmdline(build, writer, why);
	if (!r)
		r = add_metadata(build, &kernel, writer, why);
	for (i = 0; !r && i < build->ramdisks.count; i++)
		r = add_ramdisk(build->ramdisks.list[i], writer, why);
	if (r)
		return r;
	r = eif_writer_finish(writer);
	return r ? cli_fail(why, -r, "cannot write: %s", strerror(-r)) : 0;
}

/* Read the result as a loader would: nothing else is worth a name. */
static int check_image(int fd, struct eif_pcrs *ret_pcrs, struct cli_text *why)
{
	char reason[EIF_REASON_SIZE] = "";
	struct eif_file file;
	int r;

	r = eif_file_map(fd, EIF_PARSE_STRICT, &file, reason);
	if (r == -EBADMSG)
		return cli_fail(why, EBADMSG, "%s", reason);
	if (!r) {
		*ret_pcrs = file.pcrs;
		eif_file_unmap(&file);
	}
	return r ? cli_fail(why, -r, "cannot measure: %s", strerror(-r)) : 0;
}

static int show_result(const struct build *build, const struct eif_writer *writer,
		       const struct eif_pcrs *pcrs)
{
	struct json_out out = {};

	if (!build->json) {
		printf("%s: EIF version %u, %s, %u sections, %" PRIu64 " bytes\n", build->output,
		       writer->version, eif_show_arch(writer->flags), writer->nr_sections,
		       writer->end);
		eif_show_pcrs(pcrs);
		return 0;
	}
	json_out_object(&out, NULL);
	eif_show_measurements(&out, pcrs);
	return json_out_print(&out, stdout, 2);
}

static int build_image(const struct build *build, struct cli_text *why)
{
	struct eif_writer writer;
	struct eif_pcrs pcrs;
	struct file_new file;
	int r;

	r = file_new_open(&file, build->output);
	if (r) {
		cli_fail(why, -r, "cannot create %s: %s", build->output, strerror(-r));
		goto out;
	}
	r = write_image(build, &writer, file.fd, why);
	if (!r)
		r = check_image(file.fd, &pcrs, why);
	if (r)
		goto out;
	r = file_new_commit(&file);
	if (r)
		cli_fail(why, -r, "cannot create %s: %s", build->output, strerror(-r));
	else
		r = show_result(build, &writer, &pcrs);
out:
	file_new_abort(&file);
	return r;
}

/* "dir/hello.eif" names the image "hello". */
static char *name_of(const char *output)
{
	const char *name = strrchr(output, '/');
	const char *dot;

	name = name ? name + 1 : output;
	dot = strrchr(name, '.');
	return strndup(name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

int cmd_eif_build(int argc, char **argv)
{
	struct build build = { .version = "1.0" };
	const struct cli_opt opts[] = {
		OPT_STRING("kernel", &build.kernel, "FILE", "x86 bzImage or arm64 Image"),
		OPT_STRING("cmdline", &build.cmdline, "TEXT", "kernel command line"),
		OPT_STRING("cmdline-file", &build.cmdline_file, "FILE",
			   "the same from a file, without blanks at its ends"),
		OPT_STRINGS("ramdisk", &build.ramdisks, "FILE",
			    "cpio archive, may be compressed; repeat for more:\n"
			    "the first is measured into PCR1, the others into PCR2"),
		OPT_STRING("name", &build.name, "TEXT", "image name; default: that of the file"),
		OPT_STRING("version", &build.version, "TEXT", "image version; default: 1.0"),
		OPT_STRING("metadata", &build.metadata, "FILE",
			   "JSON to be kept as custom metadata"),
		OPT_STRING("arch", &build.arch, "ARCH",
			   "x86_64 or aarch64: refuse kernels of the other one"),
		{ .name = "output", .letter = 'o', .kind = CLI_STRING, .target = &build.output,
		  .metavar = "FILE", .help = "the image" },
		OPT_FLAG("json", &build.json, "print the measurements as JSON"),
		{}
	};
	const struct cli_usage usage = {
		"ne-emu eif build", "",
		"Make a version 4 enclave image; print its measurements.\n"
		"SOURCE_DATE_EPOCH sets the build time in its metadata", opts, 0, 0,
	};
	__cleanup_free char *name = NULL;
	struct cli_text why = {};
	char **args;
	int r;

	r = cli_parse(&usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	if (!build.kernel || !build.output)
		return cli_usage_error(&usage, "--%s is missing",
				       build.kernel ? "output" : "kernel");
	if (!build.cmdline == !build.cmdline_file)
		return cli_usage_error(&usage, "one of --cmdline and --cmdline-file is needed");
	if (!build.ramdisks.count)
		return cli_usage_error(&usage, "--ramdisk is missing");
	if (build.arch && strcmp(build.arch, "x86_64") && strcmp(build.arch, "aarch64"))
		return cli_usage_error(&usage, "--arch: \"%s\" is neither x86_64 nor aarch64",
				       build.arch);
	name = name_of(build.output);
	if (!build.name)
		build.name = name;
	r = build_image(&build, &why);
	if (r && *why.text)
		cli_error("%s", why.text);
	return r ? CLI_FAILED : CLI_OK;
}
