// SPDX-License-Identifier: Apache-2.0
/* A tar archive in a file, read where it is instead of being copied. */

#include "pack/region.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The magic of POSIX and GNU archives, in their first header. */
#define MAGIC		"ustar"
#define MAGIC_OFFSET	257

/* Our temporary files have no name. */
static bool is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) &&
		(!st->st_nlink || ((st->st_uid == geteuid() || !st->st_uid) &&
				   !(st->st_mode & 022)));
}

int region_open(struct region *region, int fd, uint64_t offset, uint64_t size)
{
	uint64_t skip = offset % sysconf(_SC_PAGESIZE);
	struct stat st;

	*region = (struct region){ .offset = offset };
	if (fstat(fd, &st))
		return -errno;
	if (!is_ours(&st) || offset >= (uint64_t)st.st_size)
		return -EOPNOTSUPP;
	region->size = MIN(size, st.st_size - offset);
	region->mapped = region->size + skip;
	region->base = mmap(NULL, region->mapped, PROT_READ, MAP_PRIVATE, fd, offset - skip);
	if (region->base == MAP_FAILED)
		return -errno;
	region->data = (uint8_t *)region->base + skip;
	(void)madvise(region->base, region->mapped, MADV_SEQUENTIAL);	/* a hint */
	if (region->size > MAGIC_OFFSET + strlen(MAGIC) &&
	    !memcmp(region->data + MAGIC_OFFSET, MAGIC, strlen(MAGIC)))
		return 0;
	region_close(region);
	return -EOPNOTSUPP;
}

void region_close(struct region *region)
{
	(void)munmap(region->base, region->mapped);
}

bool region_holds(const struct region *region, const void *data, size_t size)
{
	const uint8_t *start = data;

	return start >= region->data && start <= region->data + region->size &&
		size <= (size_t)(region->data + region->size - start);
}

uint64_t region_offset(const struct region *region, const void *data)
{
	return region->offset + ((const uint8_t *)data - region->data);
}
