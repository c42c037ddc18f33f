/* SPDX-License-Identifier: Apache-2.0 */
/* The service "dump": a core file for "ne-emu dump" and "ne-emu run --dump-on-crash". */

#ifndef NE_EMU_VMM_DUMP_SERVICE_H
#define NE_EMU_VMM_DUMP_SERVICE_H

#include "vmm/session.h"

struct vmm;

/*
 * Without options, the guest stands still while it is dumped. With the option "crash", the
 * session waits, and the dump is taken when the guest crashes; a guest that has been held for it
 * before its first instruction (VMM_HELD_DUMP) begins to run.
 */
extern const struct session_service dump_service;

/** dump_waits() - does a session wait for a crash? */
bool dump_waits(const struct vmm *vmm);

/**
 * dump_crashed() - let a client that waits for a crash take its dump
 *
 * The guest has crashed, and the main loop has been left. Runs it again until the dump is taken,
 * the client takes nothing any more, or the enclave is stopped.
 */
void dump_crashed(struct vmm *vmm);

#endif
