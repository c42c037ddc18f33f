// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: what ne-emud itself can use, as it says. */

#include "cli/doctor/doctor.h"

#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>

/* Return: a positive errno; 0: it can use it; -1: it does not say. */
static int ask(const struct doctor *doctor, const char *what, const char **ret_path)
{
	const json_t *object = json_object_get(doctor->status, what);
	const json_t *errnum = json_object_get(object, "errno");

	*ret_path = json_string_value(json_object_get(object, "path"));
	if (!*ret_path)
		*ret_path = "";
	return json_is_integer(errnum) ? json_integer_value(errnum) : -1;
}

void doctor_check_kvm_access(struct doctor *doctor)
{
	const char *path;
	int errnum = ask(doctor, "kvm", &path);

	if (errnum <= 0)
		return;
	doctor_error(doctor, "kvm-forbidden", "ne-emud may not use %.100s: %s", path,
		     strerror(errnum));
	if (errnum == EACCES) {
		doctor_command(doctor, "sudo chmod 660 %.100s", path);
	} else {
		doctor_advice(doctor, "\"systemctl cat ne-emud\" shows drop-ins that take it away "
			      "(DeviceAllow=)");
	}
}

void doctor_check_vmm(struct doctor *doctor)
{
	const char *path;
	int errnum = ask(doctor, "vmm", &path);

	if (!errnum)
		doctor_ok(doctor, "ne-emud can run %.200s", path);
	if (errnum <= 0)
		return;
	if (errnum == EACCES) {
		doctor_error(doctor, "vmm-not-executable", "ne-emud may not run %.200s", path);
		doctor_command(doctor, "sudo chmod 755 %.200s", path);
		return;
	}
	doctor_error(doctor, "vmm-missing", "ne-emud cannot run %.200s: %s", path,
		     strerror(errnum));
	doctor_advice(doctor, "install nitro-enclaves-emu again");
}

void doctor_check_logs(struct doctor *doctor)
{
	const char *path;
	int errnum = ask(doctor, "logs", &path);

	if (!errnum)
		doctor_ok(doctor, "ne-emud can write logs to %.200s", path);
	if (errnum <= 0)
		return;
	if (errnum == ENOSPC) {
		doctor_warning(doctor, "logs-full", "%.200s has no space left: enclaves run, but "
			       "their logs and records are lost", path);
		doctor_advice(doctor, "remove files from that file system, or enlarge it");
	} else if (errnum == EROFS) {
		doctor_warning(doctor, "logs-read-only", "%.200s is read-only: enclaves run, but "
			       "their logs and records are lost", path);
		doctor_command(doctor, "sudo mount -o remount,rw \"$(findmnt -n -o TARGET --target "
			       "%.200s)\"", path);
	} else {
		doctor_warning(doctor, "logs-unwritable", "ne-emud may not write to %.200s (%s): "
			       "enclaves run, but their logs and records are lost", path,
			       strerror(errnum));
		doctor_command(doctor, "sudo install -d -o root -g ne -m 750 %s && sudo systemctl "
			       "restart ne-emud", NE_EMU_LOG_DIR);
	}
}

void doctor_check_run(struct doctor *doctor)
{
	const char *path;
	int errnum = ask(doctor, "run", &path);

	if (errnum <= 0)
		return;
	if (errnum == ENOSPC) {
		doctor_warning(doctor, "run-full", "%.200s has no space left: enclaves run, but "
			       "may lack certificates, and a restarted ne-emud does not know them",
			       path);
		doctor_advice(doctor, "remove files from that file system (df -h, df -i)");
	} else {
		doctor_warning(doctor, "run-unwritable", "ne-emud may not write to %.200s (%s): "
			       "enclaves run, but may lack certificates", path, strerror(errnum));
		doctor_command(doctor, "sudo systemctl restart ne-emud");
	}
}
