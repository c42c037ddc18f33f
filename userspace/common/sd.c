// SPDX-License-Identifier: Apache-2.0
/* Send notifications to systemd, without libsystemd. */

#include "common/sd.h"

#include "common/util.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SD_TEXT_SIZE	1024

/* "/path", or "@name" for the abstract namespace. */
static int sd_address(const char *name, struct sockaddr_un *ret, socklen_t *ret_len)
{
	size_t len = strlen(name);

	if (name[0] != '/' && name[0] != '@')
		return -EAFNOSUPPORT;
	if (len < 2 || len >= sizeof(ret->sun_path))
		return -EINVAL;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, name, len);
	if (name[0] == '@')
		ret->sun_path[0] = '\0';
	*ret_len = offsetof(struct sockaddr_un, sun_path) + len;
	return 0;
}

int sd_report(const char *fmt, ...)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	char text[SD_TEXT_SIZE];
	__cleanup_fd int fd = -1;
	socklen_t address_len;
	va_list args;
	int err, len;

	if (!name)
		return 0;
	err = sd_address(name, &address, &address_len);
	if (err)
		return err;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len < 0)
		return -EINVAL;
	len = MIN(len, SD_TEXT_SIZE - 1);

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, text, len, MSG_NOSIGNAL, (struct sockaddr *)&address, address_len) < 0)
		return -errno;
	return 0;
}
