/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the machine before the first setup since boot, which "setup --undo" restores. */

#ifndef NE_EMU_CLI_SETUP_SAVED_H
#define NE_EMU_CLI_SETUP_SAVED_H

#include "common/error.h"

#include <stdbool.h>

struct json_t;

/**
 * saved_store() - save the state, with that of another NUMA node if there is one already
 * @node: NUMA node whose page counts are about to change; -1: those of the machine
 * @ret_first: nothing was saved before
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int saved_store(int node, bool *ret_first, struct error *error);

/**
 * saved_load() - load the state
 * @ret: the state; the caller releases it with json_in_free()
 * @error: set on failure
 *
 * Return: 0, -ENOENT (nothing is saved) or another negative errno, with a message.
 */
int saved_load(struct json_t **ret, struct error *error);

/** saved_cpus() - the CPU pool of the state, a list; valid as long as the state */
const char *saved_cpus(const struct json_t *state);

/** saved_restore_pages() - set the page counts of the state; 0 or -errno with a message */
int saved_restore_pages(struct json_t *state, struct error *error);

/** saved_forget() - remove the state, if there is one; 0 or -errno with a message */
int saved_forget(struct error *error);

#endif
