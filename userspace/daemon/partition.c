// SPDX-License-Identifier: Apache-2.0
/*
 * The CPU pool as an isolated cpuset partition (cgroup v2), for vCPU threads only.
 *
 * The partition is a threaded cgroup below the supervisor's own, so that the vCPU threads
 * of VMMs can enter it while their other threads stay outside. The supervisor's cgroup is
 * not a partition, so this is a "remote" one: its CPUs must be listed in
 * cpuset.cpus.exclusive of every cgroup above it except the root, and CAP_SYS_ADMIN is
 * needed. Therefore the service is a child of the root cgroup (Slice=-.slice).
 */

#include "daemon/partition.h"

#include "common/log.h"
#include "common/paths.h"
#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CGROUP_DIR	"/sys/fs/cgroup"
#define EXCLUSIVE	"cpuset.cpus.exclusive"
#define STATE		"cpuset.cpus.partition"
#define ISOLATED	"isolated"
/* Maximum size of a file's text; lists of CPUs are the longest. */
#define TEXT_SIZE	4096

/* Read a file, without the blanks at its end. */
static int partition_read_text(int dir_fd, const char *name, char text[TEXT_SIZE])
{
	__cleanup_fd int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read_full(fd, text, TEXT_SIZE - 1);
	if (n < 0)
		return n;
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	text[n] = 0;
	return 0;
}

