/* SPDX-License-Identifier: Apache-2.0 */
/* Serve one accepted start request: gather the descriptors, start the VMM. */

#ifndef NE_EMU_DAEMON_START_H
#define NE_EMU_DAEMON_START_H

#include "common/error.h"
#include "common/nl.h"
#include "daemon/folder.h"
#include "daemon/vmm_process.h"

/**
 * struct start_config - what is the same for all enclaves
 * @vmm_path: program
 * @kvm_path: node of KVM
 * @vsock_path: node of the vsock channels
 * @log_level: least severe syslog level that VMMs print
 * @uid, @gid: whom VMMs become; 0: nobody else
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
 * struct start_module - the security module of one enclave
 * @instance_id: first part of its id
 * @control_fd: where it hears from this process, or -1
 */
struct start_module {
	const char *instance_id;
	int control_fd;
};

/**
 * start_vmm() - start the VMM of an enclave
 * @request: from ne_nl_accept(); the descriptor stays with it
 * @module: its descriptor stays with the caller
 * @pool_fd: cgroup.threads of the cgroup for vCPU threads, or -1
 *
 * Trouble with the log directory is logged and costs the console log only.
 *
 * Return: 0, or a negative errno for start_refuse(), with @error.
 */
int start_vmm(const struct start_config *config, const struct log_root *logs,
	      const struct ne_nl_enclave *request, const struct start_module *module,
	      int pool_fd, struct vmm **ret_vmm, struct error *error);

/**
 * start_refuse() - let NE_START_ENCLAVE fail
 * @err: negative errno that it returns
 * @error: what to do about it
 *
 * Return: 0 or a negative errno (-ESTALE: it has been given up already).
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
