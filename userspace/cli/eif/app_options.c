// SPDX-License-Identifier: Apache-2.0
/* Options about what an enclave runs, for "ne-emu eif build" and "ne-emu run". */

#include "cli/eif/app_options.h"

#include "cli/eif/copies.h"

#include <string.h>

static int check_entries(const struct command_call *call, const struct build *build)
{
	for (size_t i = 0; i < build->env.count; i++) {
		const char *entry = build->env.list[i];

		if (*entry == '=' || !strchr(entry, '='))
			return command_usage_error(call, "--env: \"%s\" is not NAME=VALUE", entry);
	}
	for (size_t i = 0; i < build->copies.count; i++)
		if (!copies_check(build->copies.list[i]))
			return command_usage_error(call, "--copy: \"%s\" is not FROM:TO with an "
						   "absolute path TO", build->copies.list[i]);
	return COMMAND_OK;
}

int app_options_check(const struct command_call *call, const struct build *build)
{
	if (build->like && strcmp(build->like, "nitro-cli"))
		return command_usage_error(call, "--like: \"%s\" is unknown, only nitro-cli is known",
					   build->like);
	if (build->like && (build->workdir || build->user))
		return command_usage_error(call, "--like nitro-cli cannot be combined with --workdir "
					   "and --user: AWS's init knows neither");
	return check_entries(call, build);
}

bool app_options_given(const struct build *build)
{
	return build->tag || build->max_size || build->max_files || build->entrypoint ||
		build->env.count || build->copies.count || build->workdir || build->user ||
		build->like;
}
