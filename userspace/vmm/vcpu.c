// SPDX-License-Identifier: Apache-2.0
/* One vCPU: a thread, pinned to a CPU, that runs the guest and handles its exits. */

#include "vmm/vcpu.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/arch/arch.h"
#include "vmm/kvm_stats.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define KICK_SIGNAL	SIGRTMIN

static void handle_kick(int sig)
{
	/* Nothing to do: the signal has interrupted KVM_RUN. */
	(void)sig;
}

int vcpu_set_signal(void)
{
	struct sigaction action = { .sa_handler = handle_kick };	/* no SA_RESTART */

	sigemptyset(&action.sa_mask);
	return sigaction(KICK_SIGNAL, &action, NULL) ? -errno : 0;
}

static void handle_port(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	bool known;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_OUT)
			known = bus_write(vcpu->pio, run->io.port, data, run->io.size);
		else
			known = bus_read(vcpu->pio, run->io.port, data, run->io.size);
		if (!known && trace_wanted(vcpu->trace, TRACE_EXIT))
			trace_count(vcpu->trace, TRACE_EXIT_PORT);
	}
}

static void handle_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	bool known;

	if (run->mmio.is_write)
		known = bus_write(vcpu->mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
	else
		known = bus_read(vcpu->mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
	if (!known && trace_wanted(vcpu->trace, TRACE_EXIT))
		trace_count(vcpu->trace, TRACE_EXIT_ADDRESS);
}

/* Registers that KVM hides from the guest, or leaves to us. */
static void handle_msr(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->msr.error = run->exit_reason != KVM_EXIT_X86_WRMSR ||
			 !arch_write_msr(vcpu->wall_clock, run->msr.index, run->msr.data);
}

static void handle_system_event(struct vcpu *vcpu)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_RESET:
		ending_report(vcpu->ending, NE_EMU_EXIT_REASON_GUEST_RESET,
			      "the guest has reset itself");
		break;
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		ending_report(vcpu->ending, NE_EMU_EXIT_REASON_GUEST_HALT,
			      "the guest has powered off");
		break;
	default:
		ending_report(vcpu->ending, NE_EMU_EXIT_REASON_VMM_ERROR,
			      "vCPU %u: system event %u", vcpu->index,
			      vcpu->run->system_event.type);
		break;
	}
}

/* Only this thread writes, so that no locked instruction is needed. */
static void count_exit(struct vcpu *vcpu, enum vcpu_exit exit)
{
	uint64_t count = atomic_load_explicit(&vcpu->exits[exit], memory_order_relaxed);

	atomic_store_explicit(&vcpu->exits[exit], count + 1, memory_order_relaxed);
}

const char *vcpu_exit_name(enum vcpu_exit exit)
{
	switch (exit) {
	case VCPU_EXIT_PORT:
		return "user_port_exits";
	case VCPU_EXIT_MMIO:
		return "user_mmio_exits";
	case VCPU_EXIT_INTERRUPTED:
		return "user_interrupted_exits";
	default:
		return "user_other_exits";
	}
}

static void tell_stands(const struct vcpu *vcpu)
{
	const uint64_t one = 1;

	if (vcpu->stands_fd >= 0)
		(void)!write(vcpu->stands_fd, &one, sizeof(one));
}

/* Tell that this vCPU stands, and wait for vcpu_unpark(). */
static void wait_unpark(struct vcpu *vcpu)
{
	tell_stands(vcpu);
	while (sem_wait(&vcpu->unpark) && errno == EINTR)
		;
}

/* Stand still if this is wanted, until vcpu_unpark(). */
static void stand_still(struct vcpu *vcpu)
{
	enum vcpu_motion stopping = VCPU_STOPPING;

	if (atomic_compare_exchange_strong(&vcpu->motion, &stopping, VCPU_STANDS))
		wait_unpark(vcpu);
}

/* Stand still without being asked: a debugger has set a breakpoint here, or made a step. */
static void handle_debug(struct vcpu *vcpu)
{
	atomic_store(&vcpu->debug_exit, true);
	atomic_store(&vcpu->motion, VCPU_STANDS);
	/* vcpu_stop() first sets @stop, then unparks what stands. */
	if (!atomic_load(&vcpu->stop))
		wait_unpark(vcpu);
	/* Nobody looked at it, if it was unparked before the main thread could. */
	atomic_store(&vcpu->debug_exit, false);
}

