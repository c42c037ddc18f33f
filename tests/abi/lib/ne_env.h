/* SPDX-License-Identifier: Apache-2.0 */
/* Sets up what a test program needs (module, CPU pool, huge pages) and undoes it. */

#ifndef NE_ENV_H
#define NE_ENV_H

#include "ne_harness.h"
#include "ne_machine.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define NE_MAX_CORES	2
#define NE_MAX_THREADS	2

/**
 * struct ne_env - the environment of all cases of a program
 * @module: module under test: $NE_MODULE, or nitro_enclaves_emu
 * @stock: the module is the in-tree driver, which has no device outside EC2
 * @cpus: the pool's CPUs, core by core
 * @nr_cores: whole cores in the pool (at most NE_MAX_CORES)
 * @threads: CPUs in a core
 * @list: the pool as written to ne_cpus
 * @page_need: 2 MiB pages a program asked for
 * @free_pages: HugePages_Free between cases
 * @saved_list, @saved_pages, @saved_gigantic (pages of 1 GiB): values to restore
 * @stopped_daemon: ne-emud ran before and is to be started again
 * @supervisor: process that stands in for the supervisor, 0 if ne-emud serves
 * @supervisor_fd: its control socket
 */
struct ne_env {
	const char *module;
	bool stock;
	uint32_t cpus[NE_MAX_CORES * NE_MAX_THREADS];
	unsigned int nr_cores;
	unsigned int threads;
	char list[64];
	long page_need;
	long free_pages;
	char saved_list[600];
	long saved_pages;
	long saved_gigantic;
	bool stopped_daemon;
	pid_t supervisor;
	int supervisor_fd;
};

/* @page_need of a program that uses only the module and the topology, not the device. */
#define NE_NO_DEVICE	(-1)

/**
 * ne_env_setup() - load the module, find two cores, set pool and huge pages
 *
 * For a suite's setup. Skips or fails the suite if something is missing.
 */
void ne_env_setup(struct ne_test *t);
/** ne_env_after() - restore pool and huge pages after a case and report leaks */
void ne_env_after(struct ne_test *t);
void ne_env_teardown(struct ne_test *t);

/** struct ne_env_hooks - see struct ne_suite */
struct ne_env_hooks {
	void (*setup)(struct ne_test *t);
	void (*after)(struct ne_test *t);
	void (*teardown)(struct ne_test *t);
};

/** ne_env_run() - run @cases with @hooks, which call the functions above */
int ne_env_run(const struct ne_env_hooks *hooks, const struct ne_case *cases, size_t nr_cases,
	       long page_need, int argc, char **argv);

/** ne_env_main() - run @cases in such an environment; exit code for main() */
int ne_env_main(const struct ne_case *cases, size_t nr_cases, long page_need, int argc,
		char **argv);

/**
 * ne_pool_main() - run @cases of ne_cpus, which start with an empty pool
 *
 * They need no device and must also run on the in-tree driver.
 */
int ne_pool_main(const struct ne_case *cases, size_t nr_cases, int argc, char **argv);

/** ne_env_main_alone() - like ne_env_main(), with the program as supervisor, not ne-emud */
int ne_env_main_alone(const struct ne_case *cases, size_t nr_cases, long page_need, int argc,
		      char **argv);

/** ne_require_device() - open the device, or end the case */
int ne_require_device(struct ne_test *t);
/** ne_require_enclave() - fd of an enclave without resources, or end the case */
int ne_require_enclave(struct ne_test *t);

/** ne_start_daemon() - have systemd run ne-emud; 0 on success */
int ne_start_daemon(void);
/** ne_stop_daemon() - stop ne-emud; returns whether it ran */
bool ne_stop_daemon(void);

/** ne_env_unload() - remove the module; returns the exit code of modprobe */
int ne_env_unload(const struct ne_env *env);
/**
 * ne_env_load() - load the module, ignoring the machine's configuration of it
 * @option: module parameter, or NULL
 *
 * Return: exit code of modprobe.
 */
int ne_env_load(const struct ne_env *env, const char *option);
/** ne_env_reload() - set up module, device, daemon and pool again, or end the case */
void ne_env_reload(struct ne_test *t);

/** ne_env_pool_restore() - set the standard pool; returns 0 or -errno */
int ne_env_pool_restore(const struct ne_env *env);

/** ne_cpus_all_online() - bring the CPUs of @env back online */
void ne_cpus_all_online(const struct ne_env *env);
/**
 * ne_single_threads() - leave one thread online in each core of the pool
 *
 * The other threads are back online after the case.
 */
void ne_single_threads(struct ne_test *t);

/** ne_need_cores() - skip the case unless the pool has @cores cores with two threads each */
void ne_need_cores(struct ne_test *t, unsigned int cores);

#endif
