// SPDX-License-Identifier: Apache-2.0
/* ne-emu run: start an enclave and keep it running. Also works on EC2. */

#include "cli/commands.h"
#include "cli/eif/app_options.h"
#include "cli/eif/commands.h"
#include "cli/eif/show.h"
#include "cli/enclave/enclave.h"
#include "cli/enclave/explain.h"
#include "cli/enclave/file.h"
#include "cli/enclave/logs.h"
#include "cli/enclave/outcome.h"
#include "cli/enclave/record.h"
#include "cli/enclave/say.h"
#include "cli/enclave/state.h"
#include "cli/enclave/vsock.h"
#include "cli/enclave/watch.h"

#include "cli/host/sysfs.h"
#include "cli/image/image.h"
#include "common/clock.h"
#include "common/enclave_name.h"
#include "common/guest_status.h"
#include "common/sd.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nitro_enclaves_emu.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT		180		/* seconds, as AWS's launcher waits */
#define PORT_RETRY_MS		250
#define CPUS_TEXT_SIZE		512
/* For a program that fails within this time after the boot, this many lines are shown. */
#define EARLY_NS		(10 * NSEC_PER_SEC)
#define LAST_LINES		10
/* As a shell reports a program that a closed pipe has ended. */
#define CODE_CLOSED_PIPE	(128 + SIGPIPE)
/* What systemd may wait in addition to --timeout, seconds. */
#define NOTIFY_MARGIN		30
#define LOST_ADVICE		"\"journalctl -u ne-emud\" shows how its VMM ended, for example " \
				"because memory ran out"

struct run {
	/* The command line. */
	struct image_options options;
	const char *config;
	const char *name;
	bool rm;
	uint64_t cpus;
	const char *cpu_ids;
	uint64_t memory;
	uint64_t cid;
	uint64_t timeout;
	bool debug;
	bool console;
	bool detach;
	bool json;
	bool no_check;

	struct enclave_file file;
	struct image image;
	struct enclave enclave;
	struct watch watch;
	uint64_t booted_ns;
	char id[STATE_ID_SIZE];
};

static int fail(int err, const struct error *error)
{
	(void)term_result(err, error);
	return OUTCOME_FAILED;
}

