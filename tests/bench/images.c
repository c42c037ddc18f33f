// SPDX-License-Identifier: Apache-2.0
/*
 * Prepares an image as "ne-emu run" does before it starts an enclave, and prints the time.
 *
 * usage: bench-images ARCHIVE KERNEL INIT
 *
 * Twice: the first time it is built, the second time it is in the cache, for which
 * XDG_CACHE_HOME names an empty directory.
 */

#include "cli/image/image.h"
#include "common/clock.h"

#include <stdio.h>

static int prepare(const char *what, char **argv)
{
	struct image_options options = {
		.name = argv[1], .build.kernel = argv[2], .build.init = argv[3],
	};
	int64_t started_ns = clock_ns(CLOCK_MONOTONIC);
	struct error error = {};
	struct image image;
	int err = image_find(&options, &image, &error);

	if (!err)
		err = image_open(&options, &image, &error);
	if (err)
		fprintf(stderr, "%s\n", error.text);
	else
		printf("%s %.4f\n", what,
		       (double)(clock_ns(CLOCK_MONOTONIC) - started_ns) / NSEC_PER_SEC);
	image_close(&image);
	return err;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	return prepare("built", argv) || prepare("cached", argv);
}
