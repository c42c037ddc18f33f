/* SPDX-License-Identifier: Apache-2.0 */
/* The service "gdb": a debugger for the vCPUs. */

#ifndef NE_EMU_VMM_GDB_SERVICE_H
#define NE_EMU_VMM_GDB_SERVICE_H

#include "vmm/gdb/gdb.h"
#include "vmm/pause.h"
#include "vmm/session.h"

struct vmm;

extern const struct session_service gdb_service;

/**
 * enum debugger_state - the guest, as the debugger sees it
 * @DEBUGGER_NONE: none is attached
 * @DEBUGGER_ATTACHING: the vCPUs are being stopped for it
 * @DEBUGGER_STOPPED: it has the guest
 * @DEBUGGER_RUNNING: it waits for the guest to stop
 * @DEBUGGER_LEAVING: the vCPUs are being stopped, so that its breakpoints can be removed
 */
enum debugger_state {
	DEBUGGER_NONE,
	DEBUGGER_ATTACHING,
	DEBUGGER_STOPPED,
	DEBUGGER_RUNNING,
	DEBUGGER_LEAVING,
};

/** struct debugger_stop - a stop that was not reported yet; @valid: there is one */
struct debugger_stop {
	bool valid;
	struct gdb_stop stop;
	struct gdb_hardware hardware;
};

/**
 * struct debugger - run control; main thread only
 * @session: NULL once the client is gone
 * @interrupted: the debugger wants the guest to stop
 * @run: how the guest runs, with @actions
 * @at: the vCPU that stands at a breakpoint of a debug register, or -1
 * @pending: for each vCPU
 */
struct debugger {
	struct vmm *vmm;
	struct session *session;
	struct gdb *gdb;
	struct gdb_target target;
	struct pause_watcher watcher;
	enum debugger_state state;
	bool interrupted;
	struct gdb_run run;
	enum gdb_action actions[GDB_CPUS_MAX];
	int at;
	struct debugger_stop pending[GDB_CPUS_MAX];
};

/** debugger_destroy() - free what a debugger has left behind; after the end of all sessions */
void debugger_destroy(struct vmm *vmm);

/* service_monitor.c: commands of "monitor" about the machine */
extern const struct gdb_monitor debugger_monitors[];

#endif
