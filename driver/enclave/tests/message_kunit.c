// SPDX-License-Identifier: GPL-2.0-only
/* Tests of message.c: the largest message of each kind fits into its buffer. */

#include "ne_kunit.h"

/* Compare sizes: allocations are rounded up, so that an oversized message may still fit. */
static void ne_msg_test_fits(struct kunit *test, const struct sk_buff *skb, size_t size)
{
	KUNIT_EXPECT_LE(test, skb->len, nlmsg_total_size(genlmsg_total_size(size)));
}

/* Every possible vCPU, the longest text, all attributes of a started enclave. */
static void ne_msg_test_enclave(struct kunit *test)
{
	struct ne_view view = { .text = true, .owner = true, .pid = 1, .uid = 1 };
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	struct sk_buff *skb;
	void *head;

	enclave->nr_vcpus = nr_cpu_ids;
	enclave->cid = U32_MAX;
	memset(enclave->exit_text, 'a', sizeof(enclave->exit_text) - 1);
	enclave->guest_status = NE_EMU_GUEST_STATUS_KNOWN;

	skb = genlmsg_new(ne_msg_enclave_size(), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	head = genlmsg_put(skb, 0, 0, &ne_emu_nl_family, 0, NE_EMU_CMD_ENCLAVE_NTF);
	KUNIT_EXPECT_NOT_NULL(test, head);
	KUNIT_EXPECT_EQ(test, ne_msg_put_enclave(skb, enclave, &view), 0);
	ne_msg_test_fits(test, skb, ne_msg_enclave_size());
	nlmsg_free(skb);
	enclave->nr_vcpus = 0;
	enclave->cid = 0;
}

static void ne_msg_test_request(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	struct ne_backend *backend;
	struct sk_buff *skb;

	mutex_lock(&enclave->lock);
	enclave->nr_vcpus = nr_cpu_ids;
	backend = ne_backend_create(enclave, U32_MAX, 1);
	enclave->nr_vcpus = 0;
	mutex_unlock(&enclave->lock);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, backend);

	skb = genlmsg_new(ne_msg_request_size(nr_cpu_ids), GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, skb);
	if (skb) {
		KUNIT_EXPECT_NOT_NULL(test, genlmsg_put(skb, 0, 0, &ne_emu_nl_family, 0,
							NE_EMU_CMD_ACCEPT));
		KUNIT_EXPECT_EQ(test, ne_msg_put_request(skb, backend, INT_MAX), 0);
		ne_msg_test_fits(test, skb, ne_msg_request_size(nr_cpu_ids));
	}
	nlmsg_free(skb);
	ne_backend_put(backend);
}

/* Every possible CPU is in the pool and claimed. */
static void ne_msg_test_pool(struct kunit *test)
{
	struct sk_buff *skb;

	skb = genlmsg_new(ne_msg_pool_size(), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_NOT_NULL(test, genlmsg_put(skb, 0, 0, &ne_emu_nl_family, 0,
						NE_EMU_CMD_POOL_NTF));
	KUNIT_EXPECT_EQ(test, ne_msg_put_cpus(skb, NE_EMU_A_POOL_CPU, cpu_possible_mask), 0);
	KUNIT_EXPECT_EQ(test, ne_msg_put_cpus(skb, NE_EMU_A_POOL_CLAIMED, cpu_possible_mask), 0);
	KUNIT_EXPECT_EQ(test, nla_put_u32(skb, NE_EMU_A_POOL_NODE, MAX_NUMNODES - 1), 0);
	ne_msg_test_fits(test, skb, ne_msg_pool_size());
	nlmsg_free(skb);
}

static struct kunit_case ne_msg_cases[] = {
	KUNIT_CASE(ne_msg_test_enclave),
	KUNIT_CASE(ne_msg_test_request),
	KUNIT_CASE(ne_msg_test_pool),
	{}
};

static struct kunit_suite ne_msg_suite = {
	.name		= "ne_emu_message",
	.init		= ne_kunit_init,
	.test_cases	= ne_msg_cases,
};

kunit_test_suite(ne_msg_suite);
