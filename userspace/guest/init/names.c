// SPDX-License-Identifier: Apache-2.0
/* The name of an enclave, and its network: only the interface lo. */

#include "guest/init/names.h"

#include "guest/init/die.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void set_host_name(void)
{
	static const char name[] = "localhost";

	if (sethostname(name, strlen(name)))
		die("cannot set the host name");
}

static void set_parameter(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die("cannot set %s", path);
	close(fd);
}

void open_network(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 && errno == EAFNOSUPPORT)
		return;
	set_parameter("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
	set_parameter("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	/* The kernel adds the addresses itself. */
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request))
		die("cannot find the network interface lo");
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		die("cannot bring up the network interface lo");
	close(fd);
}
