// SPDX-License-Identifier: Apache-2.0
/* A record of which process is the VMM of an enclave, for a later supervisor. */

#include "daemon/vmm_record.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define FILE_NAME	"vmm"
#define TEXT_SIZE	64

/* From linux/magic.h of Linux 6.13 and later. */
#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC	0x50494446
#endif

/* On kernels without pidfs all pidfds have the same inode. */
static int process_inode(int pidfd, uint64_t *ret)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(pidfd, &fs) < 0 || fstat(pidfd, &st) < 0)
		return -errno;
	if (fs.f_type != PID_FS_MAGIC)
		return -EOPNOTSUPP;
	*ret = st.st_ino;
	return 0;
}

static int record_path(const char *folder, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/" FILE_NAME, folder);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

int vmm_record_write(const char *folder, const struct vmm *vmm)
{
	char path[PATH_MAX], text[TEXT_SIZE];
	__cleanup_fd int fd = -1;
	uint64_t inode = 0;
	int err, len;

	err = process_inode(vmm->pidfd, &inode);
	if (!err)
		err = record_path(folder, path, sizeof(path));
	if (err)
		return err;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "%d %" PRIu64 "\n", (int)vmm->pid, inode);
	return write_full(fd, text, len);
}

static int read_record(const char *folder, pid_t *ret_pid, uint64_t *ret_inode)
{
	char path[PATH_MAX], text[TEXT_SIZE];
	__cleanup_fd int fd = -1;
	ssize_t len;
	int err;

	err = record_path(folder, path, sizeof(path));
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read_full(fd, text, sizeof(text) - 1);
	if (len < 0)
		return len;
	text[len] = 0;
	if (sscanf(text, "%d %" SCNu64, ret_pid, ret_inode) != 2 || *ret_pid <= 0)
		return -EBADMSG;
	return 0;
}

int vmm_record_find(const char *folder, uint64_t slot_uid, struct vmm **ret)
{
	uint64_t noted, inode;
	struct vmm *vmm;
	pid_t pid;
	int err;

	err = read_record(folder, &pid, &noted);
	if (err)
		return err;
	vmm = calloc(1, sizeof(*vmm));
	if (!vmm)
		return -ENOMEM;
	*vmm = (struct vmm){ .pid = pid, .slot_uid = slot_uid, .adopted = true };
	vmm->pidfd = pidfd_open(pid, 0);
	err = vmm->pidfd < 0 ? -errno : process_inode(vmm->pidfd, &inode);
	if (!err && inode != noted)
		err = -ESRCH;
	if (err) {
		vmm_free(vmm);
		return err;
	}
	*ret = vmm;
	return 0;
}

void vmm_record_remove(const char *folder)
{
	char path[PATH_MAX];

	if (!record_path(folder, path, sizeof(path)))
		(void)unlink(path);	/* it may not exist */
}
