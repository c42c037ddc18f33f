/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of "ne-emu eif build". */

#ifndef NE_EMU_CLI_EIF_BUILD_H
#define NE_EMU_CLI_EIF_BUILD_H

#include "command/command.h"
#include "eif/eif.h"

struct application;

/**
 * struct build - the command line
 * @max_size: bytes that @image may unpack to; 0: the default, as @max_files
 */
struct build {
	const char *kernel;
	const char *cmdline;
	const char *cmdline_file;
	struct cli_strings ramdisks;
	const char *rootfs;
	const char *image;
	const char *tag;
	uint64_t max_size;
	uint64_t max_files;
	struct cli_strings exec;
	struct cli_strings env;
	const char *workdir;
	const char *user;
	const char *init;
	const char *nsm;
	const char *name;
	const char *version;
	const char *metadata;
	const char *arch;
	bool fix_kernel;
	const char *certificate;
	const char *key;
	const char *output;
	bool json;
};

/** build_has_app() - are ramdisks made from a folder or a container image? */
static inline bool build_has_app(const struct build *build)
{
	return build->rootfs || build->image;
}

/**
 * build_read_app() - unpack what the enclave runs
 * @flags: of the kernel; the image must be for the same machine
 * @app: release with application_free() in any case
 */
int build_read_app(const struct build *build, uint16_t flags, struct application *app,
		   struct error *why);

/** build_add_app() - its two ramdisks as sections */
int build_add_app(const struct build *build, struct application *app, struct eif_writer *writer,
		  struct error *why);

/** build_write() - all sections of an unsigned image, in the order of AWS's builder */
int build_write(const struct build *build, struct eif_writer *writer, int fd,
		struct error *why);

#endif
