// SPDX-License-Identifier: Apache-2.0
/* Two container layers, one over the other, what they lose, and the ramdisk of the result. */

#include "fuzz.h"

#include "common/util.h"
#include "pack/application.h"
#include "pack/losses.h"
#include "pack/program.h"
#include "pack/unpack.h"

#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE_MAX_IN	(256 * KIB)

static void check(struct application *app)
{
	const struct program_search search = {
		.name = app->command.list[0], .path = "/bin:", .directory = "/d",
		.machine = EM_X86_64,
	};
	struct error error = {};
	struct losses losses;
	char path[PATH_MAX];

	must(!losses_find(&app->tree, &losses));
	must(!losses.covered.count == !losses.covered.names[0]);
	must(!losses.capable.count == !losses.capable.names[0]);
	losses_free(&losses);
	must(!program_check(&app->tree, &search, path, &error) == !*error.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	__cleanup_fd int in = memfd_create("layers", MFD_CLOEXEC);
	__cleanup_fd int out = memfd_create("ramdisk", MFD_CLOEXEC);
	struct error error = {};
	struct application app;
	size_t half = size / 1024 * 512;

	must(in >= 0 && out >= 0);
	if (size > SIZE_MAX_IN)
		return 0;
	must(!write_full(in, data, size));
	must(!application_init(&app));
	must(!strings_add(&app.command, "x"));
	(void)unpack_layer(&app.tree, in, 0, half, &error);
	(void)unpack_layer(&app.tree, in, half, size - half, &error);
	(void)application_add_files(&app, size & 1, &error);
	must(!application_add_env(&app));
	check(&app);
	(void)application_write(&app, out, &error);
	application_free(&app);
	return 0;
}