/* Enclaves get whole cores, so the default is the number of threads of one core. */
static uint64_t default_cpus(void)
{
	uint64_t smt;

	return !sys_read_u64(&smt, "/sys/devices/system/cpu/smt/active") && !smt ? 1 : 2;
}

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
static int prepare(struct run *run)
{
	struct error error = {};
	int err = enclave_available(&error);

	if (!err)
		err = vsock_check_namespace(&error);
	if (!err && run->name)
		err = record_check_name(run->name, &error);
	if (!err)
		err = image_open(&run->options, &run->image, &error);
	if (err)
		return fail(err, &error);
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

/* For "ne-emu inspect". */
static void describe(const struct run *run)
{
	const char *name = run->options.name;
	__cleanup_free char *path = realpath(name, NULL);
	json_t *measurements = measurements_of(run);

	if (!strcmp(name, "-"))
		name = NULL;
	record_describe(run->enclave.slot_uid, path ? path : name, measurements, false);
	json_decref(measurements);
}

static int start(struct run *run, struct error *error)
{
	int err;

	err = enclave_create(&run->enclave, error);
	if (!err)
		err = enclave_load(&run->enclave, run->image.fd, run->memory, !run->no_check,
				   error);
	if (!err)
		err = add_cpus(run, error);
	if (!err)
		err = listen_heartbeat(run, error);
	if (!err)
		err = enclave_start(&run->enclave, run->cid, run->debug, error);
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
	return 0;
}

/* Call it before the enclave is closed: the kernel forgets the reason then. */
static struct outcome get_outcome(const struct run *run)
{
	struct outcome outcome;

	return state_outcome(run->enclave.slot_uid, &outcome) ? (struct outcome){} : outcome;
}

/* The VMM went away without a word. */
static bool is_lost(const struct outcome *outcome)
{
	return outcome->reason &&
		!strcmp(outcome->reason, ne_nl_exit_reason_name(NE_EMU_EXIT_REASON_LOST));
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
		outcome = get_outcome(run);
		if (is_lost(&outcome))
			look = LOST_ADVICE;
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

/* In the order in which they were added; a list that does not fit is cut. */
static const char *cpus_text(const struct enclave *enclave, char *buf)
{
	size_t len = 0;

	*buf = 0;
	for (size_t i = 0; i < enclave->nr_cpus && len < CPUS_TEXT_SIZE; i++)
		len += snprintf(buf + len, CPUS_TEXT_SIZE - len, "%s%u", i ? "," : "",
				enclave->cpus[i]);
	return buf;
}

static void print_booted(struct run *run)
{
	const struct enclave *enclave = &run->enclave;
	uint64_t took = (watch_now_ns() - run->watch.started_ns) / NSEC_PER_MSEC;
	/* With --console, stdout carries only the console. */
	FILE *to = run->console ? stderr : stdout;
	char cpus[CPUS_TEXT_SIZE];
	struct json_out out = {};

	if (!run->json) {
		say(to, run->id, "%s booted in %llu.%03llu s: CID %u, CPUs %s, %llu MiB%s%s",
		    run->id, (unsigned long long)took / 1000, (unsigned long long)took % 1000,
		    enclave->cid, cpus_text(enclave, cpus), enclave->mem_size / MIB,
		    enclave->debug ? ", debug mode" : "", state_emulated() ? ", EMULATED" : "");
		if (run->console && isatty(STDOUT_FILENO))
			fputs("(Ctrl-C ends the enclave)\n", stderr);
		return;
	}
	json_out_document(&out);
	json_out_str(&out, "EnclaveID", run->id);
	json_out_u64(&out, "ProcessID", getpid());
	json_out_u64(&out, "EnclaveCID", enclave->cid);
	state_json_cpus(&out, enclave->cpus, enclave->nr_cpus);
	json_out_u64(&out, "MemoryMiB", enclave->mem_size / MIB);
	json_out_str(&out, "State", "RUNNING");
	json_out_str(&out, "Flags", enclave->debug ? "DEBUG_MODE" : "NONE");
	json_out_u64(&out, "BootMs", took);
	json_out_bool(&out, "Emulated", state_emulated());
	json_out_str(&out, "Name", run->name);
	json_out_json(&out, "Measurements", json_object_get(run->image.record, "Measurements"));
	if (json_out_print(&out, stdout, 2))
		term_error("cannot print the result");
}

/* A script reads this second object of --json for the status of the program. */
static void print_end_json(const struct run *run, const struct outcome *outcome)
{
	struct json_out out = {};

	if (!run->json)
		return;
	json_out_document(&out);
	json_out_str(&out, "EnclaveID", run->id);
	json_out_str(&out, "State", "TERMINATED");
	outcome_json(&out, outcome);
	if (json_out_print(&out, stdout, 2))
		term_error("cannot print the result");
}

/* A program that failed soon after the boot was probably never right: show what it said. */
static void show_last_lines(const struct run *run)
{
	const struct logs_id id = { .uid = run->enclave.slot_uid, .owner = geteuid() };

	if (run->console)
		return;
	if (!run->debug)
		fprintf(stderr, "%s: --debug --console shows what it prints\n", run->id);
	else if ((watch_now_ns() - run->booted_ns > EARLY_NS ||
		  logs_print_last(&id, LAST_LINES, stderr) <= 0) && !run->rm)
		fprintf(stderr, "%s: \"ne-emu logs %s\" shows its console\n", run->id, run->id);
}

static void print_end(const struct run *run, const struct outcome *outcome)
{
	bool known = outcome->by_guest && outcome->guest_status;
	char text[OUTCOME_TEXT_SIZE], program[GUEST_STATUS_TEXT_SIZE];

	if (known && !outcome->fault)
		say(stderr, run->id, "%s ended: %s", run->id,
		    guest_status_text(outcome->guest_status, program));
	else if (outcome->fault)
		term_error("%s ended by a fault (%s)%s", run->id, outcome_text(outcome, text),
			   is_lost(outcome) ? "; " LOST_ADVICE : "");
	else
		say(stderr, run->id, "%s ended (%s)%s", run->id, outcome_text(outcome, text),
		    outcome->by_guest ? "; its init did not report a status" : "");
}

/* The enclave belongs to this process, which a closed pipe ends as it does other programs. */
static int lose_output(struct run *run)
{
	enclave_close(&run->enclave);
	if (run->watch.output_err == -EPIPE) {
		fprintf(stderr, "%s terminated: nobody reads its console any more\n", run->id);
		return CODE_CLOSED_PIPE;
	}
	term_error("%s terminated: cannot write its console: %s", run->id,
		   strerror(-run->watch.output_err));
	return OUTCOME_FAILED;
}

/* Wait until the booted enclave ends. Return: the exit code. */
static int keep(struct run *run)
{
	struct outcome outcome;
	int event, code;

	fd_close(&run->watch.listener);
	run->watch.deadline_ns = 0;
	run->watch.progress = false;
	run->booted_ns = watch_now_ns();
	event = watch_next(&run->watch);
	(void)sd_report("STOPPING=1");	/* only systemd wants to know */
	if (event == WATCH_OUTPUT_LOST)
		return lose_output(run);
	if (event == WATCH_SIGNAL) {
		enclave_close(&run->enclave);
		watch_drain_console(&run->watch);
		say(stderr, run->id, "%s terminated", run->id);
		print_end_json(run, &(const struct outcome){ .reason = "closed" });
		return COMMAND_OK;
	}
	if (event < 0) {
		term_error("cannot wait for %s: %s", run->id, strerror(-event));
		return OUTCOME_FAILED;
	}
	outcome = get_outcome(run);
	code = outcome_exit_code(&outcome);
	watch_drain_console(&run->watch);
	print_end(run, &outcome);
	if (code)
		show_last_lines(run);
	print_end_json(run, &outcome);
	return code;
}

static int boot(struct run *run)
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
			watch_drain_console(&run->watch);
		if (event == WATCH_OUTPUT_LOST && run->watch.output_err == -EPIPE)
			return lose_output(run);
		if (event != WATCH_BOOTED)
			err = fail_boot(run, event, &error);
	}
	if (err) {
		(void)sd_report("STATUS=%s", error.text);
		return fail(err, &error);
	}
	record_describe(run->enclave.slot_uid, NULL, NULL, true);
	print_booted(run);
	(void)sd_report("READY=1\nSTATUS=%s runs, CID %u", run->id, run->enclave.cid);
	return COMMAND_OK;
}