/* Return: true if the vCPU continues to run. */
static bool handle_exit(struct vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		count_exit(vcpu, VCPU_EXIT_PORT);
		handle_port(vcpu);
		/* A guest that has reset itself does not run on: a dump shows where it did. */
		return !ending_reported(vcpu->ending);
	case KVM_EXIT_MMIO:
		count_exit(vcpu, VCPU_EXIT_MMIO);
		handle_mmio(vcpu);
		return true;
	case KVM_EXIT_INTR:
		count_exit(vcpu, VCPU_EXIT_OTHER);
		return true;
	case KVM_EXIT_DEBUG:
		count_exit(vcpu, VCPU_EXIT_OTHER);
		handle_debug(vcpu);
		return true;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		count_exit(vcpu, VCPU_EXIT_OTHER);
		handle_msr(vcpu);
		return true;
	case KVM_EXIT_SHUTDOWN:
		ending_report(vcpu->ending, NE_EMU_EXIT_REASON_GUEST_SHUTDOWN,
			      "vCPU %u: triple fault", vcpu->index);
		return false;
	case KVM_EXIT_SYSTEM_EVENT:
		handle_system_event(vcpu);
		return false;
	case KVM_EXIT_FAIL_ENTRY:
		ending_report(vcpu->ending, NE_EMU_EXIT_REASON_VMM_ERROR,
			      "vCPU %u: the host CPU refuses to run the guest, reason %#llx",
			      vcpu->index, run->fail_entry.hardware_entry_failure_reason);
		return false;
	case KVM_EXIT_INTERNAL_ERROR:
		ending_report(vcpu->ending, NE_EMU_EXIT_REASON_VMM_ERROR,
			      "vCPU %u: internal error %u of KVM, data %#llx", vcpu->index,
			      run->internal.suberror,
			      run->internal.ndata ? run->internal.data[0] : 0);
		return false;
	default:
		ending_report(vcpu->ending, NE_EMU_EXIT_REASON_VMM_ERROR,
			      "vCPU %u: unexpected exit %u of KVM", vcpu->index,
			      run->exit_reason);
		return false;
	}
}

static enum vcpu_state look(const struct vcpu *vcpu)
{
	if (arch_vcpu_is_down(vcpu->fd))
		return VCPU_DOWN;
	return arch_vcpu_is_deaf(vcpu->fd) ? VCPU_DEAF : VCPU_ALIVE;
}

/*
 * A signal interrupted KVM_RUN: a stop, the state or a standstill was requested. KVM_RUN has
 * completed the last exit before, so that the registers are those after it.
 */
static void handle_interruption(struct vcpu *vcpu)
{
	/* Cleared before the flags are read, so that no request is lost. */
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	stand_still(vcpu);
	if (atomic_exchange(&vcpu->nmi, false))
		arch_vcpu_nmi(vcpu->fd);
	if (atomic_exchange(&vcpu->check, false))
		atomic_store(&vcpu->state, look(vcpu));
}

/* Return: true if the vCPU continues to run. */
static bool handle_error(struct vcpu *vcpu)
{
	if (errno == EINTR || errno == EAGAIN) {
		count_exit(vcpu, VCPU_EXIT_INTERRUPTED);
		if (trace_wanted(vcpu->trace, TRACE_EXIT))
			trace_count(vcpu->trace, TRACE_EXIT_INTERRUPTED);
		handle_interruption(vcpu);
		return true;
	}
	if (errno == EFAULT)
		ending_report(vcpu->ending, NE_EMU_EXIT_REASON_VMM_ERROR,
			      "vCPU %u: the enclave's memory cannot be used", vcpu->index);
	else
		ending_report(vcpu->ending, NE_EMU_EXIT_REASON_VMM_ERROR,
			      "vCPU %u: KVM_RUN: %s", vcpu->index, strerror(errno));
	return false;
}

static int bind_thread(uint32_t cpu)
{
	size_t set_size = CPU_ALLOC_SIZE(cpu + 1);
	cpu_set_t *cpus = CPU_ALLOC(cpu + 1);
	int err;

	if (!cpus)
		return ENOMEM;
	CPU_ZERO_S(set_size, cpus);
	CPU_SET_S(cpu, set_size, cpus);
	err = sched_setaffinity(0, set_size, cpus) ? errno : 0;
	CPU_FREE(cpus);
	return err;
}

/* Enter the cgroup first: only its members may run on its CPUs. */
static void place_thread(struct vcpu *vcpu)
{
	/* 0 means the calling thread. */
	if (vcpu->pool_fd >= 0 && write(vcpu->pool_fd, "0", 1) < 0)
		vcpu->move_err = errno;
	vcpu->pin_err = bind_thread(vcpu->cpu);
	(void)sem_post(&vcpu->placed);
}

/* Set the name for debugging. The thread does this itself: others would have to open a file. */
static void name_thread(const struct vcpu *vcpu)
{
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u", vcpu->index);
	(void)pthread_setname_np(pthread_self(), name);
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;
	bool go_on = true;

	name_thread(vcpu);
	place_thread(vcpu);
	while (sem_wait(&vcpu->go) && errno == EINTR)
		;
	while (go_on && !atomic_load(&vcpu->stop)) {
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0)
			go_on = handle_error(vcpu);
		else
			go_on = handle_exit(vcpu);
	}
	atomic_store(&vcpu->ended, true);
	tell_stands(vcpu);
	return NULL;
}

