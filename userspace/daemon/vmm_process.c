// SPDX-License-Identifier: Apache-2.0
/* The process of one VMM: its command line, its descriptors, its end. */

#include "daemon/vmm_process.h"

#include "common/util.h"
#include "vmm/options.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Number of the first descriptor of the VMM; the others follow without gaps. */
#define VMM_FD_FIRST	3
/* Program, two words per option, NULL; enough for all options. */
#define VMM_ARGS_MAX	48

/* A command line: its words, and pointers to them. */
struct vmm_args {
	char *words;
	char *argv[VMM_ARGS_MAX];
};

/* Descriptors for the child: @from[i] becomes VMM_FD_FIRST + i. */
struct vmm_fds {
	int from[VMM_FDS_MAX];
	size_t count;
};

static void vmm_args_free(struct vmm_args *args)
{
	free(args->words);
}

static void vmm_fds_close(struct vmm_fds *fds)
{
	for (size_t i = 0; i < fds->count; i++)
		fd_close(&fds->from[i]);
}

/*
 * Move the descriptors away from the numbers that the child will use, and write these
 * numbers into @options.
 */
static int vmm_fds_move(struct vmm_options *options, struct vmm_fds *fds)
{
	int *list[VMM_FDS_MAX];
	size_t count = vmm_options_fds(options, list);

	for (size_t i = 0; i < count; i++) {
		int copy;

		if (*list[i] < 0)
			continue;
		copy = fcntl(*list[i], F_DUPFD_CLOEXEC, VMM_FD_FIRST + VMM_FDS_MAX);
		if (copy < 0)
			return -errno;
		*list[i] = VMM_FD_FIRST + fds->count;
		fds->from[fds->count++] = copy;
	}
	return 0;
}

static int vmm_args_write(const char *path, const struct vmm_options *options, char **ret,
			  size_t *ret_size)
{
	FILE *to = open_memstream(ret, ret_size);

	if (!to)
		return -ENOMEM;
	fprintf(to, "%s%c", path, 0);
	vmm_options_write(options, to);
	return fclose(to) ? -ENOMEM : 0;
}

static int vmm_args_build(const char *path, const struct vmm_options *options,
			  struct vmm_args *args)
{
	size_t size, argc = 0;
	int err = vmm_args_write(path, options, &args->words, &size);

	if (err)
		return err;
	for (char *word = args->words; word < args->words + size; word += strlen(word) + 1) {
		if (argc == VMM_ARGS_MAX - 1)
			return -E2BIG;
		args->argv[argc++] = word;
	}
	return 0;
}

static int vmm_spawn_files(posix_spawn_file_actions_t *actions, const struct vmm_fds *fds)
{
	int err;

	/* Results are positive errnos, of which only ENOMEM is possible. */
	err = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null",
					       O_RDONLY, 0);
	for (size_t i = 0; !err && i < fds->count; i++)
		err = posix_spawn_file_actions_adddup2(actions, fds->from[i],
						       VMM_FD_FIRST + i);
	/* Including descriptors that this process has inherited by mistake. */
	if (!err)
		err = posix_spawn_file_actions_addclosefrom_np(actions,
							       VMM_FD_FIRST + fds->count);
	return -err;
}

static int vmm_spawn_attr(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	err = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
				       POSIX_SPAWN_SETSIGDEF);
	if (!err)
		err = posix_spawnattr_setsigmask(attr, &none);
	if (!err)
		err = posix_spawnattr_setsigdefault(attr, &all);
	return -err;
}

/* posix_spawn() also returns errors of execve(). */
static int vmm_exec(const struct vmm_args *args, const struct vmm_fds *fds, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	__cleanup_free char *journal = NULL;
	posix_spawnattr_t attr;
	char *envp[2] = { NULL };
	int err;

	if (getenv("JOURNAL_STREAM")) {
		if (asprintf(&journal, "JOURNAL_STREAM=%s", getenv("JOURNAL_STREAM")) < 0)
			return -ENOMEM;
		envp[0] = journal;
	}

	err = -posix_spawn_file_actions_init(&actions);
	if (err)
		return err;
	err = -posix_spawnattr_init(&attr);
	if (err)
		goto out_actions;
	err = vmm_spawn_files(&actions, fds);
	if (!err)
		err = vmm_spawn_attr(&attr);
	if (!err)
		err = -posix_spawn(ret_pid, args->argv[0], &actions, &attr, args->argv, envp);
	posix_spawnattr_destroy(&attr);
out_actions:
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

int vmm_spawn(const char *path, const struct vmm_options *options, struct vmm **ret)
{
	struct vmm_options child = *options;
	__cleanup(vmm_args_free) struct vmm_args args = { 0 };
	__cleanup(vmm_fds_close) struct vmm_fds fds = { 0 };
	struct vmm *vmm;
	int err;

	vmm = calloc(1, sizeof(*vmm));
	if (!vmm)
		return -ENOMEM;
	err = vmm_fds_move(&child, &fds);
	if (!err)
		err = vmm_args_build(path, &child, &args);
	if (!err)
		err = vmm_exec(&args, &fds, &vmm->pid);
	if (err) {
		free(vmm);
		return err;
	}

	vmm->slot_uid = options->slot_uid;
	vmm->pidfd = pidfd_open(vmm->pid, 0);	/* close-on-exec */
	if (vmm->pidfd < 0) {
		/* A VMM that we cannot watch must not run. */
		err = -errno;
		vmm_abort(vmm);
		return err;
	}
	*ret = vmm;
	return 0;
}

static int vmm_look(const struct vmm *vmm)
{
	struct pollfd pollfd = { .fd = vmm->pidfd, .events = POLLIN };
	int n = poll(&pollfd, 1, 0);

	if (n < 0)
		return -errno;
	return n ? 0 : -EAGAIN;
}

int vmm_reap(const struct vmm *vmm, struct vmm_end *ret)
{
	siginfo_t info = { 0 };

	if (vmm->adopted) {
		*ret = (struct vmm_end){ 0 };
		return vmm_look(vmm);
	}
	if (waitid(P_PIDFD, vmm->pidfd, &info, WEXITED | WNOHANG) < 0)
		return -errno;
	if (!info.si_pid)
		return -EAGAIN;
	*ret = (struct vmm_end){ .code = info.si_code, .status = info.si_status };
	return 0;
}

int vmm_kill(const struct vmm *vmm)
{
	return pidfd_send_signal(vmm->pidfd, SIGKILL, NULL, 0) < 0 ? -errno : 0;
}

void vmm_abort(struct vmm *vmm)
{
	/* The process id cannot be reused before the process has been waited for. */
	(void)kill(vmm->pid, SIGKILL);
	(void)waitpid(vmm->pid, NULL, 0);
	vmm_free(vmm);
}

void vmm_free(struct vmm *vmm)
{
	if (!vmm)
		return;
	fd_close(&vmm->pidfd);
	free(vmm);
}