/* The log of an enclave that was started; it ends when its descriptor is closed. */
static void forget(struct run *run)
{
	struct error error;

	if (!run->rm || !*run->id)
		return;
	enclave_close(&run->enclave);
	if (record_forget(run->enclave.slot_uid, geteuid(), &error))
		term_error("warning: the log of %s stays: %s", run->id, error.text);
}

static void run_free(struct run *run)
{
	enclave_close(&run->enclave);
	image_close(&run->image);
	enclave_file_free(&run->file);
	fd_close(&run->watch.listener);
	fd_close(&run->watch.heartbeat);
	fd_close(&run->watch.console);
	fd_close(&run->watch.signals);
	fd_close(&run->watch.parent);
}

/* Run in the foreground. watch_next() reads signals from a signalfd. */
static int run_here(struct run *run)
{
	int code;

	run->watch.signals = watch_open_signals();
	if (run->watch.signals < 0) {
		term_error("cannot watch signals: %s", strerror(-run->watch.signals));
		return OUTCOME_FAILED;
	}
	code = boot(run);
	code = code ? code : keep(run);
	forget(run);
	return code;
}

static int leave_terminal(void)
{
	__cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || chdir("/")) {
		term_error("cannot detach: %s", strerror(errno));
		return OUTCOME_FAILED;
	}
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);	/* cannot fail for open descriptors */
	return COMMAND_OK;
}

