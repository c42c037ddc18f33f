/* SPDX-License-Identifier: Apache-2.0 */
/* An enclave as a client of /dev/nitro_enclaves sees it, here or on EC2. */

#ifndef NE_EMU_CLI_ENCLAVE_ENCLAVE_H
#define NE_EMU_CLI_ENCLAVE_ENCLAVE_H

#include "cli/host/hugepages.h"
#include "command/terminal.h"

#include <stdbool.h>
#include <stdint.h>

/** struct enclave - one that this process owns; closing @fd ends it */
struct enclave {
	int fd;
	uint64_t slot_uid;
	uint32_t cid;			/* 0 before the start */
	bool debug;
	uint32_t *cpus;
	size_t nr_cpus;
	uint64_t mem_size;
	struct huge_memory memory;
};

/* Each returns 0 or a negative errno (or NE_ERR_*) and says in @why what to do. */

/** enclave_create() - end with enclave_close() also when it failed */
int enclave_create(struct enclave *enclave, struct error *why);

/**
 * enclave_load() - give it memory with the image in it
 * @image_fd: the image, from its start
 * @memory: bytes; rounded up to 2 MiB
 * @check: refuse an image that cannot boot
 */
int enclave_load(struct enclave *enclave, int image_fd, uint64_t memory, bool check,
		 struct error *why);

/**
 * enclave_add_cpus() - give it CPUs
 * @cpus: host CPU numbers, or NULL: the driver chooses @count of them
 */
int enclave_add_cpus(struct enclave *enclave, const uint32_t *cpus, size_t count,
		     struct error *why);

/** enclave_start() - @cid 0: the driver chooses */
int enclave_start(struct enclave *enclave, uint32_t cid, bool debug, struct error *why);

void enclave_close(struct enclave *enclave);

#endif
