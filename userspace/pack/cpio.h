/* SPDX-License-Identifier: Apache-2.0 */
/* Ramdisks: cpio archives that the kernel can unpack; reproducible. */

#ifndef NE_EMU_PACK_CPIO_H
#define NE_EMU_PACK_CPIO_H

#include "pack/tree.h"

struct archive;

/** struct cpio - an archive being written; treat as opaque */
struct cpio {
	struct archive *archive;
	unsigned int last_number;
	struct error *error;
};

/**
 * cpio_begin() - begin an archive at the current position of @fd
 *
 * Return: 0 or -ENOMEM; call cpio_abort() in any case.
 */
int cpio_begin(struct cpio *cpio, int fd, struct error *error);

/**
 * cpio_add_tree() - add a whole tree, sorted, with all times zero
 * @prefix: name of its root
 */
int cpio_add_tree(struct cpio *cpio, const struct tree *tree, const char *prefix);

/** cpio_add_folder() - add an empty directory */
int cpio_add_folder(struct cpio *cpio, const char *name, mode_t mode);
/** cpio_add_data() - add a file from memory */
int cpio_add_data(struct cpio *cpio, const char *name, mode_t mode, const void *data,
		  size_t size);

/** cpio_end() - write the end of the archive */
int cpio_end(struct cpio *cpio);
void cpio_abort(struct cpio *cpio);

#endif
