// SPDX-License-Identifier: GPL-2.0-only
/* vsock CIDs of enclaves: unique among live enclaves, counted up from 16. */

#include <linux/vm_sockets.h>
#include <linux/xarray.h>

#include "ne_emu.h"

/* The first CID that EC2 hands out on its own. */
#define NE_CID_AUTO_FIRST	16

static DEFINE_XARRAY_ALLOC(ne_cids);
/* Last CID given; under the lock of ne_cids. */
static u32 ne_cid_next = NE_CID_AUTO_FIRST;

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
			     XA_LIMIT(NE_CID_AUTO_FIRST, VMADDR_CID_ANY - 1),
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
