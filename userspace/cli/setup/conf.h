/* SPDX-License-Identifier: Apache-2.0 */
/* What "ne-emu setup" reserves: from the command line, a file, or AWS's allocator.yaml. */

#ifndef NE_EMU_CLI_SETUP_CONF_H
#define NE_EMU_CLI_SETUP_CONF_H

#include "command/options.h"

#include <stdint.h>

/* The settings that ne-emu-setup.service applies at each boot. */
#define SETUP_CONF_FILE	"/etc/ne-emu/setup.conf"

/**
 * struct setup_conf - what to reserve
 * @memory: bytes in huge pages; 0: leave them alone
 * @cpus: number of CPUs of the pool; 0: see @cpu_ids
 * @cpu_ids: CPUs of the pool, a list; NULL: see @cpus
 * @allocator: file of AWS's allocator with the values of the others; NULL: none
 * @text: what strings of a file point into
 */
struct setup_conf {
	uint64_t memory;
	uint64_t cpus;
	const char *cpu_ids;
	const char *allocator;
	char *text;
};

#define CPUS_MAX	4096

/**
 * SETUP_CONF_OPTIONS() - entries of a table of options; their names are those of the file, too
 * @type: the struct that the table fills
 * @IN: macro that turns a member of struct setup_conf into one of @type
 */
#define SETUP_CONF_OPTIONS(type, IN) \
	OPT_MEMORY("memory", type, IN(memory), "SIZE", \
		   "provide this much memory for enclaves in huge\npages; in MiB, or e.g. 2G", \
		   .manual = "Provide this much memory for enclaves in huge pages. Pages that are " \
			     "free and memory of running enclaves count; the rest is reserved, in " \
			     "pages of 2 MiB if possible, because some clients (QEMU) use no " \
			     "other size. The command fails at once if it would take more than " \
			     "95 % of the available memory (MemAvailable in _/proc/meminfo_; with " \
			     "several NUMA nodes, also the free and cache memory of the node)."), \
	OPT_NUMBER("cpus", type, IN(cpus), "N", 1, CPUS_MAX, \
		   "put this many CPUs into the pool", \
		   .manual = "Put this many CPUs into the pool: the whole cores with the highest " \
			     "numbers, except that of CPU 0. No enclave may exist, unless these " \
			     "CPUs are the pool already. The output shows whether *ne-emud*(8) " \
			     "has isolated them."), \
	OPT_STRING("cpu-ids", type, IN(cpu_ids), "LIST", \
		   "put these CPUs into the pool, e.g. 2,3 or 2-5", \
		   .manual = "Put these CPUs into the pool, e.g. 2,3 or 2-5: whole cores of one " \
			     "NUMA node."), \
	OPT_STRING("allocator", type, IN(allocator), "FILE", \
		   "take memory and CPUs from AWS's allocator.yaml", \
		   .manual = "Take memory and CPUs from a file of AWS's " \
			     "*nitro-enclaves-allocator*, usually " \
			     "_/etc/nitro\\_enclaves/allocator.yaml_: memory_mib, and cpu_count or " \
			     "cpu_pool. With *--persistent*, each boot reads the file again.", \
		   .values = VALUES_FILES)

/** setup_conf_check() - NULL, or what is wrong with the combination or with the list of CPUs */
const char *setup_conf_check(const struct setup_conf *settings);

/**
 * setup_conf_load() - read a file that setup_conf_store() wrote, or an administrator
 * @path: the file
 * @ret: filled; the caller calls setup_conf_free() in any case
 * @error: set on failure, with file and line
 *
 * Return: 0, -ENOENT or another negative errno, with a message.
 */
int setup_conf_load(const char *path, struct setup_conf *ret, struct error *error);

/**
 * setup_conf_allocate() - replace @allocator by the values in that file
 * @settings: has an allocator; the caller calls setup_conf_free() in any case
 * @error: set on failure, with file and line
 *
 * Return: 0 or a negative errno with a message.
 */
int setup_conf_allocate(struct setup_conf *settings, struct error *error);

/**
 * setup_conf_store() - write SETUP_CONF_FILE
 * @settings: replace those in the file; what they do not say stays as it is there
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int setup_conf_store(const struct setup_conf *settings, struct error *error);

/** setup_conf_free() - release what strings of a file point into */
void setup_conf_free(struct setup_conf *settings);

#endif
