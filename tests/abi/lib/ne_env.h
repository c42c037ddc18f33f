/* SPDX-License-Identifier: Apache-2.0 */
/* What a test program needs: module, CPU pool, huge pages; prepared and undone. */

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
 * @stock: it is the in-tree driver, which has no device outside EC2
 * @cpus: the pool's CPUs, core by core: a, b, c, d
 * @nr_cores: whole cores in the pool (at most NE_MAX_CORES)
 * @threads: CPUs of a core
 * @list: the pool as written to ne_cpus
 * @page_need: 2 MiB pages a program asked for
 * @free_pages: HugePages_Free between cases
 * @saved_list, @saved_pages, @saved_gigantic (pages of 1 GiB): what to put back
 * @supervisor: process of the stand-in for the supervisor, 0 if the daemon serves
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

/* @page_need when a program uses no device: only module and topology. */
#define NE_NO_DEVICE	(-1)

/**
 * ne_env_setup() - load the module, find two cores, set pool and huge pages
 *
 * To be called by a suite's setup; skips or fails the suite as needed.
 */
void ne_env_setup(struct ne_test *t);
/** ne_env_after() - put pool and huge pages back after a case, report leaks */
void ne_env_after(struct ne_test *t);
void ne_env_teardown(struct ne_test *t);

/** struct ne_env_hooks - see struct ne_suite */
struct ne_env_hooks {
	void (*setup)(struct ne_test *t);
	void (*after)(struct ne_test *t);
	void (*teardown)(struct ne_test *t);
};

/** ne_env_run() - run @cases between the functions of @hooks, which call those above */
int ne_env_run(const struct ne_env_hooks *hooks, const struct ne_case *cases, size_t nr_cases,
	       long page_need, int argc, char **argv);

/** ne_env_main() - run @cases in such an environment; exit code for main() */
int ne_env_main(const struct ne_case *cases, size_t nr_cases, long page_need, int argc,
		char **argv);

/**
 * ne_pool_main() - run @cases of ne_cpus, which start with an empty pool
 *
 * They need no device and have to run on the in-tree driver too.
 */
int ne_pool_main(const struct ne_case *cases, size_t nr_cases, int argc, char **argv);

/** ne_env_main_alone() - as ne_env_main(), without ne-emud: the program is the supervisor */
int ne_env_main_alone(const struct ne_case *cases, size_t nr_cases, long page_need, int argc,
		      char **argv);

/** ne_require_device() - open the device, or end the case */
int ne_require_device(struct ne_test *t);
/** ne_require_enclave() - fd of an enclave without resources, or end the case */
int ne_require_enclave(struct ne_test *t);

/** ne_start_daemon() - have systemd run ne-emud; 0 on success */
int ne_start_daemon(void);
/** ne_stop_daemon() - have none; whether there was one, for ne_start_daemon() */
bool ne_stop_daemon(void);

/** ne_env_unload() - remove the module; exit code of modprobe */
int ne_env_unload(const struct ne_env *env);
/**
 * ne_env_load() - load the module, without what the machine's configuration says
 * @option: for the module, or NULL
 *
 * Return: exit code of modprobe.
 */
int ne_env_load(const struct ne_env *env, const char *option);
/** ne_env_reload() - the module, device, daemon and pool anew, or end the case */
void ne_env_reload(struct ne_test *t);

/** ne_env_pool_restore() - the standard pool again; 0 or -errno */
int ne_env_pool_restore(const struct ne_env *env);

/** ne_cpus_all_online() - bring the CPUs of @env back */
void ne_cpus_all_online(const struct ne_env *env);
/**
 * ne_single_threads() - let the pool's cores have one thread each
 *
 * For this case only: their other threads are offline until it has ended.
 */
void ne_single_threads(struct ne_test *t);

/** ne_need_cores() - skip the case unless the pool has @cores cores of two threads */
void ne_need_cores(struct ne_test *t, unsigned int cores);

#endif
