// SPDX-License-Identifier: Apache-2.0
/* The packets g, G, p and P. */

#include "vmm/gdb/stub.h"

#include <errno.h>
#include <string.h>

static int load(struct gdb *gdb, uint8_t *bytes)
{
	return gdb->target->get_registers(gdb->target->arg, gdb->cpu, bytes);
}

static int store(struct gdb *gdb, const uint8_t *bytes)
{
	int err = gdb->target->set_registers(gdb->target->arg, gdb->cpu, bytes);

	if (!err)
		gdb_answer(gdb, "OK");
	return err;
}

int gdb_get_registers(struct gdb *gdb, char *args, size_t len)
{
	uint8_t bytes[GDB_REGISTERS_MAX];
	int err = load(gdb, bytes);

	if (!err)
		gdb_answer_hex(gdb, bytes, gdb->target->registers_size);
	return err;
}

int gdb_set_registers(struct gdb *gdb, char *args, size_t len)
{
	uint8_t bytes[GDB_REGISTERS_MAX];

	if (len != 2 * gdb->target->registers_size ||
	    !gdb_read_hex(args, bytes, gdb->target->registers_size))
		return -EINVAL;
	return store(gdb, bytes);
}

/* Return: what follows the number, or NULL. */
static char *locate(const struct gdb *gdb, char *args, size_t *ret_offset, size_t *ret_size)
{
	uint64_t number;

	args = gdb_read_number(args, &number);
	if (!args || number > UINT32_MAX ||
	    !gdb->target->locate(gdb->target->arg, number, ret_offset, ret_size))
		return NULL;
	return args;
}

int gdb_get_register(struct gdb *gdb, char *args, size_t len)
{
	uint8_t bytes[GDB_REGISTERS_MAX];
	size_t offset, size;
	int err;

	args = locate(gdb, args, &offset, &size);
	if (!args || *args)
		return -EINVAL;
	err = load(gdb, bytes);
	if (!err)
		gdb_answer_hex(gdb, bytes + offset, size);
	return err;
}

int gdb_set_register(struct gdb *gdb, char *args, size_t len)
{
	uint8_t bytes[GDB_REGISTERS_MAX];
	size_t offset, size;
	int err;

	args = gdb_read_char(locate(gdb, args, &offset, &size), '=');
	if (!args || strlen(args) != 2 * size)
		return -EINVAL;
	err = load(gdb, bytes);
	if (err)
		return err;
	if (!gdb_read_hex(args, bytes + offset, size))
		return -EINVAL;
	return store(gdb, bytes);
}
