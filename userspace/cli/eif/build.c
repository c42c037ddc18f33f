// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif build: an image from a kernel, a command line and what it runs. */

#include "cli/eif/build.h"
#include "cli/eif/show.h"
#include "cli/eif/sign.h"
#include "cli/file.h"

#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static int show_result(const struct build *build, const struct eif_file *file, FILE *to)
{
	const struct eif *eif = &file->eif;
	struct json_out out = {};

	if (!build->json) {
		fprintf(to, "%s: EIF version %u, %s, %u sections, %" PRIu64 " bytes\n", build->output,
		       eif->version, eif_show_arch(eif->flags), eif->nr_sections, eif->size);
		eif_show_pcrs(to, &file->pcrs);
		return 0;
	}
	json_out_object(&out, NULL);
	eif_show_measurements(&out, &file->pcrs);
	return json_out_print(&out, to, 2);
}

/* Read the result as a loader would: nothing else is worth a name. */
static int check_image(int fd, struct eif_file *ret, struct error *why)
{
	int r = eif_file_map(fd, EIF_PARSE_STRICT, ret, why);

	if (r == -EBADMSG)
		return r;
	return r ? error_set(why, r, "cannot measure: %s", strerror(-r)) : 0;
}

static int commit_image(const struct build *build, struct file_new *new, struct error *why)
{
	struct eif_file file;
	int r;

	r = check_image(new->fd, &file, why);
	if (r)
		return r;
	r = file_new_commit(new, why);
	if (!r)
		r = show_result(build, &file, file_new_report(new));
	eif_file_unmap(&file);
	return r;
}

/* An unsigned image first: what is signed is its measurement. */
static int write_signed(const struct build *build, int fd, struct error *why)
{
	__cleanup_fd int temp = temp_file_open();
	struct eif_writer writer;
	struct eif_file file;
	int r;

	if (temp < 0)
		return error_set(why, temp, "cannot make a temporary file: %s", strerror(-temp));
	r = build_write(build, &writer, temp, why);
	if (!r)
		r = check_image(temp, &file, why);
	if (r)
		return r;
	r = eif_sign(&file.eif, &file.pcrs, build->certificate, build->key, fd, why);
	eif_file_unmap(&file);
	return r;
}

static int build_image(const struct build *build, struct error *why)
{
	struct eif_writer writer;
	struct file_new new;
	int r;

	r = file_new_open(&new, build->output, why);
	if (!r)
		r = build->certificate ? write_signed(build, new.fd, why) :
			build_write(build, &writer, new.fd, why);
	if (!r)
		r = commit_image(build, &new, why);
	file_new_abort(&new);
	return r;
}

/* Returns an exit code; CLI_OK: go on. */
static int check_usage(const struct cli_usage *usage, const struct build *build)
{
	if (!build->kernel || !build->output)
		return cli_usage_error(usage, "--%s is missing",
				       build->kernel ? "output" : "kernel");
	if (build->rootfs && build->image)
		return cli_usage_error(usage, "choose one of --rootfs and --image");
	if (build_has_app(build) ? build->cmdline && build->cmdline_file :
	    !build->cmdline == !build->cmdline_file)
		return cli_usage_error(usage, "one of --cmdline and --cmdline-file is needed");
	if (!build_has_app(build) && !build->ramdisks.count)
		return cli_usage_error(usage, "one of --ramdisk, --rootfs and --image is needed");
	if (!build_has_app(build) && (build->exec.count || build->env.count || build->workdir ||
				      build->user || build->init || build->nsm))
		return cli_usage_error(usage, "--exec, --env, --workdir, --user, --init and --nsm "
				       "go with --rootfs or --image");
	for (size_t i = 0; i < build->env.count; i++) {
		const char *entry = build->env.list[i];

		if (*entry == '=' || !strchr(entry, '='))
			return cli_usage_error(usage, "--env: \"%s\" is not NAME=VALUE", entry);
	}
	if ((build->tag || build->max_size || build->max_files) && !build->image)
		return cli_usage_error(usage, "--tag, --max-size and --max-files go with --image");
	if (!build->certificate != !build->key)
		return cli_usage_error(usage, "--signing-certificate and --private-key go "
				       "together");
	if (build->arch && strcmp(build->arch, "x86_64") && strcmp(build->arch, "aarch64"))
		return cli_usage_error(usage, "--arch: \"%s\" is neither x86_64 nor aarch64",
				       build->arch);
	return CLI_OK;
}

