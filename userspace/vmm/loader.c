// SPDX-License-Identifier: Apache-2.0
/* Enclave image in guest memory: check it and put its parts where they run. */

#include "vmm/loader.h"

#include "common/util.h"
#include "eif/eif.h"
#include "vmm/arch/arch.h"

#include <errno.h>
#include <string.h>

/* An uncompressed cpio archive must start at a multiple of this in the initrd. */
#define RAMDISK_ALIGN	4
#define INITRD_ALIGN	4096

/** struct ramdisk_move - from and to, guest addresses */
struct ramdisk_move {
	uint64_t from;
	uint64_t to;
	uint64_t size;
};

struct move_plan {
	struct ramdisk_move moves[EIF_MAX_SECTIONS];
	size_t nr_moves;
	uint64_t end;		/* of the image as it stands */
};

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static int bad_memory_size(struct vmm_error *error, uint64_t need)
{
	return vmm_error_set(error, -EBADMSG,
			     "the image needs %llu MiB of memory to boot",
			     (unsigned long long)((need + MIB - 1) / MIB));
}

static int read_image(const struct guest_memory *memory, uint64_t offset, struct eif *eif,
		      struct eif_pcrs *pcrs, struct vmm_error *error)
{
	char reason[EIF_REASON_SIZE];
	int err;

	if (offset >= memory->low_size)
		return vmm_error_set(error, -EBADMSG, "no memory where the image should be");
	err = eif_parse(memory->base + offset, memory->size - offset,
			EIF_PARSE_IN_MEMORY | EIF_PARSE_NATIVE, eif, pcrs, reason,
			sizeof(reason));
	if (err == -EBADMSG)
		return vmm_error_set(error, -EBADMSG, "%.*s",
				     (int)sizeof(error->text) - 1, reason);
	if (err)
		return vmm_error_set(error, err, "cannot measure the image: %s", strerror(-err));
	if (eif->size > memory->low_size - offset)
		return vmm_error_set(error, -EBADMSG,
				     "the image ends above the first %llu MiB of memory",
				     (unsigned long long)(memory->low_size / MIB));
	return 0;
}

static int join_cmdline(const struct eif_blob *cmdline, const char *extra, size_t max,
			char **ret_cmdline, struct vmm_error *error)
{
	size_t extra_len = strlen(extra);
	char *joined;

	if (cmdline->size > max || extra_len > max - cmdline->size)
		return vmm_error_set(error, -EBADMSG,
				     "command line of %llu bytes and %zu for devices: the kernel takes %zu",
				     (unsigned long long)cmdline->size, extra_len, max);
	joined = malloc(cmdline->size + extra_len + 1);
	if (!joined)
		return vmm_error_set(error, -ENOMEM, "out of memory");
	memcpy(joined, cmdline->data, cmdline->size);
	memcpy(joined + cmdline->size, extra, extra_len + 1);
	if (strlen(joined) != cmdline->size + extra_len) {
		free(joined);
		return vmm_error_set(error, -EBADMSG, "the command line holds a NUL byte");
	}
	*ret_cmdline = joined;
	return 0;
}

/*
 * The initrd ends at the top of low memory, so each ramdisk moves up and none
 * is overwritten before it is moved when the last one goes first.
 */
static int plan_initrd(const struct guest_memory *memory, const struct eif *eif,
		       struct loaded_image *image, struct move_plan *plan,
		       struct vmm_error *error)
{
	uint64_t kernel_end = image->kernel.address + image->kernel.run_size;
	uint64_t top = MIN(memory->low_size, image->kernel.initrd_max);
	uint64_t total = 0;

	plan->end = eif->base + eif->size - memory->base;
	for (unsigned int i = 0; i < eif->nr_ramdisks; i++) {
		struct ramdisk_move *move = &plan->moves[plan->nr_moves++];

		total = align_up(total, RAMDISK_ALIGN);
		move->from = eif->ramdisks[i].data - memory->base;
		move->to = total;	/* made absolute below */
		move->size = eif->ramdisks[i].size;
		total += move->size;
	}
	if (kernel_end > memory->low_size || total > top || kernel_end > top - total)
		return bad_memory_size(error, kernel_end + align_up(total, INITRD_ALIGN));
	if (!total)
		return 0;

	image->initrd = (top - total) & ~(uint64_t)(INITRD_ALIGN - 1);
	image->initrd_size = total;
	if (image->initrd < kernel_end)
		return bad_memory_size(error, kernel_end + align_up(total, INITRD_ALIGN));
	for (size_t i = 0; i < plan->nr_moves; i++) {
		plan->moves[i].to += image->initrd;
		if (plan->moves[i].to < plan->moves[i].from)
			return bad_memory_size(error, plan->end + INITRD_ALIGN);
	}
	return 0;
}

static int move_part(const struct guest_memory *memory, uint64_t to, uint64_t from,
		     uint64_t size)
{
	void *dst = memory_at(memory, to, size);
	const void *src = memory_at(memory, from, size);

	if (!dst || !src)
		return -EFAULT;
	memmove(dst, src, size);
	return 0;
}

static int move_initrd(const struct guest_memory *memory, const struct loaded_image *image,
		       const struct move_plan *plan)
{
	uint64_t next = image->initrd + image->initrd_size;

	for (size_t i = plan->nr_moves; i-- > 0;) {
		const struct ramdisk_move *move = &plan->moves[i];
		uint64_t end = move->to + move->size;
		void *padding = memory_at(memory, end, next - end);

		if (!padding || move_part(memory, move->to, move->from, move->size))
			return -EFAULT;
		memset(padding, 0, next - end);
		next = move->to;
	}
	return 0;
}

static int move_parts(const struct guest_memory *memory, const struct eif *eif,
		      const struct loaded_image *image, const struct move_plan *plan)
{
	const struct kernel_image *kernel = &image->kernel;
	uint64_t code = eif->kernel.data - memory->base + kernel->code_offset;

	/* The kernel stands before the ramdisks, so it survives their move up. */
	if (plan->nr_moves && code + kernel->code_size > plan->moves[0].from)
		return -EFAULT;
	if (image->initrd_size && move_initrd(memory, image, plan))
		return -EFAULT;
	return move_part(memory, kernel->address, code, kernel->code_size);
}

int loader_load(const struct guest_memory *memory, uint64_t image_offset,
		const char *cmdline_extra, struct loaded_image *image,
		struct vmm_error *error)
{
	struct loaded_image loaded = { 0 };
	struct move_plan plan = { 0 };
	struct eif eif;
	int err;

	err = read_image(memory, image_offset, &eif, &loaded.pcrs, error);
	if (err)
		return err;
	err = arch_probe_kernel(eif.kernel.data, eif.kernel.size, &loaded.kernel, error);
	if (err)
		return err;
	err = plan_initrd(memory, &eif, &loaded, &plan, error);
	if (err)
		return err;
	err = join_cmdline(&eif.cmdline, cmdline_extra, loaded.kernel.cmdline_max,
			   &loaded.cmdline, error);
	if (err)
		return err;
	if (move_parts(memory, &eif, &loaded, &plan)) {
		loaded_image_free(&loaded);
		return vmm_error_set(error, -EBADMSG, "the image's sections are out of order");
	}
	*image = loaded;
	return 0;
}

void loaded_image_free(struct loaded_image *image)
{
	free(image->cmdline);
	image->cmdline = NULL;
}
