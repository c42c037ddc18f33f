/* SPDX-License-Identifier: Apache-2.0 */
/* Serve one accepted start request: gather the descriptors, start the VMM. */

#ifndef NE_EMU_DAEMON_START_H
#define NE_EMU_DAEMON_START_H

#include "common/error.h"
#include "common/nl.h"
#include "common/session.h"
#include "daemon/folder.h"
#include "daemon/vmm_process.h"

/**
 * struct start_config - settings that all enclaves share
 * @vmm_path: program of the VMM
 * @kvm_path: device node of KVM
 * @vsock_path: device node of the vsock channels
 * @log_level: least severe syslog level that VMMs print
 * @uid, @gid: user and group that VMMs change to; 0: no change
 */
struct start_config {
	const char *vmm_path;
	const char *kvm_path;
	const char *vsock_path;
	int log_level;
	uid_t uid;
	gid_t gid;
};

/**
 * struct start_module - the NSM of one enclave, and the VMM's connections to this process
 * @instance_id: first part of its module id
 * @control_fd: socket on which it receives messages of this process, or -1
 * @sessions: lines on which clients look into it
 * @held: for whom it stands before its first instruction: bits of daemon/holds.h
 * @start_error: positive errno with which the start fails on request, or 0
 */
struct start_module {
	const char *instance_id;
	int control_fd;
	struct session_fds sessions;
	unsigned int held;
	int start_error;
};

/**
 * start_vmm() - start the VMM of an enclave
 * @request: from ne_nl_accept(), which keeps its descriptor
 * @module: the caller keeps its descriptor
 * @pool_fd: cgroup.threads of the cgroup for vCPU threads, or -1
 *
 * If the log directory cannot be used, the enclave starts without a console log, and the
 * reason is logged.
 *
 * Return: 0, or a negative errno for start_refuse(), with @error.
 */
int start_vmm(const struct start_config *config, const struct log_root *logs,
	      const struct ne_nl_enclave *request, const struct start_module *module,
	      int pool_fd, struct vmm **ret_vmm, struct error *error);

/**
 * start_refuse() - make NE_START_ENCLAVE fail
 * @err: negative errno that it returns
 * @error: reason, with what to do about it
 *
 * Return: 0 or a negative errno (-ESTALE: the start has already been given up).
 */
int start_refuse(int backend_fd, int err, const struct error *error);

/**
 * start_open_channel() - open a vsock channel for one address
 * @flags: 0 or NE_EMU_VSOCK_CONSOLE
 *
 * Return: 0, or a negative errno for start_refuse(), with @error.
 */
int start_open_channel(const char *path, uint32_t cid, uint32_t flags, int *ret_fd,
		       struct error *error);

#endif
