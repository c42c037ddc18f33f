/* SPDX-License-Identifier: Apache-2.0 */
/* A module with a fake clock and fake entropy, which takes requests in hexadecimal. */

#ifndef NE_EMU_TESTS_NSM_FIXTURE_H
#define NE_EMU_TESTS_NSM_FIXTURE_H

#include "common/util.h"
#include "nsm/nsm.h"

#include <string.h>

#define MODULE_ID	"i-0123456789abcdef0-enc0123456789abcdef"

/**
 * struct fixture - @rsp, @len: the last response
 * @next: entropy counts up from here, or fails with @entropy_err
 * @now_ms: the clock
 * @exits: number of reports that a program has ended
 * @exit_status: of the last one
 */
struct fixture {
	struct nsm *nsm;
	uint8_t next;
	int entropy_err;
	uint64_t now_ms;
	unsigned int exits;
	uint16_t exit_status;
	uint8_t rsp[NSM_RESPONSE_MAX];
	size_t len;
};

static inline int fixture_entropy(void *arg, void *buf, size_t len)
{
	struct fixture *f = arg;

	if (f->entropy_err)
		return f->entropy_err;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = f->next++;
	return 0;
}

static inline uint64_t fixture_clock(void *arg)
{
	return ((struct fixture *)arg)->now_ms;
}

static inline void fixture_exited(void *arg, uint16_t status)
{
	struct fixture *f = arg;

	f->exits++;
	f->exit_status = status;
}

static inline void fixture_create(struct fixture *f, bool debug)
{
	struct nsm_config config = {
		.module_id = MODULE_ID,
		.debug = debug,
		.entropy = fixture_entropy,
		.clock_ms = fixture_clock,
		.exited = fixture_exited,
		.hook_arg = f,
	};

	assert_int_equal(nsm_create(&config, &f->nsm), 0);
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fixture_create(f, false);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	nsm_destroy(f->nsm);
	free(f);
	return 0;
}

static inline size_t from_hex(const char *hex, uint8_t *buf, size_t size)
{
	size_t len = strlen(hex) / 2;

	assert_true(len <= size && strlen(hex) % 2 == 0);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &buf[i]), 1);
	return len;
}

/* Copy the request to memory of its exact size, so that the sanitizer finds over-reads. */
static inline void ask_bytes(struct fixture *f, const void *req, size_t len)
{
	void *exact = malloc(len ? len : 1);

	memcpy(exact, req, len);
	f->len = nsm_request(f->nsm, exact, len, f->rsp, sizeof(f->rsp));
	free(exact);
}

static inline void ask(struct fixture *f, const char *hex)
{
	uint8_t req[NSM_REQUEST_MAX + 1];

	ask_bytes(f, req, from_hex(hex, req, sizeof(req)));
}

static inline void assert_response(const struct fixture *f, const void *expected, size_t len)
{
	assert_int_equal(f->len, len);
	assert_memory_equal(f->rsp, expected, len);
}

static inline void assert_answer(struct fixture *f, const char *hex, const char *expected_hex)
{
	uint8_t expected[NSM_RESPONSE_MAX];

	ask(f, hex);
	assert_response(f, expected, from_hex(expected_hex, expected, sizeof(expected)));
}

#endif
