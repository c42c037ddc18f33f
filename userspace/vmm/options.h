/* SPDX-License-Identifier: Apache-2.0 */
/* Command line of ne-emu-vmm. */

#ifndef NE_EMU_VMM_OPTIONS_H
#define NE_EMU_VMM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct options - what the supervisor says about one enclave
 * @prefix: of log lines, the slot uid
 * @cpus: host CPUs of the vCPUs in order, owned
 * @module_id: into the argument vector
 * @console_channel_fd, @console_log_fd: -1 without debug; the log is optional
 * @nsm_control_fd: datagrams of common/nsm_control.h; -1: none come
 * @pool_fd: cgroup.threads of the cgroup for vCPU threads, or -1
 * @uid, @gid: user and group to switch to; 0: stay root
 */
struct options {
	uint64_t slot_uid;
	char prefix[17];
	uint32_t cid;
	bool debug;
	uint64_t mem_size;
	uint64_t image_offset;
	uint32_t *cpus;
	size_t nr_cpus;
	const char *module_id;
	int backend_fd;
	int kvm_fd;
	int channel_fd;
	int console_channel_fd;
	int console_log_fd;
	int nsm_control_fd;
	int pool_fd;
	uid_t uid;
	gid_t gid;
	int log_level;
};

/**
 * options_parse() - strict: each option once, nothing unknown, nothing missing
 *
 * Return: 0, or -EINVAL after a line on stderr.
 */
int options_parse(struct options *options, int argc, char *const argv[]);
void options_free(struct options *options);

#endif
