// SPDX-License-Identifier: Apache-2.0
/* Reports of a supervisor or a VMM to the kernel over the backend fd. */

#include "common/backend.h"

#include "common/text.h"

#include <string.h>

struct ne_emu_backend_status backend_status(uint32_t code, const struct error *error)
{
	struct ne_emu_backend_status status = { .code = code };

	if (error)
		(void)text_clean(status.text, sizeof(status.text), error->text,
				 strlen(error->text));
	return status;
}
