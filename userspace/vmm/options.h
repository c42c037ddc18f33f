/* SPDX-License-Identifier: Apache-2.0 */
/* Command line of ne-emu-vmm: the supervisor writes it, the VMM reads it. */

#ifndef NE_EMU_VMM_OPTIONS_H
#define NE_EMU_VMM_OPTIONS_H

#include "common/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* NE_ENCLAVE_DEBUG_MODE of the ABI that clients use. */
#define VMM_FLAGS_DEBUG	1
/* A debugger lets the vCPUs go, or the first trace. */
#define VMM_HELD_GDB	1U
#define VMM_HELD_TRACE	2U
#define VMM_HELD_DUMP	4U
#define VMM_HELD_ALL	7U
/* Maximum number of descriptors that a VMM gets. */
#define VMM_FDS_MAX	(8 + 2 * SESSION_LINES)

/**
 * struct vmm_options - parameters of one enclave that the supervisor passes to its VMM
 * @prefix: prefix of log lines, the slot uid; set by vmm_options_parse()
 * @cid: CID of the enclave
 * @flags: flags of the start request
 * @mem_size: bytes of donated memory
 * @image_offset: offset of the image in that memory
 * @cpus: host CPUs of the vCPUs in order; vmm_options_free() frees those that
 *	vmm_options_parse() has read
 * @module_id: identity in attestation documents; points into the argument vector
 * @backend_fd: start request and memory
 * @kvm_fd: /dev/kvm
 * @channel_fd: packets of the guest
 * @console_channel_fd: packets of the console service; -1 without debug mode
 * @console_log_fd: file for the console output, or -1
 * @marks_fd: file for the moments of the start, see common/marks.h, or -1
 * @nsm_control_fd: socket for datagrams of common/nsm_control.h, or -1
 * @sessions: lines on which clients look into the enclave; either all or none are open
 * @held: for whom all vCPUs stand before their first instruction: bits of VMM_HELD_*
 * @pool_fd: cgroup.threads of the cgroup for vCPU threads, or -1
 * @uid, @gid: user and group to change to; 0: no change
 * @log_level: least severe syslog level that is printed
 */
struct vmm_options {
	uint64_t slot_uid;
	char prefix[17];
	uint32_t cid;
	uint64_t flags;
	uint64_t mem_size;
	uint64_t image_offset;
	struct vmm_cpus {
		uint32_t *list;
		size_t count;
	} cpus;
	const char *module_id;
	int backend_fd;
	int kvm_fd;
	int channel_fd;
	int console_channel_fd;
	int console_log_fd;
	int marks_fd;
	int nsm_control_fd;
	struct session_fds sessions;
	unsigned int held;
	int pool_fd;
	uid_t uid;
	gid_t gid;
	int log_level;
};

/** vmm_options_debug() - Return: true if the enclave is in debug mode */
static inline bool vmm_options_debug(const struct vmm_options *options)
{
	return options->flags & VMM_FLAGS_DEBUG;
}

/**
 * vmm_options_parse() - parse a command line, with each option once and none missing
 *
 * Return: 0, or -EINVAL, which is logged.
 */
int vmm_options_parse(struct vmm_options *options, int argc, char **argv);
void vmm_options_free(struct vmm_options *options);

/** vmm_options_write() - write the words of a command line, each terminated by a NUL */
void vmm_options_write(const struct vmm_options *options, FILE *to);

/** vmm_options_fds() - get pointers to the descriptors, in the order of the options */
size_t vmm_options_fds(struct vmm_options *options, int *ret_fds[VMM_FDS_MAX]);

#endif
