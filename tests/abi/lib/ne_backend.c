// SPDX-License-Identifier: Apache-2.0
/* The supervisor's side of the driver: raw netlink and backend fds. */

#include "ne_backend.h"
#include "ne_lib.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_SIZE	8192
/* Netlink answers within the system call, so only a broken driver reaches this limit. */
#define REPLY_TIMEOUT_S	(10 * ne_slowness())

struct message {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	char attrs[256];
};

typedef void (*attr_fn)(const struct nlattr *attr, size_t len, void *arg);

static const void *attr_data(const struct nlattr *attr)
{
	return (const char *)attr + NLA_HDRLEN;
}

static uint32_t attr_u32(const struct nlattr *attr, size_t len)
{
	uint32_t value = 0;

	memcpy(&value, attr_data(attr), len < sizeof(value) ? len : sizeof(value));
	return value;
}

static uint64_t attr_u64(const struct nlattr *attr, size_t len)
{
	uint64_t value = 0;

	memcpy(&value, attr_data(attr), len < sizeof(value) ? len : sizeof(value));
	return value;
}

static void attr_string(const struct nlattr *attr, size_t len, char *buf, size_t size)
{
	snprintf(buf, size, "%.*s", (int)len, (const char *)attr_data(attr));
}

static void walk_attrs(const void *attrs, size_t size, attr_fn fn, void *arg)
{
	while (size >= NLA_HDRLEN) {
		const struct nlattr *attr = attrs;
		size_t step = NLA_ALIGN(attr->nla_len);

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > size)
			return;
		fn(attr, attr->nla_len - NLA_HDRLEN, arg);
		if (step >= size)
			return;
		attrs = (const char *)attrs + step;
		size -= step;
	}
}

static void put_attr(struct message *msg, uint16_t type, const void *data, size_t len)
{
	struct nlattr *attr = (struct nlattr *)((char *)msg + NLMSG_ALIGN(msg->nlh.nlmsg_len));

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	memcpy((char *)attr + NLA_HDRLEN, data, len);
	msg->nlh.nlmsg_len = NLMSG_ALIGN(msg->nlh.nlmsg_len) + NLA_ALIGN(attr->nla_len);
}

static void message_init(struct message *msg, uint16_t type, uint8_t cmd, uint8_t version)
{
	memset(msg, 0, sizeof(*msg));
	msg->nlh.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	msg->nlh.nlmsg_type = type;
	msg->nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	msg->genl.cmd = cmd;
	msg->genl.version = version;
}

typedef void (*reply_fn)(const struct nlmsghdr *nlh, void *arg);

/*
 * Send a request, read up to its acknowledgement or the end of the dump, and pass each
 * reply to @fn. Return: the error of the acknowledgement.
 */
