// SPDX-License-Identifier: Apache-2.0
/* Guest-physical memory. Only this file turns guest addresses into pointers. */

#include "vmm/memory.h"

#include "common/util.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The one mapping of this process, for the signal handler. */
static struct {
	uint8_t *base;
	uint64_t size;
	atomic_bool lost;
} mapped;

void memory_init(struct guest_memory *memory, void *base, uint64_t size)
{
	memory->base = base;
	memory->size = size;
	memory->low_size = MIN(size, MEMORY_HOLE_START);
}

static bool is_mapped(const uint8_t *addr)
{
	return addr >= mapped.base && addr - mapped.base < (ptrdiff_t)mapped.size;
}

/*
 * Replace the memory with zero pages, so that the access that failed continues with data
 * that will not be used. The main loop then finds out why the memory is gone.
 *
 * The system call filter allows exactly these arguments. RLIMIT_DATA does not prevent the
 * mapping, since it replaces another one, but would prevent a second one.
 */
static void handle_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	/* One thread maps the pages; the others repeat their access until it has. */
	if (is_mapped(info->si_addr) &&
	    (atomic_exchange(&mapped.lost, true) ||
	     mmap(mapped.base, mapped.size, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != MAP_FAILED))
		return;
	/* Another cause: the access fails again, with the default action. */
	(void)signal(sig, SIG_DFL);
}

static int catch_sigbus(void)
{
	struct sigaction action = {
		.sa_sigaction = handle_sigbus,
		.sa_flags = SA_SIGINFO | SA_RESTART,
	};

	sigemptyset(&action.sa_mask);
	return sigaction(SIGBUS, &action, NULL) ? -errno : 0;
}

/*
 * Reserve @size bytes of address space at a multiple of 1 GiB, so that the kernel can map
 * the largest pages that the memory consists of. Return: NULL, with errno, on failure.
 */
static uint8_t *reserve_aligned(uint64_t size)
{
	uint64_t span = size + GIB;
	uint64_t head;
	uint8_t *p;

	if (size > SIZE_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	p = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;

	head = -(uintptr_t)p & (GIB - 1);
	if (head)
		(void)munmap(p, head);
	(void)munmap(p + head + size, span - head - size);
	return p + head;
}

/*
 * Make the kernel map all pages, which have at least 2 MiB, before the guest runs. KVM
 * before Linux 6.13 uses only pages that are mapped, and fails otherwise.
 */
static void touch_pages(const uint8_t *base, uint64_t size)
{
	for (uint64_t offset = 0; offset < size; offset += 2 * MIB)
		(void)*(const volatile uint8_t *)(base + offset);
}

int memory_map(struct guest_memory *memory, int backend_fd, uint64_t size,
	       struct error *error)
{
	long page = sysconf(_SC_PAGESIZE);
	uint8_t *base;
	int err;

	if (!size || size % page)
		return error_set(error, -EINVAL, "memory size %#llx is not in whole pages",
				 (unsigned long long)size);
	base = reserve_aligned(size);
	if (!base)
		return error_set(error, -errno, "no address space for the enclave's memory: %s",
				 strerror(errno));

	if (mmap(base, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 backend_fd, 0) == MAP_FAILED) {
		err = -errno;
		(void)munmap(base, size);
		return error_set(error, err, "cannot map the enclave's memory: %s",
				 strerror(-err));
	}
	/* Keep the memory out of core files. RLIMIT_CORE does that too, so ignore failures. */
	(void)madvise(base, size, MADV_DONTDUMP);

	mapped.base = base;
	mapped.size = size;
	atomic_store(&mapped.lost, false);
	err = catch_sigbus();
	if (err) {
		(void)munmap(base, size);
		return error_set(error, err, "cannot catch SIGBUS: %s", strerror(-err));
	}
	touch_pages(base, size);
	memory_init(memory, base, size);
	return 0;
}

void memory_unmap(struct guest_memory *memory)
{
	if (!memory->base)
		return;
	(void)signal(SIGBUS, SIG_DFL);
	(void)munmap(memory->base, memory->size);
	mapped.base = NULL;
	mapped.size = 0;
	memory->base = NULL;
}

bool memory_lost(void)
{
	return atomic_load(&mapped.lost);
}

void *memory_at(const struct guest_memory *memory, uint64_t gpa, uint64_t len)
{
	uint64_t high_size = memory->size - memory->low_size;

	if (gpa <= memory->low_size && len <= memory->low_size - gpa)
		return memory->base + gpa;
	if (gpa < MEMORY_HOLE_END)
		return NULL;
	gpa -= MEMORY_HOLE_END;
	if (gpa > high_size || len > high_size - gpa)
		return NULL;
	return memory->base + memory->low_size + gpa;
}
