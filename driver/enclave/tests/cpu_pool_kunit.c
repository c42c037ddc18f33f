// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU pool: which lists ne_cpus accepts on the test machine, and how cores are
 * assigned on machines that number their threads differently.
 */

#include "ne_kunit.h"

/* Core of each CPU, starting with CPU 0; -1: not in the pool. */
struct ne_pool_layout {
	int core_of[16];
	unsigned int nr_threads;
};

/* Siblings side by side: {2,3} {4,5}. */
static const struct ne_pool_layout ne_pool_pairs = {
	{ -1, -1, 0, 0, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 }, 2
};

/* Siblings half the CPUs apart, as on EC2: {1,5} {2,6} {3,7}. */
static const struct ne_pool_layout ne_pool_halves = {
	{ -1, 0, 1, 2, -1, 0, 1, 2, -1, -1, -1, -1, -1, -1, -1, -1 }, 2
};

/* A core of two threads and two of one, as on hybrid machines: {2,3} {4} {5}. */
static const struct ne_pool_layout ne_pool_hybrid = {
	{ -1, -1, 0, 0, 1, 2, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 }, 2
};

/* The first core has a thread that is not online: {2,8} {3,4}. */
static const struct ne_pool_layout ne_pool_offline = {
	{ -1, -1, 0, 1, 1, -1, -1, -1, 0, -1, -1, -1, -1, -1, -1, -1 }, 2
};

/* One thread per core. */
static const struct ne_pool_layout ne_pool_singles = {
	{ -1, 0, 1, 2, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 }, 1
};

static void ne_pool_test_clear(void *unused)
{
	ne_pool_exit();
}

static int ne_pool_test_init(struct kunit *test)
{
	/* The expectations below hold for the machine of tests/kunit. */
	KUNIT_ASSERT_EQ(test, nr_cpu_ids, 16);
	KUNIT_ASSERT_EQ(test, num_online_cpus(), 8);
	return kunit_add_action(test, ne_pool_test_clear, NULL);
}

static void ne_pool_lay_out(struct kunit *test, const struct ne_pool_layout *layout)
{
	unsigned int cpu;

	mutex_lock(&ne_pool.lock);
	ne_pool_clear();
	ne_pool.core_of = kcalloc(nr_cpu_ids, sizeof(*ne_pool.core_of), GFP_KERNEL);
	for (cpu = 0; ne_pool.core_of && cpu < nr_cpu_ids; cpu++) {
		if (layout->core_of[cpu] < 0)
			continue;
		ne_pool.core_of[cpu] = layout->core_of[cpu];
		cpumask_set_cpu(cpu, &ne_pool.avail);
	}
	cpumask_copy(&ne_pool.cpus, &ne_pool.avail);
	ne_pool.nr_threads = layout->nr_threads;
	mutex_unlock(&ne_pool.lock);
	KUNIT_ASSERT_NOT_NULL(test, ne_pool.core_of);
}

static void ne_pool_give_back(const struct cpumask *claimed)
{
	mutex_lock(&ne_registry_lock);
	ne_pool_return(claimed);
	mutex_unlock(&ne_registry_lock);
}

static void ne_pool_expect_mask(struct kunit *test, const struct cpumask *mask,
				const char *expected)
{
	char list[64];

	scnprintf(list, sizeof(list), "%*pbl", cpumask_pr_args(mask));
	KUNIT_EXPECT_STREQ(test, list, expected);
}

/* Setting */

struct ne_pool_set_case {
	const char *text;
	int rc;
};

static const struct ne_pool_set_case ne_pool_set_cases[] = {
	{ "2-3", 0 },
	{ "2,3", 0 },
	{ "4-5\n", 0 },
	{ "2-5", 0 },
	{ "2,3,,,,", 0 },
	{ " 2-3 ,4-5", 0 },
	{ "2-3\nfoo", 0 },		/* stops at the newline */
	{ "6-7", 0 },			/* all on the other node */
	{ "", -EINVAL },
	{ "\n", -EINVAL },
	{ "abc", -EINVAL },
	{ "3-", -EINVAL },
	{ "7-2", -EINVAL },
	{ "2-3 \nfoo", -EINVAL },	/* not after a blank */
	{ "16", -ERANGE },
	{ "99", -ERANGE },
	{ "99999999999", -EOVERFLOW },
	{ "all", -EINVAL },
	{ "ALL", -EINVAL },
	{ "0", -EINVAL },
	{ "0-3", -EINVAL },
	{ "1", -EINVAL },		/* sibling of CPU 0 */
	{ "1-3", -EINVAL },
	{ "2", -EINVAL },		/* half a core */
	{ "2-4", -EINVAL },
	{ "3,4", -EINVAL },
	{ "2-3:1/2", -EINVAL },		/* CPU 2 only */
	{ "8-9", -EINVAL },		/* not online */
	{ "2-3,8", -EINVAL },
	{ "4-7", -EINVAL },		/* two nodes */
	{ "0-7", -EINVAL },
};

