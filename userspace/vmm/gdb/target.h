/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the debugger's stub needs of a machine. The stub itself knows neither KVM nor the
 * architecture.
 */

#ifndef NE_EMU_VMM_GDB_TARGET_H
#define NE_EMU_VMM_GDB_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define GDB_CPUS_MAX		255
/* Breakpoints and watchpoints that the CPU itself implements. */
#define GDB_HARDWARE_MAX	4
/* Bytes of all registers of a CPU. */
#define GDB_REGISTERS_MAX	2048
/* Memory is translated in pieces that do not cross a multiple of this. */
#define GDB_PAGE		4096ULL
/* Bytes of the instruction that is a software breakpoint. */
#define GDB_TRAP_MAX		4

/** enum gdb_point_type - the numbers of the packets Z0 to Z4 */
enum gdb_point_type {
	GDB_POINT_SOFTWARE,
	GDB_POINT_HARDWARE,
	GDB_POINT_WRITE,
	GDB_POINT_READ,
	GDB_POINT_ACCESS,
};

/** struct gdb_hardware - a point that the CPU implements; @len: 1, 2, 4 or 8, aligned */
struct gdb_hardware {
	enum gdb_point_type type;
	uint64_t address;
	unsigned int len;
};

enum gdb_action {
	GDB_STAY,
	GDB_RUN,
	GDB_STEP,
};

/**
 * struct gdb_run - how the guest goes on
 * @actions: one per CPU
 * @hardware: the points, numbered as in struct gdb_stop
 * @software: there are software breakpoints
 */
struct gdb_run {
	const enum gdb_action *actions;
	struct gdb_hardware hardware[GDB_HARDWARE_MAX];
	unsigned int nr_hardware;
	bool software;
};

enum gdb_stop_reason {
	GDB_STOP_INTERRUPT,	/* nothing of the guest's: it was asked to stop */
	GDB_STOP_STEP,
	GDB_STOP_SOFTWARE,	/* at a software breakpoint, not behind it */
	GDB_STOP_HARDWARE,
};

/** struct gdb_stop - why all CPUs stand; @hardware: the point, for GDB_STOP_HARDWARE */
struct gdb_stop {
	enum gdb_stop_reason reason;
	unsigned int cpu;
	unsigned int hardware;
};

/** struct gdb_monitor - a word after "monitor"; @print: writes plain text */
struct gdb_monitor {
	const char *name;
	const char *help;
	void (*print)(void *arg, FILE *to);
};

/**
 * struct gdb_target - the machine
 * @arg: first argument of all functions
 * @nr_cpus: 1 to GDB_CPUS_MAX
 * @description: the target description in XML
 * @registers_size: bytes of all registers, at most GDB_REGISTERS_MAX
 * @hardware_max: points that the CPU can have, at most GDB_HARDWARE_MAX
 * @read_watch: the CPU can watch reads alone
 * @trap: the instruction of a software breakpoint
 * @trap_len: its length; 0: this host's KVM does not report it, so there are none
 * @monitors: ends with an entry without name
 * @locate: find register @number; Return: false if there is none
 * @get_registers: read all registers of a CPU; 0 or a negative errno
 * @set_registers: likewise
 * @translate: get the physical address of a virtual one; 0 or -EFAULT
 * @memory: get a pointer to RAM, or NULL
 * @stop: stop all CPUs; gdb_stopped() follows
 * @resume: let the guest go on; gdb_stopped() follows when something happens
 * @release: the debugger has left: let the guest go on without it
 * @kill: end the guest
 * @send: bytes for the client, for which there is room
 * @finish: nothing follows for the client
 */
struct gdb_target {
	void *arg;
	unsigned int nr_cpus;
	const char *description;
	size_t registers_size;
	unsigned int hardware_max;
	bool read_watch;
	uint8_t trap[GDB_TRAP_MAX];
	size_t trap_len;
	const struct gdb_monitor *monitors;
	bool (*locate)(void *arg, unsigned int number, size_t *ret_offset, size_t *ret_size);
	int (*get_registers)(void *arg, unsigned int cpu, uint8_t *bytes);
	int (*set_registers)(void *arg, unsigned int cpu, const uint8_t *bytes);
	int (*translate)(void *arg, unsigned int cpu, uint64_t address, uint64_t *ret_gpa);
	void *(*memory)(void *arg, uint64_t gpa, uint64_t len);
	void (*stop)(void *arg);
	void (*resume)(void *arg, const struct gdb_run *run);
	void (*release)(void *arg);
	void (*kill)(void *arg);
	void (*send)(void *arg, const void *bytes, size_t len);
	void (*finish)(void *arg);
};

#endif
