// SPDX-License-Identifier: Apache-2.0
/*
 * PID 1 of the sample image, in the role of the init that AWS ships: notifies the parent
 * that the enclave has booted, runs one command, and reboots when the command ends.
 *
 * The command consists of the lines of /cmd (one argument each), with the environment in
 * the lines of /env, or is /payload if there is no /cmd. If there is a directory /rootfs,
 * it becomes the root first, and the command is searched for in it.
 *
 * In addition to AWS's init, the first line of /workdir is the command's working
 * directory, and the lines of /user are the ids of its user, its group and further groups.
 *
 * Any failure ends this process, so that the kernel panics, and reboots if "panic=" is set.
 * SIGUSR1 does the same deliberately.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/nitro_enclaves_emu.h>
#include <linux/vm_sockets.h>

#define LIST_SIZE_MAX	(64 * 1024)	/* of /cmd and /env, bytes */
#define LIST_ITEMS_MAX	1024

#define DEFAULT_PATH	"PATH=/sbin:/usr/sbin:/bin:/usr/bin"

__attribute__((noreturn, format(printf, 1, 2)))
static void die(const char *fmt, ...)
{
	int error = errno;
	va_list args;

	fputs("init: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(error));
	exit(1);
}

struct mount_point {
	const char *type;
	const char *path;
	const char *options;
	unsigned long flags;
	mode_t mode;
	bool needed;
};

static const struct mount_point dev_mount = {
	"devtmpfs", "/dev", NULL, MS_NOSUID | MS_NOEXEC, 0755, true,
};

static const struct mount_point mounts[] = {
	{ "proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0555, true },
	{ "sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0555, true },
	{ "tmpfs", "/run", "mode=0755", MS_NOSUID | MS_NODEV, 0755, true },
	{ "tmpfs", "/tmp", "mode=1777", MS_NOSUID | MS_NODEV, 01777, true },
	{ "tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV, 01777, true },
	/* Not needed: kernels without pseudo-terminals do not have it. */
	{ "devpts", "/dev/pts", NULL, MS_NOSUID | MS_NOEXEC, 0755, false },
};

static void do_mount(const struct mount_point *m)
{
	if (mkdir(m->path, m->mode) && errno != EEXIST)
		die("cannot create %s", m->path);
	if (!mount(m->type, m->path, m->type, m->flags, m->options))
		return;
	/* EBUSY: the kernel has mounted devtmpfs itself. */
	if (errno != EBUSY && (m->needed || errno != ENODEV))
		die("cannot mount %s on %s", m->type, m->path);
}

static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		die("cannot open /dev/console");
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		die("cannot use /dev/console");
	if (fd > 2)
		close(fd);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

static void load_nsm(void)
{
	int fd = open("/nsm.ko", O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0)
		die("cannot open /nsm.ko");
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		die("cannot load /nsm.ko");
	close(fd);
	if (unlink("/nsm.ko"))
		die("cannot remove /nsm.ko");
}

/* Notify the parent that the enclave has booted; it answers with the same byte. */
static void send_heartbeat(void)
{
	const struct sockaddr_vm parent = {
		.svm_family = AF_VSOCK,
		.svm_cid = NE_EMU_CID_PARENT,
		.svm_port = NE_EMU_HEARTBEAT_PORT,
	};
	unsigned char byte = NE_EMU_HEARTBEAT_BYTE;
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	if (fd < 0)
		die("heartbeat: no vsock");
	if (connect(fd, (const struct sockaddr *)&parent, sizeof(parent)))
		die("heartbeat: cannot connect to CID 3 port 9000");
	if (write(fd, &byte, 1) != 1)
		die("heartbeat: cannot send");
	byte = 0;
	n = read(fd, &byte, 1);
	if (n != 1 || byte != NE_EMU_HEARTBEAT_BYTE) {
		if (n >= 0)
			errno = EPROTO;
		die("heartbeat: not a valid answer");
	}
	close(fd);
}

/*
 * Read the lines of a file into a NULL-terminated list, which is never freed, and remove
 * the file. Return: the list, or NULL if there is no such file.
 */
static char **read_list(const char *path, size_t *ret_count)
{
	char *text = malloc(LIST_SIZE_MAX + 1);
	char **items = calloc(LIST_ITEMS_MAX + 1, sizeof(*items));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = 0, count = 0;
	char *line;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd < 0 || !text || !items)
		die("cannot open %s", path);
	while ((n = read(fd, text + size, LIST_SIZE_MAX - size)) > 0)
		size += n;
	if (n < 0)
		die("cannot read %s", path);
	close(fd);
	if (unlink(path))
		die("cannot remove %s", path);
	errno = E2BIG;
	if (size == LIST_SIZE_MAX)
		die("%s", path);
	text[size] = 0;
	while ((line = strsep(&text, "\n"))) {
		if (!*line && !text)
			break;		/* after the last newline */
		if (count == LIST_ITEMS_MAX)
			die("%s", path);
		items[count++] = line;
	}
	*ret_count = count;
	return items;
}

/* Move "/rootfs" over "/", as for a container. The old root, a ramfs, stays below. */
static bool enter_rootfs(void)
{
	struct stat st;

	if (stat("/rootfs", &st) || !S_ISDIR(st.st_mode))
		return false;
	if (mount("/rootfs", "/rootfs", NULL, MS_BIND, NULL))
		die("cannot bind /rootfs");
	if (chdir("/rootfs") || mount(".", "/", NULL, MS_MOVE, NULL))
		die("cannot move /rootfs");
	if (chroot(".") || chdir("/"))
		die("cannot enter /rootfs");
	return true;
}

static void link_std_streams(void)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },
		{ "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" },
	};

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][0], links[i][1]) && errno != EEXIST)
			die("cannot create %s", links[i][1]);
}

