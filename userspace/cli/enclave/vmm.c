// SPDX-License-Identifier: Apache-2.0
/* The processes that run enclaves. */

#include "cli/enclave/vmm.h"

#include "cli/host/sysfs.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define VMM_NAME	"ne-emu-vmm"
#define UID_SIZE	17

/* ne-emud starts each VMM with the slot uid among its options. */
static bool is_vmm_of(uint64_t pid, const char *slot_uid)
{
	char name[SYS_TEXT_SIZE], path[SYS_PATH_SIZE], words[SYS_TEXT_SIZE];
	__cleanup_fd int fd = -1;
	ssize_t len;

	if (sys_read(name, "/proc/%" PRIu64 "/comm", pid) || strcmp(name, VMM_NAME))
		return false;
	fd = open(sys_path(path, "/proc/%" PRIu64 "/cmdline", pid), O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read_full(fd, words, sizeof(words));
	return len > 0 && memmem(words, len, slot_uid, strlen(slot_uid));
}

uint64_t vmm_find(uint64_t slot_uid)
{
	char path[SYS_PATH_SIZE], text[UID_SIZE];
	DIR *processes = opendir(sys_path(path, "/proc"));
	struct dirent *entry;
	uint64_t pid, found = 0;

	snprintf(text, sizeof(text), "%016" PRIx64, slot_uid);
	while (processes && !found && (entry = readdir(processes)))
		if (!parse_u64(entry->d_name, 10, INT32_MAX, &pid) && is_vmm_of(pid, text))
			found = pid;
	if (processes)
		(void)closedir(processes);
	return found;
}

bool vmm_runs(uint64_t slot_uid)
{
	return vmm_find(slot_uid);
}

/* The VMM gives the threads of vCPUs their names. Return: 0 if there is none. */
static uint64_t find_thread(uint64_t pid, unsigned int index)
{
	char path[SYS_PATH_SIZE], wanted[SYS_TEXT_SIZE], name[SYS_TEXT_SIZE];
	DIR *threads = opendir(sys_path(path, "/proc/%" PRIu64 "/task", pid));
	struct dirent *entry;
	uint64_t tid, found = 0;

	snprintf(wanted, sizeof(wanted), "vcpu%u", index);
	while (threads && !found && (entry = readdir(threads)))
		if (!parse_u64(entry->d_name, 10, INT32_MAX, &tid) &&
		    !sys_read(name, "/proc/%" PRIu64 "/task/%" PRIu64 "/comm", pid, tid) &&
		    !strcmp(name, wanted))
			found = tid;
	if (threads)
		(void)closedir(threads);
	return found;
}

int vmm_vcpu_waited_ns(uint64_t pid, unsigned int index, uint64_t *ret)
{
	uint64_t tid = find_thread(pid, index);
	char text[SYS_TEXT_SIZE], *second, *end;
	int err;

	if (!tid)
		return -ENOENT;
	/* Time on a CPU, time spent waiting for one, and how often. */
	err = sys_read(text, "/proc/%" PRIu64 "/task/%" PRIu64 "/schedstat", pid, tid);
	if (err)
		return err;
	second = strchr(text, ' ');
	end = second ? strchr(second + 1, ' ') : NULL;
	if (!end)
		return -EINVAL;
	*end = '\0';
	return parse_u64(second + 1, 10, UINT64_MAX, ret);
}
