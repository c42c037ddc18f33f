// SPDX-License-Identifier: Apache-2.0
/* Capture vsock packets with a vsockmon device. */

#include "cli/enclave/monitor.h"

#include "common/nl_link.h"
#include "common/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define DEVICE		"vsockmon0"
/* Holds the packets of a busy enclave for a second, the kernel's overhead included. */
#define BUFFER_SIZE	(64 * MIB)

static int make_device(struct error *error)
{
	int err;

	if (unshare(CLONE_NEWNET))
		return error_set(error, -errno, "cannot make a network namespace: %s%s",
				 strerror(errno), errno == EPERM ? "; use sudo" : "");
	err = nl_link_add(DEVICE, "vsockmon");
	if (err == -EOPNOTSUPP)
		return error_set(error, err, "this kernel has no vsockmon device "
				 "(CONFIG_VSOCKMON), or its module cannot be loaded: sudo "
				 "modprobe vsockmon");
	if (err)
		return error_set(error, err, "cannot make a vsockmon device: %s%s", strerror(-err),
				 err == -EPERM ? "; use sudo" : "");
	return 0;
}

static int bind_to_device(int fd)
{
	const struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(DEVICE),
	};
	const int size = BUFFER_SIZE, on = 1;

	if (!addr.sll_ifindex)
		return -errno;
	/* If this fails, packets are lost sooner; monitor_lost() counts them. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return 0;
}

int monitor_open(struct error *error)
{
	__cleanup_fd int fd = -1;
	int err = make_device(error);

	if (err)
		return err;
	/* With protocol 0, the socket receives nothing until it is bound. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(error, -errno, "cannot open a packet socket: %s%s",
				 strerror(errno), errno == EPERM ? "; use sudo" : "");
	err = bind_to_device(fd);
	if (err)
		return error_set(error, err, "cannot read from " DEVICE ": %s", strerror(-err));
	return fd_steal(&fd);
}

static struct timespec time_of(struct msghdr *msg)
{
	struct timespec time = {};
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
			memcpy(&time, CMSG_DATA(c), sizeof(time));
	return time;
}

int monitor_read(int fd, void *buf, size_t size, struct pcap_packet *ret)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec iov = { buf, size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	do {
		n = recvmsg(fd, &msg, MSG_TRUNC);	/* returns the length of the whole packet */
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	*ret = (struct pcap_packet){
		.time = time_of(&msg),
		.data = buf,
		.captured = MIN((size_t)n, size),
		.length = n,
	};
	return 1;
}

uint32_t monitor_lost(int fd)
{
	struct tpacket_stats stats = {};
	socklen_t len = sizeof(stats);

	return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) ? 0 : stats.tp_drops;
}
