// SPDX-License-Identifier: Apache-2.0
/* Faults on request of the NSM: requests that wait, and other answers than the right one. */

#include "vmm/virtio/nsm_faults.h"

#include "common/clock.h"
#include "common/util.h"
#include "nsm/nsm.h"
#include "nsm/request.h"
#include "nsm/response.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define NSM_FAULTS \
	(FAULT_BIT(FAULT_NSM_ERROR) | FAULT_BIT(FAULT_NSM_LATENCY) | \
	 FAULT_BIT(FAULT_NSM_HANG) | FAULT_BIT(FAULT_NSM_ENTROPY) | MACHINE_FAULTS)

/* @ms: 0 stops the timer. */
static void nsm_faults_set_timer(const struct nsm_faults *nsm, uint64_t ms)
{
	const struct itimerspec time = {
		.it_value = { ms / MSEC_PER_SEC, ms % MSEC_PER_SEC * NSEC_PER_MSEC },
	};

	/* Cannot fail with these arguments. */
	(void)timerfd_settime(nsm->timer.fd, 0, &time, NULL);
}

int nsm_faults_init(struct nsm_faults *nsm, struct faults *faults, struct loop *loop,
		    void (*call)(void *arg, uint32_t events), void *arg)
{
	int err;

	*nsm = (struct nsm_faults){
		.faults = faults,
		.timer = {
			.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
			.events = EPOLLIN,
			.call = call,
			.arg = arg,
		},
	};
	if (nsm->timer.fd < 0)
		return -errno;
	err = loop_add(loop, &nsm->timer);
	if (err)
		fd_close(&nsm->timer.fd);
	return err;
}

void nsm_faults_exit(struct nsm_faults *nsm, struct loop *loop)
{
	if (nsm->timer.fd >= 0)
		loop_del(loop, &nsm->timer);
	fd_close(&nsm->timer.fd);
}

void nsm_faults_expired(struct nsm_faults *nsm)
{
	uint64_t count;

	/* A reset may have stopped the timer in the meantime. */
	if (read(nsm->timer.fd, &count, sizeof(count)) == sizeof(count) &&
	    nsm->fate == NSM_FATE_WAITS)
		nsm->fate = NSM_FATE_ANSWER;
}

void nsm_faults_reset(struct nsm_faults *nsm)
{
	if (nsm->fate == NSM_FATE_WAITS)
		nsm_faults_set_timer(nsm, 0);
	nsm->fate = NSM_FATE_PENDING;
}

/* Return: whether this fault, for which GetRandom alone counts, hits the request. */
static bool entropy_hits(struct nsm_faults *nsm, const struct fault_event *event,
			 uint64_t *ret_value)
{
	return event->op == NSM_OP_GET_RANDOM + 1 &&
	       fault_hits(nsm->faults, FAULT_NSM_ENTROPY, event, ret_value);
}

/* Every fault sees every request, so that none depends on whether another one hits. */
void nsm_faults_judge(struct nsm_faults *nsm, const void *req, size_t req_len)
{
	struct fault_event event = { 0 };
	uint64_t value;

	if (nsm->fate == NSM_FATE_ANSWER)
		return;
	nsm->fate = NSM_FATE_ANSWER;
	nsm->error = 0;
	nsm->no_random = false;
	if (!faults_armed(nsm->faults, NSM_FAULTS))
		return;
	event.op = nsm_operation(req, req_len) + 1;
	if (!event.op)
		return;
	fault_event_happens(nsm->faults, FAULT_AT_NSM);
	if (entropy_hits(nsm, &event, &value)) {
		nsm->no_random = value == FAULT_ENTROPY_EMPTY;
		nsm->error = nsm->no_random ? 0 : NSM_ERROR_INTERNAL;
	}
	if (fault_hits(nsm->faults, FAULT_NSM_ERROR, &event, &value))
		nsm->error = value;
	if (fault_hits(nsm->faults, FAULT_NSM_LATENCY, &event, &value) && value) {
		nsm_faults_set_timer(nsm, value);
		nsm->fate = NSM_FATE_WAITS;
	}
	if (fault_hits(nsm->faults, FAULT_NSM_HANG, &event, &value))
		nsm->fate = NSM_FATE_HANGS;
}

size_t nsm_faults_answer(struct nsm_faults *nsm, void *rsp, size_t rsp_cap)
{
	uint8_t *none;

	nsm->fate = NSM_FATE_PENDING;
	if (nsm->error)
		return nsm_encode_error(nsm->error, rsp, rsp_cap);
	return nsm->no_random ? nsm_encode_random(0, rsp, rsp_cap, &none) : 0;
}
