/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of "ne-emu doctor". A check reports findings: that all is well, or a problem with an
 * id, which scripts and Documentation/troubleshooting.rst know. A check whose cause has failed
 * does not run, so that one cause gives one finding. No check changes the host.
 */

#ifndef NE_EMU_CLI_DOCTOR_DOCTOR_H
#define NE_EMU_CLI_DOCTOR_DOCTOR_H

#include "cli/finding.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than all checks report, with two channels of each of the module's enclaves. */
#define DOCTOR_FINDINGS_MAX	400
#define DOCTOR_TEXT_SIZE	400

/**
 * struct doctor_finding - a result of a check
 * @check: name of the check
 * @id: which problem it is; NULL: none
 * @status: ok, warning or error
 * @text: what was found
 * @advice: what to do that no command does, or what to do before @command; "": nothing
 * @command: line for a shell that solves the problem; "": there is none
 */
struct doctor_finding {
	const char *check;
	const char *id;
	enum finding_status status;
	char text[DOCTOR_TEXT_SIZE];
	char advice[DOCTOR_TEXT_SIZE];
	char command[DOCTOR_TEXT_SIZE];
};

/**
 * struct doctor - the findings, and what checks leave for others
 * @findings: in the order of the checks
 * @count: entries of @findings
 * @check: name of the check that runs
 * @aws: the AWS driver provides the device: this is a host for real enclaves
 * @status: ne-emud's answer to "status"; NULL if there is none
 */
struct doctor {
	struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
	size_t count;
	const char *check;
	bool aws;
	json_t *status;
};

/* The following functions add a finding of the running check; @id is a literal. */

/** doctor_ok() - report that something is as it should be */
__attribute__((format(printf, 2, 3)))
void doctor_ok(struct doctor *doctor, const char *fmt, ...);
/** doctor_warning() - report a problem with which enclaves run all the same */
__attribute__((format(printf, 3, 4)))
void doctor_warning(struct doctor *doctor, const char *id, const char *fmt, ...);
/** doctor_error() - report a problem that keeps enclaves from running */
__attribute__((format(printf, 3, 4)))
void doctor_error(struct doctor *doctor, const char *id, const char *fmt, ...);

/** doctor_advice() - say in words how to solve the last problem */
__attribute__((format(printf, 2, 3)))
void doctor_advice(struct doctor *doctor, const char *fmt, ...);
/** doctor_command() - give the command that solves the last problem */
__attribute__((format(printf, 2, 3)))
void doctor_command(struct doctor *doctor, const char *fmt, ...);

/** doctor_failed() - has a check of this name reported an error? */
bool doctor_failed(const struct doctor *doctor, const char *check);

/* ask.c: other programs, and where this one runs. */

/**
 * doctor_ask() - get what another program prints
 * @path: the program; where it is not, it is searched along PATH
 *
 * Further arguments are those of the program, up to NULL. It gets a few seconds.
 *
 * Return: its output without blanks at the end, which the caller frees; NULL on any failure.
 */
__attribute__((sentinel))
char *doctor_ask(const char *path, ...);
/** doctor_in_container() - does this process belong to another PID namespace than the host's? */
bool doctor_in_container(void);
/** doctor_runs_systemd() - is systemd the service manager? */
bool doctor_runs_systemd(void);

/* host.c: the machine. */
void doctor_check_limits(struct doctor *doctor);
void doctor_check_kvm(struct doctor *doctor);
void doctor_check_nested(struct doctor *doctor);
void doctor_check_cpus(struct doctor *doctor);

/* module.c, device.c: the module and its device. */
void doctor_check_module(struct doctor *doctor);
void doctor_check_device(struct doctor *doctor);

/* daemon.c: the supervisor, as seen from here; service.c: as it sees itself. */
void doctor_check_config(struct doctor *doctor);
void doctor_check_daemon(struct doctor *doctor);
void doctor_check_kvm_access(struct doctor *doctor);
void doctor_check_vmm(struct doctor *doctor);
void doctor_check_logs(struct doctor *doctor);
void doctor_check_run(struct doctor *doctor);

/* pool.c, memory.c: what "ne-emu setup" provides. */
void doctor_check_pool(struct doctor *doctor);
void doctor_check_isolation(struct doctor *doctor);
void doctor_check_huge_pages(struct doctor *doctor);

/**
 * doctor_setup_command() - give the command that sets up what is missing
 * @cpus: the pool is empty
 * @node: NUMA node of the huge pages, if the pool is not empty
 *
 * Return: whether the machine has what the command asks for; otherwise there is no command.
 */
bool doctor_setup_command(struct doctor *doctor, bool cpus, int node);
/** doctor_free_memory() - bytes that an enclave can have on this node; -1: on all nodes */
uint64_t doctor_free_memory(int node);

/* vsock.c: the transport, lost packets, and programs that enclaves can reach. */
void doctor_check_vsock(struct doctor *doctor);
void doctor_check_vhost(struct doctor *doctor);
void doctor_check_vsock_packets(struct doctor *doctor);
void doctor_check_vsock_ports(struct doctor *doctor);

/* attest.c, files.c: certificates, and files of "ne-emu run". */
void doctor_check_attestation(struct doctor *doctor);
void doctor_check_guest(struct doctor *doctor);
void doctor_check_images(struct doctor *doctor);

#endif
