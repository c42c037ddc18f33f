// SPDX-License-Identifier: Apache-2.0
/* The kernel and the init for enclaves that "make install-guest" installs. */

#include "cli/eif/guest_part.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define X86_KERNEL	NE_EMU_DATADIR "/ne-emu/bzImage"
#define ARM64_KERNEL	NE_EMU_DATADIR "/ne-emu/Image"
#define INIT		NE_EMU_LIBEXECDIR "/ne-emu/guest/init"

/* A file that exists but cannot be read gets its message from who opens it. */
static int find(const char *path, const char *option, const char **ret, struct error *error)
{
	if (access(path, F_OK))
		return error_set(error, -ENOENT, "there is no %s: install the package "
				 "nitro-enclaves-emu-guest, or name another file with %s", path,
				 option);
	*ret = path;
	return 0;
}

int guest_kernel(const char *arch, const char **ret, struct error *error)
{
	if (!arch || strcmp(arch, "aarch64"))
		return find(X86_KERNEL, "--kernel", ret, error);
	/* The package does not have it yet. */
	if (access(ARM64_KERNEL, F_OK))
		return error_set(error, -ENOENT, "no kernel for aarch64 is installed: name one "
				 "with --kernel");
	*ret = ARM64_KERNEL;
	return 0;
}

int guest_init(const char **ret, struct error *error)
{
	return find(INIT, "--init", ret, error);
}
