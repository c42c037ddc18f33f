// SPDX-License-Identifier: GPL-2.0-only
/* vsock CIDs of enclaves: unique among live enclaves, counted up from 16. */

#include <linux/vm_sockets.h>
#include <linux/xarray.h>

#include "ne_emu.h"

/* The first CID that EC2 hands out on its own. */
#define NE_CID_AUTO_FIRST	16U

static DEFINE_XARRAY_FLAGS(ne_cids, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
/* Last CID given; under the lock of ne_cids. */
static u32 ne_cid_next = NE_CID_AUTO_FIRST;

/**
 * ne_cid_is_valid() - may an enclave ask for this CID?
 * @cid: what was asked for; 0 is valid and asks for any
 *
 * 1 and 2 are reserved by vsock, and 3 is the parent's. Those below min_cid are left
 * to the guests of other hypervisors: such a guest has its CID only while its socket
 * exists, so an enclave could take it, and the guest's clients, when it reboots.
 */
bool ne_cid_is_valid(u64 cid)
{
	if (!cid)
		return true;
	return cid > NE_EMU_CID_PARENT && cid >= READ_ONCE(ne_min_cid) && cid < VMADDR_CID_ANY;
}

/**
 * ne_cid_alloc() - take a CID
 * @requested: a valid CID, or 0 for the next free one
 * @ret_cid: the CID
 *
 * Return: 0, -EADDRINUSE (@requested belongs to a live enclave), -EBUSY (none
 * left) or -ENOMEM.
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

/** ne_cid_free() - give a CID back */
void ne_cid_free(u32 cid)
{
	xa_erase(&ne_cids, cid);
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/cid_kunit.c"
#endif
