// SPDX-License-Identifier: Apache-2.0
/* An archive of container images: one is chosen, and its layers are unpacked. */

#include "fuzz.h"

#include "common/util.h"
#include "pack/application.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE_MAX_IN	(256 * KIB)
#define UNPACKED_MAX	(16 * MIB)

static void read_image(const char *path, const char *tag)
{
	struct error error = {};
	struct application app;

	must(!application_init(&app));
	app.tree.limits = (struct tree_limits){ .size = UNPACKED_MAX, .names = KIB };
	(void)application_read_image(&app, path, "amd64", tag, &error);
	application_free(&app);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	__cleanup_fd int in = memfd_create("archive", MFD_CLOEXEC);
	char path[40];

	must(in >= 0);
	if (size > SIZE_MAX_IN)
		return 0;
	must(!write_full(in, data, size));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", in);
	read_image(path, NULL);
	read_image(path, "app:1");
	return 0;
}
