/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stub of gdb's remote serial protocol: bytes of the client in, bytes for it out. In
 * all-stop mode; each vCPU is a thread, numbered from 1.
 */

#ifndef NE_EMU_VMM_GDB_GDB_H
#define NE_EMU_VMM_GDB_GDB_H

#include "vmm/gdb/packet.h"
#include "vmm/gdb/target.h"

/*
 * Bytes that the answer to one byte of the client may have: an acknowledgement and two packets,
 * and another one when the guest stops.
 */
#define GDB_ANSWER_MAX	(1 + 3 * GDB_FRAME_MAX)

struct gdb;

/**
 * gdb_create() - serve a client, while all CPUs of the machine stand
 * @target: the machine; must exist until gdb_destroy()
 *
 * Return: 0, -EINVAL (a machine beyond the limits of target.h) or -ENOMEM.
 */
int gdb_create(const struct gdb_target *target, struct gdb **ret_gdb);
/** gdb_destroy() - the client is gone: remove its breakpoints and let the guest go on */
void gdb_destroy(struct gdb *gdb);

/** gdb_input() - handle one byte of the client, with room for GDB_ANSWER_MAX bytes */
void gdb_input(struct gdb *gdb, uint8_t byte);
/** gdb_stopped() - all CPUs stand after gdb_target.stop() or gdb_target.resume() */
void gdb_stopped(struct gdb *gdb, const struct gdb_stop *stop);
/** gdb_has_trap() - is a software breakpoint of the client at @gpa? */
bool gdb_has_trap(const struct gdb *gdb, uint64_t gpa);
/** gdb_exited() - report the end of the guest to the client */
void gdb_exited(struct gdb *gdb);

#endif
