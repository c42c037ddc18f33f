// SPDX-License-Identifier: GPL-2.0-only
/* Allocation of vsock CIDs: unique among live enclaves, ascending from 16. */

#include <linux/vm_sockets.h>
#include <linux/xarray.h>

#include "ne_emu.h"

/* The first CID that EC2 assigns if the client does not ask for one. */
#define NE_CID_AUTO_FIRST	16U

static DEFINE_XARRAY_FLAGS(ne_cids, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
/* The next CID to try; protected by the lock of ne_cids. */
static u32 ne_cid_next = NE_CID_AUTO_FIRST;

/**
 * ne_cid_is_valid() - check whether an enclave may ask for a CID
 * @cid: requested CID; 0 is valid and asks for a free one
 *
 * CIDs 1 (local) and 2 (host) are reserved by AF_VSOCK, and 3 is the parent. CIDs below
 * min_cid are left to guests of other hypervisors: such a guest loses its CID while it
 * reboots, and an enclave that took it then would receive the guest's clients.
 *
 * Return: true if it may.
 */
bool ne_cid_is_valid(u64 cid)
{
	if (!cid)
		return true;
	return cid > NE_EMU_CID_PARENT && cid >= READ_ONCE(ne_min_cid) && cid < VMADDR_CID_ANY;
}

/**
 * ne_cid_alloc() - allocate a CID
 * @requested: a valid CID, or 0 for the next free one
 * @ret_cid: receives the CID
 *
 * Return: 0, -EADDRINUSE (@requested belongs to a live enclave), -EBUSY (no CID
 * is free) or -ENOMEM.
 */
int ne_cid_alloc(u64 requested, u32 *ret_cid)
{
	u32 first = max(NE_CID_AUTO_FIRST, READ_ONCE(ne_min_cid));
	int rc;

	if (requested) {
		rc = xa_insert(&ne_cids, requested, xa_mk_value(1), GFP_KERNEL);
		if (rc == -EBUSY)
			return -EADDRINUSE;
		if (!rc)
			*ret_cid = requested;
		return rc;
	}

	rc = xa_alloc_cyclic(&ne_cids, ret_cid, xa_mk_value(1),
			     XA_LIMIT(first, VMADDR_CID_ANY - 1),
			     &ne_cid_next, GFP_KERNEL);
	return rc < 0 ? rc : 0;
}

/**
 * ne_cid_free() - free a CID
 * @cid: from ne_cid_alloc()
 */
void ne_cid_free(u32 cid)
{
	xa_erase(&ne_cids, cid);
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/cid_kunit.c"
#endif
