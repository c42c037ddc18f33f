/* SPDX-License-Identifier: Apache-2.0 */
/* An enclave that is being started, with the test as supervisor and VMM. */

#ifndef NE_FIXTURE_H
#define NE_FIXTURE_H

#include "ne_backend.h"
#include "ne_env.h"

#include <pthread.h>
#include <stdint.h>

/* Time limit for an expected event. */
#define NE_EVENT_MS	(5000 * ne_slowness())

/**
 * struct ne_fixture - an enclave that is being started in a thread
 * @nl: the supervisor's sockets
 * @info: the accepted request
 * @mem: donated memory
 * @fd: the enclave
 * @rc: result of the start, valid after the thread was joined
 */
struct ne_fixture {
	struct ne_netlink nl;
	struct ne_info info;
	pthread_t thread;
	uint64_t uid;
	uint64_t cid;
	uint64_t flags;
	char *mem;
	int fd;
	int rc;
};

/** ne_fixture_main() - run @cases without ne-emud; exit code for main() */
int ne_fixture_main(const struct ne_case *cases, size_t nr_cases, int argc, char **argv);

/** ne_fixture_prepare() - make an enclave that can be started; no thread, no sockets */
void ne_fixture_prepare(struct ne_test *t, struct ne_fixture *f);
/** ne_fixture_prepare_with() - the same with NE_MIN_ENCLAVE_SIZE of huge pages at @mem */
void ne_fixture_prepare_with(struct ne_test *t, struct ne_fixture *f, void *mem);
/** ne_fixture_start() - start it; also the body of the thread */
void *ne_fixture_start(void *arg);
/** ne_fixture_begin() - start it in the thread and accept the request */
void ne_fixture_begin(struct ne_test *t, struct ne_fixture *f);
/** ne_fixture_join() - wait until the start has ended */
void ne_fixture_join(struct ne_fixture *f);
/** ne_fixture_accept() - prepare, open the sockets, begin */
void ne_fixture_accept(struct ne_test *t, struct ne_fixture *f);
/** ne_fixture_run() - accept and answer, so that the enclave runs */
void ne_fixture_run(struct ne_test *t, struct ne_fixture *f);
/** ne_fixture_check_again() - CHECK that the enclave can be started after a failed start */
void ne_fixture_check_again(struct ne_test *t, struct ne_fixture *f);

/** ne_backend_poll() - revents of a backend fd, 0 after @timeout_ms, or -errno */
int ne_backend_poll(int fd, int timeout_ms);

#endif
