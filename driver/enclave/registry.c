// SPDX-License-Identifier: GPL-2.0-only
/* The registry: every enclave that has an fd, and the slot uids that name them. */

#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/xarray.h>

#include "ne_emu.h"

/*
 * Protects changes of the registry, and the quotas. Taking it also keeps the CPU pool
 * from being replaced while enclaves exist. Lookups do not need it.
 */
DEFINE_MUTEX(ne_registry_lock);

/*
 * Indexed by slot uid, hence in order of creation. Changed under ne_registry_lock. An
 * enclave found under the xarray's own lock still has the reference of its file, so
 * that taking another one is safe.
 */
static DEFINE_XARRAY_FLAGS(ne_registry, XA_FLAGS_ACCOUNT);
static_assert(sizeof(unsigned long) == sizeof(u64));

/* The last slot uid that was assigned; ne_registry_lock. */
static u64 ne_last_slot_uid;

/*
 * As on EC2: 48 bits of Unix time in ms, then 16 random bits. Strictly increasing, so
 * that it is unique and orders the registry.
 */
static u64 ne_slot_uid_new(void)
{
	u64 uid;

	lockdep_assert_held(&ne_registry_lock);

	uid = (u64)ktime_to_ms(ktime_get_real()) << 16 | get_random_u16();
	ne_last_slot_uid = max(uid, ne_last_slot_uid + 1);
	return ne_last_slot_uid;
}

/**
 * ne_registry_empty() - check whether no enclave exists
 *
 * Context: Process context under ne_registry_lock.
 * Return: true if there is none, not even one that is being created.
 */
bool ne_registry_empty(void)
{
	lockdep_assert_held(&ne_registry_lock);
	return xa_empty(&ne_registry);
}

/**
 * ne_registry_reserve() - assign a slot uid to a new enclave and reserve its place
 * @enclave: the enclave; ne_registry_find() does not return it yet
 *
 * Context: Process context under ne_registry_lock.
 * Return: 0 or -ENOMEM.
 */
int ne_registry_reserve(struct ne_enclave *enclave)
{
	lockdep_assert_held(&ne_registry_lock);
	enclave->slot_uid = ne_slot_uid_new();
	return xa_reserve(&ne_registry, enclave->slot_uid, GFP_KERNEL);
}

/**
 * ne_registry_publish() - make an enclave visible to lookups
 * @enclave: complete, with a reserved place and a file
 *
 * Context: Process context under ne_registry_lock.
 */
void ne_registry_publish(struct ne_enclave *enclave)
{
	lockdep_assert_held(&ne_registry_lock);
	/* Cannot fail: the place is reserved. */
	xa_store(&ne_registry, enclave->slot_uid, enclave, GFP_NOWAIT);
}

/**
 * ne_registry_remove() - undo ne_registry_reserve() and ne_registry_publish()
 * @enclave: the enclave
 *
 * Context: Process context under ne_registry_lock.
 */
void ne_registry_remove(struct ne_enclave *enclave)
{
	lockdep_assert_held(&ne_registry_lock);
	xa_erase(&ne_registry, enclave->slot_uid);
}

/**
 * ne_registry_find() - find an enclave by its slot uid
 * @slot_uid: any value
 *
 * Return: the enclave with a reference for the caller, or NULL.
 */
struct ne_enclave *ne_registry_find(u64 slot_uid)
{
	struct ne_enclave *enclave;

	xa_lock(&ne_registry);
	enclave = xa_load(&ne_registry, slot_uid);
	if (enclave)
		kref_get(&enclave->ref);
	xa_unlock(&ne_registry);
	return enclave;
}

/**
 * ne_registry_next() - find the next enclave in order of creation
 * @slot_uid: the one before it; 0 for the first enclave
 *
 * Return: the enclave with a reference for the caller, or NULL.
 */
struct ne_enclave *ne_registry_next(u64 slot_uid)
{
	unsigned long index = slot_uid;
	struct ne_enclave *enclave;

	xa_lock(&ne_registry);
	enclave = xa_find_after(&ne_registry, &index, ULONG_MAX, XA_PRESENT);
	if (enclave)
		kref_get(&enclave->ref);
	xa_unlock(&ne_registry);
	return enclave;
}