/*
 * Runs in the background process that owns the enclave. It keeps the user's terminal until
 * the enclave has booted, sends its exit code to the foreground process, and detaches.
 */
static int run_detached(struct run *run, int parent)
{
	unsigned char code;
	int err;

	(void)setsid();		/* cannot fail right after a fork */
	run->watch.parent = parent;
	run->watch.signals = watch_open_signals();
	err = MIN(run->watch.signals, 0);
	code = err ? OUTCOME_FAILED : boot(run);
	if (code == COMMAND_OK)
		code = leave_terminal();
	if (write(parent, &code, 1) != 1)
		code = OUTCOME_FAILED;	/* the foreground process was killed */
	fd_close(&run->watch.parent);
	code = code == COMMAND_OK ? keep(run) : code;
	forget(run);
	return code;
}

/* Has systemd started this program, or the script that calls it, as a service? */
static bool is_service(void)
{
	const char *pid = getenv("SYSTEMD_EXEC_PID");
	uint64_t value;

	return pid && !parse_u64(pid, 10, INT_MAX, &value) &&
	       ((pid_t)value == getpid() || (pid_t)value == getppid());
}

static int detach(struct run *run)
{
	unsigned char code;
	int fds[2];
	pid_t pid;

	/* It cannot be told whether the unit is right, and it ends without a trace if not. */
	if (is_service())
		term_error("note: systemd ends what a unit leaves behind, so that the enclave ends "
			   "with this unit: with Type=oneshot it needs RemainAfterExit=yes; "
			   "Type=notify without --detach is better, see ne-emu(1)");

	if (pipe2(fds, O_CLOEXEC)) {
		term_error("cannot detach: %s", strerror(errno));
		return OUTCOME_FAILED;
	}
	pid = fork();
	if (!pid) {
		fd_close(&fds[0]);
		return run_detached(run, fds[1]);
	}
	fd_close(&fds[1]);
	if (pid < 0) {
		term_error("cannot detach: %s", strerror(errno));
		code = OUTCOME_FAILED;
	} else if (read_full(fds[0], &code, 1) != 1) {
		term_error("the background process ended unexpectedly");
		code = OUTCOME_FAILED;
	}
	fd_close(&fds[0]);
	return code;
}

static int check_usage(const struct command_call *call, const struct run *run)
{
	__cleanup_free uint32_t *cpus = NULL;
	size_t count;

	if (run->console && !run->debug)
		return command_usage_error(call, "--console requires --debug: production enclaves "
					   "have no console");
	if (run->console && run->detach)
		return command_usage_error(call, "--console cannot be combined with --detach; use "
					   "\"ne-emu console\" afterwards");
	if (run->console && run->json)
		return command_usage_error(call, "--console cannot be combined with --json");
	if (run->cpus && run->cpu_ids)
		return command_usage_error(call, "--cpus cannot be combined with --cpu-ids");
	if (run->cpu_ids && parse_cpu_list(run->cpu_ids, &cpus, &count))
		return command_usage_error(call, "--cpu-ids: \"%s\" is not a CPU list (e.g. 2,3 or "
					   "2-5)", run->cpu_ids);
	for (size_t i = 0; run->cpu_ids && i < count; i++)
		if (!cpus[i])		/* to the driver, 0 means "choose one" */
			return command_usage_error(call, "--cpu-ids: CPU 0 belongs to the host");
	return app_options_check(call, &run->options.build);
}

static const struct run defaults = {
	.timeout = DEFAULT_TIMEOUT,
	.image.fd = -1,
	.image.source.fd = -1,
	.enclave.fd = -1,
	.watch = WATCH_INIT,
};

static int read_name(const char *text, void *value)
{
	if (!enclave_name_valid(text))
		return -EINVAL;
	*(const char **)value = text;
	return 0;
}

static const struct opt_type name_type = { .what = "a name: " ENCLAVE_NAME_RULE, .read = read_name };

#define IN_RUN(member)	options.build.member

