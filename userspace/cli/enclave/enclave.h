/* SPDX-License-Identifier: Apache-2.0 */
/* Create and start an enclave through /dev/nitro_enclaves, here or on EC2. */

#ifndef NE_EMU_CLI_ENCLAVE_ENCLAVE_H
#define NE_EMU_CLI_ENCLAVE_ENCLAVE_H

#include "cli/enclave/start_times.h"
#include "cli/host/hugepages.h"
#include "command/terminal.h"
#include "eif/eif.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * struct enclave - an enclave that this process owns; closing @fd ends it
 * @pcrs: measurements of its image, if it was checked (@measured)
 * @times: when the steps of the start were taken, CLOCK_MONOTONIC in nanoseconds; 0: not yet
 */
struct enclave {
	int fd;
	uint64_t slot_uid;
	uint32_t cid;			/* 0 before the start */
	bool debug;
	uint32_t *cpus;
	size_t nr_cpus;
	uint64_t mem_size;
	struct huge_memory memory;
	struct eif_pcrs pcrs;
	bool measured;
	int64_t times[NR_START_TIMES];
};

/*
 * Each function returns 0, or a negative errno or NE_ERR_* with a message that suggests a
 * fix.
 */

/** enclave_available() - may this user create enclaves here? */
int enclave_available(struct error *error);

/**
 * enclave_choose_memory() - choose the memory of an enclave
 * @image_size: size of its image, bytes
 * @ret_wanted: what AWS's launcher requires: four times the image, at least 256 MiB
 *
 * Return: bytes: *@ret_wanted or, if fewer huge pages are free but the image can boot with
 * them, all of those.
 */
uint64_t enclave_choose_memory(uint64_t image_size, uint64_t *ret_wanted);

/** enclave_create() - the caller calls enclave_close(), also on failure */
int enclave_create(struct enclave *enclave, struct error *error);

/**
 * enclave_load() - add memory with the image in it
 * @enclave: a new enclave
 * @image_fd: the image; read from the current offset
 * @memory: bytes; rounded up to 2 MiB
 * @check: refuse an image that cannot boot
 * @error: set on failure
 */
int enclave_load(struct enclave *enclave, int image_fd, uint64_t memory, bool check,
		 struct error *error);

/**
 * enclave_add_cpus() - add CPUs
 * @enclave: a new enclave
 * @cpus: host CPU numbers; NULL: the driver chooses the CPUs
 * @count: number of CPUs
 * @error: set on failure
 */
int enclave_add_cpus(struct enclave *enclave, const uint32_t *cpus, size_t count,
		     struct error *error);

/** enclave_start() - start the enclave; @cid 0: the driver chooses a CID */
int enclave_start(struct enclave *enclave, uint32_t cid, bool debug, struct error *error);

/** enclave_close() - end the enclave, if it was created, and release its memory */
void enclave_close(struct enclave *enclave);

#endif
