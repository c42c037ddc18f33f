/* SPDX-License-Identifier: Apache-2.0 */
/* The sub-commands of ne-emu, and how shells complete their arguments. */

#ifndef NE_EMU_CLI_COMMANDS_H
#define NE_EMU_CLI_COMMANDS_H

#include "command/command.h"

extern const struct command cmd_attest;
extern const struct command cmd_console;
extern const struct command cmd_cp;
extern const struct command cmd_doctor;
extern const struct command cmd_dump;
extern const struct command cmd_eif;
extern const struct command cmd_events;
extern const struct command cmd_exec;
extern const struct command cmd_gdb;
extern const struct command cmd_images;
extern const struct command cmd_inspect;
extern const struct command cmd_lab;
extern const struct command cmd_logs;
extern const struct command cmd_pause;
extern const struct command cmd_pcap;
extern const struct command cmd_port_forward;
extern const struct command cmd_ps;
extern const struct command cmd_resume;
extern const struct command cmd_rm;
extern const struct command cmd_run;
extern const struct command cmd_setup;
extern const struct command cmd_stats;
extern const struct command cmd_stop;
extern const struct command cmd_timeline;
extern const struct command cmd_trace;
extern const struct command cmd_version;
extern const struct command cmd_wait;

/* Names, CIDs and ids of existing enclaves; none without the emulator. */
#define VALUES_ENCLAVES	\
	{ OPT_COMPLETE_LINES, "ne-emu ps --format '{name}\\n{cid}\\n{id}' 2>/dev/null" }
/* The same with those that have ended. */
#define VALUES_LOGS \
	{ OPT_COMPLETE_LINES, "ne-emu ps -a --format '{name}\\n{id}' 2>/dev/null" }

#endif
