// SPDX-License-Identifier: Apache-2.0
/* The file systems of an enclave, and its root. */

#include "guest/init/mounts.h"

#include "guest/init/die.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

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

void mount_dev(void)
{
	do_mount(&dev_mount);
}

void enter_rootfs(void)
{
	struct stat st;

	if (stat("/rootfs", &st) || !S_ISDIR(st.st_mode))
		return;
	if (mount("/rootfs", "/rootfs", NULL, MS_BIND, NULL))
		die("cannot bind /rootfs");
	if (chdir("/rootfs") || mount(".", "/", NULL, MS_MOVE, NULL))
		die("cannot move /rootfs");
	if (chroot(".") || chdir("/"))
		die("cannot enter /rootfs");
	mount_dev();
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

void mount_all(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		do_mount(&mounts[i]);
	link_std_streams();
}
