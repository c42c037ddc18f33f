// SPDX-License-Identifier: Apache-2.0
/* What all enclaves together use. */

#include "cli/enclave/usage.h"

#include "cli/enclave/state.h"
#include "common/nl.h"

void usage_read(struct usage *ret)
{
	struct ne_nl_enclave *list;
	struct ne_nl *nl;
	size_t count;

	*ret = (struct usage){};
	if (!state_emulated() || ne_nl_open(&nl))
		return;
	if (!ne_nl_enclave_list(nl, &list, &count)) {
		ret->enclaves = count;
		for (size_t i = 0; i < count; i++)
			ret->memory += list[i].mem_size;
		ne_nl_list_free(list, count);
	}
	ne_nl_close(nl);
}