static int start_thread(struct vcpu *vcpu, struct error *error)
{
	pthread_attr_t attr;
	int err;

	err = pthread_attr_init(&attr);
	if (!err) {
		err = pthread_attr_setstacksize(&attr, VCPU_STACK_SIZE);
		if (!err)
			err = pthread_create(&vcpu->thread, &attr, vcpu_thread, vcpu);
		pthread_attr_destroy(&attr);
	}
	if (err)
		return error_set(error, -err, "cannot start the thread of vCPU %u: %s",
				 vcpu->index, strerror(err));

	vcpu->has_thread = true;
	return 0;
}

int vcpu_create(struct vcpu *vcpu, const struct vm *vm, unsigned int index,
		unsigned int nr_vcpus, struct error *error)
{
	void *run;
	int err;

	vcpu->index = index;
	vcpu->stats_fd = -1;
	vcpu->run_size = vm->run_size;
	(void)sem_init(&vcpu->go, 0, 0);	/* cannot fail with these arguments */
	(void)sem_init(&vcpu->placed, 0, 0);
	(void)sem_init(&vcpu->unpark, 0, 0);
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, index);
	if (vcpu->fd < 0)
		return error_set(error, -errno, "cannot create vCPU %u: %s", index,
				 strerror(errno));
	run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (run == MAP_FAILED)
		return error_set(error, -errno, "cannot map vCPU %u: %s", index,
				 strerror(errno));
	vcpu->run = run;
	vcpu->stats_fd = kvm_stats_open(vcpu->fd);	/* negative: there are none */
	err = arch_init_vcpu(vm->kvm_fd, vcpu->fd, index, nr_vcpus, error);
	if (err)
		return err;
	return start_thread(vcpu, error);
}

void vcpu_wait_placed(struct vcpu *vcpu)
{
	while (sem_wait(&vcpu->placed) && errno == EINTR)
		;
	if (vcpu->move_err)
		log_warn("vCPU %u cannot enter the CPU pool's cgroup: %s", vcpu->index,
			 strerror(vcpu->move_err));
	if (vcpu->pin_err)
		log_warn("vCPU %u is not bound to CPU %u: %s", vcpu->index, vcpu->cpu,
			 strerror(vcpu->pin_err));
}

void vcpu_go(struct vcpu *vcpu)
{
	(void)sem_post(&vcpu->go);
}

static void vcpu_kick(struct vcpu *vcpu)
{
	if (!vcpu->has_thread)
		return;
	/* Also catches a thread that is just about to enter KVM_RUN. */
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	(void)pthread_kill(vcpu->thread, KICK_SIGNAL);	/* not joined yet, so still valid */
}

void vcpu_ask(struct vcpu *vcpu)
{
	atomic_store(&vcpu->state, VCPU_UNKNOWN);
	atomic_store(&vcpu->check, true);
	vcpu_kick(vcpu);
}

void vcpu_park(struct vcpu *vcpu)
{
	enum vcpu_motion runs = VCPU_RUNS;

	if (atomic_compare_exchange_strong(&vcpu->motion, &runs, VCPU_STOPPING))
		vcpu_kick(vcpu);
}

bool vcpu_stands(const struct vcpu *vcpu)
{
	return atomic_load(&vcpu->motion) == VCPU_STANDS || atomic_load(&vcpu->ended);
}

void vcpu_unpark(struct vcpu *vcpu)
{
	if (atomic_exchange(&vcpu->motion, VCPU_RUNS) == VCPU_STANDS)
		(void)sem_post(&vcpu->unpark);
}

void vcpu_nmi(struct vcpu *vcpu)
{
	atomic_store(&vcpu->nmi, true);
	vcpu_kick(vcpu);
}

uint64_t vcpu_cpu_time_ns(const struct vcpu *vcpu)
{
	struct timespec time;
	clockid_t clock;

	if (pthread_getcpuclockid(vcpu->thread, &clock) || clock_gettime(clock, &time))
		return 0;
	return timespec_ns(time);
}

void vcpu_stop(struct vcpu *vcpu)
{
	atomic_store(&vcpu->stop, true);
	vcpu_unpark(vcpu);
	if (vcpu->has_thread)
		(void)sem_post(&vcpu->go);
	vcpu_kick(vcpu);
}

bool vcpu_destroy(struct vcpu *vcpu, int64_t deadline_ms)
{
	const struct timespec deadline = {
		.tv_sec = deadline_ms / MSEC_PER_SEC,
		.tv_nsec = deadline_ms % MSEC_PER_SEC * NSEC_PER_MSEC,
	};

	if (vcpu->has_thread &&
	    pthread_clockjoin_np(vcpu->thread, NULL, CLOCK_MONOTONIC, &deadline))
		return false;
	vcpu->has_thread = false;
	if (vcpu->run)
		(void)munmap(vcpu->run, vcpu->run_size);
	vcpu->run = NULL;
	fd_close(&vcpu->stats_fd);
	fd_close(&vcpu->fd);
	return true;
}
