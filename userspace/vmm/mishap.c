// SPDX-License-Identifier: Apache-2.0
/* Faults on request of the whole machine: a crash or a stall, at a time or an event. */

#include "vmm/mishap.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void mishap_set_timer(const struct mishap *mishap)
{
	int64_t times[] = {
		mishap->at_ns[FAULT_CRASH], mishap->at_ns[FAULT_STALL], mishap->stall_end_ns,
	};
	int64_t first_ns = 0;
	struct itimerspec time;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (times[i])
			first_ns = first_ns ? MIN(first_ns, times[i]) : times[i];
	/* A time of 0, if there is none, stops it. */
	time = (struct itimerspec){
		.it_value = { first_ns / NSEC_PER_SEC, first_ns % NSEC_PER_SEC },
	};
	/* Cannot fail with these arguments. */
	(void)timerfd_settime(mishap->timer.fd, TFD_TIMER_ABSTIME, &time, NULL);
}

/* The guest never runs an instruction after a triple fault, so that of KVM is not needed. */
static void mishap_crash(struct mishap *mishap, enum fault_crash how)
{
	switch (how) {
	case FAULT_CRASH_NMI:
		log_info("lab setting crash: vCPU 0 gets an NMI");
		vcpu_nmi(&mishap->vcpus[0]);
		break;
	case FAULT_CRASH_TRIPLE_FAULT:
		ending_report(mishap->ending, NE_EMU_EXIT_REASON_GUEST_SHUTDOWN,
			      "vCPU 0: triple fault (lab setting crash)");
		break;
	}
}

static void mishap_stall(struct mishap *mishap, uint64_t ms)
{
	int64_t end_ns = clock_ns(CLOCK_MONOTONIC) + (int64_t)ms * NSEC_PER_MSEC;

	log_info("lab setting stall: all vCPUs stand for %" PRIu64 " ms", ms);
	mishap->stall_end_ns = MAX(mishap->stall_end_ns, end_ns);
	pause_take(mishap->pause, PAUSE_LAB);
}

static void mishap_happens(struct mishap *mishap, enum fault_id id, enum fault_when when)
{
	const struct fault_event event = { .at = when };
	uint64_t value;

	if (!mishap->vcpus || !fault_hits(mishap->faults, id, &event, &value))
		return;
	if (id == FAULT_CRASH)
		mishap_crash(mishap, value);
	else
		mishap_stall(mishap, value);
}

/* Settings were applied, or the guest has started. */
static void mishap_plan(struct mishap *mishap)
{
	static const enum fault_id ids[] = { FAULT_CRASH, FAULT_STALL };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		const struct fault *fault = &mishap->faults->settings.faults[ids[i]];

		mishap->at_ns[ids[i]] = 0;
		if (mishap->vcpus && fault->set && fault->at == FAULT_AT_TIME)
			mishap->at_ns[ids[i]] = clock_ns(CLOCK_MONOTONIC) +
						fault->at_ms * NSEC_PER_MSEC;
	}
	mishap_set_timer(mishap);
}

static void mishap_hook(void *arg, enum fault_when when)
{
	struct mishap *mishap = arg;

	if (when == FAULT_AT_TIME) {
		mishap_plan(mishap);
		return;
	}
	mishap_happens(mishap, FAULT_CRASH, when);
	mishap_happens(mishap, FAULT_STALL, when);
	mishap_set_timer(mishap);
}

/* Return: true if the time has come; it is then forgotten. */
static bool is_over(int64_t *at_ns, int64_t now_ns)
{
	if (!*at_ns || *at_ns > now_ns)
		return false;
	*at_ns = 0;
	return true;
}

static void mishap_tick(void *arg, uint32_t events)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	struct mishap *mishap = arg;
	uint64_t count;

	(void)events;
	(void)!read(mishap->timer.fd, &count, sizeof(count));
	if (is_over(&mishap->stall_end_ns, now_ns))
		pause_drop(mishap->pause, PAUSE_LAB);
	if (is_over(&mishap->at_ns[FAULT_CRASH], now_ns))
		mishap_happens(mishap, FAULT_CRASH, FAULT_AT_TIME);
	if (is_over(&mishap->at_ns[FAULT_STALL], now_ns))
		mishap_happens(mishap, FAULT_STALL, FAULT_AT_TIME);
	mishap_set_timer(mishap);
}

int mishap_init(struct mishap *mishap, struct faults *faults, struct ending *ending,
		struct pause *pause, struct loop *loop)
{
	int err;

	*mishap = (struct mishap){
		.faults = faults,
		.ending = ending,
		.pause = pause,
		.loop = loop,
		.timer = {
			.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
			.events = EPOLLIN,
			.call = mishap_tick,
			.arg = mishap,
		},
	};
	if (mishap->timer.fd < 0)
		return -errno;
	err = loop_add(loop, &mishap->timer);
	if (err) {
		fd_close(&mishap->timer.fd);
		return err;
	}
	faults->hook = mishap_hook;
	faults->hook_arg = mishap;
	return 0;
}

void mishap_exit(struct mishap *mishap)
{
	if (mishap->timer.fd >= 0)
		loop_del(mishap->loop, &mishap->timer);
	fd_close(&mishap->timer.fd);
}

void mishap_start(struct mishap *mishap, struct vcpu *vcpus)
{
	mishap->vcpus = vcpus;
	mishap_plan(mishap);
}

void mishap_stop(struct mishap *mishap)
{
	mishap->vcpus = NULL;
}
