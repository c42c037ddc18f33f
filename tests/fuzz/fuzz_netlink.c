// SPDX-License-Identifier: Apache-2.0
/*
 * Attributes of the netlink family: the messages accepted, and their values, must be those
 * that a second parser finds in the same bytes; a descriptor among them is closed once.
 */

#include "fuzz.h"

#include "common/nl.h"
#include "common/util.h"

#include <linux/netlink.h>
#include <unistd.h>

#define SIZE_MAX_IN	4096
#define TYPES		(MAX((int)NE_EMU_A_ENCLAVE_MAX, (int)NE_EMU_A_POOL_MAX) + 1)

/* While this is set, close() only counts, because inputs contain any descriptor. */
static bool counting;
static unsigned int closed[2];	/* the expected one, others */
static int expected_fd;

int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_close(int fd)
{
	if (!counting)
		return __real_close(fd);
	closed[fd != expected_fd]++;
	return 0;
}

/* The second parser's result: for each type the first and last place, and the number. */
struct reading {
	bool whole;
	struct {
		size_t count;
		const uint8_t *first, *last;
		uint16_t first_len, last_len;
		bool lengths_equal;
	} types[TYPES];
};

static uint16_t get16(const uint8_t *p)
{
	uint16_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static void note(struct reading *reading, unsigned int type, const uint8_t *value, uint16_t len)
{
	if (type >= TYPES)
		return;
	if (!reading->types[type].count++) {
		reading->types[type].first = value;
		reading->types[type].first_len = len;
		reading->types[type].lengths_equal = true;
	}
	reading->types[type].lengths_equal &= len == reading->types[type].first_len;
	reading->types[type].last = value;
	reading->types[type].last_len = len;
}

static void read_all(const uint8_t *data, size_t size, struct reading *reading)
{
	size_t at = 0;

	memset(reading, 0, sizeof(*reading));
	while (at + NLA_HDRLEN <= size) {
		size_t len = get16(data + at);

		if (len < NLA_HDRLEN || len > size - at)
			return;
		note(reading, get16(data + at + 2) & NLA_TYPE_MASK, data + at + NLA_HDRLEN,
		     len - NLA_HDRLEN);
		at += NLA_ALIGN(len);
	}
	reading->whole = at >= size;
}

static bool sizes_are(const struct reading *reading, const uint8_t *sizes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sizes[i] && reading->types[i].count &&
		    (!reading->types[i].lengths_equal || reading->types[i].first_len != sizes[i]))
			return false;
	return true;
}

static bool is_text(const uint8_t *data, size_t size)
{
	size_t at = 0;

	/* All of them end in a NUL. */
	for (; at + NLA_HDRLEN <= size; at += NLA_ALIGN(get16(data + at))) {
		size_t len = get16(data + at);

		if ((get16(data + at + 2) & NLA_TYPE_MASK) == NE_EMU_A_ENCLAVE_EXIT_TEXT &&
		    (len == NLA_HDRLEN || data[at + len - 1]))
			return false;
	}
	return true;
}

static uint64_t number(const struct reading *reading, unsigned int type)
{
	if (!reading->types[type].count)
		return 0;
	return reading->types[type].last_len == 8 ? get64(reading->types[type].last) :
						    get32(reading->types[type].last);
}

static void check_array(const uint8_t *data, size_t size, unsigned int type,
			const uint32_t *values, size_t count)
{
	size_t n = 0;

	for (size_t at = 0; at + NLA_HDRLEN <= size; at += NLA_ALIGN(get16(data + at)))
		if ((get16(data + at + 2) & NLA_TYPE_MASK) == type)
			must(n < count && values[n++] == get32(data + at + NLA_HDRLEN));
	must(n == count);
}

static void check_text(const struct reading *reading, const char *text)
{
	const char *sent = (const char *)reading->types[NE_EMU_A_ENCLAVE_EXIT_TEXT].last ?: "";

	must(memchr(text, 0, NE_NL_TEXT_SIZE) != NULL);
	/* Plain text is unchanged. */
	for (const char *p = sent; *p; p++)
		if (*p < ' ' || *p > '~' || *p == '\\')
			return;
	must(strlen(text) == MIN(strlen(sent), (size_t)NE_NL_TEXT_SIZE - 1));
	must(!memcmp(text, sent, strlen(text)));
}

