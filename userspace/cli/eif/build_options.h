/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of "ne-emu eif build". */

#ifndef NE_EMU_CLI_EIF_BUILD_OPTIONS_H
#define NE_EMU_CLI_EIF_BUILD_OPTIONS_H

#include "command/command.h"

/**
 * struct build - the options, see the table in build.c; NULL and 0: not given
 * @entrypoint: program in place of the container image's, without its arguments
 * @args: arguments in place of the container image's, @nr_args of them
 * @copies: "SOURCE:DESTINATION" each, files and directories to copy into the root file system
 * @max_size: bytes that @image may unpack to; 0: the default
 * @max_files: files and directories that @image may hold; 0: the default
 */
struct build {
	const char *kernel;
	const char *cmdline;
	const char *cmdline_file;
	struct opt_strings ramdisks;
	const char *rootfs;
	const char *image;
	const char *tag;
	uint64_t max_size;
	uint64_t max_files;
	struct opt_strings exec;
	const char *entrypoint;
	char **args;
	size_t nr_args;
	struct opt_strings copies;
	struct opt_strings env;
	const char *workdir;
	const char *user;
	const char *like;
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

/** build_has_app() - are ramdisks made from a directory or a container image? */
static inline bool build_has_app(const struct build *build)
{
	return build->rootfs || build->image;
}

#endif
