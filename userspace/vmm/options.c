// SPDX-License-Identifier: Apache-2.0
/* Command line of ne-emu-vmm: the supervisor writes it, the VMM reads it. */

#include "vmm/options.h"

#include "command/log_level.h"
#include "command/options.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#define CID_MIN		4
#define CID_MAX		0xfffffffeU
#define ID_MAX		0xfffffffeU
#define UID_DIGITS	(sizeof(((struct vmm_options *)0)->prefix) - 1)

static int read_slot_uid(const char *text, void *value)
{
	if (strlen(text) != UID_DIGITS || strspn(text, "0123456789abcdef") != UID_DIGITS)
		return -EINVAL;
	return parse_u64(text, 16, UINT64_MAX, value);
}

static void write_slot_uid(const void *value, FILE *to)
{
	fprintf(to, "%016" PRIx64, *(const uint64_t *)value);
}

static int read_cid(const char *text, void *value)
{
	uint64_t cid;

	if (parse_u64(text, 10, CID_MAX, &cid) || cid < CID_MIN)
		return -EINVAL;
	*(uint32_t *)value = cid;
	return 0;
}

static void write_u32(const void *value, FILE *to)
{
	fprintf(to, "%" PRIu32, *(const uint32_t *)value);
}

static int read_flags(const char *text, void *value)
{
	return parse_u64(text, 10, VMM_FLAGS_DEBUG, value);
}

static int read_bytes(const char *text, void *value)
{
	return parse_u64(text, 10, INT64_MAX, value);
}

static void write_u64(const void *value, FILE *to)
{
	fprintf(to, "%" PRIu64, *(const uint64_t *)value);
}

static int read_cpus(const char *text, void *value)
{
	struct vmm_cpus *cpus = value;

	return parse_cpu_list(text, &cpus->list, &cpus->count);
}

static void write_cpus(const void *value, FILE *to)
{
	const struct vmm_cpus *cpus = value;

	for (size_t i = 0; i < cpus->count; i++)
		fprintf(to, "%s%" PRIu32, i ? "," : "", cpus->list[i]);
}

static int read_text(const char *text, void *value)
{
	*(const char **)value = text;
	return 0;
}

static void write_text(const void *value, FILE *to)
{
	fputs(*(const char *const *)value, to);
}

static int read_fd(const char *text, void *value)
{
	uint64_t fd;

	/* 0 to 2 are the standard streams. */
	if (parse_u64(text, 10, INT_MAX, &fd) || fd < 3 || fcntl(fd, F_GETFD) < 0)
		return -EINVAL;
	*(int *)value = fd;
	return 0;
}

/* The descriptors of struct session_fds, in the order in which they are stored. */
#define SESSION_FDS	(sizeof(struct session_fds) / sizeof(int))

static int read_fds(const char *text, void *value)
{
	char word[16];

	for (size_t i = 0; i < SESSION_FDS; i++) {
		size_t len = strcspn(text, ",");

		if (len >= sizeof(word) || !text[len] != (i == SESSION_FDS - 1))
			return -EINVAL;
		memcpy(word, text, len);
		word[len] = '\0';
		if (read_fd(word, (int *)value + i))
			return -EINVAL;
		text += len + 1;
	}
	return 0;
}

static void write_fds(const void *value, FILE *to)
{
	for (size_t i = 0; i < SESSION_FDS; i++)
		fprintf(to, "%s%d", i ? "," : "", ((const int *)value)[i]);
}

static void write_fd(const void *value, FILE *to)
{
	fprintf(to, "%d", *(const int *)value);
}

static bool has_fd(const void *value)
{
	return *(const int *)value >= 0;
}

/* Read a user or group id, which must not be root's. */
static int read_id(const char *text, void *value)
{
	uint64_t id;

	if (parse_u64(text, 10, ID_MAX, &id) || !id)
		return -EINVAL;
	*(uint32_t *)value = id;
	return 0;
}

static int read_held(const char *text, void *value)
{
	uint64_t held;

	if (parse_u64(text, 10, VMM_HELD_ALL, &held) || !held)
		return -EINVAL;
	*(unsigned int *)value = held;
	return 0;
}

static void write_held(const void *value, FILE *to)
{
	fprintf(to, "%u", *(const unsigned int *)value);
}

static bool has_held(const void *value)
{
	return *(const unsigned int *)value;
}

static bool has_id(const void *value)
{
	return *(const uint32_t *)value;
}

#define TYPE(what_, read_, write_, ...) \
	{ .what = (what_), .read = (read_), .write = (write_), __VA_ARGS__ }

static const struct opt_type slot_uid_type =
	TYPE("a slot uid (16 hexadecimal digits)", read_slot_uid, write_slot_uid);