static void check_enclave(const uint8_t *data, size_t size, const struct reading *reading,
			  const struct ne_nl_enclave *e)
{
	must(e->slot_uid == number(reading, NE_EMU_A_ENCLAVE_SLOT_UID));
	must(e->cid == number(reading, NE_EMU_A_ENCLAVE_CID));
	must(e->state == number(reading, NE_EMU_A_ENCLAVE_STATE));
	must(e->flags == number(reading, NE_EMU_A_ENCLAVE_FLAGS));
	must(e->mem_size == number(reading, NE_EMU_A_ENCLAVE_MEM_SIZE));
	must(e->image_offset == number(reading, NE_EMU_A_ENCLAVE_IMAGE_OFFSET));
	must(e->exit_reason == number(reading, NE_EMU_A_ENCLAVE_EXIT_REASON));
	must(e->owner_pid == number(reading, NE_EMU_A_ENCLAVE_OWNER_PID));
	must(!reading->types[NE_EMU_A_ENCLAVE_OWNER_UID].count ||
	     e->owner_uid == number(reading, NE_EMU_A_ENCLAVE_OWNER_UID));
	must(!e->guest_status ||
	     e->guest_status == (1 << 16 | number(reading, NE_EMU_A_ENCLAVE_EXIT_STATUS)));
	must(e->started_ns == number(reading, NE_EMU_A_ENCLAVE_STARTED_NS));
	must(e->backend_fd == expected_fd);
	check_array(data, size, NE_EMU_A_ENCLAVE_VCPU, e->vcpus, e->nr_vcpus);
	check_text(reading, e->exit_text);
}

static void parse_enclave(const uint8_t *data, size_t size, const struct reading *reading)
{
	static const uint8_t sizes[NE_EMU_A_ENCLAVE_MAX + 1] = {
		[NE_EMU_A_ENCLAVE_SLOT_UID] = 8, [NE_EMU_A_ENCLAVE_CID] = 4,
		[NE_EMU_A_ENCLAVE_STATE] = 4, [NE_EMU_A_ENCLAVE_FLAGS] = 8,
		[NE_EMU_A_ENCLAVE_MEM_SIZE] = 8, [NE_EMU_A_ENCLAVE_IMAGE_OFFSET] = 8,
		[NE_EMU_A_ENCLAVE_VCPU] = 4, [NE_EMU_A_ENCLAVE_BACKEND_FD] = 4,
		[NE_EMU_A_ENCLAVE_EXIT_REASON] = 4, [NE_EMU_A_ENCLAVE_OWNER_PID] = 4,
		[NE_EMU_A_ENCLAVE_OWNER_UID] = 4, [NE_EMU_A_ENCLAVE_STARTED_NS] = 8,
		[NE_EMU_A_ENCLAVE_EXIT_STATUS] = 4,
	};
	struct ne_nl_enclave e = { .backend_fd = -1 };
	const uint8_t *fd = reading->types[NE_EMU_A_ENCLAVE_BACKEND_FD].first;
	bool good = reading->whole && reading->types[NE_EMU_A_ENCLAVE_SLOT_UID].count &&
		    sizes_are(reading, sizes, ARRAY_SIZE(sizes)) && is_text(data, size);

	expected_fd = fd && reading->types[NE_EMU_A_ENCLAVE_BACKEND_FD].first_len == 4 ?
		      (int)get32(fd) : -1;
	memset(closed, 0, sizeof(closed));
	counting = true;
	must(!ne_nl_parse(data, size, &e) == good);
	if (good) {
		must(!closed[0]);
		check_enclave(data, size, reading, &e);
		ne_nl_enclave_done(&e);
	}
	counting = false;
	must(closed[0] == (expected_fd >= 0) && !closed[1]);
}

static void parse_pool(const uint8_t *data, size_t size, const struct reading *reading)
{
	static const uint8_t sizes[NE_EMU_A_POOL_MAX + 1] = {
		[NE_EMU_A_POOL_CPU] = 4, [NE_EMU_A_POOL_CLAIMED] = 4, [NE_EMU_A_POOL_NODE] = 4,
	};
	struct ne_nl_pool pool = { .node = -1 };
	const uint8_t *node = reading->types[NE_EMU_A_POOL_NODE].first;
	bool good = reading->whole && sizes_are(reading, sizes, ARRAY_SIZE(sizes));

	must(!ne_nl_parse_pool(data, size, &pool) == good);
	if (!good)
		return;
	check_array(data, size, NE_EMU_A_POOL_CPU, pool.cpus, pool.nr_cpus);
	check_array(data, size, NE_EMU_A_POOL_CLAIMED, pool.claimed, pool.nr_claimed);
	must(pool.node == (node && get32(node) <= INT32_MAX ? (int)get32(node) : -1));
	ne_nl_pool_done(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading reading;

	if (size > SIZE_MAX_IN)
		return 0;
	read_all(data, size, &reading);
	parse_enclave(data, size, &reading);
	parse_pool(data, size, &reading);
	return 0;
}
