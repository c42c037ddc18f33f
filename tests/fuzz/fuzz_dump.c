// SPDX-License-Identifier: Apache-2.0
/*
 * Dumps. The first byte chooses who lies: a VMM, whose stream is the input; or a guest, whose
 * memory begins with it, and whose dump must be complete whatever that is.
 */

#include "fuzz.h"

#include "cli/enclave/core_file.h"
#include "common/util.h"
#include "vmm/dump/core.h"

#include <elf.h>

#define MEMORY_SIZE	(64 * KIB)

/* A file whose end nobody sees. */
static void open_null(struct core_file *file)
{
	struct error error;

	must(!core_file_open(file, "/dev/null", false, false, &error));
	/* Holes: a stream may say that it has 64 TiB. */
	file->sparse = true;
	file->file.fd = file->file.sink;
	file->file.sink = -1;
}

static void take_stream(const uint8_t *data, size_t size)
{
	struct core_file file;
	struct error error;
	size_t half = size / 2;

	open_null(&file);
	if (!core_file_take(&file, data, half, &error) &&
	    !core_file_take(&file, data + half, size - half, &error)) {
		must(file.at <= file.size);
		must(file.left <= DUMP_PIECE_MAX);
		must(file.written <= size);
	}
	core_file_close(&file);
}

static void check_head(const struct core *core)
{
	const Elf64_Ehdr *elf = (const void *)core->head;
	const Elf64_Phdr *segments = (const void *)(elf + 1);

	must(elf->e_phnum >= 2 && elf->e_phnum <= LAYOUT_SEGMENTS_MAX);
	for (int i = 0; i < elf->e_phnum; i++) {
		must(segments[i].p_offset <= core->layout.size);
		must(segments[i].p_filesz <= core->layout.size - segments[i].p_offset);
	}
}

static void dump_memory(const uint8_t *data, size_t size)
{
	static uint8_t memory[MEMORY_SIZE], item[CORE_ITEM_MAX];
	struct guest_memory guest;
	struct core_file file;
	struct error error;
	struct core core;
	size_t len;

	memset(memory, 0, sizeof(memory));
	memcpy(memory, data, MIN(size, sizeof(memory)));
	memory_init(&guest, memory, sizeof(memory));
	must(!core_init(&core, &guest, 0));
	open_null(&file);
	while ((len = core_next(&core, item))) {
		must(len <= sizeof(item));
		must(!core_file_take(&file, item, len, &error));
		if (core.head)
			check_head(&core);
	}
	must(file.at == file.size && file.size == core.layout.size && !file.left);
	core_file_close(&file);
	core_exit(&core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (*data == 's')
		take_stream(data + 1, size - 1);
	else
		dump_memory(data + 1, size - 1);
	return 0;
}
