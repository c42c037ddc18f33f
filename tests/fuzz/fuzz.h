/* SPDX-License-Identifier: Apache-2.0 */
/* The interface to libFuzzer, or to replay.c. */

#ifndef NE_EMU_TESTS_FUZZ_FUZZ_H
#define NE_EMU_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Crash, because that is what a fuzzer detects. */
static inline void must(int condition)
{
	if (!condition)
		abort();
}

/** struct fuzz_script - an input that is a list of steps */
struct fuzz_script {
	const uint8_t *data;
	size_t left;
};

/** fuzz_take() - take the next @size bytes, at most 8, as a number; zeros after the end */
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

/** fuzz_take_bytes() - take up to @size bytes; returns their number */
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
