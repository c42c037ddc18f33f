// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: does ne-emud run and answer, and if not, why? */

#include "cli/doctor/doctor.h"

#include "cli/enclave/daemon_client.h"
#include "cli/enclave/state.h"
#include "cli/host/sysfs.h"
#include "common/paths.h"
#include "common/text.h"
#include "common/util.h"
#include "daemon/settings_file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define UNIT		"ne-emud.service"
#define START		"sudo systemctl start ne-emud"
#define RESTART		"sudo systemctl restart ne-emud"
/* A start that failed too often is refused until this. */
#define START_AGAIN	"sudo systemctl reset-failed ne-emud && " START
#define STATUS_SECONDS	3
#define CGROUP_ROOT	"/sys/fs/cgroup"
#define VALUE_SIZE	64

/* What systemd says about the unit; each "" if it says nothing. */
struct unit {
	char load[VALUE_SIZE];
	char active[VALUE_SIZE];
	char result[VALUE_SIZE];
	char invocation[VALUE_SIZE];
};

/* Comment the line out that the message names: "FILE:LINE: ...". */
static void config_command(struct doctor *doctor, const char *message)
{
	const char *colon = message + strcspn(message, ":");
	unsigned int line;

	if (sscanf(colon, ":%u:", &line) != 1)
		return;
	doctor_advice(doctor, "correct the line; this turns it into a comment");
	doctor_command(doctor, "sudo sed -i '%us/^/#/' " NE_EMU_CONFIG_FILE " && (sudo systemctl "
		       "reset-failed ne-emud || true) && " RESTART, line);
}

void doctor_check_config(struct doctor *doctor)
{
	struct settings settings;
	char path[SYS_PATH_SIZE];
	struct error error;
	const char *text;
	int err;

	lab_init(&settings.attestation);
	err = settings_load(sys_path(path, NE_EMU_CONFIG_FILE), &settings, &error);
	if (err == -ENOENT || err == -EACCES)
		return;
	if (!err) {
		doctor_ok(doctor, "%s has no errors", NE_EMU_CONFIG_FILE);
		return;
	}
	text = error.text + strlen(sys_root());
	if (state_daemon_pid())
		doctor_warning(doctor, "config-invalid", "ne-emud will not start again: %s", text);
	else
		doctor_error(doctor, "config-invalid", "ne-emud does not start: %s", text);
	config_command(doctor, text);
}

static void read_value(const char *text, const char *key, char ret[VALUE_SIZE])
{
	const char *line = strstr(text, key);

	*ret = 0;
	if (line && (line == text || line[-1] == '\n'))
		snprintf(ret, VALUE_SIZE, "%.*s", (int)strcspn(line + strlen(key), "\n"),
			 line + strlen(key));
}

static void ask_unit(struct unit *unit)
{
	__cleanup_free char *text = doctor_ask("/usr/bin/systemctl", "show", UNIT, "--property",
					       "LoadState,ActiveState,Result,InvocationID", NULL);

	read_value(text ? text : "", "LoadState=", unit->load);
	read_value(text ? text : "", "ActiveState=", unit->active);
	read_value(text ? text : "", "Result=", unit->result);
	read_value(text ? text : "", "InvocationID=", unit->invocation);
}

/* The last line of the unit's journal since it was started the last time, or "". */
static void last_line(const struct unit *unit, char *ret, size_t size)
{
	static const char *const fields[] = { "_SYSTEMD_INVOCATION_ID=", "INVOCATION_ID=" };
	char match[2 * VALUE_SIZE];

	*ret = 0;
	for (size_t i = 0; i < ARRAY_SIZE(fields) && !*ret && *unit->invocation; i++) {
		__cleanup_free char *text = NULL;
		const char *line;

		snprintf(match, sizeof(match), "%s%s", fields[i], unit->invocation);
		text = doctor_ask("/usr/bin/journalctl", "-q", "--no-pager", "-o", "cat", "-n",
				  "1", match, NULL);
		if (!text)
			continue;
		line = strrchr(text, '\n');
		line = line ? line + 1 : text;
		(void)text_clean(ret, size, line, strlen(line));
	}
}

