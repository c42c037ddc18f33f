// SPDX-License-Identifier: Apache-2.0
/* Detect a guest whose vCPUs have all halted permanently. */

#include "vmm/halt.h"

#include "common/util.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TICK_S		1
/* A guest that uses more CPU time than this between two ticks is not asked. */
#define IDLE_NS		50000000ULL
/* One round is not enough: a vCPU may be seen halted just before another wakes it. */
#define ROUNDS		2

static uint64_t total_cpu_time(const struct halt_watch *watch)
{
	uint64_t total = 0;

	for (size_t i = 0; i < watch->nr_vcpus; i++)
		total += vcpu_cpu_time_ns(&watch->vcpus[i]);
	return total;
}

static bool all_down(const struct halt_watch *watch)
{
	for (size_t i = 0; i < watch->nr_vcpus; i++)
		if (atomic_load(&watch->vcpus[i].state) != VCPU_DOWN)
			return false;
	return true;
}

static void handle_tick(void *arg, uint32_t events)
{
	struct halt_watch *watch = arg;
	uint64_t cpu_time = total_cpu_time(watch);
	uint64_t ticks;
	bool idle;

	(void)events;
	(void)!read(watch->source.fd, &ticks, sizeof(ticks));

	watch->all_down = watch->asked && all_down(watch) ? watch->all_down + 1 : 0;
	if (watch->all_down == ROUNDS) {
		ending_report(watch->ending, NE_EMU_EXIT_REASON_GUEST_HALT,
			      "the guest has halted all its vCPUs");
		return;
	}
	idle = cpu_time - watch->cpu_time_ns < IDLE_NS * watch->nr_vcpus;
	watch->cpu_time_ns = cpu_time;
	watch->asked = idle;
	for (size_t i = 0; idle && i < watch->nr_vcpus; i++)
		vcpu_ask(&watch->vcpus[i]);
}

int halt_watch_open(struct halt_watch *watch)
{
	watch->source.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return watch->source.fd < 0 ? -errno : 0;
}

int halt_watch_start(struct halt_watch *watch, struct loop *loop, struct vcpu *vcpus,
		     size_t nr_vcpus, struct ending *ending)
{
	const struct itimerspec interval = { { TICK_S, 0 }, { TICK_S, 0 } };

	*watch = (struct halt_watch){
		.loop = loop,
		.vcpus = vcpus,
		.nr_vcpus = nr_vcpus,
		.ending = ending,
		.source = {
			.fd = watch->source.fd,
			.events = EPOLLIN,
			.call = handle_tick,
			.arg = watch,
		},
	};
	if (timerfd_settime(watch->source.fd, 0, &interval, NULL))
		return -errno;
	return loop_add(loop, &watch->source);
}

void halt_watch_stop(struct halt_watch *watch)
{
	if (watch->loop)
		loop_del(watch->loop, &watch->source);
}

void halt_watch_close(struct halt_watch *watch)
{
	fd_close(&watch->source.fd);
}
