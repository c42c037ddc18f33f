/* SPDX-License-Identifier: Apache-2.0 */
/* Enclaves that are ready, running or ended, served by ne-emud or a stand-in. */

#ifndef NE_GUEST_H
#define NE_GUEST_H

#include "ne_env.h"

#include <stddef.h>
#include <stdint.h>

/*
 * $NE_SUPERVISOR selects who answers start requests.
 *
 * "daemon" (default): ne-emud. A running enclave runs the image $NE_SAMPLE_EIF and can be
 *	ended through its control port. Needs KVM.
 * "fake": a process of the test that answers like the VMM but runs nothing.
 */

#define NE_CID_PARENT		3
#define NE_PORT_HEARTBEAT	9000
#define NE_PORT_ECHO		5005
#define NE_PORT_CONTROL		5007

/** struct ne_enclave - an enclave and what was donated to it */
struct ne_enclave {
	int fd;
	uint64_t uid;
	uint64_t cid;
	void *mem;
	size_t size;
};

/** ne_guest_main() - like ne_env_main(), with start requests answered */
int ne_guest_main(const struct ne_case *cases, size_t nr_cases, long page_need, int argc,
		  char **argv);

/** ne_guest_is_fake() - is the supervisor "fake"? */
bool ne_guest_is_fake(const struct ne_env *env);
/** ne_guest_pages() - number of 2 MiB pages that an enclave needs to run */
long ne_guest_pages(void);

/* These end the case on failure. */

/** ne_enclave_create() - make an enclave without resources */
void ne_enclave_create(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_add_core() - add all CPUs of one core, chosen by the driver */
void ne_enclave_add_core(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_add_memory() - add new huge pages as one region */
void ne_enclave_add_memory(struct ne_test *t, struct ne_enclave *e, size_t size);
/** ne_enclave_load() - copy the image to its place in the memory */
void ne_enclave_load(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_ready() - create, add memory that holds an image, add a core */
void ne_enclave_ready(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_start() - make an enclave ready and start it; its guest is about to boot */
void ne_enclave_start(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_stopped() - start an enclave without an image and wait until it has ended */
void ne_enclave_stopped(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_run() - make an enclave ready, start it and wait for its heartbeat */
void ne_enclave_run(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_booted() - wait for the heartbeat of an enclave that the caller started */
void ne_enclave_booted(struct ne_test *t, int heartbeat_fd);
/** ne_heartbeat_listen() - listen on CID 3 port 9000; -1 with the stand-in */
int ne_heartbeat_listen(struct ne_test *t);
/** ne_enclave_end() - ask the guest of a running enclave to end it; does not wait */
void ne_enclave_end(struct ne_test *t, struct ne_enclave *e);
void ne_enclave_close(struct ne_enclave *e);

/** ne_guest_connect() - connect to a guest that may not listen yet; returns fd or -errno */
int ne_guest_connect(uint64_t cid, unsigned int port);
/** ne_guest_gone() - does no enclave have that CID? */
bool ne_guest_gone(uint64_t cid);

/** ne_enclave_alive() - does the guest of a running enclave answer? */
bool ne_enclave_alive(struct ne_test *t, const struct ne_enclave *e);

#endif
