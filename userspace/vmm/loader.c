// SPDX-License-Identifier: Apache-2.0
/* Enclave image in guest memory: check it, and move its parts to where they run. */

#include "vmm/loader.h"

#include "common/clock.h"
#include "common/util.h"
#include "eif/eif.h"
#include "eif/signature.h"
#include "vmm/arch/arch.h"
#include "vmm/reserved.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* An uncompressed cpio archive must start at a multiple of this in the initrd. */
#define RAMDISK_ALIGN	4
#define INITRD_ALIGN	4096

/** struct move - @from and @to are offsets in the donated memory */
struct move {
	uint64_t from;
	uint64_t to;
	uint64_t size;
};

/**
 * struct move_plan - moves of the kernel and the ramdisks, in the order of the image
 *
 * The order is the same before and after, so the parts can be moved one after the other
 * without temporary copies: see move_parts().
 */
struct move_plan {
	struct move moves[1 + EIF_MAX_SECTIONS];
	size_t count;
};

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static int bad_memory_size(struct error *error, uint64_t need)
{
	return error_set(error, -EBADMSG, "the image needs %llu MiB of memory to boot",
			 (unsigned long long)((need + MIB - 1) / MIB));
}

/* EC2 does not start an image whose signature is not valid now. */
static int loader_check_signature(const struct eif *eif, const struct eif_pcrs *pcrs,
				  struct error *error)
{
	struct eif_signature signature;
	enum eif_verdict verdict;
	int err;

	if (!eif->signature.data)
		return 0;
	err = eif_signature_open(eif->signature.data, eif->signature.size, &signature, error);
	if (err == -EBADMSG)
		return err;
	if (!err) {
		err = eif_signature_verify(&signature, pcrs->pcr0, time(NULL), &verdict);
		eif_signature_close(&signature);
	}
	if (err)
		return error_set(error, err, "cannot verify the image: %s", strerror(-err));
	return verdict == EIF_VERDICT_GOOD ? 0 :
		error_set(error, -EBADMSG, "%s", eif_verdict_text(verdict));
}

static int loader_read_image(const struct guest_memory *memory, uint64_t offset, struct eif *eif,
			     struct eif_pcrs *pcrs, struct error *error)
{
	int err;

	if (offset >= memory->size)
		return error_set(error, -EBADMSG, "no memory where the image should be");
	err = eif_parse(memory->base + offset, memory->size - offset,
			EIF_PARSE_IN_MEMORY | EIF_PARSE_NATIVE, eif, pcrs, error);
	if (err == -EBADMSG)
		return err;
	if (err)
		return error_set(error, err, "cannot measure the image: %s", strerror(-err));
	return loader_check_signature(eif, pcrs, error);
}

static int join_cmdline(const struct eif_blob *cmdline, const char *extra, size_t max,
			char **ret_cmdline, struct error *error)
{
	size_t extra_len = strlen(extra);
	char *joined;

	if (cmdline->size > max || extra_len > max - cmdline->size)
		return error_set(error, -EBADMSG,
				 "command line of %llu bytes and %zu for devices: "
				 "the kernel takes %zu",
				 (unsigned long long)cmdline->size, extra_len, max);
	joined = malloc(cmdline->size + extra_len + 1);
	if (!joined)
		return error_set(error, -ENOMEM, "out of memory");
	memcpy(joined, cmdline->data, cmdline->size);
	memcpy(joined + cmdline->size, extra, extra_len + 1);
	if (strlen(joined) != cmdline->size + extra_len) {
		free(joined);
		return error_set(error, -EBADMSG, "the command line holds a NUL byte");
	}
	*ret_cmdline = joined;
	return 0;
}

static int read_reservations(const char *cmdline, struct reserved *reserved,
			     struct error *error)
{
	int err = reserved_parse(cmdline, reserved);

	if (err == -E2BIG)
		return error_set(error, -EBADMSG,
				 "the command line reserves more than %d ranges with memmap=",
				 RESERVED_MAX);
	return err ? error_set(error, err, "out of memory") : 0;
}

/* Place the kernel at its address, or at the lowest one above that is not reserved. */
static int place_kernel(const struct guest_memory *memory, const struct reserved *reserved,
			struct kernel_image *kernel, struct error *error)
{
	uint64_t end = kernel->address + kernel->run_size;
	uint64_t address;

	if (end > memory->low_size)
		return bad_memory_size(error, end + INITRD_ALIGN);
	if (!reserved_find_low(reserved, kernel->address, memory->low_size, kernel->run_size,
			       kernel->align ?: 1, &address) ||
	    (!kernel->align && address != kernel->address))
		return error_set(error, -EBADMSG,
				 "mem= and memmap= leave no room for the kernel at %#llx%s",
				 (unsigned long long)kernel->address,
				 kernel->align ? " or above" : ", and it cannot be moved");
	kernel->address = address;
	return 0;
}