static void failed(struct doctor *doctor, const struct unit *unit)
{
	char line[200];

	last_line(unit, line, sizeof(line));
	doctor_error(doctor, "daemon-failed", "ne-emud has failed (%s)%s%s", unit->result,
		     *line ? "; its journal ends with: " : "", line);
	doctor_advice(doctor, "\"journalctl -u ne-emud\" has more; when the cause is gone, start "
		      "it again");
	doctor_command(doctor, START_AGAIN);
}

/* Neither a process nor a socket of it is here. */
static void stopped(struct doctor *doctor)
{
	struct unit unit = {};

	if (doctor_runs_systemd())
		ask_unit(&unit);
	if (!strcmp(unit.load, "masked")) {
		doctor_error(doctor, "daemon-masked", "ne-emud is not running, and its unit is "
			     "masked");
		doctor_command(doctor, "sudo systemctl unmask ne-emud && sudo systemctl unmask "
			       "--runtime ne-emud && " START);
	} else if (!strcmp(unit.load, "not-found")) {
		doctor_error(doctor, "daemon-unit-missing", "ne-emud is not running, and systemd "
			     "does not know its unit");
		doctor_advice(doctor, "if this fails, install nitro-enclaves-emu again");
		doctor_command(doctor, "sudo systemctl daemon-reload && " START);
	} else if (!strcmp(unit.active, "failed")) {
		failed(doctor, &unit);
	} else {
		doctor_error(doctor, "daemon-stopped", "ne-emud is not running, so enclaves "
			     "cannot be started");
		if (doctor_runs_systemd())
			doctor_command(doctor, START);
		else
			doctor_command(doctor, "sudo sh -c 'ne-emud > /var/log/ne-emud.log 2>&1 "
				       "&'");
	}
}

/* A process with the name of the supervisor, or 0. */
static uint64_t find_process(void)
{
	char path[SYS_PATH_SIZE], name[SYS_TEXT_SIZE];
	DIR *dir = opendir(sys_path(path, "/proc"));
	struct dirent *entry;
	uint64_t pid, found = 0;

	while (dir && !found && (entry = readdir(dir)))
		if (!parse_u64(entry->d_name, 10, INT32_MAX, &pid) &&
		    !sys_read(name, "/proc/%" PRIu64 "/comm", pid) && !strcmp(name, "ne-emud"))
			found = pid;
	if (dir)
		closedir(dir);
	return found;
}

static void not_reachable(struct doctor *doctor)
{
	uint64_t pid = state_daemon_pid();

	if (pid) {
		doctor_warning(doctor, "daemon-socket", "ne-emud runs (process %" PRIu64 ") "
			       "without its socket %s, which names and settings need", pid,
			       NE_EMU_RUN_DIR "/" NE_EMU_CONTROL_SOCKET);
		doctor_command(doctor, doctor_runs_systemd() ? RESTART : "sudo pkill -x ne-emud; "
			       "sudo sh -c 'ne-emud > /var/log/ne-emud.log 2>&1 &'");
		return;
	}
	/* The lock is in the directory of the host, if that is here. */
	if (doctor_in_container() && !sys_exists(NE_EMU_RUN_DIR "/ne-emud.lock")) {
		doctor_warning(doctor, "daemon-not-visible", "ne-emud cannot be seen from this "
			       "container; if it runs on the host, enclaves start all the same");
		doctor_advice(doctor, "mount " NE_EMU_RUN_DIR " of the host into the container");
		return;
	}
	pid = find_process();
	if (!pid) {
		stopped(doctor);
		return;
	}
	doctor_warning(doctor, "daemon-foreign", "process %" PRIu64 " is an ne-emud with other "
		       "directories than %s", pid, NE_EMU_RUN_DIR);
	doctor_advice(doctor, "it may serve starts, but names, settings and logs are not here; "
		      "end it, and start that of this system");
	if (doctor_runs_systemd())
		doctor_command(doctor, "sudo kill %" PRIu64 " && " RESTART, pid);
}

