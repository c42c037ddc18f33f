// SPDX-License-Identifier: GPL-2.0-only
/* Quotas: limits on the number of enclaves, per user and in total. */

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>

#include "ne_emu.h"

/* Number of enclaves, by user id in the initial user namespace; ne_registry_lock. */
static DEFINE_XARRAY_FLAGS(ne_quota_users, XA_FLAGS_ACCOUNT);
/* Number of all enclaves; ne_registry_lock. */
static unsigned int ne_quota_total;

/**
 * ne_quota_user() - find the user whose quota current is charged to
 *
 * A user namespace can have thousands of user ids. All of them are charged to the user
 * of the initial namespace who created it, or who created its outermost ancestor.
 *
 * Return: a user id of the initial user namespace.
 */
kuid_t ne_quota_user(void)
{
	const struct user_namespace *ns;
	kuid_t uid = current_euid();

	for (ns = current_user_ns(); ns != &init_user_ns; ns = ns->parent)
		uid = ns->owner;
	return uid;
}

static unsigned long ne_quota_count(kuid_t uid)
{
	lockdep_assert_held(&ne_registry_lock);
	return xa_to_value(xa_load(&ne_quota_users, __kuid_val(uid)));
}

/**
 * ne_quota_charge() - charge a user for one more enclave
 * @uid: from ne_quota_user()
 *
 * A caller with CAP_SYS_RESOURCE may exceed the limit per user, but not the total.
 *
 * Context: Process context under ne_registry_lock.
 * Return: 0, -EBUSY (a limit is reached) or -ENOMEM.
 */
int ne_quota_charge(kuid_t uid)
{
	unsigned long count = ne_quota_count(uid);
	int rc;

	if (ne_quota_total >= READ_ONCE(ne_max_enclaves))
		return -EBUSY;
	if (count >= READ_ONCE(ne_max_enclaves_per_user) && !capable(CAP_SYS_RESOURCE))
		return -EBUSY;

	rc = xa_err(xa_store(&ne_quota_users, __kuid_val(uid), xa_mk_value(count + 1),
			     GFP_KERNEL));
	if (rc)
		return rc;
	ne_quota_total++;
	return 0;
}

/**
 * ne_quota_uncharge() - undo ne_quota_charge()
 * @uid: the user who was charged
 *
 * Context: Process context under ne_registry_lock.
 */
void ne_quota_uncharge(kuid_t uid)
{
	unsigned long count = ne_quota_count(uid);

	ne_quota_total--;
	if (count > 1)
		/* Replacing an entry does not allocate. */
		xa_store(&ne_quota_users, __kuid_val(uid), xa_mk_value(count - 1), GFP_NOWAIT);
	else
		xa_erase(&ne_quota_users, __kuid_val(uid));
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/quota_kunit.c"
#endif
