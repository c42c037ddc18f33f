// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: files that "ne-emu run" and "ne-emu eif build" use. */

#include "cli/doctor/doctor.h"

#include "cli/host/sysfs.h"
#include "cli/image/cache.h"
#include "common/util.h"

#include <string.h>
#include <sys/statvfs.h>

#define KERNEL		NE_EMU_DATADIR "/ne-emu/bzImage"
/* A small container image, and the file that becomes its image. */
#define CACHE_MIN	(256 * MIB)

void doctor_check_guest(struct doctor *doctor)
{
	if (sys_exists("%s", KERNEL)) {
		doctor_ok(doctor, "%s is the kernel of images that are built", KERNEL);
		return;
	}
	doctor_warning(doctor, "guest-missing", "there is no %s, which the building of images "
		       "takes unless --kernel names another", KERNEL);
	doctor_advice(doctor, "install nitro-enclaves-emu-guest, or in the sources: make guest && "
		      "sudo make install-guest");
}

/* The directory, or the nearest one above it that exists. */
static int find_space(char *path, struct statvfs *ret)
{
	while (*path && statvfs(path, ret)) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return -1;
		*slash = 0;
	}
	return *path ? 0 : statvfs("/", ret);
}

void doctor_check_images(struct doctor *doctor)
{
	struct image_cache cache;
	struct statvfs fs;
	char path[PATH_MAX];

	if (*sys_root() || image_cache_place(&cache))
		return;
	strcpy(path, cache.path);
	if (find_space(path, &fs) || fs.f_bavail * fs.f_frsize >= CACHE_MIN)
		return;
	doctor_warning(doctor, "images-full", "%llu MiB are free for images that are built, in "
		       "%.200s", fs.f_bavail * fs.f_frsize / MIB, cache.path);
	doctor_advice(doctor, "remove images (\"ne-emu images --prune\") or other files there");
}
