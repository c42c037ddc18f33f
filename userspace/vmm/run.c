// SPDX-License-Identifier: Apache-2.0
/*
 * The life of an enclave: start, events, end.
 *
 * A VMM has a main thread and one thread for each vCPU. main.c builds the machine, in which
 * the vCPU threads wait, seals the process (containment.h) and answers the start request.
 * The main thread then runs the event loop below until the enclave ends.
 *
 * Start: the backend fd becomes readable when the enclave is RUNNING. The main thread
 * checks and measures the image, moves its parts to where they run (loader.c), writes the
 * boot data (arch/) and lets the vCPU threads go.
 *
 * Running: a vCPU thread stays in KVM_RUN, and handles exits for ports and registers
 * itself (bus.h). The main thread does everything that may take longer: it processes
 * virtqueues, of whose notifications KVM informs it by eventfd, and serves the channels,
 * the console, messages of ne-emud and timers. It blocks only in epoll_wait().
 *
 * End: any thread reports it with ending_report(), which wakes the main thread. A hang-up
 * of the backend fd means that the kernel has stopped the enclave. The main thread stops
 * the vCPUs, reports the end to the kernel unless that stopped the enclave, and gives
 * console readers time to read the rest.
 */

#include "vmm/vmm.h"

#include "common/backend.h"
#include "common/clock.h"
#include "common/heartbeat.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/arch/arch.h"
#include "vmm/dump/service.h"
#include "vmm/loader.h"
#include "vmm/machine.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* How long console readers may take to read the rest of the output. */
#define CONSOLE_FINISH_MS	1000
/* The same for clients that look into the enclave. */
#define SESSIONS_FINISH_MS	1000

static void vmm_measure(struct vmm *vmm, const struct eif_pcrs *pcrs)
{
	struct nsm_measurements measured;

	_Static_assert(sizeof(pcrs->pcr0) == sizeof(measured.pcr0), "registers are copied whole");
	memcpy(measured.pcr0, pcrs->pcr0, sizeof(measured.pcr0));
	memcpy(measured.pcr1, pcrs->pcr1, sizeof(measured.pcr1));
	memcpy(measured.pcr2, pcrs->pcr2, sizeof(measured.pcr2));
	memcpy(measured.pcr8, pcrs->pcr8, sizeof(measured.pcr8));
	nsm_start(vmm->nsm, &measured);
}

/* A fault on request: what an image is that was damaged on its way into memory. */
static void flip_image(struct vmm *vmm)
{
	uint64_t offset;
	uint8_t *at;

	if (!fault_hits(&vmm->faults, FAULT_IMAGE_FLIP, &(struct fault_event){ 0 }, &offset))
		return;
	at = memory_at(&vmm->memory, vmm->options->image_offset + offset, 1);
	if (at)
		*at ^= 0xff;
	log_warn("lab setting image-flip: %s", at ? "a byte of the image is inverted" :
		 "the offset is outside the enclave's memory");
}

static int vmm_boot(struct vmm *vmm, struct error *error)
{
	struct loaded_image image;
	int err;

	/*
	 * Settings that ne-emud sent before it started us determine the initial PCRs, and may
	 * damage the image.
	 */
	nsm_inbox_drain(&vmm->nsm_inbox);
	flip_image(vmm);
	err = loader_load(&vmm->memory, vmm->options->image_offset, MACHINE_CMDLINE, &image,
			  error);
	if (err)
		return err;
	marks_set_at(&vmm->marks, MARK_MEASURED, image.measured_ns);
	vmm_measure(vmm, &image.pcrs);
	err = arch_boot(&vmm->memory, &image, vmm->nr_vcpus, error);
	if (!err)
		err = arch_start_vcpu(vmm->vcpus[0].fd, &image, error);
	loaded_image_free(&image);
	if (!err)
		marks_set(&vmm->marks, MARK_LOADED);
	return err;
}

static void vmm_start(struct vmm *vmm)
{
	struct error error;
	int err = vmm_boot(vmm, &error);

	if (err) {
		ending_report(&vmm->ending, err == -EBADMSG ? NE_EMU_EXIT_REASON_BAD_IMAGE :
			      NE_EMU_EXIT_REASON_VMM_ERROR, "%s", error.text);
		return;
	}
	err = halt_watch_start(&vmm->halt_watch, &vmm->loop, vmm->vcpus, vmm->nr_vcpus,
			       &vmm->ending);
	if (!err)
		err = panic_watch_start(&vmm->panic_watch, &vmm->loop, vmm->vcpus, vmm->nr_vcpus);
	if (err) {
		ending_report(&vmm->ending, NE_EMU_EXIT_REASON_VMM_ERROR,
			      "cannot watch the guest: %s", strerror(-err));
		return;
	}
	if (vmm->options->held & VMM_HELD_GDB)
		pause_take(&vmm->pause, PAUSE_GDB);
	/* The trace may have begun while the image was loaded. */
	if (vmm->options->held & VMM_HELD_TRACE && !vmm->trace.begun)
		pause_take(&vmm->pause, PAUSE_TRACE);
	/* Likewise the wait for a crash. */
	if (vmm->options->held & VMM_HELD_DUMP && !dump_waits(vmm))
		pause_take(&vmm->pause, PAUSE_DUMP);
	vmm->pause.marks = &vmm->marks;
	if (!vmm->pause.holders)
		marks_set(&vmm->marks, MARK_RUN);
	mishap_start(&vmm->mishap, vmm->vcpus);
	for (size_t i = 0; i < vmm->nr_vcpus; i++)
		vcpu_go(&vmm->vcpus[i]);
}

