/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU pool: its CPUs, who has them, and whether they are isolated. */

#ifndef NE_EMU_CLI_ENCLAVE_POOL_H
#define NE_EMU_CLI_ENCLAVE_POOL_H

#include "common/error.h"
#include "common/json_out.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct pool - end with pool_free()
 * @cpus: ascending, @count of them; none when it is not set
 * @list: the same as text, "2-5"
 * @claimed: CPUs that enclaves have, @nr_claimed of them
 * @claims_known: the emulator reported @claimed; the AWS driver does not
 * @node: NUMA node; -1: not known
 * @isolated: nothing but enclaves runs on the CPUs
 * @told: ne-emud has reported on these CPUs
 * @reason: why they are not isolated
 */
struct pool {
	uint32_t *cpus;
	size_t count;
	char *list;
	uint32_t *claimed;
	size_t nr_claimed;
	bool claims_known;
	int node;
	bool isolated;
	bool told;
	struct error reason;
};

/**
 * pool_read() - look at the pool
 *
 * Return: 0, -ENOENT (no driver) or another negative errno.
 */
int pool_read(struct pool *pool);
void pool_free(struct pool *pool);

/** pool_json() - an object named @key */
void pool_json(struct json_out *out, const char *key, const struct pool *pool);

#endif