static int exchange(struct ne_netlink *nl, struct message *msg, reply_fn fn, void *arg)
{
	_Alignas(struct nlmsghdr) char buf[4 * BUFFER_SIZE];

	msg->nlh.nlmsg_seq = ++nl->seq;
	if (send(nl->request_fd, msg, msg->nlh.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(nl->request_fd, buf, sizeof(buf), 0);
		struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

		if (n < 0)
			return -errno;
		for (; NLMSG_OK(nlh, (size_t)n); nlh = NLMSG_NEXT(nlh, n)) {
			if (nlh->nlmsg_seq != nl->seq)
				continue;
			if (nlh->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(nlh))->error;
			if (nlh->nlmsg_type == NLMSG_DONE)
				return 0;
			if (fn)
				fn(nlh, arg);
		}
	}
}

struct attr_reader {
	attr_fn fn;
	void *arg;
};

static void read_attrs(const struct nlmsghdr *nlh, void *arg)
{
	const struct attr_reader *reader = arg;

	walk_attrs((const char *)NLMSG_DATA(nlh) + GENL_HDRLEN,
		   NLMSG_PAYLOAD(nlh, GENL_HDRLEN), reader->fn, reader->arg);
}

/* Send a request and pass the attributes of the reply to @fn. */
static int request(struct ne_netlink *nl, struct message *msg, attr_fn fn, void *arg)
{
	struct attr_reader reader = { fn, arg };

	return exchange(nl, msg, read_attrs, &reader);
}

struct group_search {
	const char *name;
	char found_name[32];
	uint32_t id;
	struct ne_netlink *nl;
};

static void read_group_attr(const struct nlattr *attr, size_t len, void *arg)
{
	struct group_search *search = arg;

	if (attr->nla_type == CTRL_ATTR_MCAST_GRP_NAME)
		attr_string(attr, len, search->found_name, sizeof(search->found_name));
	else if (attr->nla_type == CTRL_ATTR_MCAST_GRP_ID)
		search->id = attr_u32(attr, len);
}

static void read_group(const struct nlattr *attr, size_t len, void *arg)
{
	struct group_search *search = arg;

	search->found_name[0] = 0;
	walk_attrs(attr_data(attr), len, read_group_attr, search);
	if (!strcmp(search->found_name, search->name))
		search->nl->group = search->id;
}

static void read_family(const struct nlattr *attr, size_t len, void *arg)
{
	struct group_search *search = arg;

	if (attr->nla_type == CTRL_ATTR_FAMILY_ID)
		search->nl->family = attr_u32(attr, len);
	else if ((attr->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_MCAST_GROUPS)
		walk_attrs(attr_data(attr), len, read_group, search);
}

static int netlink_socket(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	struct timeval limit = { .tv_sec = REPLY_TIMEOUT_S };
	int fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

int ne_netlink_open(struct ne_netlink *nl, const char *group)
{
	struct group_search search = { .name = group, .nl = nl };
	struct message msg;
	int rc;

	memset(nl, 0, sizeof(*nl));
	nl->event_fd = -1;
	nl->request_fd = netlink_socket();
	if (nl->request_fd < 0)
		return nl->request_fd;

	message_init(&msg, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 2);
	put_attr(&msg, CTRL_ATTR_FAMILY_NAME, NE_EMU_FAMILY_NAME, sizeof(NE_EMU_FAMILY_NAME));
	rc = request(nl, &msg, read_family, &search);
	if (!rc && (!nl->family || !nl->group))
		rc = -ENOENT;
	if (!rc)
		nl->event_fd = netlink_socket();
	if (!rc && nl->event_fd < 0)
		rc = nl->event_fd;
	if (!rc && setsockopt(nl->event_fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nl->group,
			      sizeof(nl->group)) < 0)
		rc = -errno;
	if (rc)
		ne_netlink_close(nl);
	return rc;
}

void ne_netlink_close(struct ne_netlink *nl)
{
	if (nl->request_fd >= 0)
		close(nl->request_fd);
	if (nl->event_fd >= 0)
		close(nl->event_fd);
	nl->request_fd = -1;
	nl->event_fd = -1;
}

static const struct ne_info nothing_told = { .owner_uid = NE_NO_OWNER, .backend_fd = -1 };

static void read_enclave(const struct nlattr *attr, size_t len, void *arg)
{
	struct ne_info *info = arg;

	switch (attr->nla_type) {
	case NE_EMU_A_ENCLAVE_SLOT_UID:
		info->slot_uid = attr_u64(attr, len);
		break;
	case NE_EMU_A_ENCLAVE_CID:
		info->cid = attr_u32(attr, len);
		break;
	case NE_EMU_A_ENCLAVE_STATE:
		info->state = attr_u32(attr, len);
		break;
	case NE_EMU_A_ENCLAVE_FLAGS:
		info->flags = attr_u64(attr, len);
		break;
	case NE_EMU_A_ENCLAVE_MEM_SIZE:
		info->mem_size = attr_u64(attr, len);
		break;
	case NE_EMU_A_ENCLAVE_IMAGE_OFFSET:
		info->image_offset = attr_u64(attr, len);
		break;
	case NE_EMU_A_ENCLAVE_VCPU:
		if (info->nr_vcpus < NE_REQUEST_MAX_VCPUS)
			info->vcpus[info->nr_vcpus++] = attr_u32(attr, len);
		break;
	case NE_EMU_A_ENCLAVE_BACKEND_FD:
		info->backend_fd = (int)attr_u32(attr, len);
		break;
	case NE_EMU_A_ENCLAVE_EXIT_REASON:
		info->exit_reason = attr_u32(attr, len);
		break;
	case NE_EMU_A_ENCLAVE_EXIT_TEXT:
		attr_string(attr, len, info->exit_text, sizeof(info->exit_text));
		info->has_text = true;
		break;
	case NE_EMU_A_ENCLAVE_EXIT_STATUS:
		info->exit_status = attr_u32(attr, len);
		info->has_status = true;
		break;
	case NE_EMU_A_ENCLAVE_OWNER_PID:
		info->owner_pid = attr_u32(attr, len);
		break;
	case NE_EMU_A_ENCLAVE_OWNER_UID:
		info->owner_uid = attr_u32(attr, len);
		break;
	case NE_EMU_A_ENCLAVE_STARTED_NS:
		info->started_ns = attr_u64(attr, len);
		break;
	}
}

static void read_pool(const struct nlattr *attr, size_t len, void *arg)
{
	struct ne_pool_info *info = arg;

	switch (attr->nla_type) {
	case NE_EMU_A_POOL_CPU:
		if (info->nr_cpus < NE_REQUEST_MAX_VCPUS)
			info->cpus[info->nr_cpus++] = attr_u32(attr, len);
		break;
	case NE_EMU_A_POOL_CLAIMED:
		if (info->nr_claimed < NE_REQUEST_MAX_VCPUS)
			info->claimed[info->nr_claimed++] = attr_u32(attr, len);
		break;
	case NE_EMU_A_POOL_NODE:
		info->node = attr_u32(attr, len);
		break;
	}
}

int ne_netlink_pool(struct ne_netlink *nl, struct ne_pool_info *ret_info)
{
	struct message msg;

	memset(ret_info, 0, sizeof(*ret_info));
	ret_info->node = -1;
	message_init(&msg, nl->family, NE_EMU_CMD_POOL_GET, NE_EMU_FAMILY_VERSION);
	return request(nl, &msg, read_pool, ret_info);
}

static int enclave_request(struct ne_netlink *nl, uint8_t cmd, const uint64_t *slot_uid,
			   struct ne_info *ret_info)
{
	struct message msg;

	message_init(&msg, nl->family, cmd, NE_EMU_FAMILY_VERSION);
	if (slot_uid)
		put_attr(&msg, NE_EMU_A_ENCLAVE_SLOT_UID, slot_uid, sizeof(*slot_uid));
	if (!ret_info)
		return exchange(nl, &msg, NULL, NULL);
	*ret_info = nothing_told;
	return request(nl, &msg, read_enclave, ret_info);
}

int ne_netlink_accept(struct ne_netlink *nl, struct ne_info *ret_info)
{
	return enclave_request(nl, NE_EMU_CMD_ACCEPT, NULL, ret_info);
}

int ne_netlink_get(struct ne_netlink *nl, uint64_t slot_uid, struct ne_info *ret_info)
{
	return enclave_request(nl, NE_EMU_CMD_ENCLAVE_GET, &slot_uid, ret_info);
}

int ne_netlink_stop(struct ne_netlink *nl, uint64_t slot_uid)
{
	return enclave_request(nl, NE_EMU_CMD_ENCLAVE_STOP, &slot_uid, NULL);
}

static void read_message(const struct nlmsghdr *nlh, struct ne_info *ret_info)
{
	struct attr_reader reader = { read_enclave, ret_info };

	*ret_info = nothing_told;
	read_attrs(nlh, &reader);
}

struct enclave_list {
	void (*fn)(const struct ne_info *info, void *arg);
	void *arg;
	int nr;
};

static void list_enclave(const struct nlmsghdr *nlh, void *arg)
{
	struct enclave_list *list = arg;
	struct ne_info info;

	read_message(nlh, &info);
	list->fn(&info, list->arg);
	list->nr++;
}

int ne_netlink_dump(struct ne_netlink *nl, void (*fn)(const struct ne_info *info, void *arg),
		    void *arg)
{
	struct enclave_list list = { fn, arg, 0 };
	struct message msg;
	int err;

	message_init(&msg, nl->family, NE_EMU_CMD_ENCLAVE_GET, NE_EMU_FAMILY_VERSION);
	msg.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	err = exchange(nl, &msg, list_enclave, &list);
	return err ?: list.nr;
}

int ne_netlink_event(struct ne_netlink *nl, int timeout_ms, int *ret_cmd,
		     struct ne_info *ret_info)
{
	_Alignas(struct nlmsghdr) char buf[BUFFER_SIZE];
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	struct pollfd pfd = { .fd = nl->event_fd, .events = POLLIN };
	const struct genlmsghdr *genl;
	ssize_t n;

	if (poll(&pfd, 1, timeout_ms) <= 0)
		return -ETIMEDOUT;
	n = recv(nl->event_fd, buf, sizeof(buf), 0);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(nlh, (size_t)n) || nlh->nlmsg_type != nl->family)
		return -EBADMSG;
	genl = NLMSG_DATA(nlh);
	*ret_cmd = genl->cmd;
	read_message(nlh, ret_info);
	return 0;
}

int ne_netlink_wait_accept(struct ne_netlink *nl, int timeout_ms, struct ne_info *ret_info)
{
	struct ne_info ready;
	int cmd, rc;

	rc = ne_netlink_event(nl, timeout_ms, &cmd, &ready);
	return rc ? rc : ne_netlink_accept(nl, ret_info);
}

static int backend_status(int fd, unsigned long ioctl_nr, uint32_t code, uint32_t guest_status,
			  const char *text)
{
	struct ne_emu_backend_status status = { .code = code, .guest_status = guest_status };

	snprintf(status.text, sizeof(status.text), "%s", text);
	return ne_ioctl(fd, ioctl_nr, &status);
}

int ne_backend_done(int backend_fd, uint32_t code, const char *text)
{
	return backend_status(backend_fd, NE_EMU_BACKEND_DONE, code, 0, text);
}

int ne_backend_exit(int backend_fd, uint32_t reason, const char *text)
{
	return backend_status(backend_fd, NE_EMU_BACKEND_EXIT, reason, 0, text);
}

int ne_backend_exit_status(int backend_fd, uint32_t reason, uint32_t guest_status,
			   const char *text)
{
	return backend_status(backend_fd, NE_EMU_BACKEND_EXIT, reason, guest_status, text);
}
