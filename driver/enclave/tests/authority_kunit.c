// SPDX-License-Identifier: GPL-2.0-only
/*
 * Authority: opener and user of a socket must each have the right. tests/abi checks the
 * effects of namespaces.
 */

#include "ne_kunit.h"

#define NE_AUTHORITY_OWNER	1000
#define NE_AUTHORITY_OTHER	1001

enum ne_authority_test_party {
	PARTY_OWNER,
	PARTY_OTHER,
	PARTY_NET_ADMIN,	/* of another user */
	PARTY_SYS_ADMIN,	/* likewise */
	NR_PARTIES
};

struct ne_authority_case {
	const char *name;
	enum ne_authority_test_party opener, sender;
	bool control;		/* may stop, and sees the text */
	bool accept;
};

static const struct ne_authority_case ne_authority_cases[] = {
	{ "owner", PARTY_OWNER, PARTY_OWNER, true, false },
	{ "owner, other", PARTY_OWNER, PARTY_OTHER, false, false },
	{ "owner, net admin", PARTY_OWNER, PARTY_NET_ADMIN, false, false },
	{ "owner, sys admin", PARTY_OWNER, PARTY_SYS_ADMIN, true, false },
	{ "other, owner", PARTY_OTHER, PARTY_OWNER, false, false },
	{ "other", PARTY_OTHER, PARTY_OTHER, false, false },
	{ "other, net admin", PARTY_OTHER, PARTY_NET_ADMIN, false, false },
	{ "other, sys admin", PARTY_OTHER, PARTY_SYS_ADMIN, false, false },
	{ "net admin, owner", PARTY_NET_ADMIN, PARTY_OWNER, false, false },
	{ "net admin, other", PARTY_NET_ADMIN, PARTY_OTHER, false, false },
	{ "net admin", PARTY_NET_ADMIN, PARTY_NET_ADMIN, false, false },
	{ "net admin, sys admin", PARTY_NET_ADMIN, PARTY_SYS_ADMIN, false, false },
	{ "sys admin, owner", PARTY_SYS_ADMIN, PARTY_OWNER, true, false },
	{ "sys admin, other", PARTY_SYS_ADMIN, PARTY_OTHER, false, false },
	{ "sys admin, net admin", PARTY_SYS_ADMIN, PARTY_NET_ADMIN, false, false },
	{ "sys admin", PARTY_SYS_ADMIN, PARTY_SYS_ADMIN, true, true },
};

KUNIT_ARRAY_PARAM_DESC(ne_authority, ne_authority_cases, name);

static const struct cred *ne_authority_test_cred(struct kunit *test,
						 enum ne_authority_test_party party)
{
	switch (party) {
	case PARTY_OWNER:
		return ne_kunit_cred(test, NE_AUTHORITY_OWNER, -1);
	case PARTY_OTHER:
		return ne_kunit_cred(test, NE_AUTHORITY_OTHER, -1);
	case PARTY_NET_ADMIN:
		return ne_kunit_cred(test, NE_AUTHORITY_OTHER, CAP_NET_ADMIN);
	case PARTY_SYS_ADMIN:
		return ne_kunit_cred(test, NE_AUTHORITY_OTHER, CAP_SYS_ADMIN);
	case NR_PARTIES:
		break;
	}
	return NULL;
}

static struct ne_enclave *ne_authority_test_enclave(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);

	enclave->owner_uid = KUIDT_INIT(NE_AUTHORITY_OWNER);
	mutex_lock(&enclave->lock);
	enclave->backend = ne_backend_create(enclave, 77, 0);
	mutex_unlock(&enclave->lock);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, enclave->backend);
	ne_kunit_set_state(enclave, NE_EMU_ENCLAVE_STATE_RUNNING);
	return enclave;
}

static void ne_authority_test_both(struct kunit *test)
{
	const struct ne_authority_case *param = test->param_value;
	const struct cred *opener = ne_authority_test_cred(test, param->opener);
	const struct cred *sender = ne_authority_test_cred(test, param->sender);
	struct ne_enclave *enclave = ne_authority_test_enclave(test);
	struct ne_kunit_nl_answer seen, answer;
	struct file *file = ne_kunit_nl_socket(test, opener);
	const struct cred *saved;
	int get, accept, stop;

	saved = override_creds(sender);
	get = ne_kunit_nl_send(file, NE_EMU_CMD_ENCLAVE_GET, enclave->slot_uid, &seen);
	accept = ne_kunit_nl_send(file, NE_EMU_CMD_ACCEPT, 0, &answer);
	stop = ne_kunit_nl_send(file, NE_EMU_CMD_ENCLAVE_STOP, enclave->slot_uid, &answer);
	revert_creds(saved);

	KUNIT_EXPECT_EQ(test, get, 0);
	KUNIT_EXPECT_EQ(test, seen.state, NE_EMU_ENCLAVE_STATE_RUNNING);
	KUNIT_EXPECT_EQ(test, seen.text, param->control);
	KUNIT_EXPECT_TRUE(test, seen.owner);
	KUNIT_EXPECT_EQ(test, accept, param->accept ? -EAGAIN : -EPERM);
	KUNIT_EXPECT_EQ(test, stop, param->control ? 0 : -EPERM);
	KUNIT_EXPECT_EQ(test, enclave->hup, param->control);
}

static struct kunit_case ne_authority_test_cases[] = {
	KUNIT_CASE_PARAM(ne_authority_test_both, ne_authority_gen_params),
	{}
};

static int ne_authority_test_init(struct kunit *test)
{
	ne_kunit_nl_register(test);
	return ne_kunit_init(test);
}

static struct kunit_suite ne_authority_suite = {
	.name		= "ne_emu_authority",
	.init		= ne_authority_test_init,
	.test_cases	= ne_authority_test_cases,
};

kunit_test_suite(ne_authority_suite);
