// SPDX-License-Identifier: Apache-2.0
/* Files of this machine that are copied into the root file system of an image. */

#include "cli/eif/copies.h"

#include "common/util.h"
#include "pack/copy.h"

#include <errno.h>
#include <string.h>

/* The last colon, so that the source may contain others. */
static const char *find_colon(const char *entry)
{
	return strrchr(entry, ':');
}

bool copies_check(const char *entry)
{
	const char *colon = find_colon(entry);

	return colon && colon > entry && colon[1] == '/' && colon[2];
}

char *copies_source(const char *entry)
{
	return strndup(entry, find_colon(entry) - entry);
}

int copies_add(const struct opt_strings *copies, struct tree *tree, struct error *error)
{
	int err = 0;

	for (size_t i = 0; !err && i < copies->count; i++) {
		__cleanup_free char *source = copies_source(copies->list[i]);

		err = source ? tree_copy(tree, source, find_colon(copies->list[i]) + 1, error) :
			error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	}
	return err;
}
