/* SPDX-License-Identifier: Apache-2.0 */
/* Modules of the running kernel. */

#ifndef NE_EMU_CLI_HOST_KMOD_H
#define NE_EMU_CLI_HOST_KMOD_H

#include <stdbool.h>

enum kmod_place {
	KMOD_UNKNOWN,		/* the files of this kernel's modules are not here */
	KMOD_MISSING,
	KMOD_FILE,
	KMOD_BUILT_IN,
};

/**
 * kmod_find() - find out where a module of the running kernel is
 * @name: its name; "-" and "_" are the same
 *
 * It need not be loaded.
 */
enum kmod_place kmod_find(const char *name);

/** kmod_release() - release of the running kernel, "" if it is unknown */
const char *kmod_release(void);

#endif
