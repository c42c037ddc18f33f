/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VMCOREINFO: what a Linux kernel says about itself for readers of its memory. It is a page of
 * text in memory (kernel/vmcore_info.c), with lines NAME=VALUE, the first one OSRELEASE=.
 */

#ifndef NE_EMU_VMM_DUMP_VMCOREINFO_H
#define NE_EMU_VMM_DUMP_VMCOREINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel's limit (VMCOREINFO_BYTES), and what memory is searched in steps of. */
#define VMCOREINFO_SIZE		4096

/**
 * struct vmcoreinfo - a copy
 * @text: the lines, and a NUL
 * @len: bytes without the NUL; 0: none was found
 */
struct vmcoreinfo {
	char text[VMCOREINFO_SIZE + 1];
	size_t len;
};

/**
 * vmcoreinfo_take() - copy a page of the guest if it is VMCOREINFO
 * @info: receives it; @info->len is 0 if it is not
 * @page: VMCOREINFO_SIZE bytes, which may change at any time
 *
 * The guest can make other pages look like it, so a reader must not trust it.
 *
 * Return: true if it is.
 */
bool vmcoreinfo_take(struct vmcoreinfo *info, const void *page);

/**
 * vmcoreinfo_number() - find a number
 * @info: an info that may be empty
 * @name: name of the line
 * @base: base of the number
 * @ret: set only if there is such a line with a number; may be negative in two's complement
 */
bool vmcoreinfo_number(const struct vmcoreinfo *info, const char *name, int base, uint64_t *ret);

#endif
