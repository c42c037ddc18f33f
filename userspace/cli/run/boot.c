// SPDX-License-Identifier: Apache-2.0
/* From an image to an enclave that has booted. */

#include "cli/run/run.h"

#include "cli/eif/show.h"
#include "cli/enclave/crash_dump.h"
#include "cli/enclave/explain.h"
#include "cli/enclave/record.h"
#include "cli/enclave/vsock.h"
#include "common/clock.h"
#include "common/json_out.h"
#include "common/sd.h"
#include "common/util.h"

#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <poll.h>
#include <string.h>

#define PORT_RETRY_MS		250
/* What systemd may wait in addition to --timeout, seconds. */
#define NOTIFY_MARGIN		30

static void choose_memory(struct run *run)
{
	uint64_t wanted, memory = enclave_choose_memory(run->image.size, &wanted);

	if (!run->memory)
		run->memory = memory;
	if (run->memory < wanted)
		term_error("warning: %llu MiB of memory is less than the %llu MiB that nitro-cli "
			   "requires; the enclave may not boot", run->memory / MIB, wanted / MIB);
}

/* Everything that can take long or fail without an enclave. Return: the exit code. */
int run_prepare(struct run *run)
{
	struct error error = {};
	int err = enclave_available(&error);

	if (!err)
		err = vsock_check_namespace(&error);
	if (!err && run->name)
		err = record_check_name(run->name, &error);
	if (!err && run->trace && !state_emulated())
		err = error_set(&error, -EOPNOTSUPP, "--trace: only the emulator can trace");
	if (!err && run->trace)
		err = tracer_open(run->trace, false, &run->tracer, &error);
	if (!err)
		err = image_open(&run->options, &run->image, &error);
	if (err)
		return outcome_fail(err, &error);
	if (run->image.record && !run->json)
		image_print(&run->image, stderr);
	choose_memory(run);
	return COMMAND_OK;
}

static int add_cpus(struct run *run, struct error *error)
{
	__cleanup_free uint32_t *cpus = NULL;
	size_t count = run->cpus;

	/* check_usage() has parsed it before. */
	if (run->cpu_ids && parse_cpu_list(run->cpu_ids, &cpus, &count))
		return error_set(error, -EINVAL, "--cpu-ids: not a CPU list");
	return enclave_add_cpus(&run->enclave, cpus, count, error);
}

/* Only one launcher at a time can listen on the port, so wait for the others. */
static int listen_heartbeat(struct run *run, struct error *error)
{
	struct pollfd fd = { .fd = run->watch.signals, .events = POLLIN };
	int listener;

	do {
		listener = vsock_listen(NE_EMU_HEARTBEAT_PORT);
	} while (listener == -EADDRINUSE && watch_now_ns() < run->watch.deadline_ns &&
		 !poll(&fd, 1, PORT_RETRY_MS));
	if (listener < 0)
		return error_set(error, listener, "%s: %s", explain_step(STEP_LISTEN),
				 explain_error(STEP_LISTEN, -listener));
	run->watch.listener = listener;
	return 0;
}

static void open_console(struct run *run)
{
	int fd = vsock_connect_console(run->enclave.cid);

	if (fd < 0)
		term_error("warning: no console: %s", strerror(-fd));
	else
		run->watch.console = fd;
}

/* Of a built image, what is in the cache; otherwise what was measured when it was read. */
static json_t *measurements_of(const struct run *run)
{
	json_t *known = json_object_get(run->image.record, "Measurements");
	__cleanup_free char *text = NULL;
	struct json_out out = {};
	json_t *object;

	if (known || !run->enclave.measured)
		return json_incref(known);
	json_out_object(&out, NULL);
	eif_show_measurements(&out, &run->enclave.pcrs);
	text = json_out_take(&out);
	object = text ? json_loads(text, 0, NULL) : NULL;
	known = json_incref(json_object_get(object, "Measurements"));
	json_decref(object);
	return known;
}

static json_t *times_of(const struct run *run)
{
	json_t *times = json_object();

	for (enum start_time time = 0; time < NR_START_TIMES; time++)
		(void)json_object_set_new(times, start_time_name(time),
					  json_integer(run->enclave.times[time]));
	return times;
}

/* For "ne-emu inspect" and "ne-emu timeline". */
static void describe(const struct run *run)
{
	const char *name = run->options.name;
	__cleanup_free char *path = realpath(name, NULL);
	json_t *measurements = measurements_of(run), *times = times_of(run);

	if (!strcmp(name, "-"))
		name = NULL;
	record_describe(run->enclave.slot_uid, path ? path : name, measurements, times,
			false);
	json_decref(measurements);
	json_decref(times);
}

/* A debugger may take its time, and who detaches does so now. */
static int hold(struct run *run, struct error *error)
{
	run->watch.deadline_ns = 0;
	run->watch.progress = false;
	run_print_held(run);
	if (run->watch.parent >= 0 && run_detach(run, COMMAND_OK) != COMMAND_OK)
		return error_set(error, -EIO, "cannot detach");
	return 0;
}

