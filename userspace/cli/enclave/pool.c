// SPDX-License-Identifier: Apache-2.0
/* Read the CPU pool: its CPUs, those that enclaves use, and whether they are isolated. */

#include "cli/enclave/pool.h"

#include "cli/enclave/state.h"
#include "cli/host/sysfs.h"
#include "common/nl.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>

#define ISOLATED_CPUS	"/sys/fs/cgroup/cpuset.cpus.isolated"

static int compare_cpus(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Fails with the AWS driver and with older versions of ours. */
static int ask_emulator(struct pool *pool)
{
	struct ne_nl_pool told;
	struct ne_nl *nl;
	int err;

	if (!state_emulated())
		return -ENOENT;
	err = ne_nl_open(&nl);
	if (err)
		return err;
	err = ne_nl_pool_get(nl, &told);
	ne_nl_close(nl);
	if (err)
		return err;
	pool->cpus = told.cpus;
	pool->count = told.nr_cpus;
	pool->claimed = told.claimed;
	pool->nr_claimed = told.nr_claimed;
	pool->claims_known = true;
	pool->node = told.node;
	return 0;
}

static int read_parameter(struct pool *pool)
{
	int err = sys_pool_cpus(&pool->cpus, &pool->count);

	if (err || !pool->count)
		return err;
	qsort(pool->cpus, pool->count, sizeof(*pool->cpus), compare_cpus);
	pool->node = sys_cpu_node(pool->cpus[0]);
	return 0;
}

static bool kernel_isolates(const struct pool *pool)
{
	__cleanup_free uint32_t *isolated = NULL;
	char text[SYS_TEXT_SIZE];
	size_t count, found = 0;

	if (sys_read(text, ISOLATED_CPUS) || parse_cpu_list(text, &isolated, &count))
		return false;
	for (size_t i = 0; i < pool->count; i++)
		found += !!bsearch(&pool->cpus[i], isolated, count, sizeof(*isolated),
				   compare_cpus);
	return found == pool->count;
}

/* Read the report of ne-emud, unless it is about another pool. */
static void read_reason(struct pool *pool)
{
	char text[SYS_TEXT_SIZE], *reason;

	(void)error_set(&pool->reason, 0, "ne-emud has not isolated CPUs %.80s; is it running?",
			pool->list);
	if (sys_read(text, NE_EMU_RUN_DIR "/" NE_EMU_ISOLATION_FILE))
		return;
	reason = strchr(text, '\n');
	if (reason)
		*reason++ = 0;
	if (strcmp(text, pool->list))
		return;
	pool->told = true;
	(void)error_set(&pool->reason, 0, "%s", reason ? reason : "");
}

static void read_isolation(struct pool *pool)
{
	read_reason(pool);
	pool->isolated = !*pool->reason.text && kernel_isolates(pool);
	if (!pool->isolated && !*pool->reason.text)
		(void)error_set(&pool->reason, 0,
				"the kernel has undone it: did all its CPUs go offline?");
}

int pool_read(struct pool *pool)
{
	int err;

	*pool = (struct pool){ .node = -1 };
	if (!sys_exists("%s", NE_CPU_POOL_PATH))
		return -ENOENT;
	err = ask_emulator(pool);
	if (err)
		err = read_parameter(pool);
	if (!err) {
		pool->list = format_cpu_list(pool->cpus, pool->count);
		err = pool->list ? 0 : -ENOMEM;
	}
	if (err) {
		pool_free(pool);
		return err;
	}
	if (pool->count)
		read_isolation(pool);
	return 0;
}

void pool_free(struct pool *pool)
{
	free(pool->cpus);
	free(pool->list);
	free(pool->claimed);
	*pool = (struct pool){ .node = -1 };
}

void pool_json(struct json_out *out, const char *key, const struct pool *pool)
{
	json_out_object(out, key);
	state_json_cpus(out, pool->cpus, pool->count);
	if (pool->node >= 0)
		json_out_u64(out, "NumaNode", pool->node);
	else
		json_out_null(out, "NumaNode");
	if (pool->claims_known) {
		json_out_array(out, "ClaimedCPUIDs");
		for (size_t i = 0; i < pool->nr_claimed; i++)
			json_out_u64(out, NULL, pool->claimed[i]);
		json_out_end(out);
	} else {
		json_out_null(out, "ClaimedCPUIDs");
	}
	json_out_bool(out, "Isolated", pool->isolated);
	json_out_str(out, "NotIsolatedBecause", *pool->reason.text ? pool->reason.text : NULL);
	json_out_end(out);
}
