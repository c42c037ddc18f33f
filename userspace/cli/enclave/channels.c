// SPDX-License-Identifier: Apache-2.0
/* Read the counters of the VMMs' vsock channels from /proc. */

#include "cli/enclave/channels.h"

#include "cli/host/sysfs.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define NODE		"/dev/ne_emu_vsock"
#define VMM_NAME	"ne-emu-vmm"

struct list {
	struct channel *channels;
	size_t count;
};

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Skips entries whose names are not numbers, such as ".". */
static bool next_number(DIR *dir, uint64_t *ret)
{
	struct dirent *entry;

	while ((entry = readdir(dir)))
		if (!parse_u64(entry->d_name, 10, INT32_MAX, ret))
			return true;
	return false;
}

static bool is_vmm(uint64_t pid)
{
	char name[SYS_TEXT_SIZE];

	return !sys_read(name, "/proc/%llu/comm", (unsigned long long)pid) &&
	       !strcmp(name, VMM_NAME);
}

static bool is_channel(uint64_t pid, uint64_t fd)
{
	char path[SYS_PATH_SIZE], target[sizeof(NODE) + 1];
	ssize_t n;

	n = readlink(sys_path(path, "/proc/%llu/fd/%llu", (unsigned long long)pid,
			      (unsigned long long)fd), target, sizeof(target));
	return n == sizeof(NODE) - 1 && !memcmp(target, NODE, n);
}

/* The number of the line "name:\tnumber\n"; 0 if there is no such line. */
static uint64_t field(const char *text, const char *name)
{
	size_t len = strlen(name);
	const char *line = text;

	for (; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && line[len] == ':')
			return strtoull(line + len + 1, NULL, 10);
	}
	return 0;
}

/* A channel without a CID is not attached to an enclave, so skip it. */
static int add_channel(struct list *list, uint64_t pid, uint64_t fd)
{
	struct channel *grown;
	char text[SYS_TEXT_SIZE];

	if (sys_read(text, "/proc/%llu/fdinfo/%llu", (unsigned long long)pid,
		     (unsigned long long)fd) || !field(text, "cid"))
		return 0;
	grown = reallocarray(list->channels, list->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->channels = grown;
	grown[list->count++] = (struct channel){
		.cid = field(text, "cid"),
		.console = field(text, "console"),
		.queued = field(text, "queued"),
		.dropped = field(text, "dropped"),
		.malformed = field(text, "malformed"),
	};
	return 0;
}

/* Skips processes and descriptors that are gone or that this user may not see. */
static int add_process(struct list *list, uint64_t pid)
{
	char path[SYS_PATH_SIZE];
	__cleanup(close_dir) DIR *fds =
		opendir(sys_path(path, "/proc/%llu/fd", (unsigned long long)pid));
	uint64_t fd;
	int err = 0;

	while (!err && fds && next_number(fds, &fd))
		if (is_channel(pid, fd))
			err = add_channel(list, pid, fd);
	return err;
}

int channel_list(struct channel **ret, size_t *ret_count)
{
	char path[SYS_PATH_SIZE];
	__cleanup(close_dir) DIR *processes = opendir(sys_path(path, "/proc"));
	struct list list = {};
	uint64_t pid;
	int err = 0;

	if (!processes)
		return -errno;
	while (!err && next_number(processes, &pid))
		if (is_vmm(pid))
			err = add_process(&list, pid);
	if (err) {
		free(list.channels);
		return err;
	}
	*ret = list.channels;
	*ret_count = list.count;
	return 0;
}

const struct channel *channel_find(const struct channel *list, size_t count, uint32_t cid)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].cid == cid && !list[i].console)
			return &list[i];
	return NULL;
}
