// SPDX-License-Identifier: Apache-2.0
/* Send lines with fields to the systemd journal, without libsystemd. */

#include "common/journal.h"

#include "common/util.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* See https://systemd.io/JOURNAL_NATIVE_PROTOCOL: lines "FIELD=value" in one datagram. */
#define JOURNAL_SOCKET	"/run/systemd/journal/socket"
#define JOURNAL_SIZE	2048

/* A program may have inherited the variable, but not the stream. */
static bool is_journal(const char *variable, int stream)
{
	uintmax_t device, inode;
	struct stat st;

	return sscanf(variable, "%ju:%ju", &device, &inode) == 2 && !fstat(stream, &st) &&
		st.st_dev == device && st.st_ino == inode;
}

int journal_open(int stream)
{
	/* Tests have their own socket. */
	const char *path = getenv("NE_EMU_JOURNAL"), *variable = getenv("JOURNAL_STREAM");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	__cleanup_fd int fd = -1;

	if (!variable || !is_journal(variable, stream))
		return -ENOTCONN;
	path = path ? path : JOURNAL_SOCKET;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return fd_steal(&fd);
}

int journal_send(int fd, int level, const char *program, const char *enclave, const char *text)
{
	char lines[JOURNAL_SIZE];
	int len = snprintf(lines, sizeof(lines),
			   "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n%s%s%sMESSAGE=%s\n", level, program,
			   enclave ? "ENCLAVE_ID=" : "", enclave ? enclave : "",
			   enclave ? "\n" : "", text);

	if (len < 0 || (size_t)len >= sizeof(lines))
		return -E2BIG;
	return send(fd, lines, len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}