static void ne_pool_set_name(const struct ne_pool_set_case *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "\"%*pE\"", (int)strlen(param->text), param->text);
}

KUNIT_ARRAY_PARAM(ne_pool_set, ne_pool_set_cases, ne_pool_set_name);

/* A refused list clears the pool; the text is kept unchanged. */
static void ne_pool_test_set(struct kunit *test)
{
	const struct ne_pool_set_case *param = test->param_value;
	char *expected, *text;

	expected = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, expected);
	KUNIT_ASSERT_NOT_NULL(test, text);

	KUNIT_ASSERT_EQ(test, ne_pool_set("4-5"), 0);
	KUNIT_EXPECT_EQ(test, ne_pool_set(param->text), param->rc);

	snprintf(expected, PAGE_SIZE, "%s\n", param->rc ? "" : param->text);
	KUNIT_EXPECT_EQ(test, ne_pool_get(text), strlen(expected));
	KUNIT_EXPECT_STREQ(test, text, expected);
	KUNIT_EXPECT_EQ(test, ne_pool_has_cpus(), !param->rc);
	KUNIT_EXPECT_EQ(test, ne_pool_cpu_limit(), param->rc ? 0 : 16);
}

static void ne_pool_test_set_long(struct kunit *test)
{
	char *text = kunit_kzalloc(test, NE_CPUS_SIZE + 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	memset(text, ',', NE_CPUS_SIZE);
	memcpy(text, "2-3", 3);
	KUNIT_EXPECT_EQ(test, ne_pool_set(text), -ENOSPC);
	KUNIT_EXPECT_FALSE(test, ne_pool_has_cpus());

	text[NE_CPUS_SIZE - 1] = '\0';
	KUNIT_EXPECT_EQ(test, ne_pool_set(text), 0);
	KUNIT_EXPECT_TRUE(test, ne_pool_has_cpus());
}

static void ne_pool_test_set_in_use(struct kunit *test)
{
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct ne_enclave *enclave;

	KUNIT_ASSERT_NOT_NULL(test, text);
	ne_kunit_init(test);
	enclave = ne_kunit_enclave(test);

	KUNIT_EXPECT_EQ(test, ne_pool_set("2-3"), -EPERM);
	KUNIT_EXPECT_EQ(test, ne_pool_set(""), -EPERM);
	ne_pool_get(text);
	KUNIT_EXPECT_STREQ(test, text, NE_KUNIT_POOL "\n");
	ne_pool_expect_mask(test, &ne_pool.avail, NE_KUNIT_POOL);

	ne_kunit_release_now(test, enclave);
	KUNIT_EXPECT_EQ(test, ne_pool_set("2-3"), 0);
}

static void ne_pool_test_set_node(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, ne_pool_set("2-3"), 0);
	KUNIT_EXPECT_EQ(test, ne_pool_numa_node(), 0);
	KUNIT_ASSERT_EQ(test, ne_pool_set("6-7"), 0);
	KUNIT_EXPECT_EQ(test, ne_pool_numa_node(), 1);
}

/* Cores are numbered by their lowest CPU, independent of the hardware's core ids. */
static void ne_pool_test_number_cores(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, ne_pool_set("5,4,2-3"), 0);
	KUNIT_EXPECT_EQ(test, ne_pool.core_of[2], 0);
	KUNIT_EXPECT_EQ(test, ne_pool.core_of[3], 0);
	KUNIT_EXPECT_EQ(test, ne_pool.core_of[4], 1);
	KUNIT_EXPECT_EQ(test, ne_pool.core_of[5], 1);
	KUNIT_EXPECT_EQ(test, ne_pool.nr_threads, 2);
}

/* Claiming */

struct ne_pool_order_case {
	const char *name;
	const struct ne_pool_layout *layout;
	int order[9];	/* ends with 0 */
};

