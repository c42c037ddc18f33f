/* SPDX-License-Identifier: Apache-2.0 */
/* The command that an enclave runs. */

#ifndef NE_EMU_GUEST_INIT_COMMAND_H
#define NE_EMU_GUEST_INIT_COMMAND_H

#include <sys/types.h>

/** struct command - what to run, from the files of the image; see command_read() */
struct command {
	char **argv;
	char **envp;		/* the first entry is PATH */
	char **user;
	size_t nr_user;
	char **workdir;
	size_t nr_workdir;
};

/** command_read() - read /cmd, /env, /user and /workdir, and remove them */
void command_read(struct command *command);
/** command_start() - run it in a new process; Return: its PID */
pid_t command_start(const struct command *command);

#endif
