/* SPDX-License-Identifier: Apache-2.0 */
/* image.json: what the owner of an enclave reports about it, for other commands. */

#ifndef NE_EMU_DAEMON_IMAGE_FILE_H
#define NE_EMU_DAEMON_IMAGE_FILE_H

#include "common/error.h"
#include "daemon/folder.h"

#include <jansson.h>

/* Longest path or name of an image, bytes. */
#define IMAGE_FILE_PATH_MAX	4096
/* Registers, and bytes of each; the name of the hash algorithm is one of them. */
#define IMAGE_FILE_REGISTERS	8
#define IMAGE_FILE_VALUE_MAX	160
/* Moments of the start. */
#define IMAGE_FILE_TIMES	16

/**
 * image_file_update() - store what the owner reports
 * @report: may have the members "image" (path or name), "measurements" (strings by name of the
 *	register), "times" (nanoseconds of CLOCK_MONOTONIC by name) and "booted" (date); others
 *	are ignored, and what is missing stays as it is
 * @error: set on failure
 *
 * Nobody else vouches for these values, so only the owner and root get to read them.
 *
 * Return: 0 or a negative errno with a message.
 */
int image_file_update(const struct log_root *root, uid_t owner, uint64_t slot_uid,
		      const json_t *report, struct error *error);

#endif
