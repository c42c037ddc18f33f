// SPDX-License-Identifier: Apache-2.0
/* The command that an enclave runs. */

#include "guest/init/command.h"

#include "guest/init/die.h"
#include "guest/init/lines.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PATH	"PATH=/sbin:/usr/sbin:/bin:/usr/bin"

/* As of shells and container engines. */
#define STATUS_NOT_RUN		126
#define STATUS_NOT_FOUND	127

/* Make the environment; PATH (from /env or the default) is the first entry. */
static char **make_environment(char **env, size_t count)
{
	char **envp = calloc(count + 2, sizeof(*envp));
	size_t n = 1;

	if (!envp)
		die("no memory");
	envp[0] = (char *)DEFAULT_PATH;
	for (size_t i = 0; i < count; i++) {
		if (!strncmp(env[i], "PATH=", 5))
			envp[0] = env[i];
		else
			envp[n++] = env[i];
	}
	return envp;
}

void command_read(struct command *command)
{
	static char *payload[] = { (char *)"/payload", NULL };
	size_t nr_env = 0, nr_args = 0;
	char **env = read_lines("/env", &nr_env);

	command->argv = read_lines("/cmd", &nr_args);
	command->user = read_lines("/user", &command->nr_user);
	command->workdir = read_lines("/workdir", &command->nr_workdir);
	if (!command->argv)
		command->argv = payload;
	errno = ENODATA;
	if (!command->argv[0])
		die("/cmd");
	command->envp = make_environment(env, nr_env);
}

static unsigned long parse_id(const char *text)
{
	char *end;
	unsigned long id = strtoul(text, &end, 10);

	errno = EINVAL;
	if (end == text || *end || id >= (uid_t)-1)
		die("/user: \"%s\" is not a user or group ID", text);
	return id;
}

static void take_identity(const struct command *command)
{
	gid_t groups[NGROUPS_MAX];
	size_t nr_groups = 0;

	if (command->nr_workdir && chdir(command->workdir[0]))
		die("cannot go to %s", command->workdir[0]);
	if (!command->nr_user)
		return;
	errno = EINVAL;
	if (command->nr_user < 2 || command->nr_user - 2 > NGROUPS_MAX)
		die("/user has %zu lines", command->nr_user);
	for (size_t i = 2; i < command->nr_user; i++)
		groups[nr_groups++] = parse_id(command->user[i]);
	if (setgroups(nr_groups, groups) || setgid(parse_id(command->user[1])) ||
	    setuid(parse_id(command->user[0])))
		die("cannot become user %s", command->user[0]);
}

__attribute__((noreturn))
static void cannot_run(const char *program)
{
	int status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_RUN;

	fprintf(stderr, "init: cannot run %s: %s\n", program, strerror(errno));
	_exit(status);
}

pid_t command_start(const struct command *command)
{
	pid_t pid = fork();
	sigset_t none;

	if (pid < 0)
		die("cannot fork");
	if (pid)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();		/* fails only for a group leader */
	take_identity(command);
	putenv(command->envp[0]);	/* execvpe() uses the PATH of the caller */
	execvpe(command->argv[0], command->argv, command->envp);
	cannot_run(command->argv[0]);
}