static const struct opt options[] = {
	OPT_NUMBER("cpus", struct run, cpus, "N", 1, UINT16_MAX,
		   "number of CPUs; default: one core",
		   .manual = "Number of CPUs, chosen by the driver from the pool. Cores are not "
			     "shared, so it must be a multiple of the threads per core. Default: "
			     "one core."),
	OPT_STRING("cpu-ids", struct run, cpu_ids, "LIST", "CPUs of the pool, e.g. 2,3",
		   .manual = "CPUs of the pool by number, e.g. 2,3 or 2-5, in that order."),
	OPT_MEMORY("memory", struct run, memory, "SIZE",
		   "memory in MiB, or e.g. 512M or 2G;\n"
		   "default: four times the image size, at least 256 MiB",
		   .manual = "In MiB, or with the unit M, G or T. Rounded up to 2 MiB. Taken from "
			     "free huge pages on the NUMA node of the CPU pool, 1 GiB pages first; "
			     "the enclave gets more than requested only if the 2 MiB pages run "
			     "out. Default: four times the image size, at least 256 MiB."),
	OPT_NUMBER("cid", struct run, cid, "N", 4, UINT32_MAX - 1,
		   "vsock CID; default: a free one, 16 or above",
		   .manual = "vsock CID, 4 or above. Default: a free one, 16 or above."),
	OPT_FLAG("debug", struct run, debug, "debug mode: with a console, PCRs are zero",
		 .manual = "Debug mode: the enclave has a console, and the image's PCRs in "
			   "attestation documents are zero."),
	OPT_FLAG("console", struct run, console, "show the console on stdout",
		 .manual = "Copy the console to standard output; all other text goes to standard "
			   "error. Requires *--debug*."),
	OPT_FLAG("detach", struct run, detach, "return once it has booted, and keep it running",
		 .manual = "Return once the enclave has booted. A background process keeps it "
			   "running; *ne-emu stop* ends both."),
	OPT_FLAG("json", struct run, json, "print a JSON object after the boot, one at the end",
		 .manual = "Print one JSON object once the enclave has booted, with the members of "
			   "*nitro-cli run-enclave* (EnclaveID, ProcessID, EnclaveCID, "
			   "NumberOfCPUs, CPUIDs, MemoryMiB) and State, Flags, BootMs, Emulated. "
			   "Without *--detach*, print a second one at the end, with EnclaveID, "
			   "State (TERMINATED), ExitReason, ExitText, and ExitCode or ExitSignal "
			   "of the program, or null."),
	OPT_NUMBER("timeout", struct run, timeout, "S", 1, 86400,
		   "seconds to wait for the boot; default: 180",
		   .manual = "Seconds to wait for the enclave to boot. Default: 180."),
	OPT_FLAG("no-check", struct run, no_check, "do not check the image before the start",
		 .manual = "Start the enclave even if the image is invalid, to see how that "
			   "fails."),
	OPT_STRING("config", struct run, config, "FILE",
		   "read image, command and options from a file",
		   .manual = "Read image, command and options from a file, see *FILES OF ENCLAVES*. "
			     "What the command line says takes precedence.",
		   .values = VALUES_FILES),
	OPT_TYPED("name", struct run, name, const char *, &name_type, "NAME", "name for the other commands",
		   .manual = "Name by which the other commands find the enclave. No other running "
			     "enclave of this user may have it."),
	OPT_FLAG("rm", struct run, rm, "remove its log when it has ended",
		 .manual = "Remove the enclave's log and record when it has ended."),
	OPT_FLAG("rootfs", struct run, options.rootfs,
		 "IMAGE is a directory with a root file system",
		 .manual = "_IMAGE_ is a directory with a root file system, in which _COMMAND_ "
			   "runs."),
	APP_OPTIONS(struct run, IN_RUN),
	OPT_STRING("kernel", struct run, options.build.kernel, "FILE",
		   "kernel for the image that is built",
		   .manual = "Kernel for the image that is built. Default: that of the package "
			     "nitro-enclaves-emu-guest.",
		   .values = VALUES_FILES),
	OPT_FLAG("no-cache", struct run, options.no_cache,
		 "build the image anew, and do not keep it",
		 .manual = "Build the image anew, and do not keep it for the next start."),
	{}
};