int cmd_eif_build(int argc, char **argv)
{
	struct build build = {};
	const struct cli_opt opts[] = {
		OPT_STRING("kernel", &build.kernel, "FILE", "x86 bzImage or arm64 Image"),
		OPT_STRING("cmdline", &build.cmdline, "TEXT",
			   "kernel command line; with --rootfs or --image AWS's is the default"),
		OPT_STRING("cmdline-file", &build.cmdline_file, "FILE",
			   "the same from a file, without blanks at its ends"),
		OPT_STRINGS("ramdisk", &build.ramdisks, "FILE",
			    "cpio archive, may be compressed; repeat for more:\n"
			    "the first is measured into PCR1, the others into PCR2"),
		OPT_STRING("rootfs", &build.rootfs, "FOLDER",
			   "what the enclave runs: a root file system"),
		OPT_STRING("image", &build.image, "PATH",
			   "what the enclave runs: a container image, as folder or archive in\n"
			   "OCI layout or as \"docker save\" writes it"),
		OPT_STRING("tag", &build.tag, "NAME", "which image, if there are several"),
		OPT_MEMORY("max-size", &build.max_size, "SIZE",
			   "refuse a container image that unpacks to more (8G)"),
		OPT_NUMBER("max-files", &build.max_files, "N",
			   "... or that has more files and folders (1048576)", 1, UINT32_MAX),
		OPT_STRINGS("exec", &build.exec, "ARG",
			    "program, then repeated for each argument; default: the image's"),
		OPT_STRINGS("env", &build.env, "NAME=VALUE", "add to the environment"),
		OPT_STRING("workdir", &build.workdir, "PATH", "working folder"),
		OPT_STRING("user", &build.user, "USER[:GROUP]", "names or numbers"),
		OPT_STRING("init", &build.init, "FILE",
			   "first program of the enclave, static; default: ne-emu's own"),
		OPT_STRING("nsm", &build.nsm, "FILE", "nsm.ko, if the kernel needs it"),
		OPT_STRING("name", &build.name, "TEXT",
			   "image name; default: that of the container image or the file"),
		OPT_STRING("version", &build.version, "TEXT",
			   "image version; default: the container image's hash, or 1.0"),
		OPT_STRING("metadata", &build.metadata, "FILE",
			   "JSON object to be kept as custom metadata"),
		OPT_STRING("arch", &build.arch, "ARCH",
			   "x86_64 or aarch64: refuse kernels of the other one"),
		OPT_FLAG("fix-kernel", &build.fix_kernel,
			 "arm64: set the kernel's text_offset, which EC2 needs, if it is 0;\n"
			 "this changes the measurements"),
		OPT_STRING("signing-certificate", &build.certificate, "FILE",
			   "sign the image; certificate in PEM"),
		OPT_STRING("private-key", &build.key, "FILE", "its key in PEM"),
		{ .name = "output", .letter = 'o', .kind = CLI_STRING, .target = &build.output,
		  .metavar = "FILE", .help = "the image; \"-\" is standard output" },
		OPT_FLAG("json", &build.json, "print the measurements as JSON"),
		{}
	};
	const struct cli_usage usage = {
		"ne-emu eif build", "",
		"Make a version 4 enclave image; print its measurements.\n"
		"SOURCE_DATE_EPOCH sets the build time in its metadata", opts, 0, 0,
	};
	struct error why = {};
	char **args;
	int r;

	r = cli_parse(&usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	r = check_usage(&usage, &build);
	if (r)
		return r;
	return cli_result(build_image(&build, &why), &why);
}