static void handle_backend(void *arg, uint32_t events)
{
	struct vmm *vmm = arg;

	if (events & (EPOLLHUP | EPOLLERR)) {
		vmm->stop_wanted = true;
		loop_stop(&vmm->loop);
		return;
	}
	/* Stop waiting for input: the fd stays readable while the enclave is running. */
	loop_wait_for(&vmm->loop, &vmm->backend, 0);
	vmm->started_ms = clock_ms();
	marks_set(&vmm->marks, MARK_RUNNING);
	vmm_start(vmm);
}

static void handle_ended(void *arg, uint32_t events)
{
	struct vmm *vmm = arg;

	(void)events;
	loop_stop(&vmm->loop);
}

static void handle_sigterm(void *arg, uint32_t events)
{
	struct vmm *vmm = arg;

	(void)events;
	ending_report(&vmm->ending, NE_EMU_EXIT_REASON_VMM_ERROR, "ne-emu-vmm got SIGTERM");
	loop_stop(&vmm->loop);		/* also if it has ended already, and is being dumped */
	loop_del(&vmm->loop, &vmm->sigterm);
}

static int add_source(struct vmm *vmm, struct loop_source *source, int fd,
		      void (*call)(void *arg, uint32_t events))
{
	*source = (struct loop_source){
		.fd = fd, .events = EPOLLIN, .call = call, .arg = vmm,
	};
	return loop_add(&vmm->loop, source);
}

static int run_loop(struct vmm *vmm)
{
	int err = add_source(vmm, &vmm->sigterm, vmm->sigterm.fd, handle_sigterm);

	if (!err)
		err = add_source(vmm, &vmm->ended, vmm->ending.event_fd, handle_ended);
	if (!err)
		err = add_source(vmm, &vmm->backend, vmm->options->backend_fd, handle_backend);
	return err ? err : loop_run(&vmm->loop);
}

static bool backend_hung_up(const struct vmm *vmm)
{
	struct pollfd pollfd = { .fd = vmm->options->backend_fd };

	return poll(&pollfd, 1, 0) > 0 && (pollfd.revents & (POLLHUP | POLLERR));
}

/* Release a launcher that is still waiting for a heartbeat. */
static void release_launcher(struct vmm *vmm)
{
	int err;

	if (!vmm->started_ms || vsock_heartbeat_sent(vmm->vsock) ||
	    clock_ms() - vmm->started_ms >= HEARTBEAT_WAIT * MSEC_PER_SEC)
		return;
	err = heartbeat_abort(vmm->options->channel_fd, vmm->options->cid);
	if (err)
		log_debug("no launcher released: %s", strerror(-err));
}

static void report_end(struct vmm *vmm, enum ne_emu_exit_reason reason,
		       const struct error *error)
{
	struct ne_emu_backend_status status = backend_status(reason, error);

	status.guest_status = ending_guest_status(&vmm->ending);
	log_info("enclave ended: %s", error->text);
	/* Ignore the failure if the enclave has been stopped in the meantime. */
	if (ioctl(vmm->options->backend_fd, NE_EMU_BACKEND_EXIT, &status) &&
	    !backend_hung_up(vmm))
		log_err("cannot report the end: %s", strerror(errno));
}

/* Report to the kernel first: a launcher that is released may close the enclave at once. */
static void tell_end(struct vmm *vmm)
{
	enum ne_emu_exit_reason reason;
	struct error error = { 0 };

	/* Lost memory of a stopped enclave is a consequence, not the reason of its end. */
	reason = ending_get(&vmm->ending, &error);
	if (vmm->stop_wanted || backend_hung_up(vmm)) {
		log_debug("enclave stopped");
		return;
	}
	if (memory_lost()) {
		/* This overrides what the guest did with the zero pages. */
		reason = NE_EMU_EXIT_REASON_VMM_ERROR;
		(void)error_set(&error, 0, "the enclave's memory is gone");
	}
	report_end(vmm, reason, &error);
	release_launcher(vmm);
}

/* Only a kernel that fails leaves something behind that is worth a look. */
static void keep_for_dump(struct vmm *vmm)
{
	struct error error;

	if (!vmm->stop_wanted &&
	    ending_get(&vmm->ending, &error) == NE_EMU_EXIT_REASON_GUEST_SHUTDOWN)
		dump_crashed(vmm);
}

static void vmm_end(struct vmm *vmm)
{
	marks_set(&vmm->marks, MARK_END);
	halt_watch_stop(&vmm->halt_watch);
	panic_watch_stop(&vmm->panic_watch);
	keep_for_dump(vmm);
	if (!vmm_stop_vcpus(vmm))
		log_warn("a vCPU does not stop");
	if (vmm_options_debug(vmm->options))
		console_flush_log(&vmm->console);
	tell_end(vmm);
	sessions_finish(&vmm->sessions, SESSIONS_FINISH_MS);
	if (vmm_options_debug(vmm->options))
		console_service_finish(vmm->service, CONSOLE_FINISH_MS);
}

int vmm_run(struct vmm *vmm)
{
	int err = run_loop(vmm);

	if (err)
		ending_report(&vmm->ending, NE_EMU_EXIT_REASON_VMM_ERROR, "main loop: %s",
			      strerror(-err));
	vmm_end(vmm);
	return err;
}
