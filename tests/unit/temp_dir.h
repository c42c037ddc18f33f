/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for one test, removed with all that is in it. */

#ifndef NE_EMU_TESTS_UNIT_TEMP_DIR_H
#define NE_EMU_TESTS_UNIT_TEMP_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TEMP_DIR_TEMPLATE	"/tmp/ne-emu-test-XXXXXX"

struct temp_dir {
	char path[sizeof(TEMP_DIR_TEMPLATE)];
};

static inline void temp_dir_create(struct temp_dir *dir)
{
	snprintf(dir->path, sizeof(dir->path), "%s", TEMP_DIR_TEMPLATE);
	assert_non_null(mkdtemp(dir->path));
}

static inline int temp_dir_remove_entry(const char *path, const struct stat *st, int type,
					struct FTW *ftw)
{
	return remove(path);
}

static inline void temp_dir_remove(struct temp_dir *dir)
{
	(void)nftw(dir->path, temp_dir_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
