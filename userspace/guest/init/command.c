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

/*
 * The environment is that of the image. Without PATH, the default is added, by AWS's init
 * only if there is nothing else. AWS's init searches along the default in any case.
 */
static void set_environment(struct command *command, char **env, size_t count)
{
	command->envp = calloc(count + 2, sizeof(*command->envp));
	if (!command->envp)
		die("no memory");
	for (size_t i = 0; i < count; i++) {
		command->envp[i] = env[i];
		if (!strncmp(env[i], "PATH=", 5))
			command->path = env[i];
	}
	if (!count || (!command->path && !command->as_aws))
		command->envp[count] = (char *)DEFAULT_PATH;
	if (!command->path || command->as_aws)
		command->path = (char *)DEFAULT_PATH;
}

static bool read_like(void)
{
	size_t count = 0;
	char **like = read_lines("/like", &count);

	errno = EINVAL;
	if (like && (count != 1 || strcmp(like[0], "nitro-cli")))
		die("/like: only nitro-cli is known");
	return like;
}

void command_read(struct command *command)
{
	static char *payload[] = { (char *)"/payload", NULL };
	size_t nr_env = 0, nr_args = 0;
	char **env = read_lines("/env", &nr_env);

	command->as_aws = read_like();
	command->argv = read_lines("/cmd", &nr_args);
	command->user = read_lines("/user", &command->nr_user);
	command->workdir = read_lines("/workdir", &command->nr_workdir);
	if (!command->argv)
		command->argv = payload;
	errno = ENODATA;
	if (!command->argv[0])
		die("/cmd");
	set_environment(command, env, nr_env);
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

void command_remember_directory(struct command *command)
{
	if (!command->nr_workdir || stat(command->workdir[0], &command->directory))
		command->directory.st_mode = 0;
}

/* Make a directory and those above it that are missing. */
static void make_directories(char *path)
{
	for (char *slash = path; (slash = strchr(slash + 1, '/')); *slash = '/') {
		*slash = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			die("cannot create %s", path);
	}
	if (mkdir(path, 0755) && errno != EEXIST)
		die("cannot create %s", path);
}

static void restore_directory(const char *path, const struct stat *before)
{
	if (!before->st_mode)
		return;
	if (chown(path, before->st_uid, before->st_gid) || chmod(path, before->st_mode & 07777))
		die("cannot change the owner of %s", path);
}

/* The directory may be one of the image that is now below a tmpfs: make it again. */
static void enter_directory(const struct command *command)
{
	char *path = command->workdir[0];

	if (access(path, F_OK)) {
		make_directories(path);
		restore_directory(path, &command->directory);
	}
	if (chdir(path))
		die("cannot go to %s", path);
}

/* So that the user can open /dev/stdout and /proc/self/fd/1 again. */
static void give_streams(uid_t user)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fchown(fd, user, -1))
			die("cannot give standard stream %d to user %u", fd, user);
}

static void take_identity(const struct command *command)
{
	gid_t groups[NGROUPS_MAX];
	size_t nr_groups = 0;

	if (command->nr_workdir)
		enter_directory(command);
	if (!command->nr_user)
		return;
	errno = EINVAL;
	if (command->nr_user < 2 || command->nr_user - 2 > NGROUPS_MAX)
		die("/user has %zu lines", command->nr_user);
	for (size_t i = 2; i < command->nr_user; i++)
		groups[nr_groups++] = parse_id(command->user[i]);
	give_streams(parse_id(command->user[0]));
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

void command_run(const struct command *command)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();		/* fails only for a group leader */
	take_identity(command);
	putenv(command->path);	/* execvpe() uses the PATH of the caller */
	execvpe(command->argv[0], command->argv, command->envp);
	cannot_run(command->argv[0]);
}

pid_t command_start(const struct command *command)
{
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork");
	if (!pid)
		command_run(command);
	return pid;
}
