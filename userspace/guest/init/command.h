/* SPDX-License-Identifier: Apache-2.0 */
/* The command that an enclave runs. */

#ifndef NE_EMU_GUEST_INIT_COMMAND_H
#define NE_EMU_GUEST_INIT_COMMAND_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/**
 * struct command - what to run, from the files of the image; see command_read()
 * @as_aws: run it exactly as AWS's init does
 * @path: "PATH=" and the directories where the program is searched for
 * @directory: the working directory as it is in the image, before anything is mounted over
 *	it; st_mode is 0 if there is none
 */
struct command {
	bool as_aws;
	char **argv;
	char **envp;
	char *path;
	char **user;
	size_t nr_user;
	char **workdir;
	size_t nr_workdir;
	struct stat directory;
};

/** command_read() - read /cmd, /env, /user, /workdir and /like, and remove them */
void command_read(struct command *command);
/** command_remember_directory() - note the working directory's owner and permissions */
void command_remember_directory(struct command *command);
/** command_run() - run it in this process, with its user, directory and environment */
__attribute__((noreturn))
void command_run(const struct command *command);
/** command_start() - run it in a new process; Return: its PID */
pid_t command_start(const struct command *command);

#endif
