/* SPDX-License-Identifier: Apache-2.0 */
/* What libFuzzer, or replay.c in its place, calls. */

#ifndef NE_EMU_TESTS_FUZZ_FUZZ_H
#define NE_EMU_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A crash is what a fuzzer notices. */
static inline void must(int condition)
{
	if (!condition)
		abort();
}

#endif
