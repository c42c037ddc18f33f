// SPDX-License-Identifier: Apache-2.0
/*
 * The packets Z and z. A software breakpoint is an instruction in memory, which the client
 * never sees; where KVM does not report that instruction, the CPU's debug registers serve.
 */

#include "vmm/gdb/stub.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

static struct gdb_point *find_point(struct gdb *gdb, enum gdb_point_type type, uint64_t address,
				    uint64_t kind)
{
	for (size_t i = 0; i < GDB_POINTS_MAX; i++) {
		struct gdb_point *point = &gdb->points[i];

		if (point->used && point->type == type && point->address == address &&
		    point->kind == kind)
			return point;
	}
	return NULL;
}

static struct gdb_point *find_unused(struct gdb *gdb)
{
	for (size_t i = 0; i < GDB_POINTS_MAX; i++)
		if (!gdb->points[i].used)
			return &gdb->points[i];
	return NULL;
}

static bool is_hardware(const struct gdb_point *point)
{
	return point->used && !point->patched;
}

static unsigned int count_hardware(const struct gdb *gdb)
{
	unsigned int count = 0;

	for (size_t i = 0; i < GDB_POINTS_MAX; i++)
		count += is_hardware(&gdb->points[i]);
	return count;
}

static bool is_code(enum gdb_point_type type)
{
	return type == GDB_POINT_SOFTWARE || type == GDB_POINT_HARDWARE;
}

/* The instruction is in memory while there is a point, whether or not the guest runs. */
static int patch(struct gdb *gdb, struct gdb_point *point)
{
	const struct gdb_target *target = gdb->target;
	uint64_t len = target->trap_len;
	uint8_t *at = gdb_find(gdb, point->address, &len, &point->gpa);

	if (!at || len < target->trap_len)
		return -EFAULT;
	/* Another virtual address of the same place has a breakpoint. */
	memcpy(point->saved, at, len);
	gdb_hide_points(gdb, point->gpa, point->saved, len);
	memcpy(at, target->trap, len);
	point->patched = true;
	return 0;
}

static bool is_watchable(uint64_t address, uint64_t len)
{
	return (len == 1 || len == 2 || len == 4 || len == 8) && !(address & (len - 1));
}

/* Z or z: TYPE,ADDRESS,KIND, and conditions, which we have not offered to evaluate. */
static int read_point(char *args, uint64_t *type, uint64_t *address, uint64_t *kind)
{
	args = gdb_read_number(args, type);
	args = gdb_read_char(args, ',');
	args = gdb_read_number(args, address);
	args = gdb_read_char(args, ',');
	args = gdb_read_number(args, kind);
	return args && (!*args || *args == ';') ? 0 : -EINVAL;
}

static int insert(struct gdb *gdb, const struct gdb_point *wanted)
{
	const struct gdb_target *target = gdb->target;
	struct gdb_point *point = find_unused(gdb);
	int err;

	if (!point)
		return gdb_fail(gdb, "more than %d breakpoints", GDB_POINTS_MAX);
	*point = *wanted;
	if (point->type == GDB_POINT_SOFTWARE && target->trap_len) {
		err = patch(gdb, point);
		if (err)
			return err;
	} else if (count_hardware(gdb) >= target->hardware_max) {
		return gdb_fail(gdb, "the %u debug registers of the CPU are in use%s",
				target->hardware_max, point->type != GDB_POINT_SOFTWARE ? "" :
				", and this host's KVM does not report software breakpoints");
	}
	point->used = true;
	gdb_answer(gdb, "OK");
	return 0;
}

int gdb_insert_point(struct gdb *gdb, char *args, size_t len)
{
	uint64_t type, address, kind;

	if (read_point(args, &type, &address, &kind))
		return -EINVAL;
	/* An empty answer makes the client try another type. */
	if (type > GDB_POINT_ACCESS || (type == GDB_POINT_READ && !gdb->target->read_watch))
		return 0;
	if (!is_code(type) && !is_watchable(address, kind))
		return gdb_fail(gdb, "the CPU can watch 1, 2, 4 or 8 bytes, at a multiple of that");
	/* The packet may be repeated. */
	if (find_point(gdb, type, address, kind)) {
		gdb_answer(gdb, "OK");
		return 0;
	}
	return insert(gdb, &(const struct gdb_point){
		.type = type, .address = address, .kind = kind,
	});
}

