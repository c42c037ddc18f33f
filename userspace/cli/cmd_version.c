// SPDX-License-Identifier: Apache-2.0
/* ne-emu version: of this program and of the module that is loaded. */

#include "cli/commands.h"
#include "cli/enclave/state.h"
#include "cli/host/sysfs.h"
#include "command/command.h"

#include "common/paths.h"

#include <string.h>

int cmd_version(int argc, char **argv)
{
	bool json = false;
	const struct cli_opt opts[] = {
		OPT_FLAG("json", &json, "print one JSON object"),
		{}
	};
	const struct cli_usage usage = {
		"ne-emu version", "", "Print the version of this program and of the emulator's "
		"module", opts, 0, 0,
	};
	char module[SYS_TEXT_SIZE] = "not loaded";
	struct json_out out = {};
	char **args;
	int r;

	r = cli_parse(&usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	if (state_emulated() && sys_read(module, NE_EMU_MODULE_PATH "/version"))
		strcpy(module, "unknown");
	if (!json) {
		printf("ne-emu %s\nnitro_enclaves_emu %s\nnetlink family %s version %d\n",
		       NE_EMU_VERSION, module, NE_EMU_FAMILY_NAME, NE_EMU_FAMILY_VERSION);
		return CLI_OK;
	}
	json_out_object(&out, NULL);
	json_out_str(&out, "Version", NE_EMU_VERSION);
	json_out_str(&out, "Module", state_emulated() ? module : NULL);
	json_out_u64(&out, "NetlinkVersion", NE_EMU_FAMILY_VERSION);
	return json_out_print(&out, stdout, 2) ? CLI_FAILED : CLI_OK;
}
