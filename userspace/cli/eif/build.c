// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif build: make an image of a kernel, a command line and an application. */

#include "cli/eif/app_options.h"
#include "cli/eif/commands.h"
#include "cli/eif/parts.h"
#include "cli/eif/show.h"
#include "cli/eif/sign.h"
#include "command/file.h"

#include "common/cbor.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static int show_result(const struct build *build, const struct eif_file *file, FILE *to)
{
	const struct eif *eif = &file->eif;
	struct json_out out = {};

	if (!build->json) {
		fprintf(to, "%s: EIF version %u, %s, %u sections, %" PRIu64 " bytes\n",
			build->output, eif->version, eif_show_arch(eif->flags), eif->nr_sections,
			eif->size);
		eif_show_pcrs(to, &file->pcrs);
		return 0;
	}
	json_out_document(&out);
	eif_show_measurements(&out, &file->pcrs);
	return json_out_print(&out, to, 2);
}

static int commit_image(const struct build *build, struct file_new *new, struct error *error)
{
	struct eif_file file;
	int err;

	err = build_check(new->fd, &file, error);
	if (err)
		return err;
	err = file_new_commit(new, error);
	if (!err)
		err = show_result(build, &file, file_new_report(new));
	eif_file_unmap(&file);
	return err;
}

/* Write an unsigned image first, because the signature covers its measurement. */
static int write_signed(const struct build *build, int fd, struct error *error)
{
	__cleanup_fd int temp = temp_file_open();
	struct eif_writer writer;
	struct eif_file file;
	int err;

	if (temp < 0)
		return error_set(error, temp, "cannot make a temporary file: %s", strerror(-temp));
	err = build_write(build, &writer, temp, error);
	if (!err)
		err = build_check(temp, &file, error);
	if (err)
		return err;
	err = eif_sign(&file.eif, &file.pcrs, build->certificate, build->key, fd, error);
	eif_file_unmap(&file);
	return err;
}

static int build_image(const struct build *build, struct error *error)
{
	struct eif_writer writer;
	struct file_new new;
	int err;

	err = file_new_open(&new, build->output, error);
	if (!err)
		err = build->certificate ? write_signed(build, new.fd, error) :
			build_write(build, &writer, new.fd, error);
	if (!err)
		err = commit_image(build, &new, error);
	file_new_abort(&new);
	return err;
}

/* The metadata is JSON, which holds nothing else. */
static bool is_utf8(const char *text)
{
	return !text || emu_cbor_utf8((const uint8_t *)text, strlen(text));
}

/* Return: COMMAND_OK or COMMAND_USAGE. */
static int check_usage(const struct command_call *call, const struct build *build)
{
	if (build->rootfs && build->image)
		return command_usage_error(call, "--rootfs cannot be combined with --image");
	if (build_has_app(build) ? build->cmdline && build->cmdline_file :
	    !build->cmdline == !build->cmdline_file)
		return command_usage_error(call, "one of --cmdline and --cmdline-file is needed");
	if (!build_has_app(build) && !build->ramdisks.count)
		return command_usage_error(call, "one of --ramdisk, --rootfs and --image is "
					   "needed");
	if (!build_has_app(build) && (build->exec.count || app_options_given(build) ||
				      build->init || build->nsm))
		return command_usage_error(call, "--exec, --entrypoint, --env, --copy, --workdir, "
					   "--user, --like, --init and --nsm require --rootfs or "
					   "--image");
	if (build->exec.count && build->entrypoint)
		return command_usage_error(call, "--exec cannot be combined with --entrypoint");
	if ((build->tag || build->max_size || build->max_files) && !build->image)
		return command_usage_error(call, "--tag, --max-size and --max-files require "
					   "--image");
	if (!is_utf8(build->name) || !is_utf8(build->version))
		return command_usage_error(call, "--name and --version have to be UTF-8");
	if (!build->certificate != !build->key)
		return command_usage_error(call, "--signing-certificate and --private-key require "
					   "each other");
	if (build->arch && strcmp(build->arch, "x86_64") && strcmp(build->arch, "aarch64"))
		return command_usage_error(call, "--arch: \"%s\" is neither x86_64 nor aarch64",
					   build->arch);
	return app_options_check(call, build);
}

#define IN_BUILD(member)	member

