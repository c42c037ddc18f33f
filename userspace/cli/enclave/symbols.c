// SPDX-License-Identifier: Apache-2.0
/* The debug information of an enclave's kernel. */

#include "cli/enclave/symbols.h"

#include "cli/eif/guest_part.h"
#include "cli/eif/show.h"
#include "command/file.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Far more than any kernel. */
#define KERNEL_MAX	(256 * MIB)

bool symbols_belong(const char *image, const char *kernel)
{
	__cleanup_free char *bytes = NULL;
	struct eif_file file = {};
	struct error error;
	size_t size;
	bool same;

	if (file_read(kernel, KERNEL_MAX, &bytes, &size) ||
	    eif_file_open(image, EIF_PARSE_TOLERANT, &file, &error))
		return false;
	same = file.eif.kernel.size == size && !memcmp(file.eif.kernel.data, bytes, size);
	eif_file_unmap(&file);
	return same;
}

const char *symbols_find(const char *image)
{
	const char *kernel;
	struct error error;

	if (access(SYMBOLS_INSTALLED, R_OK) || guest_kernel(NULL, &kernel, &error) ||
	    !symbols_belong(image, kernel))
		return NULL;
	return SYMBOLS_INSTALLED;
}