/* An enclave image has no use for a command, so options may follow it. */
static int read_options_after_image(const struct command_call *call, struct run *run)
{
	struct error error;
	char **rest;
	int count = opt_read(call->command->options, 0, run, call->count, call->args, &rest,
			     &error);

	if (count < 0)
		return command_usage_error(call, "%s", error.text);
	if (count)
		return command_usage_error(call, "%s is an enclave image, whose command is fixed: "
					   "\"%s\" is not an option", run->options.name, *rest);
	return check_usage(call, run);
}

static int find_image(const struct command_call *call, struct run *run)
{
	struct error error = {};
	int err;

	run->options.name = call->args[0];
	err = image_find(&run->options, &run->image, &error);
	if (err)
		return fail(err, &error);
	if (run->image.source.kind == SOURCE_EIF)
		return read_options_after_image(call, run);
	run->options.build.args = call->args + 1;
	run->options.build.nr_args = call->count - 1;
	return COMMAND_OK;
}

/* The arguments of the file, unless the command line has any. */
static int read_config(struct command_call *call, struct run *run)
{
	struct error error = {};

	if (enclave_file_read(run->config, call->command, run, &run->file, &error)) {
		term_error("%s", error.text);
		return EX_CONFIG;
	}
	if (!call->count) {
		call->args = run->file.words;
		call->count = run->file.count;
	}
	return COMMAND_OK;
}

/* What the user wants. systemd does not repeat a start that ends with EX_CONFIG. */
static int understand(const struct command_call *typed, struct run *run)
{
	struct command_call call = *typed;
	int code = run->config ? read_config(&call, run) : COMMAND_OK;

	if (!code && !call.count)
		code = command_usage_error(&call, run->config ? "the file names no image" :
					   "missing argument, expected: %s", call.command->args);
	if (!code)
		code = check_usage(&call, run);
	if (!code)
		code = find_image(&call, run);
	return code == COMMAND_USAGE && run->config ? EX_CONFIG : code;
}

static int run_enclave(const struct command_call *call)
{
	struct run *run = call->options;
	int code = understand(call, run);

	if (!run->cpus)
		run->cpus = default_cpus();
	if (!code)
		code = prepare(run);
	run->watch.progress = isatty(STDERR_FILENO) && !run->console;
	run->watch.deadline_ns = watch_now_ns() + run->timeout * NSEC_PER_SEC;
	if (!code)
		code = run->detach ? detach(run) : run_here(run);
	run_free(run);
	return code;
}

const struct command cmd_run = {
	.name = "run",
	.summary = "start an enclave and wait until it has booted",
	.args = "IMAGE [COMMAND [ARGUMENT]...]",
	.about = "Start an enclave and wait until it has booted, then until it ends. Ctrl-C and\n"
		 "SIGTERM end it.\n\n"
		 "IMAGE is an enclave image (EIF); or a container image, from which one is built\n"
		 "and kept for the next start (\"ne-emu images\"): an archive or directory of\n"
		 "docker, podman or skopeo, \"-\" for an archive on standard input, a name in the\n"
		 "stores of podman and docker, or docker://NAME. COMMAND replaces the arguments\n"
		 "of a container image\n\n"
		 "Exit codes: that of the program in the enclave, if its init reports it\n"
		 "(128 + n: killed by signal n; 126: cannot be run; 127: not found); otherwise\n"
		 "0 ended normally (or booted, with --detach), 2 incorrect usage,\n"
		 "78 incorrect file of --config,\n"
		 "141 nobody reads the output of --console any more, which ends the enclave,\n"
		 "125 could not be started, did not boot, or ended by a fault",
	.options = options,
	.values = { VALUES_FILES },
	.takes_command = true,
	.min_args = 0,		/* or the image of --config */
	.max_args = INT_MAX,
	.size = sizeof(struct run),
	.defaults = &defaults,
	.run = run_enclave,
};
