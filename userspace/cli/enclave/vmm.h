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

#endif
