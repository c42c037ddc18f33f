// SPDX-License-Identifier: GPL-2.0-only
/* Quota: how many enclaves there may be, of one user and in all. */

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>

#include "ne_emu.h"

/* Number of enclaves by user id of the initial user namespace; ne_registry_lock. */
static DEFINE_XARRAY_FLAGS(ne_quota_users, XA_FLAGS_ACCOUNT);
/* The sum of them; ne_registry_lock. */
static unsigned int ne_quota_total;

/**
 * ne_quota_user() - the user whose quota current uses up
 *
 * A user namespace can have thousands of user ids, so all of them count as the user
 * of the initial namespace who made it, or the outermost one around it.
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
 * ne_quota_charge() - count one more enclave
 * @uid: from ne_quota_user()
 *
 * CAP_SYS_RESOURCE exceeds the limit per user, but not the one of all.
 *
 * Context: Process context, table of enclaves locked.
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

/** ne_quota_uncharge() - undo ne_quota_charge(); the table of enclaves is locked */
void ne_quota_uncharge(kuid_t uid)
{
	unsigned long count = ne_quota_count(uid);

	ne_quota_total--;
	if (count > 1)
		/* An entry is replaced, which takes no memory. */
		xa_store(&ne_quota_users, __kuid_val(uid), xa_mk_value(count - 1), GFP_NOWAIT);
	else
		xa_erase(&ne_quota_users, __kuid_val(uid));
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/quota_kunit.c"
#endif
