/* SPDX-License-Identifier: Apache-2.0 */
/* Write the sections of an image, for "ne-emu eif build". */

#ifndef NE_EMU_CLI_EIF_PARTS_H
#define NE_EMU_CLI_EIF_PARTS_H

#include "cli/eif/build_options.h"
#include "cli/eif/show.h"
#include "eif/eif.h"

/**
 * build_write() - write an unsigned image, with its sections in the order of AWS's builder
 * @build: the options of the command
 * @writer: used while the image is written
 * @fd: empty file for the image
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int build_write(const struct build *build, struct eif_writer *writer, int fd,
		struct error *error);

/**
 * build_check() - parse and measure a written image, so that only a valid one is used
 * @fd: the image
 * @ret: filled on success; the caller releases it with eif_file_unmap()
 * @error: set on failure
 */
int build_check(int fd, struct eif_file *ret, struct error *error);

#endif
