// SPDX-License-Identifier: Apache-2.0
/* The image reader: it must not read outside an image, and accepted images must be valid. */

#include "fuzz.h"

#include "common/util.h"
#include "eif/eif.h"

#include <string.h>

static void check(const struct eif *eif, const uint8_t *data, size_t size)
{
	uint64_t end = EIF_HEADER_SIZE;

	must(eif->base == data && eif->size <= size);
	must(eif->kernel.data && eif->kernel.size && eif->cmdline.data);
	must(eif->nr_sections <= EIF_MAX_SECTIONS && eif->nr_ramdisks < eif->nr_sections);
	for (unsigned int i = 0; i < eif->nr_sections; i++) {
		const struct eif_section *section = &eif->sections[i];

		must(section->offset >= end + EIF_SECTION_HEADER_SIZE);
		must(section->size <= size && section->offset <= size - section->size);
		end = section->offset + section->size;
	}
	must(end == eif->size);
	must(!memchr(eif->cmdline.data, 0, eif->cmdline.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned int flags[] = {
		EIF_PARSE_TOLERANT, EIF_PARSE_TOLERANT | EIF_PARSE_STRICT, 0,
		EIF_PARSE_TOLERANT | EIF_PARSE_IN_MEMORY | EIF_PARSE_X86_64,
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct error error = {};
		struct eif_pcrs pcrs;
		struct eif eif;

		if (eif_parse(data, size, flags[i], &eif, &pcrs, &error))
			must(*error.text);
		else
			check(&eif, data, size);
	}
	return 0;
}
