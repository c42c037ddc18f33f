// SPDX-License-Identifier: Apache-2.0
/* ne-emu version: print the versions of this program and of the loaded module. */

#include "cli/commands.h"
#include "cli/enclave/state.h"
#include "cli/host/sysfs.h"

#include "common/paths.h"

#include <string.h>

struct version_options {
	bool json;
};

static const struct opt options[] = {
	OPT_FLAG("json", struct version_options, json, "print one JSON object"),
	{}
};

static int version_run(const struct command_call *call)
{
	const struct version_options *wanted = call->options;
	char module[SYS_TEXT_SIZE] = "not loaded";
	struct json_out out = {};

	if (state_emulated() && sys_read(module, NE_EMU_MODULE_PATH "/version"))
		strcpy(module, "unknown");
	if (!wanted->json) {
		printf("ne-emu %s\nnitro_enclaves_emu %s\nnetlink family %s version %d\n",
		       NE_EMU_VERSION, module, NE_EMU_FAMILY_NAME, NE_EMU_FAMILY_VERSION);
		return COMMAND_OK;
	}
	json_out_document(&out);
	json_out_str(&out, "Version", NE_EMU_VERSION);
	json_out_str(&out, "Module", state_emulated() ? module : NULL);
	json_out_u64(&out, "NetlinkVersion", NE_EMU_FAMILY_VERSION);
	return json_out_print(&out, stdout, 2) ? COMMAND_FAILED : COMMAND_OK;
}

const struct command cmd_version = {
	.name = "version",
	.summary = "print the version",
	.about = "Print the versions of this program and of the loaded module",
	.options = options,
	.size = sizeof(struct version_options),
	.run = version_run,
};
