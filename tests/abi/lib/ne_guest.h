/* SPDX-License-Identifier: Apache-2.0 */
/* Enclaves that are ready to start, run or end; served by the daemon or a stand-in. */

#ifndef NE_GUEST_H
#define NE_GUEST_H

#include "ne_env.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Who answers the start requests: $NE_SUPERVISOR.
 *
 * "daemon" (default): ne-emud. A running enclave is the image $NE_SAMPLE_EIF, it
 *	ends by its control port. Needs KVM.
 * "fake": a process of the test that answers as the VMM does, but runs nothing.
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

/** ne_guest_main() - ne_env_main(), with start requests answered */
int ne_guest_main(const struct ne_case *cases, size_t nr_cases, long page_need, int argc,
		  char **argv);

/** ne_guest_is_fake() - running enclaves run nothing */
bool ne_guest_is_fake(const struct ne_env *env);
/** ne_guest_pages() - 2 MiB pages of an enclave that can run */
long ne_guest_pages(void);

/* These end the case when they fail. */

/** ne_enclave_create() - an enclave without resources */
void ne_enclave_create(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_add_core() - all CPUs of one core, chosen by the driver */
void ne_enclave_add_core(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_add_memory() - fresh huge pages as one region */
void ne_enclave_add_memory(struct ne_test *t, struct ne_enclave *e, size_t size);
/** ne_enclave_load() - copy the image to its place in the memory */
void ne_enclave_load(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_ready() - create, add memory that holds an image, add a core */
void ne_enclave_ready(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_start() - ready and started; its guest is about to boot */
void ne_enclave_start(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_stopped() - started without an image, and ended by that */
void ne_enclave_stopped(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_run() - ready, started and past its heartbeat */
void ne_enclave_run(struct ne_test *t, struct ne_enclave *e);
/** ne_enclave_booted() - what ne_enclave_run() does after its own start */
void ne_enclave_booted(struct ne_test *t, int heartbeat_fd);
/** ne_heartbeat_listen() - listener on CID 3 port 9000, -1 with the stand-in */
int ne_heartbeat_listen(struct ne_test *t);
/** ne_enclave_end() - have a running enclave end by itself; does not wait */
void ne_enclave_end(struct ne_test *t, struct ne_enclave *e);
void ne_enclave_close(struct ne_enclave *e);

/** ne_guest_connect() - to a port of a guest that may not listen yet; fd or -errno */
int ne_guest_connect(uint64_t cid, unsigned int port);
/** ne_guest_gone() - nobody has that CID */
bool ne_guest_gone(uint64_t cid);

/** ne_enclave_alive() - the guest of a running enclave answers */
bool ne_enclave_alive(struct ne_test *t, const struct ne_enclave *e);

#endif