/* Place the initrd as high as possible below the hole or, if that fails, above it. */
static int place_initrd(const struct guest_memory *memory, const struct reserved *reserved,
			uint64_t size, struct loaded_image *image, struct error *error)
{
	const struct kernel_image *kernel = &image->kernel;
	uint64_t kernel_end = kernel->address + kernel->run_size;
	uint64_t low_end = MIN(memory->low_size, kernel->initrd_max);
	uint64_t high_end = MEMORY_HOLE_END + memory->size - memory->low_size;

	image->initrd_size = size;
	if (!size ||
	    reserved_find_high(reserved, kernel_end, low_end, size, INITRD_ALIGN,
			       &image->initrd) ||
	    (kernel->initrd_high &&
	     reserved_find_high(reserved, MEMORY_HOLE_END, high_end, size, INITRD_ALIGN,
				&image->initrd)))
		return 0;
	if (reserved->count || reserved->limit != UINT64_MAX)
		return error_set(error, -EBADMSG,
				 "mem= and memmap= leave no room for %llu bytes of ramdisks",
				 (unsigned long long)size);
	return bad_memory_size(error, kernel_end + align_up(size, INITRD_ALIGN));
}

static void plan_move(struct move_plan *plan, uint64_t from, uint64_t to, uint64_t size)
{
	plan->moves[plan->count++] = (struct move){ .from = from, .to = to, .size = size };
}

/* Plan the place of each ramdisk in the initrd. Return: the size of the initrd. */
static uint64_t plan_ramdisks(const struct guest_memory *memory, const struct eif *eif,
			      struct move_plan *plan)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < eif->nr_ramdisks; i++) {
		total = align_up(total, RAMDISK_ALIGN);
		plan_move(plan, eif->ramdisks[i].data - memory->base, total,
			  eif->ramdisks[i].size);
		total += eif->ramdisks[i].size;
	}
	return total;
}

static int plan_parts(const struct guest_memory *memory, const struct eif *eif,
		      const struct reserved *reserved, struct loaded_image *image,
		      struct move_plan *plan, struct error *error)
{
	struct kernel_image *kernel = &image->kernel;
	uint64_t initrd, total;
	int err;

	err = place_kernel(memory, reserved, kernel, error);
	if (err)
		return err;
	plan_move(plan, eif->kernel.data - memory->base + kernel->code_offset, kernel->address,
		  kernel->code_size);
	total = plan_ramdisks(memory, eif, plan);
	err = place_initrd(memory, reserved, total, image, error);
	if (err)
		return err;
	if (!total) {
		plan->count = 1;
		return 0;
	}
	initrd = (uint8_t *)memory_at(memory, image->initrd, total) - memory->base;
	for (size_t i = 1; i < plan->count; i++)
		plan->moves[i].to += initrd;
	return 0;
}

static void move_part(const struct guest_memory *memory, const struct move *move)
{
	memmove(memory->base + move->to, memory->base + move->from, move->size);
}

/*
 * A part that moves up can overwrite only parts after it, and one that moves down only
 * parts before it. A part that moves up never overwrites a later one that moves down: the
 * new place of the first ends below the new place of the second, which is below its old one.
 */
static void move_parts(const struct guest_memory *memory, const struct move_plan *plan)
{
	const struct move *moves = plan->moves;

	for (size_t i = plan->count; i-- > 0;)
		if (moves[i].to > moves[i].from)
			move_part(memory, &moves[i]);
	for (size_t i = 0; i < plan->count; i++)
		if (moves[i].to < moves[i].from)
			move_part(memory, &moves[i]);
	/* Clear the padding between ramdisks. */
	for (size_t i = 2; i < plan->count; i++) {
		uint64_t end = moves[i - 1].to + moves[i - 1].size;

		memset(memory->base + end, 0, moves[i].to - end);
	}
}

int loader_load(const struct guest_memory *memory, uint64_t image_offset,
		const char *cmdline_extra, struct loaded_image *image,
		struct error *error)
{
	struct loaded_image loaded = { 0 };
	struct move_plan plan = { 0 };
	struct reserved reserved;
	struct eif eif;
	int err;

	err = loader_read_image(memory, image_offset, &eif, &loaded.pcrs, error);
	if (err)
		return err;
	loaded.measured_ns = clock_ns(CLOCK_MONOTONIC);
	err = arch_probe_kernel(eif.kernel.data, eif.kernel.size, &loaded.kernel, error);
	if (err)
		return err;
	err = join_cmdline(&eif.cmdline, cmdline_extra, loaded.kernel.cmdline_max,
			   &loaded.cmdline, error);
	if (err)
		return err;
	err = read_reservations(loaded.cmdline, &reserved, error);
	if (!err)
		err = plan_parts(memory, &eif, &reserved, &loaded, &plan, error);
	if (err) {
		loaded_image_free(&loaded);
		return err;
	}
	move_parts(memory, &plan);
	*image = loaded;
	return 0;
}

void loaded_image_free(struct loaded_image *image)
{
	free(image->cmdline);
	image->cmdline = NULL;
}
