/* SPDX-License-Identifier: Apache-2.0 */
/* What libFuzzer, or replay.c in its place, calls. */

#ifndef NE_EMU_TESTS_FUZZ_FUZZ_H
#define NE_EMU_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A crash is what a fuzzer notices. */
static inline void must(int condition)
{
	if (!condition)
		abort();
}

/** struct fuzz_script - an input that is read as a list of steps */
struct fuzz_script {
	const uint8_t *data;
	size_t left;
};

/** fuzz_take() - the next @size bytes, at most 8, as a number; zeros behind the end */
static inline uint64_t fuzz_take(struct fuzz_script *script, size_t size)
{
	size_t n = size < script->left ? size : script->left;
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value |= (uint64_t)script->data[i] << (8 * i);
	script->data += n;
	script->left -= n;
	return value;
}

/** fuzz_take_bytes() - the next @size bytes, or as many as there are: their number */
static inline size_t fuzz_take_bytes(struct fuzz_script *script, void *buf, size_t size)
{
	size_t n = size < script->left ? size : script->left;

	if (n)
		memcpy(buf, script->data, n);
	script->data += n;
	script->left -= n;
	return n;
}

#endif
