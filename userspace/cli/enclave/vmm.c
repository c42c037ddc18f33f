// SPDX-License-Identifier: Apache-2.0
/* The processes that run enclaves. */

#include "cli/enclave/vmm.h"

#include "cli/host/sysfs.h"
#include "common/util.h"

#include <dirent.h>
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

bool vmm_runs(uint64_t slot_uid)
{
	char path[SYS_PATH_SIZE], text[UID_SIZE];
	DIR *processes = opendir(sys_path(path, "/proc"));
	struct dirent *entry;
	bool found = false;
	uint64_t pid;

	snprintf(text, sizeof(text), "%016" PRIx64, slot_uid);
	while (processes && !found && (entry = readdir(processes)))
		found = !parse_u64(entry->d_name, 10, INT32_MAX, &pid) && is_vmm_of(pid, text);
	if (processes)
		(void)closedir(processes);
	return found;
}
