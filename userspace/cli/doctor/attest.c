// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: checks of the certificates for attestation. */

#include "cli/doctor/doctor.h"

#include "ca/cert.h"
#include "ca/store.h"
#include "cli/host/sysfs.h"
#include "common/paths.h"

#include <openssl/x509.h>
#include <string.h>
#include <time.h>

static X509 *read_root(void)
{
	char text[SYS_TEXT_SIZE];

	if (sys_read(text, NE_EMU_RUN_DIR "/" NE_EMU_ROOT_FILE))
		return NULL;
	return ca_cert_read(text, strlen(text));
}

/* Return: whether the root is valid now. */
static bool check_time(struct doctor *doctor)
{
	X509 *root = read_root();
	int64_t now = time(NULL);
	bool early, late;

	if (!root)
		return true;	/* ne-emud says more about it */
	early = now < ca_cert_begin(root);
	late = now > ca_cert_end(root);
	X509_free(root);
	if (early) {
		doctor_warning(doctor, "attestation-clock", "the clock of this machine is before "
			       "the first day of the root certificate");
		doctor_advice(doctor, "set the clock; if it is right, make a new root");
		doctor_command(doctor, "sudo ne-emu-ca rotate");
	} else if (late) {
		doctor_warning(doctor, "attestation-expired", "the root certificate has expired");
		doctor_command(doctor, "sudo ne-emu-ca rotate");
	}
	return !early && !late;
}

/* All of these are only warnings: enclaves run without certificates. */
void doctor_check_attestation(struct doctor *doctor)
{
	const char *error = json_string_value(json_object_get(doctor->status, "error"));
	const char *state_dir = json_string_value(json_object_get(doctor->status, "state_dir"));
	const char *sha256 = json_string_value(json_object_get(doctor->status, "root_sha256"));

	if (!doctor->status)
		return;
	if (error && strstr(error, ": chmod 700 it")) {
		doctor_warning(doctor, "attestation-private", "no certificates: %.300s", error);
		doctor_command(doctor, "sudo chmod 700 %.200s", state_dir ? state_dir :
			       CA_STATE_DIR);
	} else if (error) {
		doctor_warning(doctor, "attestation-root", "no certificates: %.300s", error);
		doctor_advice(doctor, "remove the cause; where that is not possible, make a new "
			      "root: sudo ne-emu-ca rotate");
	} else if (check_time(doctor)) {
		doctor_ok(doctor, "EMULATED root, SHA-256 %s", sha256 ? sha256 : "unknown");
	}
}
