/* SPDX-License-Identifier: Apache-2.0 */
/* Read the configuration of AWS's nitro-enclaves-allocator, a file of three scalars. */

#ifndef NE_EMU_CLI_SETUP_ALLOCATOR_H
#define NE_EMU_CLI_SETUP_ALLOCATOR_H

#include "common/error.h"

#include <stdint.h>

/**
 * struct allocator - the settings
 * @memory_mib: memory for enclaves, MiB
 * @cpu_count: number of CPUs; 0: see @cpu_pool
 * @cpu_pool: list of CPUs, or NULL; points into @text
 * @text: the file; the caller frees it
 */
struct allocator {
	uint64_t memory_mib;
	uint64_t cpu_count;
	const char *cpu_pool;
	char *text;
};

/**
 * allocator_load() - read the file
 * @path: the file
 * @ret: filled on success
 * @error: set on failure, with file and line
 *
 * Understands what AWS's service does: "memory_mib", and "cpu_count" or "cpu_pool", one a
 * line, with comments. All other YAML is refused.
 *
 * Return: 0 or a negative errno with a message.
 */
int allocator_load(const char *path, struct allocator *ret, struct error *error);

#endif