static const struct opt_type cid_type = TYPE("the CID of an enclave", read_cid, write_u32);
static const struct opt_type flags_type = TYPE("0 or 1", read_flags, write_u64);
static const struct opt_type bytes_type = TYPE("a number of bytes", read_bytes, write_u64);
static const struct opt_type cpus_type = TYPE("a CPU list", read_cpus, write_cpus);
static const struct opt_type text_type = TYPE("a text", read_text, write_text);
static const struct opt_type fd_type =
	TYPE("an open descriptor from 3 on", read_fd, write_fd, .given = has_fd);
static const struct opt_type fds_type =
	TYPE("open descriptors from 3 on", read_fds, write_fds, .given = has_fd);
static const struct opt_type held_type = TYPE("1 to 7", read_held, write_held, .given = has_held);
static const struct opt_type id_type = TYPE("an id above 0", read_id, write_u32, .given = has_id);

#define OPTION(name, member, ctype, type, ...) \
	OPT_TYPED(name, struct vmm_options, member, ctype, &(type), "X", NULL, __VA_ARGS__)

static const struct opt options_table[] = {
	OPTION("slot-uid", slot_uid, uint64_t, slot_uid_type, .required = true),
	OPTION("cid", cid, uint32_t, cid_type, .required = true),
	OPTION("flags", flags, uint64_t, flags_type, .required = true),
	OPTION("mem-size", mem_size, uint64_t, bytes_type, .required = true),
	OPTION("image-offset", image_offset, uint64_t, bytes_type, .required = true),
	OPTION("cpus", cpus, struct vmm_cpus, cpus_type, .required = true),
	OPTION("module-id", module_id, const char *, text_type, .required = true),
	OPTION("uid", uid, uid_t, id_type),
	OPTION("gid", gid, gid_t, id_type),
	OPTION("log-level", log_level, int, opt_log_level),
	OPTION("backend-fd", backend_fd, int, fd_type, .required = true),
	OPTION("kvm-fd", kvm_fd, int, fd_type, .required = true),
	OPTION("channel-fd", channel_fd, int, fd_type, .required = true),
	OPTION("console-channel-fd", console_channel_fd, int, fd_type),
	OPTION("console-log-fd", console_log_fd, int, fd_type),
	OPTION("nsm-control-fd", nsm_control_fd, int, fd_type),
	OPTION("session-fds", sessions, struct session_fds, fds_type),
	OPTION("held", held, unsigned int, held_type),
	OPTION("pool-fd", pool_fd, int, fd_type),
	OPTION("marks-fd", marks_fd, int, fd_type),
	{}
};

/* Check options that depend on each other. */
static int vmm_options_check(const struct vmm_options *options)
{
	bool debug = vmm_options_debug(options);
	const char *what = NULL;

	if (debug != (options->console_channel_fd >= 0))
		what = "--console-channel-fd belongs to --flags 1";
	else if (!options->uid != !options->gid)
		what = "--uid and --gid belong together";
	else if (!debug && options->console_log_fd >= 0)
		what = "--console-log-fd belongs to --flags 1";
	if (what)
		log_err("%s", what);
	return what ? -EINVAL : 0;
}

int vmm_options_parse(struct vmm_options *options, int argc, char **argv)
{
	struct error error;
	char **args;
	int r;

	*options = (struct vmm_options){
		.backend_fd = -1,
		.kvm_fd = -1,
		.channel_fd = -1,
		.console_channel_fd = -1,
		.console_log_fd = -1,
		.marks_fd = -1,
		.nsm_control_fd = -1,
		.sessions = SESSION_FDS_NONE,
		.pool_fd = -1,
		.log_level = LOG_INFO,
	};
	r = opt_read(options_table, OPT_ONCE, options, argc, argv, &args, &error);
	if (r) {
		log_err("%s%s", r > 0 ? "not an option: " : "", r > 0 ? args[0] : error.text);
		return -EINVAL;
	}
	snprintf(options->prefix, sizeof(options->prefix), "%016" PRIx64, options->slot_uid);
	return vmm_options_check(options);
}

void vmm_options_free(struct vmm_options *options)
{
	free(options->cpus.list);
	options->cpus = (struct vmm_cpus){};
}

void vmm_options_write(const struct vmm_options *options, FILE *to)
{
	for (const struct opt *option = options_table; option->name; option++) {
		const void *value = (const char *)options + option->offset;

		if (option->type->given && !option->type->given(value))
			continue;
		fprintf(to, "--%s%c", option->name, 0);
		option->type->write(value, to);
		fputc(0, to);
	}
}

size_t vmm_options_fds(struct vmm_options *options, int *ret_fds[VMM_FDS_MAX])
{
	size_t count = 0;

	for (const struct opt *option = options_table; option->name; option++) {
		int *fd = (int *)((char *)options + option->offset);
		size_t nr = option->type == &fds_type ? SESSION_FDS : option->type == &fd_type;

		for (size_t i = 0; i < nr; i++)
			ret_fds[count++] = &fd[i];
	}
	return count;
}
