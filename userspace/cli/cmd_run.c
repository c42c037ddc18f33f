// SPDX-License-Identifier: Apache-2.0
/* ne-emu run: start an enclave and keep it running. Also works on EC2. */

#include "cli/commands.h"
#include "cli/eif/app_options.h"
#include "cli/eif/commands.h"
#include "cli/enclave/crash_dump.h"
#include "cli/run/run.h"

#include "cli/host/sysfs.h"
#include "common/clock.h"
#include "common/enclave_name.h"
#include "common/util.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT		180		/* seconds, as AWS's launcher waits */

/* Enclaves get whole cores, so the default is the number of threads of one core. */
static uint64_t default_cpus(void)
{
	uint64_t smt;

	return !sys_read_u64(&smt, "/sys/devices/system/cpu/smt/active") && !smt ? 1 : 2;
}

static void run_free(struct run *run)
{
	struct error error;

	enclave_close(&run->enclave);
	crash_dump_close(run->watch.dump);
	if (tracer_close(run->tracer, &error))
		term_error("warning: %s", error.text);
	image_close(&run->image);
	enclave_file_free(&run->file);
	fd_close(&run->watch.listener);
	fd_close(&run->watch.heartbeat);
	fd_close(&run->watch.console);
	fd_close(&run->watch.signals);
	fd_close(&run->watch.parent);
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
	if (run->trace && !strcmp(run->trace, "-"))
		return command_usage_error(call, "--trace requires a file; \"ne-emu trace\" writes "
					   "to standard output");
	if (run->gdb && !run->debug)
		return command_usage_error(call, "--gdb requires --debug: nobody looks into "
					   "production enclaves");
	if (run->gdb && run->detach && run->json)
		return command_usage_error(call, "--gdb with --detach cannot be combined with "
					   "--json, whose object is printed after the boot");
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

static const struct opt_type name_type = {
	.what = "a name: " ENCLAVE_NAME_RULE,
	.read = read_name,
};

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
	OPT_FLAG("gdb", struct run, gdb,
		 "stand before the first instruction until a debugger lets it go",
		 .manual = "Stop before the first instruction of the kernel, until a debugger "
			   "(*ne-emu gdb*) lets it go. There is no time limit for the boot. "
			   "With *--detach*, return as soon as it stands there. Requires "
			   "*--debug*."),
	OPT_STRING("dump-on-crash", struct run, dump_on_crash, "PATH",
		   "if its kernel crashes, write its memory to this file,\n"
		   "or to one in this directory",
		   .manual = "If the kernel of the enclave panics or the enclave ends by a triple "
			     "fault, write its memory to a core file, as *ne-emu dump* does, before "
			     "the enclave ends. _PATH_ is a file, which must not exist, or a "
			     "directory, in which the file is named after the enclave. Requires "
			     "*--debug*, or the setting _look-inside_ of *ne-emu lab*.",
		   .values = VALUES_FILES),
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
	OPT_TYPED("name", struct run, name, const char *, &name_type, "NAME",
		  "name for the other commands",
		  .manual = "Name by which the other commands find the enclave. No other running "
			    "enclave of this user may have it."),
	OPT_FLAG("rm", struct run, rm, "remove its log when it has ended",
		 .manual = "Remove the enclave's log and record when it has ended."),
	OPT_FLAG("rootfs", struct run, options.rootfs,
		 "IMAGE is a directory with a root file system",
		 .manual = "_IMAGE_ is a directory with a root file system, in which _COMMAND_ "
			   "runs."),
	APP_OPTIONS(struct run, IN_RUN),
	OPT_STRING("trace", struct run, trace, "FILE",
		   "write what it does to a file, as \"ne-emu trace\", from the first moment",
		   .manual = "Write what the enclave does to this file, as *ne-emu trace* -o, from "
			     "before its first instruction to its end.",
		   .values = VALUES_FILES),
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

/* Of nitro-cli, QEMU and podman. */
static const struct command_hint hints[] = {
	{ "--cpu-count", "--cpus" },
	{ "--smp", "--cpus" },
	{ "--eif-path", "IMAGE, an argument without an option" },
	{ "--image", "IMAGE, an argument without an option" },
	{ "--debug-mode", "--debug" },
	{ "--enclave-cid", "--cid" },
	{ "--enclave-name", "--name" },
	{ "--attach-console", "--console, with --debug" },
	{ "--volume", "--copy when the image is built: enclaves have no volumes" },
	{ "--publish", "\"ne-emu port-forward\", once it runs" },
	{}
};

/* An enclave image has no use for a command, so options may follow it. */
static int read_options_after_image(const struct command_call *call, struct run *run)
{
	struct error error;
	char **rest = call->args;
	int count = opt_read(call->command->options, 0, run, call->count, call->args, &rest,
			     &error);

	if (count < 0)
		return command_options_error(call, count, *rest, &error);
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
		return outcome_fail(err, &error);
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
		code = run_prepare(run);
	run->watch.progress = isatty(STDERR_FILENO) && !run->console;
	run->watch.deadline_ns = watch_now_ns() + run->timeout * NSEC_PER_SEC;
	if (!code)
		code = run->detach ? run_background(run) : run_foreground(run);
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
	.hints = hints,
	.values = { VALUES_FILES },
	.takes_command = true,
	.min_args = 0,		/* or the image of --config */
	.max_args = INT_MAX,
	.size = sizeof(struct run),
	.defaults = &defaults,
	.run = run_enclave,
};
