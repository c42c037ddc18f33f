// SPDX-License-Identifier: Apache-2.0
/* Command line of ne-emu-vmm. */

#include "vmm/options.h"

#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/nitro_enclaves_emu.h>
#include <limits.h>
#include <string.h>

/* NE_ENCLAVE_DEBUG_MODE of the ABI that clients use. */
#define FLAGS_DEBUG	1
#define CID_MIN		4
#define ID_MAX		0xfffffffeU
#define CID_MAX		0xfffffffeU

enum {
	OPT_SLOT_UID,
	OPT_CID,
	OPT_FLAGS,
	OPT_MEM_SIZE,
	OPT_IMAGE_OFFSET,
	OPT_CPUS,
	OPT_MODULE_ID,
	OPT_BACKEND_FD,
	OPT_KVM_FD,
	OPT_CHANNEL_FD,
	OPT_CONSOLE_CHANNEL_FD,
	OPT_CONSOLE_LOG_FD,
	OPT_NSM_CONTROL_FD,
	OPT_POOL_FD,
	OPT_UID,
	OPT_GID,
	OPT_LOG_LEVEL,
	NR_OPTS,
};

#define OPTS_NEEDED	((1U << OPT_CONSOLE_CHANNEL_FD) - 1)

static const struct option long_options[] = {
	{ "slot-uid", required_argument, NULL, OPT_SLOT_UID },
	{ "cid", required_argument, NULL, OPT_CID },
	{ "flags", required_argument, NULL, OPT_FLAGS },
	{ "mem-size", required_argument, NULL, OPT_MEM_SIZE },
	{ "image-offset", required_argument, NULL, OPT_IMAGE_OFFSET },
	{ "cpus", required_argument, NULL, OPT_CPUS },
	{ "module-id", required_argument, NULL, OPT_MODULE_ID },
	{ "backend-fd", required_argument, NULL, OPT_BACKEND_FD },
	{ "kvm-fd", required_argument, NULL, OPT_KVM_FD },
	{ "channel-fd", required_argument, NULL, OPT_CHANNEL_FD },
	{ "console-channel-fd", required_argument, NULL, OPT_CONSOLE_CHANNEL_FD },
	{ "console-log-fd", required_argument, NULL, OPT_CONSOLE_LOG_FD },
	{ "nsm-control-fd", required_argument, NULL, OPT_NSM_CONTROL_FD },
	{ "pool-fd", required_argument, NULL, OPT_POOL_FD },
	{ "uid", required_argument, NULL, OPT_UID },
	{ "gid", required_argument, NULL, OPT_GID },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ 0 },
};

static int parse_fd(const char *arg, int *ret_fd)
{
	uint64_t value;

	/* 0 to 2 are the standard streams. */
	if (parse_u64(arg, 10, INT_MAX, &value) || value < 3 || fcntl(value, F_GETFD) < 0)
		return -EINVAL;
	*ret_fd = value;
	return 0;
}

/* Of a user or a group: root is none that somebody becomes. */
static int parse_id(const char *arg, uint32_t *ret_id)
{
	uint64_t value;

	if (parse_u64(arg, 10, ID_MAX, &value) || !value)
		return -EINVAL;
	*ret_id = value;
	return 0;
}

static int parse_cid(const char *arg, uint32_t *ret_cid)
{
	uint64_t value;

	if (parse_u64(arg, 10, CID_MAX, &value) || value < CID_MIN)
		return -EINVAL;
	*ret_cid = value;
	return 0;
}

static int parse_flags(const char *arg, bool *ret_debug)
{
	uint64_t value;

	if (parse_u64(arg, 10, FLAGS_DEBUG, &value))
		return -EINVAL;
	*ret_debug = value & FLAGS_DEBUG;
	return 0;
}

