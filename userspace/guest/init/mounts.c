// SPDX-License-Identifier: Apache-2.0
/* The file systems of an enclave, and its root. */

#include "guest/init/mounts.h"

#include "guest/init/die.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_ONLY	(MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define CGROUPS		"/sys/fs/cgroup"

/**
 * struct mount_point - a file system
 * @source: what /proc/mounts shows as the device
 * @needed: false: kernels may lack it
 */
struct mount_point {
	const char *source;
	const char *type;
	const char *path;
	const char *options;
	unsigned long flags;
	mode_t mode;
	bool needed;
};

static const struct mount_point dev_mount = {
	"dev", "devtmpfs", "/dev", NULL, MS_NOSUID | MS_NOEXEC, 0755, true,
};

/* Flags and sources as in AWS's init. */
static const struct mount_point mounts[] = {
	{ "proc", "proc", "/proc", NULL, DATA_ONLY, 0555, true },
	{ "sysfs", "sysfs", "/sys", NULL, DATA_ONLY, 0555, true },
	{ "tmpfs", "tmpfs", "/run", "mode=0755", DATA_ONLY, 0755, true },
	{ "tmpfs", "tmpfs", "/tmp", "mode=1777", DATA_ONLY, 01777, true },
	{ "shm", "tmpfs", "/dev/shm", "mode=1777", DATA_ONLY, 01777, true },
	{ "devpts", "devpts", "/dev/pts", NULL, MS_NOSUID | MS_NOEXEC, 0755, false },
};

static const struct mount_point message_queues = {
	"mqueue", "mqueue", "/dev/mqueue", NULL, DATA_ONLY, 01777, false,
};

static void do_mount(const struct mount_point *m)
{
	if (mkdir(m->path, m->mode) && errno != EEXIST)
		die("cannot create %s", m->path);
	if (!mount(m->source, m->path, m->type, m->flags, m->options))
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

/*
 * AWS's init mounts each controller of version 1 by itself. It ends if one cannot be mounted;
 * newer kernels may list controllers that they have only in version 2.
 */
static void mount_controllers(void)
{
	FILE *list = fopen("/proc/cgroups", "re");
	char path[sizeof(CGROUPS) + 64], name[64];
	int enabled;

	if (!list || mount("cgroup_root", CGROUPS, "tmpfs", DATA_ONLY, "mode=0755"))
		die("cannot mount tmpfs on " CGROUPS);
	(void)fscanf(list, "%*[^\n]");
	while (fscanf(list, "%63s %*d %*d %d", name, &enabled) == 2) {
		if (!enabled)
			continue;
		snprintf(path, sizeof(path), CGROUPS "/%s", name);
		if (mkdir(path, 0755))
			die("cannot create %s", path);
		if (mount(name, path, "cgroup", DATA_ONLY, name))
			(void)rmdir(path);
	}
	fclose(list);
}

static void mount_cgroups(bool as_aws)
{
	/* Kernels without control groups have no such directory. */
	if (access(CGROUPS, F_OK))
		return;
	if (as_aws)
		mount_controllers();
	else if (mount("cgroup", CGROUPS, "cgroup2", DATA_ONLY, NULL))
		die("cannot mount cgroup2 on " CGROUPS);
}

void mount_all(bool as_aws)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		do_mount(&mounts[i]);
	if (!as_aws)
		do_mount(&message_queues);
	mount_cgroups(as_aws);
	link_std_streams();
}

void open_devices(void)
{
	static const char *const devices[] = { "/dev/nsm", "/dev/vsock" };

	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (chmod(devices[i], 0666) && errno != ENOENT)
			die("cannot change the mode of %s", devices[i]);
}
