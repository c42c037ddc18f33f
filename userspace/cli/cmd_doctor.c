// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: check whether this machine can run enclaves and suggest fixes. */

#include "cli/commands.h"
#include "cli/doctor/doctor.h"
#include "cli/enclave/pool.h"
#include "cli/enclave/state.h"
#include "cli/host/sysfs.h"

#include "common/util.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/**
 * struct doctor_check - a check
 * @name: its name
 * @run: adds findings
 * @emulator: does not concern a host of real enclaves
 * @needs: checks without whose success this one would only report consequences
 */
struct doctor_check {
	const char *name;
	void (*run)(struct doctor *doctor);
	bool emulator;
	const char *needs[3];
};

/* Causes before consequences. */
static const struct doctor_check checks[] = {
	{ "limits", doctor_check_limits, .emulator = false },
	{ "kvm", doctor_check_kvm, .emulator = true },
	{ "nested", doctor_check_nested, .emulator = true, .needs = { "kvm" } },
	{ "module", doctor_check_module, .emulator = false },
	{ "device", doctor_check_device, .needs = { "module" } },
	{ "config", doctor_check_config, .emulator = true },
	{ "daemon", doctor_check_daemon, .emulator = true,
	  .needs = { "limits", "module", "config" } },
	{ "kvm-access", doctor_check_kvm_access, .emulator = true, .needs = { "kvm", "daemon" } },
	{ "vmm", doctor_check_vmm, .emulator = true, .needs = { "daemon" } },
	{ "logs", doctor_check_logs, .emulator = true, .needs = { "daemon" } },
	{ "run", doctor_check_run, .emulator = true, .needs = { "daemon" } },
	{ "attestation", doctor_check_attestation, .emulator = true, .needs = { "daemon" } },
	{ "vsock", doctor_check_vsock, .needs = { "module" } },
	{ "vhost-vsock", doctor_check_vhost, .emulator = true, .needs = { "vsock" } },
	{ "cpus", doctor_check_cpus, .emulator = false },
	{ "cpu-pool", doctor_check_pool, .needs = { "limits", "module", "cpus" } },
	{ "isolation", doctor_check_isolation, .emulator = true, .needs = { "cpu-pool" } },
	{ "huge-pages", doctor_check_huge_pages, .needs = { "limits", "cpu-pool" } },
	{ "guest", doctor_check_guest, .emulator = false },
	{ "images", doctor_check_images, .emulator = false },
	{ "vsock-ports", doctor_check_vsock_ports, .needs = { "vsock" } },
	{ "vsock-packets", doctor_check_vsock_packets, .needs = { "vsock" } },
};

/* With blank and brackets. */
#define DOCTOR_ID_SIZE	40

__attribute__((format(printf, 4, 0)))
static void add(struct doctor *doctor, const char *id, enum finding_status status, const char *fmt,
		va_list args)
{
	struct doctor_finding *finding = &doctor->findings[doctor->count];

	if (doctor->count == DOCTOR_FINDINGS_MAX)
		return;
	*finding = (struct doctor_finding){ .check = doctor->check, .id = id, .status = status };
	vsnprintf(finding->text, sizeof(finding->text), fmt, args);
	doctor->count++;
}

void doctor_ok(struct doctor *doctor, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(doctor, NULL, FINDING_OK, fmt, args);
	va_end(args);
}

void doctor_warning(struct doctor *doctor, const char *id, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(doctor, id, FINDING_WARNING, fmt, args);
	va_end(args);
}

void doctor_error(struct doctor *doctor, const char *id, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(doctor, id, FINDING_ERROR, fmt, args);
	va_end(args);
}

void doctor_advice(struct doctor *doctor, const char *fmt, ...)
{
	struct doctor_finding *finding = &doctor->findings[doctor->count - 1];
	va_list args;

	va_start(args, fmt);
	vsnprintf(finding->advice, sizeof(finding->advice), fmt, args);
	va_end(args);
}

void doctor_command(struct doctor *doctor, const char *fmt, ...)
{
	struct doctor_finding *finding = &doctor->findings[doctor->count - 1];
	va_list args;

	va_start(args, fmt);
	vsnprintf(finding->command, sizeof(finding->command), fmt, args);
	va_end(args);
}

bool doctor_failed(const struct doctor *doctor, const char *check)
{
	for (size_t i = 0; i < doctor->count; i++)
		if (doctor->findings[i].status == FINDING_ERROR &&
		    !strcmp(doctor->findings[i].check, check))
			return true;
	return false;
}

/* A bit for each entry of checks[] that did not run because of an error. */
typedef uint32_t check_set;

static_assert(ARRAY_SIZE(checks) <= 8 * sizeof(check_set));

static size_t check_index(const char *name)
{
	size_t i = 0;

	while (strcmp(checks[i].name, name))
		i++;
	return i;
}

static bool has_cause(const struct doctor *doctor, const struct doctor_check *check,
		      check_set left_out)
{
	for (size_t i = 0; i < ARRAY_SIZE(check->needs) && check->needs[i]; i++)
		if (doctor_failed(doctor, check->needs[i]) ||
		    left_out >> check_index(check->needs[i]) & 1)
			return true;
	return false;
}