static const struct opt options[] = {
	OPT_STRING("kernel", struct build, kernel, "FILE",
		   "x86 bzImage or arm64 Image;\ndefault: the kernel of this package",
		   .manual = "x86 bzImage or arm64 Image. (A vmlinux does not boot.) Default: the "
			     "enclave kernel of the package nitro-enclaves-emu-guest, see "
			     "*KERNEL*.",
		   .values = VALUES_FILES),
	OPT_STRING("cmdline", struct build, cmdline, "TEXT",
		   "kernel command line;\n"
		   "default with --rootfs or --image: that of AWS's kernels",
		   .manual = "Kernel command line, at most 2047 bytes. With *--rootfs* or "
			     "*--image*, the default is that of AWS's kernels."),
	OPT_STRING("cmdline-file", struct build, cmdline_file, "FILE",
		   "read the kernel command line from a file",
		   .manual = "Read the kernel command line from a file. Blanks at its start and "
			     "end are removed.",
		   .values = VALUES_FILES),
	OPT_STRINGS("ramdisk", struct build, ramdisks, "FILE",
		    "cpio archive, may be compressed; may be repeated:\n"
		    "the first is measured into PCR1, the others into PCR2",
		    .manual = "cpio archive, compressed or not. May be repeated: the first is "
			      "measured into PCR1, all others into PCR2. The first holds the init, "
			      "see *SAMPLE INIT* in *ne-emu*(1).",
		    .values = VALUES_FILES),
	OPT_STRING("rootfs", struct build, rootfs, "DIR",
		   "make the ramdisks from a root file system",
		   .manual = "Make the ramdisks from a root file system. Its files belong to root, "
			     "unless root calls: then they keep their owners.",
		   .values = VALUES_DIRS),
	OPT_STRING("image", struct build, image, "PATH",
		   "make the ramdisks from a container image: a directory\n"
		   "or archive in OCI layout or of \"docker save\"; \"-\" is\n"
		   "an archive on standard input",
		   .manual = "Make the ramdisks from a container image: a directory or tar archive "
			     "in OCI image layout, or what *docker save*, *podman save* or *skopeo "
			     "copy* to *dir:* writes; *-* is an archive on standard input. "
			     "Its entry point, arguments, environment, working directory and user "
			     "apply.",
		   .values = VALUES_FILES),
	OPT_STRINGS("exec", struct build, exec, "ARG",
		    "program to run; repeat for each of its arguments;\ndefault: the image's",
		    .manual = "Program to run in place of the container image's; repeated for each "
			      "of its arguments."),
	APP_OPTIONS(struct build, IN_BUILD),
	OPT_STRING("init", struct build, init, "FILE",
		   "first program of the enclave, linked statically;\n"
		   "default: the init of this package",
		   .manual = "First program of the enclave, linked statically. Default: the init "
			     "of this package. AWS's init ignores users and working directories.",
		   .values = VALUES_FILES),
	OPT_STRING("nsm", struct build, nsm, "FILE", "nsm.ko, if the kernel needs it",
		   .manual = "The module nsm.ko, for a kernel that needs it.",
		   .values = VALUES_FILES),
	OPT_STRING("name", struct build, name, "TEXT",
		   "image name;\ndefault: that of the container image or the directory",
		   .manual = "ImageName of the metadata. Default: the name of the container image "
			     "without its tag, or of the directory of *--rootfs*, or else "
			     "\"image\"."),
	OPT_STRING("version", struct build, version, "TEXT",
		   "image version;\ndefault: the hash of the container image, or 1.0",
		   .manual = "ImageVersion of the metadata. Default: the hash of the container "
			     "image, or else 1.0."),
	OPT_STRING("metadata", struct build, metadata, "FILE",
		   "JSON object to store as custom metadata",
		   .manual = "JSON object that becomes CustomMetadata, at most 4096 bytes.",
		   .values = VALUES_FILES),
	OPT_STRING("arch", struct build, arch, "ARCH",
		   "x86_64 or aarch64: refuse a kernel of the other one",
		   .manual = "x86_64 or aarch64: refuse a kernel of the other one. Without "
			     "*--kernel*, choose the installed kernel of that architecture; the "
			     "package has none for aarch64.",
		   .values = { OPT_COMPLETE_WORDS, "x86_64 aarch64" }),
	OPT_FLAG("fix-kernel", struct build, fix_kernel,
		 "set text_offset of an arm64 kernel if it is 0, because\n"
		 "EC2 needs it; this changes the measurements",
		 .manual = "Set the field text_offset of an arm64 kernel if it is 0, as in newer "
			   "kernels, because EC2 needs it. This changes the measurements."),
	OPT_STRING("signing-certificate", struct build, certificate, "FILE",
		   "sign the image with this certificate (PEM)",
		   .manual = "Sign the image with this certificate in PEM, see *SIGN*.",
		   .values = VALUES_FILES),
	OPT_STRING("private-key", struct build, key, "FILE", "key of the certificate (PEM)",
		   .values = VALUES_FILES),
	OPT_STRING("output", struct build, output, "FILE",
		   "image to write; \"-\" is standard output",
		   .letter = 'o', .required = true, .values = VALUES_FILES),
	OPT_FLAG("json", struct build, json, "print the measurements as JSON",
		 .manual = "Print the measurements in the format of *nitro-cli build-enclave*."),
	{}
};

static int eif_build_run(const struct command_call *call)
{
	const struct build *build = call->options;
	struct error error = {};
	int code = check_usage(call, build);

	return code ? code : term_result(build_image(build, &error), &error);
}

const struct command cmd_eif_build = {
	.name = "build",
	.summary = "make an image from ramdisks, a directory or a container image",
	.about = "Make a version 4 enclave image and print its measurements.\n"
		 "SOURCE_DATE_EPOCH sets the build time in its metadata",
	.options = options,
	.size = sizeof(struct build),
	.run = eif_build_run,
};
