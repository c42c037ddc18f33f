// SPDX-License-Identifier: GPL-2.0-only
/* Quota: limits per user and in total, and that uncharging makes room again. */

#include "ne_kunit.h"

static int ne_quota_test_charge(uid_t uid)
{
	int rc;

	mutex_lock(&ne_registry_lock);
	rc = ne_quota_charge(KUIDT_INIT(uid));
	mutex_unlock(&ne_registry_lock);
	return rc;
}

static void ne_quota_test_uncharge(uid_t uid)
{
	mutex_lock(&ne_registry_lock);
	ne_quota_uncharge(KUIDT_INIT(uid));
	mutex_unlock(&ne_registry_lock);
}

/* The limits depend on the caller's capabilities too, not only on the charged user. */
static int ne_quota_test_charge_as(const struct cred *cred, uid_t uid)
{
	const struct cred *saved = override_creds(cred);
	int rc = ne_quota_test_charge(uid);

	revert_creds(saved);
	return rc;
}

static int ne_quota_test_init(struct kunit *test)
{
	ne_max_enclaves = 5;
	ne_max_enclaves_per_user = 2;
	return 0;
}

static void ne_quota_test_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ne_quota_total, 0);
	KUNIT_EXPECT_TRUE(test, xa_empty(&ne_quota_users));
	ne_max_enclaves = 64;
	ne_max_enclaves_per_user = 16;
}

static void ne_quota_test_per_user(struct kunit *test)
{
	const struct cred *user = ne_kunit_cred(test, 1000, -1);
	const struct cred *other = ne_kunit_cred(test, 1001, -1);

	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(user, 1000), 0);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(user, 1000), 0);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(user, 1000), -EBUSY);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(other, 1001), 0);

	ne_quota_test_uncharge(1000);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(user, 1000), 0);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(user, 1000), -EBUSY);

	ne_quota_test_uncharge(1000);
	ne_quota_test_uncharge(1000);
	ne_quota_test_uncharge(1001);
}

static void ne_quota_test_in_all(struct kunit *test)
{
	uid_t uid;

	for (uid = 1; uid <= 5; uid++)
		KUNIT_EXPECT_EQ(test, ne_quota_test_charge(uid), 0);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge(6), -EBUSY);
	ne_quota_test_uncharge(3);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge(6), 0);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge(3), -EBUSY);

	for (uid = 1; uid <= 6; uid++)
		if (uid != 3)
			ne_quota_test_uncharge(uid);
}

/* CAP_SYS_RESOURCE, and no other capability, allows a user to exceed the limit. */
static void ne_quota_test_capability(struct kunit *test)
{
	const struct cred *resource = ne_kunit_cred(test, 0, CAP_SYS_RESOURCE);
	const struct cred *admin = ne_kunit_cred(test, 0, CAP_SYS_ADMIN);
	int i;

	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(resource, 0), 0);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(admin, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(resource, 0), 0);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(resource, 0), -EBUSY);

	for (i = 0; i < 5; i++)
		ne_quota_test_uncharge(0);
}

/* A lowered limit does not affect existing enclaves. */
static void ne_quota_test_lowered(struct kunit *test)
{
	const struct cred *user = ne_kunit_cred(test, 1000, -1);

	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(user, 1000), 0);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(user, 1000), 0);
	ne_max_enclaves_per_user = 0;
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(user, 1000), -EBUSY);
	ne_quota_test_uncharge(1000);
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(user, 1000), -EBUSY);
	ne_max_enclaves_per_user = 2;
	ne_max_enclaves = 0;
	KUNIT_EXPECT_EQ(test, ne_quota_test_charge_as(user, 1000), -EBUSY);
	ne_quota_test_uncharge(1000);
}

static struct kunit_case ne_quota_cases[] = {
	KUNIT_CASE(ne_quota_test_per_user),
	KUNIT_CASE(ne_quota_test_in_all),
	KUNIT_CASE(ne_quota_test_capability),
	KUNIT_CASE(ne_quota_test_lowered),
	{}
};

static struct kunit_suite ne_quota_suite = {
	.name		= "ne_emu_quota",
	.init		= ne_quota_test_init,
	.exit		= ne_quota_test_exit,
	.test_cases	= ne_quota_cases,
};

kunit_test_suite(ne_quota_suite);
