// SPDX-License-Identifier: Apache-2.0
/* The packets m, M and X, and whether their addresses are virtual or physical. */

#include "vmm/gdb/stub.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

uint8_t *gdb_find(struct gdb *gdb, uint64_t address, uint64_t *len, uint64_t *ret_gpa)
{
	const struct gdb_target *target = gdb->target;
	uint64_t gpa = address;

	*len = MIN(*len, GDB_PAGE - address % GDB_PAGE);
	if (!gdb->physical && target->translate(target->arg, gdb->cpu, address, &gpa))
		return NULL;
	*ret_gpa = gpa;
	return target->memory(target->arg, gpa, *len);
}

bool gdb_read_physical(struct gdb *gdb, uint64_t gpa, uint8_t *bytes, uint64_t len)
{
	const uint8_t *from = gdb->target->memory(gdb->target->arg, gpa, len);

	if (!from)
		return false;
	memcpy(bytes, from, len);
	gdb_hide_points(gdb, gpa, bytes, len);
	return true;
}

/* ADDRESS,LENGTH, then @end. Return: what follows, or NULL. */
static char *read_range(char *args, char end, uint64_t *ret_address, uint64_t *ret_len)
{
	args = gdb_read_number(args, ret_address);
	args = gdb_read_char(args, ',');
	args = gdb_read_number(args, ret_len);
	return end ? gdb_read_char(args, end) : args;
}

/* What can be read, if that is less than the client wants. */
int gdb_get_memory(struct gdb *gdb, char *args, size_t len)
{
	uint8_t bytes[GDB_PAGE];
	uint64_t address, left, gpa, n;

	args = read_range(args, '\0', &address, &left);
	if (!args || *args)
		return -EINVAL;
	left = MIN(left, GDB_PACKET_MAX / 2);
	for (; left; left -= n, address += n) {
		n = left;
		if (!gdb_find(gdb, address, &n, &gpa) || !gdb_read_physical(gdb, gpa, bytes, n))
			break;
		gdb_answer_hex(gdb, bytes, n);
	}
	return left && !gdb->answer_len ? -EFAULT : 0;
}

/* All of it or nothing. */
static int write_memory(struct gdb *gdb, uint64_t address, const uint8_t *bytes, uint64_t len)
{
	uint64_t gpa, n;
	uint8_t *to;

	for (uint64_t i = 0; i < len; i += n) {
		n = len - i;
		if (!gdb_find(gdb, address + i, &n, &gpa))
			return -EFAULT;
	}
	for (uint64_t i = 0; i < len; i += n) {
		n = len - i;
		to = gdb_find(gdb, address + i, &n, &gpa);
		/* The bytes just written may belong to the page tables. */
		if (!to)
			return -EFAULT;
		memcpy(to, bytes + i, n);
		gdb_keep_points(gdb, gpa, n);
	}
	gdb_answer(gdb, "OK");
	return 0;
}

int gdb_set_memory(struct gdb *gdb, char *args, size_t len)
{
	uint8_t bytes[GDB_PACKET_MAX / 2];
	uint64_t address, n;
	char *end = args + len;

	args = read_range(args, ':', &address, &n);
	if (!args || n > sizeof(bytes) || (uint64_t)(end - args) != 2 * n ||
	    !gdb_read_hex(args, bytes, n))
		return -EINVAL;
	return write_memory(gdb, address, bytes, n);
}

int gdb_set_memory_binary(struct gdb *gdb, char *args, size_t len)
{
	char *end = args + len;
	uint64_t address, n;

	args = read_range(args, ':', &address, &n);
	if (!args || (uint64_t)(end - args) != n)
		return -EINVAL;
	return write_memory(gdb, address, (const uint8_t *)args, n);
}

int gdb_get_physical(struct gdb *gdb, char *args, size_t len)
{
	gdb_answer(gdb, "%d", gdb->physical);
	return 0;
}

int gdb_set_physical(struct gdb *gdb, char *args, size_t len)
{
	if (len != 1 || (*args != '0' && *args != '1'))
		return -EINVAL;
	gdb->physical = *args == '1';
	gdb_answer(gdb, "OK");
	return 0;
}
