// SPDX-License-Identifier: Apache-2.0
/*
 * The service "gdb": a debugger for the vCPUs.
 *
 * While the debugger has the guest, all vCPUs stand (PAUSE_GDB). Nothing here waits for them:
 * whatever needs them to stand happens when pause.c reports it, also the removal of a debugger
 * that has gone.
 */

#include "vmm/gdb/service.h"

#include "common/log.h"
#include "vmm/arch/arch.h"
#include "vmm/services.h"
#include "vmm/vmm.h"

#include <errno.h>
#include <string.h>

static struct vcpu *vcpu_of(const struct debugger *debugger, unsigned int cpu)
{
	return &debugger->vmm->vcpus[cpu];
}

static bool target_locate(void *arg, unsigned int number, size_t *ret_offset, size_t *ret_size)
{
	return arch_gdb_locate(number, ret_offset, ret_size);
}

static int target_get_registers(void *arg, unsigned int cpu, uint8_t *bytes)
{
	return arch_gdb_get_registers(vcpu_of(arg, cpu)->fd, bytes);
}

static int target_set_registers(void *arg, unsigned int cpu, const uint8_t *bytes)
{
	struct debugger *debugger = arg;

	/* The next instruction may be another one, whose breakpoint counts. */
	if (debugger->at == (int)cpu)
		debugger->at = -1;
	return arch_gdb_set_registers(vcpu_of(debugger, cpu)->fd, bytes);
}

static int target_translate(void *arg, unsigned int cpu, uint64_t address, uint64_t *ret_gpa)
{
	struct debugger *debugger = arg;

	return arch_gdb_translate(vcpu_of(debugger, cpu)->fd, &debugger->vmm->memory, address,
				  ret_gpa);
}

static void *target_memory(void *arg, uint64_t gpa, uint64_t len)
{
	struct debugger *debugger = arg;

	return memory_at(&debugger->vmm->memory, gpa, len);
}

static void target_stop(void *arg)
{
	struct debugger *debugger = arg;

	debugger->interrupted = true;
	pause_take(&debugger->vmm->pause, PAUSE_GDB);
}

/* Let those vCPUs run that shall, once nobody else wants them to stand. */
static void go_on(struct debugger *debugger)
{
	struct pause *pause = &debugger->vmm->pause;
	bool all = true;

	for (unsigned int i = 0; i < debugger->target.nr_cpus; i++)
		all &= debugger->actions[i] == GDB_RUN;
	if (all) {
		pause_drop(pause, PAUSE_GDB);
		return;
	}
	/* handle_running() tries again. */
	if (!pause_holds_only(pause, PAUSE_GDB))
		return;
	for (unsigned int i = 0; i < debugger->target.nr_cpus; i++)
		if (debugger->actions[i] != GDB_STAY)
			vcpu_unpark(vcpu_of(debugger, i));
}

static bool same_point(const struct gdb_hardware *a, const struct gdb_hardware *b)
{
	return a->type == b->type && a->address == b->address && a->len == b->len;
}

/*
 * Several vCPUs may stop at the same time, and the debugger learns of one. A watchpoint of
 * another one is reported when the debugger lets the guest go on, if it still has that
 * watchpoint; at a breakpoint, the instruction has not run yet, so that the vCPU will stop again
 * by itself.
 */
static bool report_pending(struct debugger *debugger)
{
	for (unsigned int i = 0; i < debugger->target.nr_cpus; i++) {
		struct debugger_stop *pending = &debugger->pending[i];
		struct gdb_stop stop = pending->stop;

		if (!pending->valid)
			continue;
		pending->valid = false;
		for (unsigned int j = 0; j < debugger->run.nr_hardware; j++) {
			if (!same_point(&debugger->run.hardware[j], &pending->hardware))
				continue;
			stop.hardware = j;
			debugger->state = DEBUGGER_STOPPED;
			gdb_stopped(debugger->gdb, &stop);
			return true;
		}
	}
	return false;
}