static const struct ne_pool_order_case ne_pool_order_cases[] = {
	{ "pairs", &ne_pool_pairs, { 2, 3, 4, 5 } },
	{ "halves", &ne_pool_halves, { 1, 5, 2, 6, 3, 7 } },
	{ "hybrid", &ne_pool_hybrid, { 2, 3, 4, 5 } },
	{ "offline", &ne_pool_offline, { 3, 4 } },
	{ "singles", &ne_pool_singles, { 1, 2, 3 } },
};

KUNIT_ARRAY_PARAM_DESC(ne_pool_order, ne_pool_order_cases, name);

/* What successive calls of NE_ADD_VCPU(0) return. */
static void ne_pool_test_order(struct kunit *test)
{
	const struct ne_pool_order_case *param = test->param_value;
	struct cpumask claimed = CPU_MASK_NONE, used = CPU_MASK_NONE;
	const int *expected;
	int cpu;

	ne_pool_lay_out(test, param->layout);
	for (expected = param->order; *expected; expected++) {
		cpu = ne_pool_next_thread(&claimed, &used);
		if (cpu < 0)
			cpu = ne_pool_claim_first(&claimed);
		KUNIT_ASSERT_EQ(test, cpu, *expected);
		cpumask_set_cpu(cpu, &used);
	}
	KUNIT_EXPECT_EQ(test, ne_pool_next_thread(&claimed, &used), -ENOENT);
	KUNIT_EXPECT_EQ(test, ne_pool_claim_first(&claimed), -NE_ERR_NO_CPUS_AVAIL_IN_POOL);
	KUNIT_EXPECT_FALSE(test, ne_pool_has_cpus());
}

static void ne_pool_test_claim_core(struct kunit *test)
{
	struct cpumask claimed = CPU_MASK_NONE;

	ne_pool_lay_out(test, &ne_pool_halves);
	KUNIT_EXPECT_EQ(test, ne_pool_claim_cpu(7, &claimed), 7);
	ne_pool_expect_mask(test, &claimed, "3,7");
	ne_pool_expect_mask(test, &ne_pool.avail, "1-2,5-6");

	KUNIT_EXPECT_EQ(test, ne_pool_claim_first(&claimed), 1);
	ne_pool_expect_mask(test, &claimed, "1,3,5,7");
}

static void ne_pool_test_claim_refused(struct kunit *test)
{
	struct cpumask mine = CPU_MASK_NONE, other = CPU_MASK_NONE;

	ne_pool_lay_out(test, &ne_pool_halves);
	KUNIT_EXPECT_EQ(test, ne_pool_claim_cpu(4, &mine), -NE_ERR_VCPU_NOT_IN_CPU_POOL);
	KUNIT_EXPECT_EQ(test, ne_pool_claim_cpu(15, &mine), -NE_ERR_VCPU_NOT_IN_CPU_POOL);

	KUNIT_ASSERT_EQ(test, ne_pool_claim_cpu(2, &other), 2);
	KUNIT_EXPECT_EQ(test, ne_pool_claim_cpu(2, &mine), -NE_ERR_VCPU_NOT_IN_CPU_POOL);
	KUNIT_EXPECT_EQ(test, ne_pool_claim_cpu(6, &mine), -NE_ERR_VCPU_NOT_IN_CPU_POOL);
	KUNIT_EXPECT_TRUE(test, cpumask_empty(&mine));

	ne_pool_give_back(&other);
	KUNIT_EXPECT_EQ(test, ne_pool_claim_cpu(6, &mine), 6);
	ne_pool_expect_mask(test, &mine, "2,6");
}

/* An enclave gets neither half a core nor a core of which half is offline. */
static void ne_pool_test_claim_offline(struct kunit *test)
{
	struct cpumask claimed = CPU_MASK_NONE;

	ne_pool_lay_out(test, &ne_pool_offline);
	KUNIT_EXPECT_EQ(test, ne_pool_claim_cpu(2, &claimed), -NE_ERR_VCPU_NOT_IN_CPU_POOL);
	KUNIT_EXPECT_EQ(test, ne_pool_claim_cpu(8, &claimed), -NE_ERR_VCPU_NOT_IN_CPU_POOL);
	KUNIT_EXPECT_TRUE(test, cpumask_empty(&claimed));
	KUNIT_EXPECT_EQ(test, ne_pool_claim_cpu(4, &claimed), 4);
	ne_pool_expect_mask(test, &claimed, "3-4");
	KUNIT_EXPECT_FALSE(test, ne_pool_has_cpus());
}