/* Write in one call, which the kernel takes as the whole value. */
static int partition_write_text(int dir_fd, const char *name, const char *text)
{
	__cleanup_fd int fd = openat(dir_fd, name, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static bool partition_reads(int dir_fd, const char *name, const char *expected)
{
	char text[TEXT_SIZE];

	return !partition_read_text(dir_fd, name, text) && !strcmp(text, expected);
}

/* Return: whether @list, which is separated by blanks, contains @word. */
static bool has_word(char *list, const char *word)
{
	char *rest = NULL;

	for (char *w = strtok_r(list, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		if (!strcmp(w, word))
			return true;
	return false;
}

/* Return: the path after "0::", the prefix of cgroup v2, in the text of /proc/self/cgroup. */
static const char *own_path(char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (!strncmp(line, "0::/", 4))
			return line + 3;
	return NULL;
}

static void partition_find_group(struct partition *p, const char *root)
{
	char path[PATH_MAX], text[TEXT_SIZE], controllers[TEXT_SIZE];
	__cleanup_fd int fd = -1;
	const char *own;

	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	own = partition_read_text(AT_FDCWD, path, text) ? NULL : own_path(text);
	if (!own) {
		(void)error_set(&p->cannot, -EOPNOTSUPP, "this host does not use cgroup v2");
		return;
	}

	snprintf(path, sizeof(path), "%s" CGROUP_DIR "%s", root, own);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || partition_read_text(fd, "cgroup.controllers", controllers))
		(void)error_set(&p->cannot, -EOPNOTSUPP, "cgroup v2 is not mounted on " CGROUP_DIR);
	else if (!has_word(controllers, "cpuset"))
		(void)error_set(&p->cannot, -EOPNOTSUPP, "cgroup %.80s has no cpuset controller: "
				"it needs Delegate=cpuset", own);
	else if (faccessat(fd, EXCLUSIVE, F_OK, 0))
		(void)error_set(&p->cannot, -EOPNOTSUPP, "cgroup %.80s has no " EXCLUSIVE
				", which kernels have since 6.7", own);
	else
		p->group_fd = fd_steal(&fd);
}

void partition_init(struct partition *p, const char *root, const char *run_dir, bool wanted)
{
	*p = (struct partition){
		.wanted = wanted,
		.group_fd = -1,
		.threads_fd = -1,
		.run_dir = run_dir,
	};
	partition_find_group(p, root);
}

void partition_exit(struct partition *p)
{
	fd_close(&p->threads_fd);
	fd_close(&p->group_fd);
}

/* Return: the partition's cgroup, or -1 if it does not exist. */
static int open_pool_group(const struct partition *p)
{
	if (p->group_fd < 0)
		return -1;
	return openat(p->group_fd, PARTITION_GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Undo the partition. Threads in its cgroup stay on the CPUs to which they are pinned. */
static void partition_undo(struct partition *p)
{
	__cleanup_fd int fd = open_pool_group(p);
	int err;

	fd_close(&p->threads_fd);
	if (fd < 0)
		return;
	err = partition_write_text(fd, STATE, "member");
	if (err && err != -ENOENT)
		log_warn("cannot undo the isolation of the CPU pool: %s", strerror(-err));

	/* An empty line clears the list. The upper cgroup must include the lower one's CPUs. */
	(void)partition_write_text(fd, EXCLUSIVE, "\n");
	(void)partition_write_text(p->group_fd, EXCLUSIVE, "\n");
	/* Fails while threads are in the cgroup, which does no harm. */
	if (!unlinkat(p->group_fd, PARTITION_GROUP, AT_REMOVEDIR))
		(void)partition_write_text(p->group_fd, "cgroup.subtree_control", "-cpuset");
}

static int create_group(struct partition *p, int *ret_fd)
{
	int err;

	if (mkdirat(p->group_fd, PARTITION_GROUP, 0755) && errno != EEXIST)
		return error_set(&p->reason, -errno, "cannot create a cgroup: %m");
	*ret_fd = open_pool_group(p);
	if (*ret_fd < 0)
		return error_set(&p->reason, -errno, "cannot open the cgroup " PARTITION_GROUP
				 ": %m");
	err = partition_reads(*ret_fd, "cgroup.type", "threaded") ? 0 :
	      partition_write_text(*ret_fd, "cgroup.type", "threaded");
	if (err)
		return error_set(&p->reason, err, "cannot create a threaded cgroup: %s",
				 strerror(-err));
	err = partition_write_text(p->group_fd, "cgroup.subtree_control", "+cpuset");
	return err ? error_set(&p->reason, err, "cannot use the cpuset controller: %s",
			       strerror(-err)) : 0;
}

static int make_exclusive(struct partition *p, int fd, const char *list)
{
	int err = partition_write_text(p->group_fd, EXCLUSIVE, list);

	if (!err)
		err = partition_write_text(fd, EXCLUSIVE, list);
	if (err == -EINVAL)
		return error_set(&p->reason, err,
				 "another cgroup has claimed CPUs of the pool (cpuset.cpus)");
	return err ? error_set(&p->reason, err, "cannot reserve the CPUs: %s",
			       strerror(-err)) : 0;
}

/* The kernel accepts every write; reading the file shows whether the partition is valid. */
static int partition_isolate(struct partition *p, int fd)
{
	char state[TEXT_SIZE] = "";
	int err = partition_write_text(fd, STATE, ISOLATED);

	if (!err)
		err = partition_read_text(fd, STATE, state);
	if (err)
		return error_set(&p->reason, err, "cannot make a partition: %s", strerror(-err));
	if (!strcmp(state, ISOLATED))
		return 0;
	return error_set(&p->reason, -EINVAL, "the kernel refuses the partition: \"%.100s\"",
			 state);
}

static int open_threads(struct partition *p, int fd)
{
	if (p->threads_fd < 0)
		p->threads_fd = openat(fd, "cgroup.threads", O_WRONLY | O_CLOEXEC);
	return p->threads_fd < 0 ?
		error_set(&p->reason, -errno, "cannot open cgroup.threads: %m") : 0;
}

static int partition_make(struct partition *p, const char *list)
{
	__cleanup_fd int fd = -1;
	int err;

	err = create_group(p, &fd);
	if (!err)
		err = make_exclusive(p, fd, list);
	if (!err)
		err = partition_isolate(p, fd);
	if (!err)
		err = open_threads(p, fd);
	if (!err)
		log_info("CPUs %s are isolated for enclaves", list);
	return err;
}

static bool is_made(struct partition *p, int fd, const char *list)
{
	return fd >= 0 && partition_reads(fd, STATE, ISOLATED) &&
	       partition_reads(fd, EXCLUSIVE, list) &&
	       partition_reads(p->group_fd, EXCLUSIVE, list);
}

static void sync_with(struct partition *p, const char *list, bool in_use)
{
	__cleanup_fd int fd = open_pool_group(p);

	if (is_made(p, fd, list)) {
		(void)open_threads(p, fd);	/* sets the reason on failure */
		return;
	}
	/*
	 * The kernel would move threads that are pinned to CPUs of the partition, but not
	 * in its cgroup, to other CPUs.
	 */
	if (in_use && (fd < 0 || partition_reads(fd, "cgroup.threads", ""))) {
		(void)error_set(&p->reason, -EBUSY, "running enclaves were started without "
				"isolation; it begins with the next start after they end");
		return;
	}
	partition_undo(p);
	if (partition_make(p, list))
		partition_undo(p);
}

static void write_down(struct partition *p, const char *list)
{
	__cleanup_fd int dir_fd = -1;
	__cleanup_fd int fd = -1;
	FILE *file;

	if (!p->run_dir)
		return;
	dir_fd = open(p->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!*list) {
		(void)unlinkat(dir_fd, NE_EMU_ISOLATION_FILE, 0);
		return;
	}
	/* Readable by everyone, independent of the umask. */
	fd = openat(dir_fd, NE_EMU_ISOLATION_FILE,
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || fchmod(fd, 0644)) {
		log_debug("cannot write %s/" NE_EMU_ISOLATION_FILE ": %m", p->run_dir);
		return;
	}
	file = fdopen(fd, "w");
	if (!file)
		return;
	(void)fd_steal(&fd);	/* file owns it now */
	fprintf(file, "%s\n%s\n", list, p->reason.text);
	(void)fclose(file);	/* ignore errors: the file is only informative */
}

void partition_sync(struct partition *p, const uint32_t *cpus, size_t count, bool in_use)
{
	__cleanup_free char *list = format_cpu_list(cpus, count);

	p->reason = (struct error){};
	if (!list)
		(void)error_set(&p->reason, -ENOMEM, "out of memory");
	else if (!*list || !p->wanted)
		partition_undo(p);
	else if (*p->cannot.text)
		p->reason = p->cannot;
	else
		sync_with(p, list, in_use);
	if (list && *list && !p->wanted)
		(void)error_set(&p->reason, 0, "it is switched off (--no-isolation)");

	if (strcmp(p->reason.text, p->told.text)) {
		if (*p->reason.text)
			log_write(p->wanted ? LOG_WARNING : LOG_INFO,
				  "the CPU pool is not isolated: %s", p->reason.text);
		p->told = p->reason;
	}
	if (list)
		write_down(p, list);
}
