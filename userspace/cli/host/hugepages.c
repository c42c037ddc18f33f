// SPDX-License-Identifier: Apache-2.0
/* Map huge pages of one NUMA node as one contiguous range, as memory for an enclave. */

#include "cli/host/hugepages.h"

#include "cli/enclave/usage.h"
#include "cli/host/hugetlb_limit.h"
#include "cli/host/sysfs.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODES_MAX	1024
#define NODE_BITS	(8 * sizeof(unsigned long))

static int compare_size(const void *a, const void *b)
{
	const struct huge_size *x = a, *y = b;

	return (x->size < y->size) - (x->size > y->size);
}

#define GLOBAL_DIR	"/sys/kernel/mm/hugepages"

static uint64_t count(const char *base, const char *name, const char *what)
{
	uint64_t pages = 0;

	(void)sys_read_u64(&pages, "%s/%s/%s", base, name, what);
	return pages;
}

/*
 * Mappings hold pages that still count as free: the kernel counts these, and the pages that
 * it makes on demand, for all nodes together.
 */
static void read_size(const char *base, const char *name, struct huge_size *size)
{
	uint64_t taken = count(GLOBAL_DIR, name, "resv_hugepages");
	uint64_t surplus = count(GLOBAL_DIR, name, "surplus_hugepages");
	uint64_t limit = count(GLOBAL_DIR, name, "nr_overcommit_hugepages");

	if (!sys_exists("/sys/devices/system/node/node1"))
		size->free -= MIN(size->free, taken);
	size->more = limit - MIN(limit, surplus);
}

int huge_sizes_read(int node, struct huge_sizes *ret)
{
	char base[SYS_PATH_SIZE] = GLOBAL_DIR, path[SYS_PATH_SIZE];
	struct dirent *entry;
	DIR *dir;

	/* Kernels without NUMA have no directory for the node. */
	if (node >= 0 && sys_exists("/sys/devices/system/node/node%d/hugepages", node))
		snprintf(base, sizeof(base), "/sys/devices/system/node/node%d/hugepages", node);
	ret->count = 0;
	dir = opendir(sys_path(path, "%s", base));
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)) && ret->count < HUGE_SIZES_MAX) {
		struct huge_size *size = &ret->list[ret->count];
		uint64_t kib;
		int err;

		if (sscanf(entry->d_name, "hugepages-%" SCNu64 "kB", &kib) != 1 ||
		    kib > INT64_MAX / KIB || kib * KIB % HUGE_UNIT || !kib)
			continue;
		*size = (struct huge_size){ .size = kib * KIB };
		err = sys_read_u64(&size->free, "%s/%s/free_hugepages", base, entry->d_name);
		if (err == -EMFILE || err == -ENFILE) {
			closedir(dir);
			return err;
		}
		if (err)
			continue;
		read_size(base, entry->d_name, size);
		ret->count++;
	}
	closedir(dir);
	qsort(ret->list, ret->count, sizeof(ret->list[0]), compare_size);
	return 0;
}

/* The pages that can be had: those that exist and, with @demand, those that may be made. */
static uint64_t available(const struct huge_size *size, bool demand)
{
	return size->free + (demand ? size->more : 0);
}

static int choose(struct huge_sizes *sizes, uint64_t size, bool demand)
{
	uint64_t missing = size;
	size_t i;

	for (i = 0; i < sizes->count; i++) {
		struct huge_size *s = &sizes->list[i];

		s->use = MIN(available(s, demand), missing / s->size);
		missing -= s->use * s->size;
	}
	if (!missing)
		return 0;
	/* Round up: replace smaller pages by one page that covers them and what is missing. */
	while (i--) {
		struct huge_size *s = &sizes->list[i];

		if (s->use < available(s, demand) && s->size >= missing) {
			s->use++;
			return 0;
		}
		missing += s->use * s->size;
		s->use = 0;
	}
	return -ENOMEM;
}

int huge_sizes_choose(struct huge_sizes *sizes, uint64_t size)
{
	return choose(sizes, size, false) && choose(sizes, size, true) ? -ENOMEM : 0;
}

uint64_t huge_sizes_total(const struct huge_sizes *sizes)
{
	uint64_t total = 0;

	for (size_t i = 0; i < sizes->count; i++)
		total += available(&sizes->list[i], true) * sizes->list[i].size;
	return total;
}

/* Allow only pages of @node. Nothing to do on a machine with one node. */
static int bind_node(void *addr, uint64_t size, int node)
{
	unsigned long mask[NODES_MAX / NODE_BITS] = {};

	if (node < 0 || node >= NODES_MAX || !sys_exists("/sys/devices/system/node/node1"))
		return 0;
	mask[node / NODE_BITS] = 1UL << node % NODE_BITS;
	if (syscall(SYS_mbind, addr, size, MPOL_BIND, mask, (unsigned long)NODES_MAX, 0UL))
		return errno == ENOSYS ? 0 : -errno;
	return 0;
}

