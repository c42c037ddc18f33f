// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: the device, and who may use it. */

#include "cli/doctor/doctor.h"

#include "cli/host/sysfs.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP	"ne"
#define APPLY	"sudo udevadm control --reload && sudo udevadm trigger --settle " NE_DEVICE_PATH

/* @text: why it cannot be used, as a clause */
static void missing(struct doctor *doctor, const char *text)
{
	doctor_error(doctor, "device-missing", "%s %s although its module is loaded",
		     NE_DEVICE_PATH, text);
	if (doctor_in_container())
		doctor_advice(doctor, "give the container the device, as with \"podman run "
			      "--device " NE_DEVICE_PATH "\"");
	else
		doctor_command(doctor, "sudo modprobe -r nitro_enclaves_emu && sudo modprobe "
			       "nitro_enclaves_emu");
}

/* Is the user a member according to the database, which a login reads? */
static bool is_member(const struct group *group)
{
	const struct passwd *user = getpwuid(geteuid());

	if (!user)
		return false;
	if (user->pw_gid == group->gr_gid)
		return true;
	for (char **member = group->gr_mem; *member; member++)
		if (!strcmp(*member, user->pw_name))
			return true;
	return false;
}

static void not_allowed(struct doctor *doctor, gid_t gid)
{
	const struct group *group = getgrgid(gid);

	if (!group || !gid) {
		doctor_error(doctor, "device-group", "%s does not belong to group " GROUP ": only "
			     "root can use it", NE_DEVICE_PATH);
		doctor_command(doctor, getgrnam(GROUP) ? APPLY : "sudo systemd-sysusers "
			       "ne-emu.conf && " APPLY);
	} else if (is_member(group)) {
		doctor_error(doctor, "device-session", "this session is older than the membership "
			     "of this user in group %s, whose members may open %s", group->gr_name,
			     NE_DEVICE_PATH);
		doctor_advice(doctor, "log in again, or begin a shell with that group");
		if (sys_exists("/usr/bin/newgrp"))
			doctor_command(doctor, "newgrp %s", group->gr_name);
		else
			doctor_command(doctor, "sudo -iu $USER");
	} else {
		doctor_error(doctor, "device-permission", "this user may not open %s; members of "
			     "group %s may", NE_DEVICE_PATH, group->gr_name);
		doctor_advice(doctor, "join the group, then log in again");
		doctor_command(doctor, "sudo usermod -aG %s $USER", group->gr_name);
	}
}

static void check_group(struct doctor *doctor, gid_t gid)
{
	const struct group *group = getgrnam(GROUP);

	if (group && group->gr_gid == gid) {
		doctor_ok(doctor, "this user may open %s", NE_DEVICE_PATH);
		return;
	}
	doctor_warning(doctor, "device-group", "%s does not belong to group " GROUP ": only root "
		       "can use it", NE_DEVICE_PATH);
	doctor_command(doctor, group ? APPLY : "sudo systemd-sysusers ne-emu.conf && " APPLY);
}

void doctor_check_device(struct doctor *doctor)
{
	char path[SYS_PATH_SIZE];
	__cleanup_fd int fd = open(sys_path(path, NE_DEVICE_PATH), O_RDWR | O_CLOEXEC);
	int errnum = errno;
	struct stat st;

	if (stat(path, &st)) {
		missing(doctor, "is missing");
	} else if (fd < 0 && errnum == EPERM) {
		doctor_error(doctor, "device-cgroup", "the control group of this process may not "
			     "use %s", NE_DEVICE_PATH);
		doctor_advice(doctor, "give the container the device, as with \"podman run "
			      "--device " NE_DEVICE_PATH "\"");
	} else if (fd < 0 && errnum == EACCES) {
		not_allowed(doctor, st.st_gid);
	} else if (fd < 0) {
		missing(doctor, "cannot be opened");
	} else if (doctor->aws || doctor_in_container()) {
		doctor_ok(doctor, "this user may open %s", NE_DEVICE_PATH);
	} else {
		check_group(doctor, st.st_gid);
	}
}