/* User, groups and working directory of the command, from /user and /workdir. */
struct identity {
	char **user;
	size_t nr_user;
	char **workdir;
	size_t nr_workdir;
};

static unsigned long parse_id(const char *text)
{
	char *end;
	unsigned long id = strtoul(text, &end, 10);

	errno = EINVAL;
	if (end == text || *end || id >= (uid_t)-1)
		die("/user: \"%s\" is not a user or group ID", text);
	return id;
}

static void take_identity(const struct identity *identity)
{
	gid_t groups[NGROUPS_MAX];
	size_t nr_groups = 0;

	if (identity->nr_workdir && chdir(identity->workdir[0]))
		die("cannot go to %s", identity->workdir[0]);
	if (!identity->nr_user)
		return;
	errno = EINVAL;
	if (identity->nr_user < 2 || identity->nr_user - 2 > NGROUPS_MAX)
		die("/user has %zu lines", identity->nr_user);
	for (size_t i = 2; i < identity->nr_user; i++)
		groups[nr_groups++] = parse_id(identity->user[i]);
	if (setgroups(nr_groups, groups) || setgid(parse_id(identity->user[1])) ||
	    setuid(parse_id(identity->user[0])))
		die("cannot become user %s", identity->user[0]);
}

static pid_t start_command(char **argv, char **envp, const struct identity *identity)
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
	take_identity(identity);
	putenv(envp[0]);	/* execvpe() uses the PATH of the caller */
	execvpe(argv[0], argv, envp);
	die("cannot run %s", argv[0]);
}

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

/* All signals are blocked, so that those waited for here stay pending until then. */
static void wait_for(pid_t command)
{
	sigset_t wanted;
	int sig, status;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGUSR1);
	for (;;) {
		pid_t pid;

		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid != command)
				continue;
			if (WIFEXITED(status))
				printf("init: command exited with status %d\n",
				       WEXITSTATUS(status));
			else
				printf("init: command killed by signal %d\n", WTERMSIG(status));
			return;
		}
		if (!sigwait(&wanted, &sig) && sig == SIGUSR1) {
			errno = ECANCELED;
			die("SIGUSR1 requests a panic");
		}
	}
}

int main(void)
{
	static char *payload[] = { (char *)"/payload", NULL };
	struct identity identity = {};
	size_t nr_args = 0, nr_env = 0;
	char **argv, **env, **envp;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	do_mount(&dev_mount);
	open_console();
	load_nsm();
	send_heartbeat();

	env = read_list("/env", &nr_env);
	argv = read_list("/cmd", &nr_args);
	identity.user = read_list("/user", &identity.nr_user);
	identity.workdir = read_list("/workdir", &identity.nr_workdir);
	if (!argv)
		argv = payload;
	errno = ENODATA;
	if (!argv[0])
		die("/cmd");
	envp = make_environment(env, nr_env);
	if (enter_rootfs())
		do_mount(&dev_mount);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		do_mount(&mounts[i]);
	link_std_streams();

	wait_for(start_command(argv, envp, &identity));
	sync();
	reboot(RB_AUTOBOOT);
	die("cannot reboot");
}
