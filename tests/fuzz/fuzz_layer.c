// SPDX-License-Identifier: Apache-2.0
/* Two container layers, one over the other, and the ramdisk of the result. */

#include "fuzz.h"

#include "common/util.h"
#include "pack/application.h"
#include "pack/unpack.h"

#include <sys/mman.h>
#include <unistd.h>

#define SIZE_MAX_IN	(256 * KIB)

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
	(void)application_write(&app, out, &error);
	application_free(&app);
	return 0;
}
