/* SPDX-License-Identifier: Apache-2.0 */
/* What all enclaves together use. */

#ifndef NE_EMU_CLI_ENCLAVE_USAGE_H
#define NE_EMU_CLI_ENCLAVE_USAGE_H

#include <stddef.h>
#include <stdint.h>

/** struct usage - the number of enclaves, and bytes of memory that belong to them */
struct usage {
	size_t enclaves;
	uint64_t memory;
};

/** usage_read() - ask the emulator; all zero if it does not answer (no module, EC2) */
void usage_read(struct usage *ret);

#endif
