// SPDX-License-Identifier: Apache-2.0
/* The notes of an ELF core: what is known beside the memory. */

#include "vmm/dump/notes.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

/* Name and contents are padded to this, also in files of 64 bits. */
#define ALIGNMENT	4

static size_t padded(size_t len)
{
	return (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

size_t dump_note_size(size_t name_len, size_t desc_len)
{
	return sizeof(Elf64_Nhdr) + padded(name_len + 1) + padded(desc_len);
}

int dump_notes_add(struct dump_notes *notes, const char *name, uint32_t type, const void *desc,
		   size_t desc_len)
{
	size_t name_size = strlen(name) + 1;
	size_t size = dump_note_size(name_size - 1, desc_len);
	const Elf64_Nhdr head = { .n_namesz = name_size, .n_descsz = desc_len, .n_type = type };
	uint8_t *at = notes->data + notes->len;

	if (size > notes->size - notes->len)
		return -ENOSPC;
	memset(at, 0, size);
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), name, name_size);
	memcpy(at + sizeof(head) + padded(name_size), desc, desc_len);
	notes->len += size;
	return 0;
}
