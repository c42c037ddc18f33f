/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of "ne-emu doctor". */

#ifndef NE_EMU_CLI_DOCTOR_DOCTOR_H
#define NE_EMU_CLI_DOCTOR_DOCTOR_H

#include <stddef.h>

enum doctor_status {
	DOCTOR_OK,
	DOCTOR_WARN,		/* works, but may surprise */
	DOCTOR_FAIL,		/* enclaves cannot run */
};

#define DOCTOR_FINDINGS_MAX	48
#define DOCTOR_TEXT_SIZE	200

/**
 * struct doctor_finding - result of one check
 * @check: name of the check; stable, for scripts
 * @status: ok, warning or failure
 * @text: what was found
 * @fix: how to fix it, or NULL
 */
struct doctor_finding {
	const char *check;
	enum doctor_status status;
	char text[DOCTOR_TEXT_SIZE];
	const char *fix;
};

/** struct doctor - all findings; @count: entries of @findings */
struct doctor {
	struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
	size_t count;
};

/** doctor_add() - add a finding; beyond DOCTOR_FINDINGS_MAX it is dropped */
__attribute__((format(printf, 5, 6)))
void doctor_add(struct doctor *doctor, const char *check, enum doctor_status status,
		const char *fix, const char *fmt, ...);

/* host.c: requirements of any hypervisor. */
void doctor_check_kvm(struct doctor *doctor);
void doctor_check_huge_pages(struct doctor *doctor);
void doctor_check_cpus(struct doctor *doctor);

/* emu.c: the modules, the device, ne-emud and the CPU pool. */
void doctor_check_module(struct doctor *doctor);
void doctor_check_device(struct doctor *doctor);
void doctor_check_daemon(struct doctor *doctor);
void doctor_check_pool(struct doctor *doctor);
void doctor_check_vsock(struct doctor *doctor);

/* vsock.c: lost packets, and programs of the host that enclaves can reach. */
void doctor_check_vsock_packets(struct doctor *doctor);
void doctor_check_vsock_ports(struct doctor *doctor);

/* attest.c: certificates. */
void doctor_check_attestation(struct doctor *doctor);

#endif