bool gdb_has_trap(const struct gdb *gdb, uint64_t gpa)
{
	for (size_t i = 0; i < GDB_POINTS_MAX; i++)
		if (gdb->points[i].used && gdb->points[i].patched && gdb->points[i].gpa == gpa)
			return true;
	return false;
}

static void remove_point(struct gdb *gdb, struct gdb_point *point)
{
	const struct gdb_target *target = gdb->target;
	uint8_t *at;

	point->used = false;
	if (!point->patched || gdb_has_trap(gdb, point->gpa))
		return;
	at = target->memory(target->arg, point->gpa, target->trap_len);
	/* If the guest has replaced the code itself, its new code stays. */
	if (at && !memcmp(at, target->trap, target->trap_len))
		memcpy(at, point->saved, target->trap_len);
}

int gdb_remove_point(struct gdb *gdb, char *args, size_t len)
{
	uint64_t type, address, kind;
	struct gdb_point *point;

	if (read_point(args, &type, &address, &kind))
		return -EINVAL;
	if (type > GDB_POINT_ACCESS || (type == GDB_POINT_READ && !gdb->target->read_watch))
		return 0;
	point = find_point(gdb, type, address, kind);
	if (point)
		remove_point(gdb, point);
	gdb_answer(gdb, "OK");
	return 0;
}

void gdb_remove_points(struct gdb *gdb)
{
	for (size_t i = 0; i < GDB_POINTS_MAX; i++)
		if (gdb->points[i].used)
			remove_point(gdb, &gdb->points[i]);
}

/* Call with each byte of a breakpoint in the @len bytes at @gpa. */
static void for_each_byte(const struct gdb *gdb, uint64_t gpa, uint64_t len,
			  void (*call)(uint8_t *byte, uint8_t *saved, uint8_t trap),
			  uint8_t *bytes)
{
	for (size_t i = 0; i < GDB_POINTS_MAX; i++) {
		struct gdb_point *point = (struct gdb_point *)&gdb->points[i];

		if (!point->used || !point->patched)
			continue;
		for (size_t j = 0; j < gdb->target->trap_len; j++)
			if (point->gpa + j - gpa < len)
				call(bytes + (point->gpa + j - gpa), &point->saved[j],
				     gdb->target->trap[j]);
	}
}

static void hide_byte(uint8_t *byte, uint8_t *saved, uint8_t trap)
{
	if (*byte == trap)
		*byte = *saved;
}

void gdb_hide_points(const struct gdb *gdb, uint64_t gpa, uint8_t *bytes, uint64_t len)
{
	for_each_byte(gdb, gpa, len, hide_byte, bytes);
}

static void save_byte(uint8_t *byte, uint8_t *saved, uint8_t trap)
{
	*saved = *byte;
}

static void put_byte(uint8_t *byte, uint8_t *saved, uint8_t trap)
{
	*byte = trap;
}

void gdb_keep_points(struct gdb *gdb, uint64_t gpa, uint64_t len)
{
	uint8_t *bytes = gdb->target->memory(gdb->target->arg, gpa, len);

	if (!bytes)
		return;
	/* Several points may be at the same place: save for all of them first. */
	for_each_byte(gdb, gpa, len, save_byte, bytes);
	for_each_byte(gdb, gpa, len, put_byte, bytes);
}

void gdb_run_points(struct gdb *gdb, struct gdb_run *run)
{
	run->nr_hardware = 0;
	run->software = false;
	for (size_t i = 0; i < GDB_POINTS_MAX; i++) {
		const struct gdb_point *point = &gdb->points[i];

		if (!point->used)
			continue;
		if (point->patched) {
			run->software = true;
			continue;
		}
		gdb->hardware[run->nr_hardware] = i;
		run->hardware[run->nr_hardware++] = (struct gdb_hardware){
			.type = is_code(point->type) ? GDB_POINT_HARDWARE : point->type,
			.address = point->address,
			.len = is_code(point->type) ? 1 : point->kind,
		};
	}
}
