/* SPDX-License-Identifier: Apache-2.0 */
/* What "ne-emu eif build" is asked for. */

#ifndef NE_EMU_CLI_EIF_BUILD_OPTIONS_H
#define NE_EMU_CLI_EIF_BUILD_OPTIONS_H

#include "command/command.h"

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

#endif