/* Return: the checks that an error has left out. */
static check_set run_checks(struct doctor *doctor)
{
	check_set left_out = 0;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const struct doctor_check *check = &checks[i];

		doctor->check = check->name;
		if (has_cause(doctor, check, left_out))
			left_out |= (check_set)1 << i;
		else if (!check->emulator || !doctor->aws)
			check->run(doctor);
	}
	return left_out;
}

static size_t count_status(const struct doctor *doctor, enum finding_status status)
{
	size_t count = 0;

	for (size_t i = 0; i < doctor->count; i++)
		count += doctor->findings[i].status == status;
	return count;
}

static void print_finding(const struct doctor_finding *finding)
{
	char text[DOCTOR_TEXT_SIZE + DOCTOR_ID_SIZE];
	bool has_id = finding->id;

	snprintf(text, sizeof(text), "%s%s%s%s", finding->text, has_id ? " [" : "",
		 has_id ? finding->id : "", has_id ? "]" : "");
	finding_print(finding->status, finding->check, text);
	if (*finding->advice)
		printf("%22s-> %s\n", "", finding->advice);
	if (*finding->command)
		printf("%22s-> %s\n", "", finding->command);
}

static void print_left_out(check_set left_out)
{
	const char *before = "\nnot checked before that is solved: ";

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (left_out >> i & 1) {
			printf("%s%s", before, checks[i].name);
			before = ", ";
		}
	if (left_out)
		putchar('\n');
}

static void print_text(const struct doctor *doctor, check_set left_out)
{
	size_t warnings = count_status(doctor, FINDING_WARNING);
	size_t errors = count_status(doctor, FINDING_ERROR);
	struct utsname uts;

	if (!uname(&uts))
		printf("ne-emu %s, Linux %s, %s\n\n", NE_EMU_VERSION, uts.release, uts.machine);
	for (size_t i = 0; i < doctor->count; i++)
		print_finding(&doctor->findings[i]);
	print_left_out(left_out);
	printf("\n%zu ok, %zu warning%s, %zu failed%s\n", count_status(doctor, FINDING_OK),
	       warnings, warnings == 1 ? "" : "s", errors,
	       errors ? "" : ": enclaves can run here");
}

static void json_findings(struct json_out *out, const struct doctor *doctor)
{
	json_out_array(out, "Findings");
	for (size_t i = 0; i < doctor->count; i++) {
		const struct doctor_finding *f = &doctor->findings[i];

		finding_begin_json(out, f->status, f->check, f->text);
		json_out_str(out, "Id", f->id);
		json_out_str(out, "Fix", *f->advice ? f->advice : NULL);
		json_out_str(out, "Command", *f->command ? f->command : NULL);
		json_out_end(out);
	}
	json_out_end(out);
}

static void json_left_out(struct json_out *out, check_set left_out)
{
	json_out_array(out, "NotChecked");
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (left_out >> i & 1)
			json_out_str(out, NULL, checks[i].name);
	json_out_end(out);
}

static int print_json(const struct doctor *doctor, check_set left_out)
{
	__cleanup(pool_free) struct pool pool;
	struct json_out out = {};
	struct utsname uts = {};

	(void)uname(&uts);	/* only fails for a bad pointer */
	json_out_document(&out);
	json_out_bool(&out, "Ok", !count_status(doctor, FINDING_ERROR));
	json_out_str(&out, "Version", NE_EMU_VERSION);
	json_out_str(&out, "Kernel", uts.release);
	json_out_str(&out, "Machine", uts.machine);
	if (pool_read(&pool))
		json_out_null(&out, "CPUPool");
	else
		pool_json(&out, "CPUPool", &pool);
	json_findings(&out, doctor);
	json_left_out(&out, left_out);
	return json_out_print(&out, stdout, 2);
}

struct doctor_options {
	bool json;
};

static const struct opt options[] = {
	OPT_FLAG("json", struct doctor_options, json, "print one JSON object"),
	{}
};

static int doctor_run(const struct command_call *call)
{
	const struct doctor_options *wanted = call->options;
	struct doctor *doctor = calloc(1, sizeof(*doctor));
	int code = COMMAND_OK;
	check_set left_out;

	if (!doctor) {
		term_error("out of memory");
		return COMMAND_FAILED;
	}
	left_out = run_checks(doctor);
	if (!wanted->json)
		print_text(doctor, left_out);
	else if (print_json(doctor, left_out))
		code = COMMAND_FAILED;
	if (count_status(doctor, FINDING_ERROR))
		code = COMMAND_FAILED;
	json_decref(doctor->status);
	free(doctor);
	return code;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "check that this machine can run enclaves",
	.about = "Check that this machine can run enclaves, and suggest a fix for each problem.\n"
		 "Changes nothing. The exit code is 1 if enclaves cannot run",
	.options = options,
	.size = sizeof(struct doctor_options),
	.run = doctor_run,
};