/* The enclave goes on without a trace. Return: false if nothing more will come. */
static bool take_trace(void *arg)
{
	struct run *run = arg;
	struct error error;
	int r = tracer_take(run->tracer, &error);

	if (r < 0)
		term_error("warning: the trace of %s is incomplete: %s", run->id, error.text);
	return !r;
}

/* It stands until then. */
static int begin_trace(struct run *run, struct error *error)
{
	int err = tracer_attach(run->tracer, run->enclave.slot_uid, "", error);

	run->watch.trace = tracer_fd(run->tracer);
	run->watch.take_trace = take_trace;
	run->watch.trace_arg = run;
	return err;
}

static int start(struct run *run, struct error *error)
{
	int err;

	err = enclave_create(&run->enclave, error);
	if (!err && run->dump_on_crash)
		err = crash_dump_open(run->dump_on_crash, run->enclave.slot_uid, &run->watch.dump,
				      error);
	if (!err)
		err = enclave_load(&run->enclave, run->image.fd, run->memory, !run->no_check,
				   error);
	if (!err)
		err = add_cpus(run, error);
	if (!err)
		err = listen_heartbeat(run, error);
	if (!err && run->gdb)
		err = record_hold(run->enclave.slot_uid, "gdb", error);
	if (!err && run->trace)
		err = record_hold(run->enclave.slot_uid, "trace", error);
	if (!err && run->watch.dump)
		err = record_hold(run->enclave.slot_uid, "dump", error);
	if (!err)
		err = enclave_start(&run->enclave, run->cid, run->debug, error);
	if (!err && run->watch.dump)
		err = crash_dump_wait(run->watch.dump, run->enclave.slot_uid, error);
	if (!err && run->trace)
		err = begin_trace(run, error);
	if (!err && run->name)
		err = record_set_name(run->enclave.slot_uid, run->name, error);
	if (err)
		return err;
	describe(run);
	state_id(run->enclave.slot_uid, run->id);
	run->watch.enclave = run->enclave.fd;
	run->watch.cid = run->enclave.cid;
	run->watch.started_ns = watch_now_ns();
	run->watch.deadline_ns = run->watch.started_ns + run->timeout * NSEC_PER_SEC;
	if (run->console)
		open_console(run);
	return run->gdb ? hold(run, error) : 0;
}

static int fail_boot(struct run *run, int event, struct error *error)
{
	const char *bad_image = ne_nl_exit_reason_name(NE_EMU_EXIT_REASON_BAD_IMAGE);
	const char *look = run->debug ? run->console ? "see its output above" :
			   "\"ne-emu logs\" shows its console" :
			   "--debug --console shows what it printed";
	char said[OUTCOME_TEXT_SIZE];
	struct outcome outcome;

	switch (event) {
	case WATCH_ENDED:
		outcome = run_outcome(run);
		if (run_is_lost(&outcome))
			look = RUN_LOST_ADVICE;
		/* The guest never ran, so there is no console output. */
		if (outcome.reason && !strcmp(outcome.reason, bad_image))
			look = "see \"ne-emu eif describe\"";
		return error_set(error, -ENODEV, "%s ended before it had booted (%s); %s", run->id,
				 outcome_text(&outcome, said), look);
	case WATCH_TIMEOUT:
		return error_set(error, -ETIMEDOUT, "%s did not report to port 9000 within %llu s "
				 "and was ended; %s", run->id, (unsigned long long)run->timeout,
				 look);
	case WATCH_BAD_HEARTBEAT:
		return error_set(error, -EPROTO, "%s sent an invalid heartbeat and was ended; %s",
				 run->id, look);
	case WATCH_OUTPUT_LOST:
		return error_set(error, run->watch.output_err, "cannot write the console: %s; %s "
				 "was ended before it had booted",
				 strerror(-run->watch.output_err), run->id);
	case WATCH_SIGNAL:
	case WATCH_PARENT_GONE:
		return error_set(error, -EINTR, "interrupted; %s was ended before it had booted",
				 run->id);
	}
	return error_set(error, event, "cannot wait for %s: %s", run->id, strerror(-event));
}

int run_boot(struct run *run)
{
	struct error error = {};
	int err;

	/* --timeout bounds the boot, not the limit for services in general. */
	(void)sd_report("STATUS=Booting %s\nEXTEND_TIMEOUT_USEC=%llu", run->options.name,
			(unsigned long long)((run->timeout + NOTIFY_MARGIN) * USEC_PER_SEC));
	err = start(run, &error);
	if (!err) {
		int event = watch_next(&run->watch);

		if (event == WATCH_ENDED)
			run_take_rest(run);
		if (event == WATCH_OUTPUT_LOST && run->watch.output_err == -EPIPE)
			return run_lose_output(run);
		if (event != WATCH_BOOTED)
			err = fail_boot(run, event, &error);
	}
	if (err) {
		(void)sd_report("STATUS=%s", error.text);
		return outcome_fail(err, &error);
	}
	record_describe(run->enclave.slot_uid, NULL, NULL, NULL, true);
	run_print_booted(run);
	(void)sd_report("READY=1\nSTATUS=%s runs, CID %u", run->id, run->enclave.cid);
	return COMMAND_OK;
}
