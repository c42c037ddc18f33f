// SPDX-License-Identifier: Apache-2.0
/* ne-emud: starts a VMM for each enclave and records how enclaves end. */

#include "common/log.h"
#include "common/paths.h"
#include "common/util.h"
#include "daemon/lock.h"
#include "daemon/partition.h"
#include "daemon/settings_file.h"
#include "daemon/supervisor.h"

#include <errno.h>
#include <getopt.h>
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
	int log_level;
	bool isolate;
};

#define VMM_USER	"ne-emu"

static const char usage_text[] =
	"usage: ne-emud [OPTION]...\n"
	"Start a VMM for each Nitro Enclave that nitro_enclaves_emu is asked to start.\n"
	"\n"
	"  --vmm PATH         VMM program (" NE_EMU_LIBEXECDIR "/ne-emu/ne-emu-vmm)\n"
	"  --log-dir PATH     folder of console logs and exit records (" NE_EMU_LOG_DIR ")\n"
	"  --state-dir PATH   folder of the roots of attestation (" CA_STATE_DIR ")\n"
	"  --vmm-user NAME    user that VMMs become, when ne-emud is root (" VMM_USER ")\n"
	"  --config PATH      configuration (" NE_EMU_CONFIG_FILE ", if there is one)\n"
	"  --instance-id ID   i- and 17 hexadecimal digits, for attestation documents\n"
	"                     (" LAB_INSTANCE_ID ", or what the configuration says)\n"
	"  --no-isolation     do not make the CPU pool an isolated partition\n"
	"  --log-level LEVEL  error, warning, info or debug (info)\n"
	"  --help             print this and exit\n"
	"  --version          print the version and exit\n";

enum option_id {
	OPT_VMM = 256,
	OPT_LOG_DIR,
	OPT_STATE_DIR,
	OPT_VMM_USER,
	OPT_CONFIG,
	OPT_INSTANCE_ID,
	OPT_NO_ISOLATION,
	OPT_LOG_LEVEL,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option option_table[] = {
	{ "vmm", required_argument, NULL, OPT_VMM },
	{ "log-dir", required_argument, NULL, OPT_LOG_DIR },
	{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
	{ "vmm-user", required_argument, NULL, OPT_VMM_USER },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "instance-id", required_argument, NULL, OPT_INSTANCE_ID },
	{ "no-isolation", no_argument, NULL, OPT_NO_ISOLATION },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

static void bad_usage(const char *what, const char *value)
{
	fprintf(stderr, "ne-emud: %s%s\nTry 'ne-emud --help'.\n", what, value);
	exit(EXIT_USAGE);
}

static void parse_option(struct options *opts, int id)
{
	switch (id) {
	case OPT_VMM:
		opts->start.vmm_path = optarg;
		break;
	case OPT_LOG_DIR:
		opts->log_dir = optarg;
		break;
	case OPT_STATE_DIR:
		opts->state_dir = optarg;
		break;
	case OPT_VMM_USER:
		opts->vmm_user = optarg;
		break;
	case OPT_CONFIG:
		opts->config = optarg;
		break;
	case OPT_INSTANCE_ID:
		if (!ca_instance_id_valid(optarg))
			bad_usage("not an instance id: ", optarg);
		opts->instance_id = optarg;
		break;
	case OPT_NO_ISOLATION:
		opts->isolate = false;
		break;
	case OPT_LOG_LEVEL:
		opts->log_level = log_level_parse(optarg);
		if (opts->log_level < 0)
			bad_usage("no such log level: ", optarg);
		opts->start.log_level = optarg;
		break;
	case OPT_HELP:
		fputs(usage_text, stdout);
		exit(EXIT_OK);
	case OPT_VERSION:
		puts("ne-emud " NE_EMU_VERSION);
		exit(EXIT_OK);
	default:
		bad_usage("wrong option", "");
	}
}

static void parse_options(int argc, char **argv, struct options *opts)
{
	int id;

	while ((id = getopt_long(argc, argv, "", option_table, NULL)) >= 0)
		parse_option(opts, id);
	if (optind < argc)
		bad_usage("not an option: ", argv[optind]);
}

/* What a parent may have left in the way of noticing the end of children. */
static void set_signals(void)
{
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* Needed for starts and the partition, so VMMs do without; not allowed without root. */
static void keep_admin_from_vmms(void)
{
	if (prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0))
		log_debug("VMMs keep CAP_SYS_ADMIN if there is any: %m");
}

/* The user need not exist unless it was asked for: then VMMs keep ours. */
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
		log_err("cannot go on: %s", strerror(-err));
	return err && err != -ENOENT ? EXIT_ERROR : EXIT_OK;
}

/* Only the file that was asked for has to be there. */
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
	partition_init(&s.partition, "", NE_EMU_RUN_DIR, opts->isolate);
	if (err) {
		log_err("%s: %s", opts->log_dir, strerror(-err));
		return EXIT_ERROR;
	}

	code = connect_supervisor(&s);
	return code ? code : serve(&s);
}

int main(int argc, char **argv)
{
	struct options opts = {
		.start = {
			.vmm_path = NE_EMU_LIBEXECDIR "/ne-emu/ne-emu-vmm",
			.kvm_path = KVM_PATH,
			.vsock_path = NE_EMU_VSOCK_PATH,
			.log_level = "info",
		},
		.log_dir = NE_EMU_LOG_DIR,
		.state_dir = CA_STATE_DIR,
		.log_level = LOG_INFO,
		.isolate = true,
	};
	__cleanup_fd int lock_fd = -1;
	struct settings settings;
	int code, err;

	parse_options(argc, argv, &opts);
	log_init(opts.log_level, "ne-emud");
	set_signals();
	keep_admin_from_vmms();
	code = find_vmm_user(&opts, &opts.start);
	if (!code)
		code = load_settings(&opts, &settings);
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
	return run(&opts, &settings);
}