static void arm(struct debugger *debugger, unsigned int cpu)
{
	bool step = debugger->actions[cpu] == GDB_STEP;
	struct vcpu *vcpu = vcpu_of(debugger, cpu);
	int err = arch_gdb_set_debug(vcpu->fd, &debugger->run, step);

	if (!err && debugger->at == (int)cpu && debugger->actions[cpu] != GDB_STAY)
		err = arch_gdb_step_over(vcpu->fd);
	if (err)
		log_warn("vCPU %u cannot be debugged: %s", cpu, strerror(-err));
}

static void target_resume(void *arg, const struct gdb_run *run)
{
	struct debugger *debugger = arg;
	unsigned int nr_cpus = debugger->target.nr_cpus;

	debugger->run = *run;
	memcpy(debugger->actions, run->actions, nr_cpus * sizeof(*run->actions));
	debugger->run.actions = debugger->actions;
	if (report_pending(debugger))
		return;
	for (unsigned int i = 0; i < nr_cpus; i++)
		arm(debugger, i);
	debugger->at = -1;
	debugger->interrupted = false;
	debugger->state = DEBUGGER_RUNNING;
	go_on(debugger);
}

/* handle_stands() then removes what is left of the debugger. */
static void target_release(void *arg)
{
	struct debugger *debugger = arg;

	debugger->state = DEBUGGER_LEAVING;
	pause_take(&debugger->vmm->pause, PAUSE_GDB);
}

static void target_kill(void *arg)
{
	struct debugger *debugger = arg;

	ending_report(&debugger->vmm->ending, NE_EMU_EXIT_REASON_VMM_ERROR,
		      "a debugger has ended the enclave");
}

static void target_send(void *arg, const void *bytes, size_t len)
{
	struct debugger *debugger = arg;

	/* All of it fits: debugger_input() waits for room. */
	if (debugger->session)
		(void)session_send(debugger->session, bytes, len);
}

static void target_finish(void *arg)
{
	struct debugger *debugger = arg;

	if (debugger->session)
		session_finish(debugger->session, NULL);
}

enum cause {
	CAUSE_DEBUGGER,
	CAUSE_GONE,		/* a breakpoint that has been removed: go on with the original */
	CAUSE_GUEST,
};

static enum cause explain_trap(struct debugger *debugger, const struct vcpu *vcpu, uint64_t pc)
{
	const struct gdb_target *target = &debugger->target;
	const void *at;
	uint64_t gpa;

	if (arch_gdb_translate(vcpu->fd, &debugger->vmm->memory, pc, &gpa))
		return CAUSE_GUEST;
	if (debugger->gdb && gdb_has_trap(debugger->gdb, gpa))
		return CAUSE_DEBUGGER;
	at = target_memory(debugger, gpa, target->trap_len);
	return at && memcmp(at, target->trap, target->trap_len) ? CAUSE_GONE : CAUSE_GUEST;
}

/* Is it a breakpoint or a step of the debugger? */
static enum cause explain(struct debugger *debugger, unsigned int cpu, struct debugger_stop *ret)
{
	struct vcpu *vcpu = vcpu_of(debugger, cpu);
	bool step = debugger->actions[cpu] == GDB_STEP;
	uint64_t pc;

	ret->stop = (struct gdb_stop){ .cpu = cpu };
	if (arch_gdb_is_trap(vcpu->run, &pc)) {
		ret->stop.reason = GDB_STOP_SOFTWARE;
		return explain_trap(debugger, vcpu, pc);
	}
	if (!arch_gdb_debug_exit(vcpu->run, &debugger->run, step, &ret->stop))
		return CAUSE_GUEST;
	if (ret->stop.reason == GDB_STOP_HARDWARE)
		ret->hardware = debugger->run.hardware[ret->stop.hardware];
	return CAUSE_DEBUGGER;
}