static int map_region(void *addr, const struct huge_size *size, int node)
{
	uint64_t len = size->use * size->size;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB;
	int err;

	flags |= __builtin_ctzll(size->size) << MAP_HUGE_SHIFT;
	if (mmap(addr, len, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED)
		return -errno;
	err = bind_node(addr, len, node);
	if (err)
		return err;
	(void)madvise(addr, len, MADV_DONTDUMP);	/* keeps core files small */
	/* Fail now, not with SIGBUS at the first access. EINVAL: Linux before 5.14. */
	if (madvise(addr, len, MADV_POPULATE_WRITE) && errno != EINVAL)
		return errno == EFAULT ? -ENOMEM : -errno;
	return 0;
}

/* Reserve address space, aligned for the largest page in use. */
static int reserve(uint64_t size, uint64_t align, uint8_t **ret)
{
	uint8_t *addr, *aligned;

	addr = mmap(NULL, size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (addr == MAP_FAILED)
		return -errno;
	aligned = addr + (-(uintptr_t)addr & (align - 1));
	if (aligned > addr)
		(void)munmap(addr, aligned - addr);
	(void)munmap(aligned + size, addr + align - aligned);
	*ret = aligned;
	return 0;
}

static int too_few(const struct huge_sizes *sizes, uint64_t size, int node, struct error *error)
{
	char have[192] = "none";
	struct usage usage;
	size_t i, len = 0;

	/* "setup" takes the sum, because it counts what enclaves use. */
	usage_read(&usage);
	for (i = 0; i < sizes->count && len < sizeof(have); i++) {
		const struct huge_size *s = &sizes->list[i];

		len += snprintf(have + len, sizeof(have) - len, "%s%" PRIu64 " of %llu MiB",
				i ? ", " : "", s->free, s->size / MIB);
		if (s->more && len < sizeof(have))
			len += snprintf(have + len, sizeof(have) - len, " and %" PRIu64
					" on demand", s->more);
	}
	return error_set(error, -ENOMEM, "not enough free huge pages%s for %llu MiB (free: %s); "
			 "reserve them with \"sudo ne-emu setup --memory %llu\"",
			 node >= 0 ? " on the CPU pool's NUMA node" : "", size / MIB, have,
			 (size + usage.memory) / MIB);
}

/* The kernel has refused pages that seemed to be there. Nothing of them is mapped any more. */
static int refused(const struct huge_sizes *sizes, uint64_t size, int node, struct error *error)
{
	struct hugetlb_limit limit;

	for (size_t i = 0; i < sizes->count; i++) {
		const struct huge_size *s = &sizes->list[i];

		if (s->use && !hugetlb_limit_find(s->size, s->use * s->size, &limit))
			return error_set(error, -ENOMEM, "the control group of this process may "
					 "use only %llu MiB of huge pages, of which %llu MiB are "
					 "in use, but %llu MiB are needed; raise its limit, %s",
					 limit.max / MIB, limit.current / MIB, size / MIB,
					 limit.path);
	}
	return too_few(sizes, size, node, error);
}

static int map_all(const struct huge_sizes *sizes, int node, struct huge_memory *memory)
{
	uint8_t *at = memory->addr;
	size_t i;
	int err;

	for (i = 0; i < sizes->count; i++) {
		const struct huge_size *s = &sizes->list[i];

		if (!s->use)
			continue;
		err = map_region(at, s, node);
		if (err)
			return err;
		memory->regions[memory->nr_regions++] = (struct huge_region){
			at, s->use * s->size,
		};
		at += s->use * s->size;
	}
	return 0;
}

int huge_memory_alloc(uint64_t size, int node, struct huge_memory *ret, struct error *error)
{
	struct huge_memory memory = {};
	struct huge_sizes sizes;
	uint64_t align = HUGE_UNIT;
	size_t i;
	int err;

	err = huge_sizes_read(node, &sizes);
	if (err)
		return error_set(error, err, "cannot count the huge pages: %s%s", strerror(-err),
				 err == -EMFILE ? "; raise the limit with \"ulimit -n 1024\"" :
				 "");
	if (huge_sizes_choose(&sizes, size))
		return too_few(&sizes, size, node, error);
	for (i = sizes.count; i--;) {
		memory.size += sizes.list[i].use * sizes.list[i].size;
		if (sizes.list[i].use)
			align = sizes.list[i].size;
	}
	err = reserve(memory.size, align, &memory.addr);
	if (err)
		return error_set(error, err, "cannot map %llu MiB: %s", memory.size / MIB,
				 strerror(-err));
	err = map_all(&sizes, node, &memory);
	if (err) {
		huge_memory_free(&memory);
		/* Pages on demand may not come, and reserved ones of a node are not known. */
		return err == -ENOMEM ? refused(&sizes, size, node, error) :
			error_set(error, err, "cannot map huge pages: %s", strerror(-err));
	}
	*ret = memory;
	return 0;
}

void huge_memory_hide(struct huge_memory *memory)
{
	/* If this fails, only this process can still read the memory; the enclave works. */
	(void)mprotect(memory->addr, memory->size, PROT_NONE);
}

void huge_memory_free(struct huge_memory *memory)
{
	if (memory->addr)
		(void)munmap(memory->addr, memory->size);
	*memory = (struct huge_memory){};
}
