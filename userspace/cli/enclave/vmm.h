/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that run enclaves. */

#ifndef NE_EMU_CLI_ENCLAVE_VMM_H
#define NE_EMU_CLI_ENCLAVE_VMM_H

#include <stdbool.h>
#include <stdint.h>

/**
 * vmm_runs() - does the VMM of an enclave still exist?
 *
 * Return: false also if this user or container cannot see it.
 */
bool vmm_runs(uint64_t slot_uid);

/**
 * vmm_find() - find the VMM of an enclave
 *
 * Return: its process id; 0 if it has ended, or if this user or container cannot see it.
 */
uint64_t vmm_find(uint64_t slot_uid);

/**
 * vmm_vcpu_waited_ns() - how long a vCPU was ready to run but had to wait for its CPU
 * @pid: from vmm_find()
 * @index: number of the vCPU
 * @ret: receives nanoseconds
 *
 * Return: 0 or a negative errno.
 */
int vmm_vcpu_waited_ns(uint64_t pid, unsigned int index, uint64_t *ret);

#endif