/* The guest's own breakpoint or step, of a debugger in it or of its kernel. */
static void pass_on(struct debugger *debugger, unsigned int cpu)
{
	struct vcpu *vcpu = vcpu_of(debugger, cpu);
	bool step = debugger->actions[cpu] == GDB_STEP;
	int err = arch_gdb_pass_on(vcpu->fd, vcpu->run, &debugger->run, step);

	if (err)
		log_warn("vCPU %u: a debug exception is lost: %s", cpu, strerror(-err));
}

static void handle_debug_exit(struct debugger *debugger, unsigned int cpu)
{
	struct pause *pause = &debugger->vmm->pause;
	struct debugger_stop *pending = &debugger->pending[cpu];

	enum cause cause = explain(debugger, cpu, pending);

	if (cause == CAUSE_DEBUGGER) {
		pending->valid = true;
		pause_take(pause, PAUSE_GDB);
		return;
	}
	if (cause == CAUSE_GUEST)
		pass_on(debugger, cpu);
	/* Let it go on as before, unless the others have been stopped meanwhile. */
	if (!pause->holders || (debugger->state == DEBUGGER_RUNNING && !debugger->interrupted &&
				pause_holds_only(pause, PAUSE_GDB) &&
				debugger->actions[cpu] != GDB_STAY))
		vcpu_unpark(vcpu_of(debugger, cpu));
}

static void handle_debug(void *arg)
{
	struct debugger *debugger = arg;

	for (unsigned int i = 0; i < debugger->target.nr_cpus; i++) {
		struct vcpu *vcpu = vcpu_of(debugger, i);

		if (vcpu_stands(vcpu) && atomic_exchange(&vcpu->debug_exit, false))
			handle_debug_exit(debugger, i);
	}
}

static void stop_at(struct debugger *debugger, struct debugger_stop *pending)
{
	debugger->state = DEBUGGER_STOPPED;
	debugger->at = -1;
	pending->valid = false;
	if (pending->stop.reason == GDB_STOP_HARDWARE &&
	    pending->hardware.type == GDB_POINT_HARDWARE)
		debugger->at = pending->stop.cpu;
	/* The others at breakpoints stop there again. */
	for (unsigned int i = 0; i < debugger->target.nr_cpus; i++)
		if (debugger->pending[i].stop.reason != GDB_STOP_HARDWARE ||
		    debugger->pending[i].hardware.type == GDB_POINT_HARDWARE)
			debugger->pending[i].valid = false;
	gdb_stopped(debugger->gdb, &pending->stop);
}

static void handle_running(struct debugger *debugger)
{
	const struct gdb_stop stop = { .reason = GDB_STOP_INTERRUPT };

	for (unsigned int i = 0; i < debugger->target.nr_cpus; i++) {
		if (debugger->pending[i].valid) {
			stop_at(debugger, &debugger->pending[i]);
			return;
		}
	}
	if (debugger->interrupted) {
		debugger->state = DEBUGGER_STOPPED;
		gdb_stopped(debugger->gdb, &stop);
	} else if (pause_holds(&debugger->vmm->pause, PAUSE_GDB)) {
		/* Others have held those few that shall run. */
		go_on(debugger);
	}
}

/* Remove all points from the vCPUs. */
static void disarm(struct debugger *debugger)
{
	for (unsigned int i = 0; i < debugger->target.nr_cpus; i++) {
		debugger->pending[i].valid = false;
		(void)arch_gdb_set_debug(vcpu_of(debugger, i)->fd, NULL, false);
	}
	debugger->run = (struct gdb_run){ .actions = debugger->actions };
	debugger->at = -1;
	debugger->interrupted = false;
}

static void remove_debugger(struct debugger *debugger)
{
	struct vmm *vmm = debugger->vmm;

	disarm(debugger);
	if (debugger->session)
		session_finish(debugger->session, NULL);
	pause_unwatch(&vmm->pause, &debugger->watcher);
	debugger->state = DEBUGGER_NONE;
	pause_drop(&vmm->pause, PAUSE_GDB);
	log_debug("the debugger has left");
}