static void ne_pool_test_snapshot(struct kunit *test)
{
	struct cpumask cpus, claimed, mine = CPU_MASK_NONE;

	KUNIT_EXPECT_EQ(test, ne_pool_snapshot(&cpus, &claimed), NUMA_NO_NODE);
	KUNIT_EXPECT_TRUE(test, cpumask_empty(&cpus));
	KUNIT_EXPECT_TRUE(test, cpumask_empty(&claimed));

	KUNIT_ASSERT_EQ(test, ne_pool_set("2-5"), 0);
	KUNIT_ASSERT_EQ(test, ne_pool_claim_cpu(5, &mine), 5);
	KUNIT_EXPECT_EQ(test, ne_pool_snapshot(&cpus, &claimed), 0);
	ne_pool_expect_mask(test, &cpus, "2-5");
	ne_pool_expect_mask(test, &claimed, "4-5");

	KUNIT_ASSERT_EQ(test, ne_pool_set("6-7"), 0);
	KUNIT_EXPECT_EQ(test, ne_pool_snapshot(&cpus, &claimed), 1);
	KUNIT_EXPECT_EQ(test, ne_pool_set("0"), -EINVAL);
	KUNIT_EXPECT_EQ(test, ne_pool_snapshot(&cpus, &claimed), NUMA_NO_NODE);
	KUNIT_EXPECT_TRUE(test, cpumask_empty(&cpus));
}

/* Threads of the enclave's own cores come first, in the order of the lowest CPU. */
static void ne_pool_test_next_thread(struct kunit *test)
{
	struct cpumask claimed = CPU_MASK_NONE, used = CPU_MASK_NONE;

	ne_pool_lay_out(test, &ne_pool_halves);
	KUNIT_EXPECT_EQ(test, ne_pool_next_thread(&claimed, &used), -ENOENT);

	KUNIT_ASSERT_EQ(test, ne_pool_claim_cpu(3, &claimed), 3);
	KUNIT_ASSERT_EQ(test, ne_pool_claim_cpu(6, &claimed), 6);
	KUNIT_EXPECT_EQ(test, ne_pool_next_thread(&claimed, &used), 2);

	cpumask_set_cpu(2, &used);
	KUNIT_EXPECT_EQ(test, ne_pool_next_thread(&claimed, &used), 6);
	cpumask_set_cpu(6, &used);
	KUNIT_EXPECT_EQ(test, ne_pool_next_thread(&claimed, &used), 3);
	cpumask_set_cpu(3, &used);
	KUNIT_EXPECT_EQ(test, ne_pool_next_thread(&claimed, &used), 7);
}

/* The AWS driver's limit: all CPUs, rounded down to whole cores. */
static void ne_pool_test_cpu_limit(struct kunit *test)
{
	struct ne_pool_layout layout = ne_pool_pairs;

	KUNIT_EXPECT_EQ(test, ne_pool_cpu_limit(), 0);
	ne_pool_lay_out(test, &layout);
	KUNIT_EXPECT_EQ(test, ne_pool_cpu_limit(), 16);
	layout.nr_threads = 3;
	ne_pool_lay_out(test, &layout);
	KUNIT_EXPECT_EQ(test, ne_pool_cpu_limit(), 15);
}

static struct kunit_case ne_pool_cases[] = {
	KUNIT_CASE_PARAM(ne_pool_test_set, ne_pool_set_gen_params),
	KUNIT_CASE(ne_pool_test_set_long),
	KUNIT_CASE(ne_pool_test_set_in_use),
	KUNIT_CASE(ne_pool_test_set_node),
	KUNIT_CASE(ne_pool_test_number_cores),
	KUNIT_CASE_PARAM(ne_pool_test_order, ne_pool_order_gen_params),
	KUNIT_CASE(ne_pool_test_claim_core),
	KUNIT_CASE(ne_pool_test_claim_refused),
	KUNIT_CASE(ne_pool_test_claim_offline),
	KUNIT_CASE(ne_pool_test_snapshot),
	KUNIT_CASE(ne_pool_test_next_thread),
	KUNIT_CASE(ne_pool_test_cpu_limit),
	{}
};

static struct kunit_suite ne_pool_suite = {
	.name		= "ne_emu_cpu_pool",
	.init		= ne_pool_test_init,
	.test_cases	= ne_pool_cases,
};

kunit_test_suite(ne_pool_suite);
