/* SPDX-License-Identifier: Apache-2.0 */
/* The notes of an ELF core: what is known beside the memory. */

#ifndef NE_EMU_VMM_DUMP_NOTES_H
#define NE_EMU_VMM_DUMP_NOTES_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct dump_notes - notes as they are in the file
 * @data: buffer of the owner
 * @size: bytes of the buffer
 * @len: bytes that are used
 */
struct dump_notes {
	uint8_t *data;
	size_t size;
	size_t len;
};

/** dump_note_size() - bytes of a note in the file; @name_len: without the NUL */
size_t dump_note_size(size_t name_len, size_t desc_len);
/** dump_notes_add() - append a note; Return: 0 or -ENOSPC */
int dump_notes_add(struct dump_notes *notes, const char *name, uint32_t type, const void *desc,
		   size_t desc_len);

#endif