static int parse_slot_uid(struct options *options, const char *arg)
{
	size_t digits = sizeof(options->prefix) - 1;

	if (strlen(arg) != digits || strspn(arg, "0123456789abcdef") != digits)
		return -EINVAL;
	memcpy(options->prefix, arg, sizeof(options->prefix));
	return parse_u64(arg, 16, UINT64_MAX, &options->slot_uid);
}

static int parse_option(struct options *options, int opt, const char *arg)
{
	switch (opt) {
	case OPT_SLOT_UID:
		return parse_slot_uid(options, arg);
	case OPT_CID:
		return parse_cid(arg, &options->cid);
	case OPT_FLAGS:
		return parse_flags(arg, &options->debug);
	case OPT_MEM_SIZE:
		return parse_u64(arg, 10, INT64_MAX, &options->mem_size);
	case OPT_IMAGE_OFFSET:
		return parse_u64(arg, 10, INT64_MAX, &options->image_offset);
	case OPT_CPUS:
		return parse_cpu_list(arg, &options->cpus, &options->nr_cpus);
	case OPT_MODULE_ID:
		options->module_id = arg;
		return 0;
	case OPT_BACKEND_FD:
		return parse_fd(arg, &options->backend_fd);
	case OPT_KVM_FD:
		return parse_fd(arg, &options->kvm_fd);
	case OPT_CHANNEL_FD:
		return parse_fd(arg, &options->channel_fd);
	case OPT_CONSOLE_CHANNEL_FD:
		return parse_fd(arg, &options->console_channel_fd);
	case OPT_CONSOLE_LOG_FD:
		return parse_fd(arg, &options->console_log_fd);
	case OPT_NSM_CONTROL_FD:
		return parse_fd(arg, &options->nsm_control_fd);
	case OPT_POOL_FD:
		return parse_fd(arg, &options->pool_fd);
	case OPT_UID:
		return parse_id(arg, &options->uid);
	case OPT_GID:
		return parse_id(arg, &options->gid);
	case OPT_LOG_LEVEL:
		options->log_level = log_level_parse(arg);
		return options->log_level < 0 ? -EINVAL : 0;
	}
	return -EINVAL;
}

static int check_options(const struct options *options, uint32_t seen)
{
	for (int opt = 0; opt < NR_OPTS; opt++) {
		if ((OPTS_NEEDED & ~seen) & (1U << opt)) {
			log_err("--%s is missing", long_options[opt].name);
			return -EINVAL;
		}
	}
	if (options->debug != (options->console_channel_fd >= 0)) {
		log_err("--console-channel-fd belongs to --flags 1");
		return -EINVAL;
	}
	if (!options->uid != !options->gid) {
		log_err("--uid and --gid belong together");
		return -EINVAL;
	}
	if (!options->debug && options->console_log_fd >= 0) {
		log_err("--console-log-fd belongs to --flags 1");
		return -EINVAL;
	}
	return 0;
}

int options_parse(struct options *options, int argc, char *const argv[])
{
	uint32_t seen = 0;
	int opt;

	*options = (struct options){
		.backend_fd = -1,
		.kvm_fd = -1,
		.channel_fd = -1,
		.console_channel_fd = -1,
		.console_log_fd = -1,
		.nsm_control_fd = -1,
		.pool_fd = -1,
		.log_level = LOG_INFO,
	};
	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (opt == '?')
			return -EINVAL;	/* getopt_long() has said why */
		if (seen & (1U << opt)) {
			log_err("--%s is given twice", long_options[opt].name);
			return -EINVAL;
		}
		seen |= 1U << opt;
		if (parse_option(options, opt, optarg)) {
			log_err("--%s: bad value: %s", long_options[opt].name, optarg);
			return -EINVAL;
		}
	}
	if (optind < argc) {
		log_err("not an option: %s", argv[optind]);
		return -EINVAL;
	}
	return check_options(options, seen);
}

void options_free(struct options *options)
{
	free(options->cpus);
	options->cpus = NULL;
}
