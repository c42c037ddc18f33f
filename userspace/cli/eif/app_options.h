/* SPDX-License-Identifier: Apache-2.0 */
/* Options about what an enclave runs, for "ne-emu eif build" and "ne-emu run". */

#ifndef NE_EMU_CLI_EIF_APP_OPTIONS_H
#define NE_EMU_CLI_EIF_APP_OPTIONS_H

#include "cli/eif/build_options.h"

/**
 * APP_OPTIONS() - entries of a table of options
 * @type: the struct that the table fills
 * @IN: macro that turns a member of struct build into one of @type
 */
#define APP_OPTIONS(type, IN) \
	OPT_STRING("tag", type, IN(tag), "NAME", "container image to use if there are several", \
		   .manual = "Container image to use if there are several: its name, or only the " \
			     "part after a \"/\" or \":\". In an index, also the digest of a " \
			     "manifest. Of variants of the architecture, the lowest is used."), \
	OPT_MEMORY("max-size", type, IN(max_size), "SIZE", \
		   "refuse a container image that unpacks to more;\ndefault: 8G", \
		   .manual = "Refuse a container image if the files of all layers have more bytes " \
			     "than this, holes of sparse files included: in MiB or with the unit " \
			     "M, G or T. Default: 8G. The same limit applies separately to the " \
			     "directory or archive that holds the image."), \
	OPT_NUMBER("max-files", type, IN(max_files), "N", 1, UINT32_MAX, \
		   "refuse a container image with more files and\ndirectories; default: 1048576", \
		   .manual = "Refuse a container image with more files and directories than this, " \
			     "counted in the same way. Default: 1048576."), \
	OPT_STRING("entrypoint", type, IN(entrypoint), "PROGRAM", \
		   "program in place of the container image's entry point", \
		   .manual = "Program in place of the container image's entry point; the image's " \
			     "arguments do not apply then."), \
	OPT_STRINGS("env", type, IN(env), "NAME=VALUE", "add to the environment", \
		    .manual = "Add to the environment, or replace a value of the container image. " \
			      "May be repeated."), \
	OPT_STRINGS("copy", type, IN(copies), "FROM:TO", \
		    "copy a file or directory of this machine into the image", \
		    .manual = "Copy a file or directory of this machine into the image, to the " \
			      "absolute path _TO_. May be repeated. An enclave shares no directory " \
			      "with its parent: this is a copy, which is measured."), \
	OPT_STRING("workdir", type, IN(workdir), "PATH", "working directory", \
		   .manual = "Working directory, in place of the container image's."), \
	OPT_STRING("user", type, IN(user), "USER[:GROUP]", \
		   "user and group, by name or number", \
		   .manual = "User and group by name or number, in place of the container image's. " \
			     "Names are looked up in the root file system."), \
	OPT_STRING("like", type, IN(like), "TOOL", \
		   "nitro-cli: run the image exactly as after\n" \
		   "\"nitro-cli build-enclave\", with all that is missing there", \
		   .manual = "With _TOOL_ *nitro-cli*, run the image exactly as after *nitro-cli " \
			     "build-enclave*: without the entry point if there are arguments, as " \
			     "root in the root directory, without HOME, and with what AWS's init " \
			     "provides. See *PROCESS* in *ne-emu-eif*(1).", \
		   .values = { OPT_COMPLETE_WORDS, "nitro-cli" })

/** app_options_check() - check the values of these options; COMMAND_OK or COMMAND_USAGE */
int app_options_check(const struct command_call *call, const struct build *build);

/** app_options_given() - was one of them given? */
bool app_options_given(const struct build *build);

#endif
