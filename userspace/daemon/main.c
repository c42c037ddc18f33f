// SPDX-License-Identifier: Apache-2.0
/* ne-emud: starts a VMM for each enclave and records how enclaves end. */

#include "command/command.h"
#include "command/log_level.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/util.h"
#include "daemon/lock.h"
#include "daemon/partition.h"
#include "daemon/settings_file.h"
#include "daemon/supervisor.h"

#include <errno.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Exit codes, as in the manual. */
enum {
	EXIT_OK = 0,
	EXIT_ERROR = 1,
	EXIT_USAGE = 2,
	EXIT_NO_MODULE = 3,
	EXIT_BUSY = 4,
};

struct options {
	struct start_config start;
	const char *log_dir;
	const char *state_dir;
	const char *vmm_user;
	const char *config;
	const char *instance_id;
	bool no_isolation;
};

#define VMM_USER	"ne-emu"
#define VMM_PATH	NE_EMU_LIBEXECDIR "/ne-emu/ne-emu-vmm"

static const struct options defaults = {
	.start = {
		.vmm_path = VMM_PATH,
		.kvm_path = KVM_PATH,
		.vsock_path = NE_EMU_VSOCK_PATH,
		.log_level = LOG_INFO,
	},
	.log_dir = NE_EMU_LOG_DIR,
	.state_dir = CA_STATE_DIR,
};

static int read_instance_id(const char *text, void *value)
{
	if (!ca_instance_id_valid(text))
		return -EINVAL;
	*(const char **)value = text;
	return 0;
}

static const struct opt_type instance_id = {
	.what = "an instance ID (i- and 17 hexadecimal digits)",
	.read = read_instance_id,
};

static const struct opt options[] = {
	OPT_STRING("vmm", struct options, start.vmm_path, "PATH", "VMM program\n(" VMM_PATH ")",
		   .manual = "Program that is started for each enclave. Default:\n_" VMM_PATH "_.",
		   .values = VALUES_FILES),
	OPT_STRING("log-dir", struct options, log_dir, "PATH",
		   "directory of console logs and exit records (" NE_EMU_LOG_DIR ")",
		   .manual = "Directory for console logs and exit records. Its last component is "
			     "created if it does not exist. Default: _" NE_EMU_LOG_DIR "_.",
		   .values = VALUES_DIRS),
	OPT_STRING("state-dir", struct options, state_dir, "PATH",
		   "directory of the attestation roots (" CA_STATE_DIR ")",
		   .manual = "Directory of the attestation roots, see *ne-emu-ca*(8). Default: "
			     "_" CA_STATE_DIR "_.",
		   .values = VALUES_DIRS),
	OPT_STRING("vmm-user", struct options, vmm_user, "NAME",
		   "user to run VMMs as, if ne-emud is root (" VMM_USER ")",
		   .manual = "User to run VMMs as, if *ne-emud* runs as root. Default: _" VMM_USER
			     "_; if that user does not exist, they stay root, without its "
			     "capabilities, and *ne-emud* logs a warning.",
		   .values = VALUES_USERS),
	OPT_STRING("config", struct options, config, "PATH",
		   "configuration file (" NE_EMU_CONFIG_FILE ", if it exists)",
		   .manual = "Configuration file, see *ne-emud.conf*(5). Default: "
			     "_" NE_EMU_CONFIG_FILE "_, which need not exist.",
		   .values = VALUES_FILES),
	OPT_TYPED("instance-id", struct options, instance_id, const char *, &instance_id, "ID",
		  "i- and 17 hexadecimal digits, for attestation documents\n"
		  "(the configured one, or " LAB_INSTANCE_ID ")",
		  .manual = "Identity of the parent in attestation documents: \"i-\" and 17 "
			    "hexadecimal digits in lower case. It determines PCR4 and the first "
			    "part of the module id. Default: the one in the configuration file, or "
			    LAB_INSTANCE_ID "."),
	OPT_FLAG("no-isolation", struct options, no_isolation,
		 "do not make the CPU pool an isolated partition",
		 .manual = "Bind vCPUs to the CPUs of the pool, but let other programs use them "
			   "too. See ISOLATION."),
	OPT_TYPED("log-level", struct options, start.log_level, int, &opt_log_level, "LEVEL",
		  "error, warning, info or debug (info)",
		  .manual = "Least severe messages that *ne-emud* and the VMMs print: "
			    "*error*, *warning*, *info* or *debug*. Default: *info*.",
		  .values = { OPT_COMPLETE_WORDS, OPT_LOG_LEVELS }),
	{}
};

/* An ignored SIGCHLD, which a parent process may leave, would hide the ends of VMMs. */
static void set_signals(void)
{
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* Only ne-emud needs CAP_SYS_ADMIN, for starts and the partition. Fails without root. */
static void keep_admin_from_vmms(void)
{
	if (prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0))
		log_debug("VMMs keep CAP_SYS_ADMIN if ne-emud has it: %m");
}