/* The control group of the process that is frozen itself, or "". */
static void frozen_group(uint64_t pid, char *group)
{
	char text[SYS_TEXT_SIZE], *line, *next = text, *slash;
	uint64_t frozen;

	*group = 0;
	if (sys_read(text, "/proc/%" PRIu64 "/cgroup", pid))
		return;
	while ((line = strsep(&next, "\n")))
		if (!strncmp(line, "0::/", 4))
			snprintf(group, SYS_PATH_SIZE, "%.400s", line + 3);
	while ((slash = strrchr(group, '/'))) {
		if (!sys_read_u64(&frozen, CGROUP_ROOT "%s/cgroup.freeze", group) && frozen)
			return;
		*slash = 0;
	}
}

static bool is_stopped(uint64_t pid)
{
	char text[SYS_TEXT_SIZE];

	return !sys_read(text, "/proc/%" PRIu64 "/status", pid) && strstr(text, "\nState:\tT");
}

static void does_not_answer(struct doctor *doctor)
{
	uint64_t pid = state_daemon_pid();
	char group[SYS_PATH_SIZE] = "";

	if (pid)
		frozen_group(pid, group);
	if (*group) {
		doctor_error(doctor, "daemon-frozen", "ne-emud (process %" PRIu64 ") does not "
			     "answer: its control group is frozen", pid);
		doctor_command(doctor, "echo 0 | sudo tee " CGROUP_ROOT "%.300s/cgroup.freeze",
			       group);
	} else if (pid && is_stopped(pid)) {
		doctor_error(doctor, "daemon-frozen", "ne-emud (process %" PRIu64 ") does not "
			     "answer: it was stopped by a signal", pid);
		doctor_command(doctor, "sudo kill -CONT %" PRIu64, pid);
	} else {
		doctor_error(doctor, "daemon-hangs", "ne-emud does not answer within %d s",
			     STATUS_SECONDS);
		if (doctor_runs_systemd())
			doctor_command(doctor, RESTART);
	}
}

static void check_version(struct doctor *doctor)
{
	const char *version = json_string_value(json_object_get(doctor->status, "version"));
	uint64_t pid = state_daemon_pid();

	if (!version || strcmp(version, NE_EMU_VERSION)) {
		doctor_warning(doctor, "daemon-version", "ne-emud has %s%.32s, but this program "
			       "has version %s", version ? "version " : "an earlier version",
			       version ? version : "", NE_EMU_VERSION);
		if (doctor_runs_systemd())
			doctor_command(doctor, RESTART);
	} else if (pid) {
		doctor_ok(doctor, "ne-emud runs (process %" PRIu64 ")", pid);
	} else {
		doctor_ok(doctor, "ne-emud runs");
	}
}

static void no_answer(struct doctor *doctor, int err, const struct error *error)
{
	uint64_t pid = state_daemon_pid();

	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
		not_reachable(doctor);
		return;
	case -EAGAIN:
		does_not_answer(doctor);
		return;
	case -EACCES:
		if (pid) {	/* the check of the device has said who may ask it */
			doctor_ok(doctor, "ne-emud runs (process %" PRIu64 ")", pid);
			return;
		}
	}
	doctor_warning(doctor, "daemon-refuses", "ne-emud does not report its state: %s",
		       error->text);
	doctor_advice(doctor, "ask as a member of group ne, or as root");
}

void doctor_check_daemon(struct doctor *doctor)
{
	struct error error;
	int err = daemon_request_within(STATUS_SECONDS, json_pack("{s:s}", "command", "status"),
					&doctor->status, &error);

	if (!err) {
		check_version(doctor);
		return;
	}
	doctor->status = NULL;
	no_answer(doctor, err, &error);
}
