// SPDX-License-Identifier: Apache-2.0
/* Access control lists: let one user read a directory of root. */

#include "daemon/acl.h"

#include "common/util.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include <sys/xattr.h>

#define READ_AND_SEARCH	(ACL_READ | ACL_EXECUTE)
#define EVERYTHING	(ACL_READ | ACL_WRITE | ACL_EXECUTE)

static struct posix_acl_xattr_entry entry(uint16_t tag, uint16_t perm, uint32_t id)
{
	return (struct posix_acl_xattr_entry){
		.e_tag = htole16(tag), .e_perm = htole16(perm), .e_id = htole32(id),
	};
}

int acl_let_read(int folder_fd, uid_t user, mode_t group_mode)
{
	struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entries[5];
	} acl = {
		.header.a_version = htole32(POSIX_ACL_XATTR_VERSION),
		/* The kernel requires the order of the tags. */
		.entries = {
			entry(ACL_USER_OBJ, EVERYTHING, ACL_UNDEFINED_ID),
			entry(ACL_USER, READ_AND_SEARCH, user),
			entry(ACL_GROUP_OBJ, group_mode, ACL_UNDEFINED_ID),
			entry(ACL_MASK, READ_AND_SEARCH, ACL_UNDEFINED_ID),
			entry(ACL_OTHER, 0, ACL_UNDEFINED_ID),
		},
	};

	return fsetxattr(folder_fd, XATTR_NAME_POSIX_ACL_ACCESS, &acl, sizeof(acl), 0) < 0 ?
	       -errno : 0;
}