static void handle_stands(void *arg)
{
	struct debugger *debugger = arg;

	switch (debugger->state) {
	case DEBUGGER_NONE:
	case DEBUGGER_STOPPED:
		break;
	case DEBUGGER_ATTACHING:
		disarm(debugger);
		debugger->state = DEBUGGER_STOPPED;
		session_more(debugger->session);
		break;
	case DEBUGGER_RUNNING:
		handle_running(debugger);
		break;
	case DEBUGGER_LEAVING:
		remove_debugger(debugger);
		break;
	}
}

static void debugger_init(struct debugger *debugger, struct vmm *vmm)
{
	debugger->vmm = vmm;
	debugger->target = (struct gdb_target){
		.arg = debugger,
		.nr_cpus = vmm->nr_vcpus,
		.monitors = debugger_monitors,
		.locate = target_locate,
		.get_registers = target_get_registers,
		.set_registers = target_set_registers,
		.translate = target_translate,
		.memory = target_memory,
		.stop = target_stop,
		.resume = target_resume,
		.release = target_release,
		.kill = target_kill,
		.send = target_send,
		.finish = target_finish,
	};
	arch_gdb_init(&debugger->target);
	debugger->run.actions = debugger->actions;
	debugger->at = -1;
	debugger->watcher = (struct pause_watcher){
		.stands = handle_stands, .debug = handle_debug, .arg = debugger,
	};
}

/* Return: NULL without memory. */
static struct debugger *get_debugger(struct vmm *vmm)
{
	if (!vmm->debugger) {
		vmm->debugger = calloc(1, sizeof(*vmm->debugger));
		if (vmm->debugger)
			debugger_init(vmm->debugger, vmm);
	}
	return vmm->debugger;
}

static int debugger_open(struct session *session, const char *options, struct error *error)
{
	struct vmm *vmm = service_vmm(session);
	struct debugger *debugger = get_debugger(vmm);
	int err;

	if (!debugger)
		return error_set(error, -ENOMEM, "the VMM has no memory left");
	if (debugger->session)
		return error_set(error, -EBUSY, "a debugger is attached to the enclave already");
	err = gdb_create(&debugger->target, &debugger->gdb);
	if (err)
		return error_set(error, err, "the enclave cannot be debugged: %s", strerror(-err));
	debugger->session = session;
	session->state = debugger;
	/* What the one before has left behind is removed as soon as the vCPUs stand. */
	if (debugger->state == DEBUGGER_NONE)
		pause_watch(&vmm->pause, &debugger->watcher);
	debugger->state = DEBUGGER_ATTACHING;
	pause_take(&vmm->pause, PAUSE_GDB);
	return 0;
}

static size_t debugger_input(struct session *session, const uint8_t *bytes, size_t len)
{
	struct debugger *debugger = session->state;
	size_t taken = 0;

	if (debugger->state == DEBUGGER_ATTACHING)
		return 0;
	while (taken < len && session_room(session) >= GDB_ANSWER_MAX)
		gdb_input(debugger->gdb, bytes[taken++]);
	return session->finishing ? len : taken;
}

static void debugger_room(struct session *session)
{
	session_more(session);
}

static void debugger_ended(struct session *session)
{
	gdb_exited(((struct debugger *)session->state)->gdb);
}

/* The guest is still as the debugger left it; handle_stands() makes it whole. */
static void debugger_close(struct session *session)
{
	struct debugger *debugger = session->state;
	struct gdb *gdb = debugger->gdb;

	debugger->session = NULL;
	debugger->gdb = NULL;
	gdb_destroy(gdb);
}

void debugger_destroy(struct vmm *vmm)
{
	free(vmm->debugger);
	vmm->debugger = NULL;
}

const struct session_service gdb_service = {
	.name = "gdb",
	.open = debugger_open,
	.input = debugger_input,
	.room = debugger_room,
	.ended = debugger_ended,
	.close = debugger_close,
};