/* Only a user given with --vmm-user must exist. Without the default user, VMMs keep ours. */
static int find_vmm_user(const struct options *opts, struct start_config *start)
{
	const char *name = opts->vmm_user ? opts->vmm_user : VMM_USER;
	const struct passwd *user;

	if (geteuid())
		return EXIT_OK;
	user = getpwnam(name);
	if (user && user->pw_uid && user->pw_gid) {
		start->uid = user->pw_uid;
		start->gid = user->pw_gid;
		return EXIT_OK;
	}
	if (opts->vmm_user) {
		log_err("--vmm-user %s: %s", name, user ? "has root's user or group id" :
			"no such user");
		return EXIT_USAGE;
	}
	log_warn("VMMs run as root, without its capabilities: there is no user %s; "
		 "run systemd-sysusers", name);
	return EXIT_OK;
}

static int connect_supervisor(struct supervisor *s)
{
	int err = supervisor_connect(s);

	switch (err) {
	case 0:
		return EXIT_OK;
	case -ENOENT:
		log_err("nitro_enclaves_emu is not loaded; modprobe nitro_enclaves_emu");
		return EXIT_NO_MODULE;
	case -EPERM:
		log_err("not allowed to serve nitro_enclaves_emu; run as root, with "
			"CAP_SYS_ADMIN");
		return EXIT_ERROR;
	default:
		log_err("cannot connect to nitro_enclaves_emu: %s", strerror(-err));
		return EXIT_ERROR;
	}
}

static int serve(struct supervisor *s)
{
	int err = supervisor_run(s);

	if (err == -ENOENT)
		log_info("nitro_enclaves_emu was unloaded");
	else if (err == -EPERM)
		log_err("not allowed to accept start requests; run in the host's network "
			"namespace");
	else if (err)
		log_err("cannot continue: %s", strerror(-err));
	return err && err != -ENOENT ? EXIT_ERROR : EXIT_OK;
}

/* Only a file given with --config must exist. */
static int load_settings(const struct options *opts, struct settings *settings)
{
	const char *path = opts->config ? opts->config : NE_EMU_CONFIG_FILE;
	struct error error;
	int err;

	lab_init(&settings->attestation);
	settings->consoles_max = FOLDER_CONSOLES_MAX;
	err = settings_load(path, settings, &error);
	if (err && (err != -ENOENT || opts->config)) {
		log_err("%s", error.text);
		return EXIT_USAGE;
	}
	if (opts->instance_id)
		strcpy(settings->attestation.place.instance_id, opts->instance_id);
	return EXIT_OK;
}

static int run(const struct options *opts, const struct settings *settings)
{
	const struct supervisor_paths paths = {
		.run_dir = NE_EMU_RUN_DIR, .state_dir = opts->state_dir,
	};
	__cleanup(supervisor_exit) struct supervisor s;
	__cleanup(log_root_close) struct log_root logs = { .fd = -1 };
	int code, err;

	err = log_root_open(&logs, opts->log_dir);
	logs.consoles_max = settings->consoles_max;
	supervisor_init(&s, &opts->start, &logs, &paths, &settings->attestation);
	partition_init(&s.partition, "", NE_EMU_RUN_DIR, !opts->no_isolation);
	if (err) {
		log_err("%s: %s", opts->log_dir, strerror(-err));
		return EXIT_ERROR;
	}

	code = connect_supervisor(&s);
	return code ? code : serve(&s);
}

static int supervise(const struct command_call *call)
{
	struct options *opts = call->options;
	__cleanup_fd int lock_fd = -1;
	struct settings settings;
	int code, err;

	log_init_service(opts->start.log_level, "ne-emud");
	set_signals();
	keep_admin_from_vmms();
	code = find_vmm_user(opts, &opts->start);
	if (!code)
		code = load_settings(opts, &settings);
	if (code)
		return code;

	err = lock_take(NE_EMU_RUN_DIR, &lock_fd);
	if (err == -EWOULDBLOCK) {
		log_err("another ne-emud is running (%s/%s)", NE_EMU_RUN_DIR, LOCK_FILE_NAME);
		return EXIT_BUSY;
	}
	if (err) {
		log_err("%s/%s: %s", NE_EMU_RUN_DIR, LOCK_FILE_NAME, strerror(-err));
		return EXIT_ERROR;
	}
	return run(opts, &settings);
}

static int print_version(void)
{
	puts("ne-emud " NE_EMU_VERSION);
	return EXIT_OK;
}

static const struct command program = {
	.name = "ne-emud",
	.about = "Start a VMM for each Nitro Enclave that nitro_enclaves_emu is asked to start",
	.options = options,
	.size = sizeof(struct options),
	.defaults = &defaults,
	.run = supervise,
	.version = print_version,
};

int main(int argc, char **argv)
{
	return command_main(&program, argc, argv);
}
