// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: checks of the certificates for attestation. */

#include "cli/doctor/doctor.h"

#include "cli/enclave/daemon_client.h"

#include <errno.h>

static const char fix[] = "fix the problem, or make a new root: sudo ne-emu-ca rotate";

static void check_status(struct doctor *doctor, const json_t *status)
{
	const char *error = json_string_value(json_object_get(status, "error"));
	const char *sha256 = json_string_value(json_object_get(status, "root_sha256"));

	/* Only a warning: enclaves run without certificates. */
	if (error)
		doctor_add(doctor, "attestation", DOCTOR_WARN, fix, "no certificates: %s", error);
	else
		doctor_add(doctor, "attestation", DOCTOR_OK, NULL, "EMULATED root, SHA-256 %s",
			   sha256 ? sha256 : "unknown");
}

void doctor_check_attestation(struct doctor *doctor)
{
	struct error error;
	json_t *status;
	int err;

	err = daemon_request(json_pack("{s:s}", "command", "status"), &status, &error);
	if (!err) {
		check_status(doctor, status);
		json_decref(status);
	} else if (err != -ENOENT && err != -ECONNREFUSED) {
		/* Whether ne-emud runs is checked separately. */
		doctor_add(doctor, "attestation", DOCTOR_WARN, NULL, "%s", error.text);
	}
}
