// SPDX-License-Identifier: Apache-2.0
/* Create and start an enclave through /dev/nitro_enclaves, here or on EC2. */

#include "cli/enclave/enclave.h"

#include "cli/enclave/explain.h"
#include "cli/enclave/state.h"
#include "cli/host/sysfs.h"
#include "command/progress.h"
#include "common/clock.h"
#include "common/paths.h"
#include "common/util.h"
#include "eif/eif.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nitro_enclaves.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MEMORY_MIN		(256 * MIB)
#define MEMORY_PER_IMAGE	4		/* AWS's launcher requires it */
/* What a kernel needs to boot, besides an image and a copy of what is in it. */
#define MEMORY_BASE		(96 * MIB)

static int fail_step(enum start_step step, int errnum, struct error *error)
{
	return error_set(error, -errnum, "%s: %s", explain_step(step), explain_error(step, errnum));
}

static void note_time(struct enclave *enclave, enum start_time time)
{
	enclave->times[time] = clock_ns(CLOCK_MONOTONIC);
}

int enclave_available(struct error *error)
{
	__cleanup_fd int device = open(NE_DEVICE_PATH, O_RDWR | O_CLOEXEC);

	return device < 0 ? fail_step(STEP_OPEN, errno, error) : 0;
}

int enclave_create(struct enclave *enclave, struct error *error)
{
	__cleanup_fd int device = open(NE_DEVICE_PATH, O_RDWR | O_CLOEXEC);
	__u64 slot_uid;

	*enclave = (struct enclave){ .fd = -1 };
	if (device < 0)
		return fail_step(STEP_OPEN, errno, error);
	note_time(enclave, START_TIME_CREATE);
	enclave->fd = ioctl(device, NE_CREATE_VM, &slot_uid);
	if (enclave->fd < 0)
		return fail_step(STEP_CREATE, errno, error);
	note_time(enclave, START_TIME_CREATED);
	enclave->slot_uid = slot_uid;
	return 0;
}

/* NUMA node of the CPU pool, or -1 if it is unknown. */
static int pool_node(void)
{
	__cleanup_free uint32_t *cpus = NULL;
	size_t count;

	if (sys_pool_cpus(&cpus, &count) || !count)
		return -1;
	return sys_cpu_node(cpus[0]);
}

uint64_t enclave_choose_memory(uint64_t image_size, uint64_t *ret_wanted)
{
	uint64_t least = 2 * image_size + MEMORY_BASE, free;
	struct huge_sizes sizes;

	*ret_wanted = MAX(MEMORY_PER_IMAGE * image_size, MEMORY_MIN);
	(void)huge_sizes_read(pool_node(), &sizes);	/* enclave_load() reports failures */
	free = huge_sizes_total(&sizes);
	return free < *ret_wanted && free >= least ? free : *ret_wanted;
}

/* The regions are contiguous here, and in the same order as in the enclave. */
static int read_image(struct enclave *enclave, uint64_t offset, int fd, bool check,
		      struct error *error)
{
	struct huge_memory *memory = &enclave->memory;
	struct error cause = {};
	struct eif eif;
	ssize_t n;
	char more;

	if (offset >= memory->size)
		return error_set(error, -E2BIG, "the image must be loaded at %llu MiB, but the "
				 "memory has only %llu MiB; raise --memory", offset / MIB,
				 memory->size / MIB);
	n = read_full(fd, memory->addr + offset, memory->size - offset);
	if (n < 0)
		return error_set(error, n, "cannot read the image: %s", strerror(-n));
	if (read_full(fd, &more, 1) == 1)
		return error_set(error, -E2BIG, "the image does not fit into %llu MiB; raise "
				 "--memory (four times its size is a good start)",
				 memory->size / MIB);
	if (check && eif_parse(memory->addr + offset, n, EIF_PARSE_NATIVE | EIF_PARSE_THREADS,
			       &eif, &enclave->pcrs, &cause))
		return error_set(error, -EBADMSG, "the image is not valid: %s", cause.text);
	enclave->measured = check;
	return 0;
}

int enclave_load(struct enclave *enclave, int image_fd, uint64_t memory, bool check,
		 struct error *error)
{
	struct ne_image_load_info info = { .flags = NE_EIF_IMAGE };
	size_t i;
	int err;

	memory = (memory + HUGE_UNIT - 1) & ~(HUGE_UNIT - 1);
	err = huge_memory_alloc(memory, pool_node(), &enclave->memory, error);
	if (err)
		return err;
	if (ioctl(enclave->fd, NE_GET_IMAGE_LOAD_INFO, &info))
		return fail_step(STEP_LOAD_INFO, errno, error);
	err = read_image(enclave, info.memory_offset, image_fd, check, error);
	if (err)
		return err;
	note_time(enclave, START_TIME_FILLED);
	for (i = 0; i < enclave->memory.nr_regions; i++) {
		struct ne_user_memory_region region = {
			.memory_size = enclave->memory.regions[i].size,
			.userspace_addr = (uintptr_t)enclave->memory.regions[i].addr,
		};

		if (ioctl(enclave->fd, NE_SET_USER_MEMORY_REGION, &region))
			return fail_step(STEP_MEMORY, errno, error);
	}
	note_time(enclave, START_TIME_DONATED);
	enclave->mem_size = enclave->memory.size;
	return 0;
}

int enclave_add_cpus(struct enclave *enclave, const uint32_t *cpus, size_t count,
		     struct error *error)
{
	enclave->cpus = calloc(count, sizeof(*enclave->cpus));
	if (!enclave->cpus)
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	for (size_t i = 0; i < count; i++) {
		__u32 cpu = cpus ? cpus[i] : 0;

		if (ioctl(enclave->fd, NE_ADD_VCPU, &cpu)) {
			int errnum = errno;

			if (!cpus)
				return fail_step(STEP_CPU, errnum, error);
			return error_set(error, -errnum, "cannot give the enclave CPU %u: %s", cpu,
					 explain_error(STEP_CPU, errnum));
		}
		enclave->cpus[enclave->nr_cpus++] = cpu;
	}
	note_time(enclave, START_TIME_CPUS);
	return 0;
}

int enclave_start(struct enclave *enclave, uint32_t cid, bool debug, struct error *error)
{
	struct ne_enclave_start_info info = {
		.flags = debug ? NE_ENCLAVE_DEBUG_MODE : NE_ENCLAVE_PRODUCTION_MODE,
		.enclave_cid = cid,
	};
	char said[STATE_TEXT_SIZE];
	int errnum;

	progress_begin("waiting for ne-emud to start the enclave");
	note_time(enclave, START_TIME_CALL);
	errnum = ioctl(enclave->fd, NE_START_ENCLAVE, &info) ? errno : 0;
	note_time(enclave, START_TIME_RETURNED);
	progress_end();
	if (errnum) {
		fail_step(STEP_START, errnum, error);
		/* ne-emud and the VMM, if they run, report a more precise reason. */
		if (errnum != ENODEV && !state_exit_text(enclave->slot_uid, said))
			error_set(error, -errnum, "%s: %s (%s)", explain_step(STEP_START), said,
				  explain_error(STEP_START, errnum));
		return -errnum;
	}
	enclave->cid = info.enclave_cid;
	enclave->debug = debug;
	huge_memory_hide(&enclave->memory);
	return 0;
}

void enclave_close(struct enclave *enclave)
{
	fd_close(&enclave->fd);
	huge_memory_free(&enclave->memory);
	free(enclave->cpus);
	enclave->cpus = NULL;
}
