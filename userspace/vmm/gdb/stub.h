/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this directory share. */

#ifndef NE_EMU_VMM_GDB_STUB_H
#define NE_EMU_VMM_GDB_STUB_H

#include "vmm/gdb/gdb.h"

/* Software breakpoints; more would be a mistake of the client. */
#define GDB_POINTS_MAX	256

/* Signals in gdb's numbering, which is not that of the host. */
#define GDB_SIGNAL_INT	2
#define GDB_SIGNAL_TRAP	5

/* What a handler returns if its answer comes later. */
#define GDB_NO_ANSWER	1

/**
 * struct gdb_point - a breakpoint or watchpoint of the client
 * @kind: third number of the packet: bytes to watch
 * @patched: it is an instruction in memory, at @gpa, instead of @saved
 */
struct gdb_point {
	bool used;
	enum gdb_point_type type;
	uint64_t address;
	uint64_t kind;
	bool patched;
	uint64_t gpa;
	uint8_t saved[GDB_TRAP_MAX];
};

/**
 * struct gdb - one client
 * @running: the guest runs, and the client waits for it to stop
 * @stopping: it was asked to stop
 * @ended: the client has left or the guest has ended
 * @tells_breakpoints: the client understands "swbreak" and "hwbreak"
 * @physical: addresses are physical ones
 * @cpu: whose registers and memory the client means
 * @last: why the guest stands
 * @last_signal: the same as a signal number of gdb
 * @hardware: entries of @points that the CPU implements, as the last resume() numbered them
 * @answer: the packet under construction
 */
struct gdb {
	const struct gdb_target *target;
	struct gdb_link link;
	bool running;
	bool stopping;
	bool ended;
	bool tells_breakpoints;
	bool physical;
	unsigned int cpu;
	struct gdb_stop last;
	unsigned int last_signal;
	struct gdb_point points[GDB_POINTS_MAX];
	unsigned int hardware[GDB_HARDWARE_MAX];
	size_t answer_len;
	char answer[GDB_PACKET_MAX];
};

/* gdb.c: building the answer. What does not fit is cut. */
__attribute__((format(printf, 2, 3)))
void gdb_answer(struct gdb *gdb, const char *fmt, ...);
void gdb_answer_bytes(struct gdb *gdb, const void *bytes, size_t len);
void gdb_answer_hex(struct gdb *gdb, const void *bytes, size_t len);
/** gdb_fail() - answer with a text that gdb shows; for packets whose answer may be one */
__attribute__((format(printf, 2, 3)))
int gdb_fail(struct gdb *gdb, const char *fmt, ...);

/* gdb.c: reading a packet. Return: what follows, or NULL if the packet is wrong. */
char *gdb_read_number(char *text, uint64_t *ret_number);
/** gdb_read_char() - expect the character @c */
char *gdb_read_char(char *text, char c);
/** gdb_read_thread() - Return: with CPU number, or -1 for all threads, in @ret_cpu */
char *gdb_read_thread(const struct gdb *gdb, char *text, int *ret_cpu);
/** gdb_read_hex() - read exactly @len bytes in hexadecimal */
char *gdb_read_hex(char *text, uint8_t *bytes, size_t len);

/*
 * Handlers of packets. @args is what follows the packet's name, @len bytes and a NUL.
 * Return: 0 with the answer built, GDB_NO_ANSWER, or a negative errno for "E NN".
 */

/* registers.c */
int gdb_get_registers(struct gdb *gdb, char *args, size_t len);
int gdb_set_registers(struct gdb *gdb, char *args, size_t len);
int gdb_get_register(struct gdb *gdb, char *args, size_t len);
int gdb_set_register(struct gdb *gdb, char *args, size_t len);

/* memory.c */
int gdb_get_memory(struct gdb *gdb, char *args, size_t len);
int gdb_set_memory(struct gdb *gdb, char *args, size_t len);
int gdb_set_memory_binary(struct gdb *gdb, char *args, size_t len);
int gdb_get_physical(struct gdb *gdb, char *args, size_t len);
int gdb_set_physical(struct gdb *gdb, char *args, size_t len);
/** gdb_find() - get a pointer to memory; *@len becomes the bytes from there, in one page */
uint8_t *gdb_find(struct gdb *gdb, uint64_t address, uint64_t *len, uint64_t *ret_gpa);
/** gdb_read_physical() - copy at most a page of RAM, as the guest sees it; false: no RAM */
bool gdb_read_physical(struct gdb *gdb, uint64_t gpa, uint8_t *bytes, uint64_t len);

/* breakpoints.c */
int gdb_insert_point(struct gdb *gdb, char *args, size_t len);
int gdb_remove_point(struct gdb *gdb, char *args, size_t len);
void gdb_remove_points(struct gdb *gdb);
/** gdb_hide_points() - replace breakpoints in @bytes, read from @gpa, by what was there */
void gdb_hide_points(const struct gdb *gdb, uint64_t gpa, uint8_t *bytes, uint64_t len);
/** gdb_keep_points() - put the breakpoints in that @len bytes at @gpa have overwritten */
void gdb_keep_points(struct gdb *gdb, uint64_t gpa, uint64_t len);
/** gdb_run_points() - fill in the points of @run, and number them */
void gdb_run_points(struct gdb *gdb, struct gdb_run *run);

/* run.c */
int gdb_why(struct gdb *gdb, char *args, size_t len);
int gdb_actions(struct gdb *gdb, char *args, size_t len);
int gdb_step(struct gdb *gdb, char *args, size_t len);
int gdb_continue(struct gdb *gdb, char *args, size_t len);
int gdb_detach(struct gdb *gdb, char *args, size_t len);
int gdb_kill(struct gdb *gdb, char *args, size_t len);
int gdb_kill_answered(struct gdb *gdb, char *args, size_t len);
void gdb_interrupt(struct gdb *gdb);

/* threads.c */
int gdb_select_thread(struct gdb *gdb, char *args, size_t len);
int gdb_thread_alive(struct gdb *gdb, char *args, size_t len);
int gdb_current_thread(struct gdb *gdb, char *args, size_t len);
int gdb_first_threads(struct gdb *gdb, char *args, size_t len);
int gdb_next_threads(struct gdb *gdb, char *args, size_t len);
int gdb_thread_info(struct gdb *gdb, char *args, size_t len);

/* monitor.c */
int gdb_monitor(struct gdb *gdb, char *args, size_t len);

#endif
