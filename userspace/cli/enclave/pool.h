/* SPDX-License-Identifier: Apache-2.0 */
/* Read the CPU pool: its CPUs, those that enclaves use, and whether they are isolated. */

#ifndef NE_EMU_CLI_ENCLAVE_POOL_H
#define NE_EMU_CLI_ENCLAVE_POOL_H

#include "common/error.h"
#include "common/json_out.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct pool - the CPU pool; release with pool_free()
 * @cpus: CPU numbers, ascending; empty if the pool is not set
 * @count: entries of @cpus
 * @list: the same as text, e.g. "2-5"
 * @claimed: CPUs that enclaves use
 * @nr_claimed: entries of @claimed
 * @claims_known: the driver reports @claimed; the AWS driver does not
 * @node: NUMA node, or -1 if it is unknown
 * @isolated: only enclaves run on the CPUs
 * @told: ne-emud has reported on these CPUs
 * @reason: why the CPUs are not isolated
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
 * pool_read() - read the CPU pool
 * @pool: filled on success
 *
 * Return: 0, -ENOENT (no driver) or another negative errno.
 */
int pool_read(struct pool *pool);
/** pool_free() - release what pool_read() allocated */
void pool_free(struct pool *pool);

/** pool_json() - add the pool as an object named @key */
void pool_json(struct json_out *out, const char *key, const struct pool *pool);

#endif
