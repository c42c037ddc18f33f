// SPDX-License-Identifier: GPL-2.0-only
/* Netlink: which enclaves enclave-stop stops. */

#include <linux/net.h>

#include "ne_kunit.h"

struct ne_nl_test_request {
	struct genl_info info;
	struct netlink_ext_ack extack;
	struct nlmsghdr nlh;
	struct nlattr *attrs[NE_EMU_A_ENCLAVE_SLOT_UID + 1];
	struct {
		struct nlattr head;
		u64 value;
	} __packed uid;
};

/* A request that has passed the family's policy; @uid 0 for none. */
static struct genl_info *ne_nl_test_request(struct kunit *test, u64 uid)
{
	struct ne_nl_test_request *req = kunit_kzalloc(test, sizeof(*req), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, req);
	req->uid.head.nla_type = NE_EMU_A_ENCLAVE_SLOT_UID;
	req->uid.head.nla_len = nla_attr_size(sizeof(uid));
	req->uid.value = uid;
	if (uid)
		req->attrs[NE_EMU_A_ENCLAVE_SLOT_UID] = &req->uid.head;
	req->info.attrs = req->attrs;
	req->info.extack = &req->extack;
	req->info.nlhdr = &req->nlh;
	return &req->info;
}

static void ne_nl_test_free(void *skb)
{
	kfree_skb(skb);
}

/*
 * Call enclave-stop as the family does, but without the lock that the family holds: some
 * tests hold locks that nest inside it.
 */
static int ne_nl_test_stop(struct kunit *test, u64 uid)
{
	struct genl_info *info = ne_nl_test_request(test, uid);
	struct file *file = ne_kunit_nl_socket(test, NULL);
	struct sk_buff *skb;

	skb = alloc_skb(NLMSG_HDRLEN, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ne_nl_test_free, skb), 0);
	NETLINK_CB(skb).sk = sock_from_file(file)->sk;
	return ne_emu_nl_enclave_stop_doit(skb, info);
}

static void ne_nl_test_stop_nobody(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);

	KUNIT_EXPECT_EQ(test, ne_nl_test_stop(test, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ne_nl_test_stop(test, enclave->slot_uid + 1), -ENOENT);
}

/* NE_START_ENCLAVE waits with the lock held; the refusal must not wait for that lock. */
static void ne_nl_test_stop_starting(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);

	mutex_lock(&enclave->lock);
	KUNIT_EXPECT_EQ(test, ne_nl_test_stop(test, enclave->slot_uid), -ENOTCONN);
	mutex_unlock(&enclave->lock);
	KUNIT_EXPECT_FALSE(test, enclave->hup);
}

static void ne_nl_test_stop_running(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);

	mutex_lock(&enclave->lock);
	enclave->backend = ne_backend_create(enclave, 77, 0);
	mutex_unlock(&enclave->lock);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, enclave->backend);
	ne_kunit_set_state(enclave, NE_EMU_ENCLAVE_STATE_RUNNING);

	KUNIT_EXPECT_EQ(test, ne_nl_test_stop(test, enclave->slot_uid), 0);
	KUNIT_EXPECT_TRUE(test, enclave->hup);
	KUNIT_EXPECT_EQ(test, enclave->state, NE_EMU_ENCLAVE_STATE_STOPPED);
	KUNIT_EXPECT_EQ(test, enclave->exit_reason, NE_EMU_EXIT_REASON_ADMIN_STOP);
	KUNIT_EXPECT_EQ(test, enclave->backend->state, NE_BACKEND_STOPPED);
	KUNIT_EXPECT_EQ(test, ne_nl_test_stop(test, enclave->slot_uid), -ENOTCONN);
}

static struct kunit_case ne_nl_cases[] = {
	KUNIT_CASE(ne_nl_test_stop_nobody),
	KUNIT_CASE(ne_nl_test_stop_starting),
	KUNIT_CASE(ne_nl_test_stop_running),
	{}
};

static struct kunit_suite ne_nl_suite = {
	.name		= "ne_emu_netlink",
	.init		= ne_kunit_init,
	.test_cases	= ne_nl_cases,
};

kunit_test_suite(ne_nl_suite);
