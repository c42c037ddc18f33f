/* SPDX-License-Identifier: Apache-2.0 */
/* The sub-commands of ne-emu: argv[0] is their own name, the result an exit code. */

#ifndef NE_EMU_CLI_COMMANDS_H
#define NE_EMU_CLI_COMMANDS_H

int cmd_attest(int argc, char **argv);
int cmd_console(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_eif(int argc, char **argv);
int cmd_lab(int argc, char **argv);
int cmd_logs(int argc, char **argv);
int cmd_pcap(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_setup(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
