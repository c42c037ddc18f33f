// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: check whether this machine can run enclaves and suggest fixes. */

#include "cli/commands.h"
#include "cli/doctor/doctor.h"
#include "cli/enclave/pool.h"
#include "cli/enclave/state.h"
#include "cli/host/sysfs.h"

#include "common/util.h"

#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void (*const checks[])(struct doctor *doctor) = {
	doctor_check_kvm,
	doctor_check_module,
	doctor_check_device,
	doctor_check_daemon,
	doctor_check_vsock,
	doctor_check_vsock_packets,
	doctor_check_vsock_ports,
	doctor_check_attestation,
	doctor_check_cpus,
	doctor_check_pool,
	doctor_check_huge_pages,
};

static const char *const status_names[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WARN] = "warn",
	[DOCTOR_FAIL] = "fail",
};

static const enum term_colour status_colours[] = {
	[DOCTOR_OK] = TERM_GREEN,
	[DOCTOR_WARN] = TERM_YELLOW,
	[DOCTOR_FAIL] = TERM_RED,
};

void doctor_add(struct doctor *doctor, const char *check, enum doctor_status status,
		const char *fix, const char *fmt, ...)
{
	struct doctor_finding *finding = &doctor->findings[doctor->count];
	va_list args;

	if (doctor->count == DOCTOR_FINDINGS_MAX)
		return;
	*finding = (struct doctor_finding){ .check = check, .status = status, .fix = fix };
	va_start(args, fmt);
	vsnprintf(finding->text, sizeof(finding->text), fmt, args);
	va_end(args);
	doctor->count++;
}

static size_t count_status(const struct doctor *doctor, enum doctor_status status)
{
	size_t count = 0;

	for (size_t i = 0; i < doctor->count; i++)
		count += doctor->findings[i].status == status;
	return count;
}

static void print_text(const struct doctor *doctor)
{
	struct utsname uts;

	if (!uname(&uts))
		printf("ne-emu %s, Linux %s, %s\n\n", NE_EMU_VERSION, uts.release, uts.machine);
	for (size_t i = 0; i < doctor->count; i++) {
		const struct doctor_finding *f = &doctor->findings[i];

		printf("%s%-4s%s  %-12s %s\n",
		       term_colour(STDOUT_FILENO, status_colours[f->status]),
		       status_names[f->status], term_colour(STDOUT_FILENO, TERM_PLAIN), f->check,
		       f->text);
		if (f->fix)
			printf("%19s-> %s\n", "", f->fix);
	}
	printf("\n%zu ok, %zu warnings, %zu failed%s\n", count_status(doctor, DOCTOR_OK),
	       count_status(doctor, DOCTOR_WARN), count_status(doctor, DOCTOR_FAIL),
	       count_status(doctor, DOCTOR_FAIL) ? "" : ": enclaves can run here");
}

static int print_json(const struct doctor *doctor)
{
	__cleanup(pool_free) struct pool pool;
	struct json_out out = {};
	struct utsname uts = {};

	(void)uname(&uts);	/* only fails for a bad pointer */
	json_out_object(&out, NULL);
	json_out_bool(&out, "Ok", !count_status(doctor, DOCTOR_FAIL));
	json_out_str(&out, "Version", NE_EMU_VERSION);
	json_out_str(&out, "Kernel", uts.release);
	json_out_str(&out, "Machine", uts.machine);
	if (pool_read(&pool))
		json_out_null(&out, "CPUPool");
	else
		pool_json(&out, "CPUPool", &pool);
	json_out_array(&out, "Findings");
	for (size_t i = 0; i < doctor->count; i++) {
		const struct doctor_finding *f = &doctor->findings[i];

		json_out_object(&out, NULL);
		json_out_str(&out, "Check", f->check);
		json_out_str(&out, "Status", status_names[f->status]);
		json_out_str(&out, "Text", f->text);
		json_out_str(&out, "Fix", f->fix);
		json_out_end(&out);
	}
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
	struct doctor doctor = {};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		checks[i](&doctor);
	if (!wanted->json)
		print_text(&doctor);
	else if (print_json(&doctor))
		return COMMAND_FAILED;
	return count_status(&doctor, DOCTOR_FAIL) ? COMMAND_FAILED : COMMAND_OK;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "check that this machine can run enclaves",
	.about = "Check that this machine can run enclaves, and suggest a fix for each problem.\n"
		 "The exit code is 1 if something is missing",
	.options = options,
	.size = sizeof(struct doctor_options),
	.run = doctor_run,
};
