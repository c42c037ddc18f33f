// SPDX-License-Identifier: Apache-2.0
/*
 * Calls and notifications of the netlink family: libnl's parser and sequence check read
 * datagrams of the test instead of the kernel's.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/nl_private.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/handlers.h>
#include <netlink/netlink.h>
#include <linux/genetlink.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAMILY		0x1e
#define OTHER_FAMILY	0x1f
#define UID		0x0193000000010000ULL
#define DATAGRAMS_MAX	64
#define GROUP_FIRST	100

/*
 * One datagram: messages, or the error that libnl returns instead.
 * @from: port of the sender; 0 is the kernel
 * @seq: added to the sequence number of the last request
 */
struct datagram {
	size_t len;
	struct nlmsghdr *last;
	uint32_t from;
	uint32_t seq;
	int error;
	uint8_t bytes[512] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* What the code under test receives, and what it has requested. */
static struct {
	struct datagram in[DATAGRAMS_MAX];
	unsigned int nr_in, next_in;
	struct nlmsghdr request;
	struct genlmsghdr request_genl;
	uint64_t request_uid;
	uint32_t seq;
	unsigned int nr_requests;
	int connect_error;
	int resolve;
	int group_error;
	int join_errno;
	int joined[4];
	unsigned int nr_joined;
	int fd;
} sys;

static int fake_recv(struct nl_sock *sock, struct sockaddr_nl *from, unsigned char **buf,
		     struct ucred **creds)
{
	struct datagram *in;

	if (sys.next_in == sys.nr_in)
		return -NLE_AGAIN;
	in = &sys.in[sys.next_in++];
	if (in->error)
		return -in->error;
	*from = (struct sockaddr_nl){ .nl_family = AF_NETLINK, .nl_pid = in->from };
	for (size_t at = 0; at < in->len;) {
		struct nlmsghdr *hdr = (struct nlmsghdr *)(in->bytes + at);

		hdr->nlmsg_seq = sys.seq + in->seq;
		at += NLMSG_ALIGN(hdr->nlmsg_len);
	}
	*buf = malloc(in->len);
	memcpy(*buf, in->bytes, in->len);
	return in->len;
}

int __real_nl_recvmsgs(struct nl_sock *sock, struct nl_cb *cb);
int __wrap_nl_recvmsgs(struct nl_sock *sock, struct nl_cb *cb);
int __wrap_nl_send_auto(struct nl_sock *sock, struct nl_msg *msg);
int __wrap_genl_connect(struct nl_sock *sock);
int __wrap_genl_ctrl_resolve(struct nl_sock *sock, const char *name);
int __wrap_genl_ctrl_resolve_grp(struct nl_sock *sock, const char *family, const char *group);
int __wrap_nl_socket_set_nonblocking(const struct nl_sock *sock);
int __wrap_nl_socket_get_fd(const struct nl_sock *sock);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size);

int __wrap_nl_recvmsgs(struct nl_sock *sock, struct nl_cb *cb)
{
	nl_cb_overwrite_recv(cb, fake_recv);
	return __real_nl_recvmsgs(sock, cb);
}

int __wrap_nl_send_auto(struct nl_sock *sock, struct nl_msg *msg)
{
	struct nlattr *uid;

	nl_complete_msg(sock, msg);
	sys.request = *nlmsg_hdr(msg);
	sys.request_genl = *(struct genlmsghdr *)nlmsg_data(nlmsg_hdr(msg));
	uid = nlmsg_find_attr(nlmsg_hdr(msg), GENL_HDRLEN, NE_EMU_A_ENCLAVE_SLOT_UID);
	sys.request_uid = uid ? nla_get_u64(uid) : 0;
	sys.seq = sys.request.nlmsg_seq;
	sys.nr_requests++;
	return sys.request.nlmsg_len;
}

int __wrap_genl_connect(struct nl_sock *sock)
{
	return -sys.connect_error;
}

int __wrap_genl_ctrl_resolve(struct nl_sock *sock, const char *name)
{
	assert_string_equal(name, NE_EMU_FAMILY_NAME);
	return sys.resolve;
}

/* Groups are numbered in the order of the requests. */
int __wrap_genl_ctrl_resolve_grp(struct nl_sock *sock, const char *family, const char *group)
{
	if (!strcmp(group, "notify"))
		assert_string_equal(family, "nlctrl");
	else
		assert_string_equal(family, NE_EMU_FAMILY_NAME);
	return sys.group_error ? -sys.group_error : GROUP_FIRST + (int)sys.nr_joined;
}

int __wrap_nl_socket_set_nonblocking(const struct nl_sock *sock)
{
	return 0;
}

int __wrap_nl_socket_get_fd(const struct nl_sock *sock)
{
	return sys.fd;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	assert_int_equal(fd, sys.fd);
	if (level != SOL_NETLINK)
		return 0;
	assert_int_equal(name, NETLINK_ADD_MEMBERSHIP);
	if (sys.join_errno && sys.nr_joined) {
		errno = sys.join_errno;
		return -1;
	}
	sys.joined[sys.nr_joined++] = *(const int *)value;
	return 0;
}

/* Add a datagram of the kernel. */

static struct datagram *datagram(void)
{
	assert_true(sys.nr_in < DATAGRAMS_MAX);
	return &sys.in[sys.nr_in++];
}

static void message(struct datagram *d, uint16_t type, uint16_t flags, const void *data,
		    size_t len)
{
	assert_true(d->len + NLMSG_SPACE(len) <= sizeof(d->bytes));
	d->last = (struct nlmsghdr *)(d->bytes + d->len);
	*d->last = (struct nlmsghdr){
		.nlmsg_len = NLMSG_LENGTH(len), .nlmsg_type = type, .nlmsg_flags = flags,
	};
	memcpy(NLMSG_DATA(d->last), data, len);
	d->len += NLMSG_ALIGN(d->last->nlmsg_len);
}

static void attr(struct datagram *d, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + len, .nla_type = type };
	uint8_t *at = d->bytes + d->len;

	assert_true(d->len + NLA_ALIGN(attr.nla_len) <= sizeof(d->bytes));
	memcpy(at, &attr, sizeof(attr));
	memcpy(at + NLA_HDRLEN, data, len);
	d->len += NLA_ALIGN(attr.nla_len);
	d->last->nlmsg_len += NLA_ALIGN(attr.nla_len);
}

static void attr32(struct datagram *d, uint16_t type, uint32_t value)
{
	attr(d, type, &value, sizeof(value));
}

static void attr64(struct datagram *d, uint16_t type, uint64_t value)
{
	attr(d, type, &value, sizeof(value));
}

static void genl(struct datagram *d, uint16_t type, uint16_t flags, uint8_t cmd)
{
	message(d, type, flags, &(struct genlmsghdr){ .cmd = cmd }, sizeof(struct genlmsghdr));
}

static void enclave(struct datagram *d, uint16_t flags, uint64_t uid)
{
	genl(d, FAMILY, flags, NE_EMU_CMD_ENCLAVE_GET);
	attr64(d, NE_EMU_A_ENCLAVE_SLOT_UID, uid);
}

/* Add an error, or with @error 0 the acknowledgement. */
static void error(struct datagram *d, int error)
{
	message(d, NLMSG_ERROR, 0, &(struct nlmsgerr){ .error = error }, sizeof(struct nlmsgerr));
}

static void list_end(struct datagram *d, int32_t error)
{
	message(d, NLMSG_DONE, NLM_F_MULTI, &error, sizeof(error));
}

static int setup(void **state)
{
	struct ne_nl *nl;

	memset(&sys, 0, sizeof(sys));
	sys.resolve = FAMILY;
	sys.fd = eventfd(0, EFD_CLOEXEC);
	assert_true(sys.fd >= 0);
	assert_int_equal(ne_nl_open(&nl), 0);
	*state = nl;
	return 0;
}

static int teardown(void **state)
{
	ne_nl_close(*state);
	close(sys.fd);
	return 0;
}

/* All datagrams have been read. */
static void assert_all_read(void)
{
	assert_int_equal(sys.next_in, sys.nr_in);
}

/* Calls */

static void test_get(void **state)
{
	struct ne_nl_enclave e;
	struct datagram *d = datagram();

	enclave(d, 0, UID);
	attr32(d, NE_EMU_A_ENCLAVE_CID, 17);
	error(datagram(), 0);
	assert_int_equal(ne_nl_enclave_get(*state, UID, &e), 0);
	assert_all_read();
	assert_int_equal(e.slot_uid, UID);
	assert_int_equal(e.cid, 17);
	ne_nl_enclave_done(&e);

	assert_int_equal(sys.request.nlmsg_type, FAMILY);
	assert_int_equal(sys.request.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	assert_int_equal(sys.request_genl.cmd, NE_EMU_CMD_ENCLAVE_GET);
	assert_int_equal(sys.request_genl.version, NE_EMU_FAMILY_VERSION);
	assert_int_equal(sys.request_uid, UID);
}

static void test_errors_of_the_kernel(void **state)
{
	static const struct {
		int error;
		int expected;
	} cases[] = {
		{ -EPERM, -EPERM }, { -ENOENT, -ENOENT }, { -EAGAIN, -EAGAIN },
		{ -EOPNOTSUPP, -EOPNOTSUPP }, { -ENOSPC, -ENOSPC },
		{ 5, -EBADMSG },	/* not an error number */
	};
	struct ne_nl_enclave e;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		error(datagram(), cases[i].error);
		assert_int_equal(ne_nl_enclave_get(*state, UID, &e), cases[i].expected);
		error(datagram(), cases[i].error);
		assert_int_equal(ne_nl_enclave_stop(*state, UID), cases[i].expected);
		assert_all_read();
	}
}

static void test_one_answer_is_expected(void **state)
{
	struct ne_nl_enclave e;

	for (int answers = 0; answers <= 2; answers++) {
		for (int i = 0; i < answers; i++)
			enclave(datagram(), 0, UID + i);
		error(datagram(), 0);
		assert_int_equal(ne_nl_enclave_get(*state, UID, &e), answers == 1 ? 0 : -EBADMSG);
		assert_all_read();
		if (answers == 1)
			ne_nl_enclave_done(&e);
	}
}

/* Any process may send to the socket, and the kernel sends answers of other families. */
static void test_answers_of_others(void **state)
{
	struct ne_nl_enclave e;
	struct datagram *d;

	d = datagram();
	d->from = 77;
	enclave(d, 0, UID + 1);
	genl(datagram(), OTHER_FAMILY, 0, NE_EMU_CMD_ENCLAVE_GET);
	attr64(&sys.in[1], NE_EMU_A_ENCLAVE_SLOT_UID, UID + 2);
	enclave(datagram(), 0, UID + 3);
	error(datagram(), 0);
	assert_int_equal(ne_nl_enclave_get(*state, UID, &e), 0);
	assert_all_read();
	assert_int_equal(e.slot_uid, UID + 3);
	ne_nl_enclave_done(&e);
}

static void test_wrong_sequence(void **state)
{
	struct ne_nl_enclave e;

	enclave(datagram(), 0, UID);
	sys.in[0].seq = 1;
	assert_int_equal(ne_nl_enclave_get(*state, UID, &e), -EBADMSG);
}

/* The rest of an answer must not stay for the next call. */
static void test_bad_answer_is_read_to_its_end(void **state)
{
	struct ne_nl_enclave e;

	genl(datagram(), FAMILY, 0, NE_EMU_CMD_ENCLAVE_GET);	/* no slot uid */
	error(datagram(), 0);
	assert_int_equal(ne_nl_enclave_get(*state, UID, &e), -EBADMSG);
	assert_all_read();

	enclave(datagram(), 0, UID);
	error(datagram(), 0);
	assert_int_equal(ne_nl_enclave_get(*state, UID, &e), 0);
	ne_nl_enclave_done(&e);
}

static void test_interrupted_read_goes_on(void **state)
{
	struct ne_nl_enclave e;

	datagram()->error = NLE_INTR;
	enclave(datagram(), 0, UID);
	datagram()->error = NLE_INTR;
	error(datagram(), 0);
	assert_int_equal(ne_nl_enclave_get(*state, UID, &e), 0);
	assert_all_read();
	assert_int_equal(sys.nr_requests, 1);
	ne_nl_enclave_done(&e);
}

static void test_errors_of_libnl(void **state)
{
	static const struct {
		int error;
		int expected;
	} cases[] = {
		{ NLE_NOMEM, -ENOMEM }, { NLE_PERM, -EPERM }, { NLE_NOACCESS, -EACCES },
		{ NLE_MSG_TRUNC, -EBADMSG }, { NLE_BAD_SOCK, -EIO }, { NLE_AGAIN, -EAGAIN },
	};
	struct ne_nl_enclave e;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		datagram()->error = cases[i].error;
		assert_int_equal(ne_nl_enclave_get(*state, UID, &e), cases[i].expected);
		assert_int_equal(nl_errno(-cases[i].error), cases[i].expected);
	}
}

static void test_list(void **state)
{
	struct ne_nl_enclave *list;
	struct datagram *d = datagram();
	size_t count = 77;

	enclave(d, NLM_F_MULTI, UID + 7);
	enclave(d, NLM_F_MULTI, UID + 3);
	attr32(d, NE_EMU_A_ENCLAVE_VCPU, 5);
	enclave(datagram(), NLM_F_MULTI, UID + 5);
	list_end(datagram(), 0);
	assert_int_equal(ne_nl_enclave_list(*state, &list, &count), 0);
	assert_all_read();
	assert_int_equal(count, 3);
	assert_int_equal(list[0].slot_uid, UID + 3);
	assert_int_equal(list[0].nr_vcpus, 1);
	assert_int_equal(list[1].slot_uid, UID + 5);
	assert_int_equal(list[2].slot_uid, UID + 7);
	assert_int_equal(sys.request.nlmsg_flags & NLM_F_DUMP, NLM_F_DUMP);
	ne_nl_list_free(list, count);

	list_end(datagram(), 0);
	assert_int_equal(ne_nl_enclave_list(*state, &list, &count), 0);
	assert_int_equal(count, 0);
	ne_nl_list_free(list, count);
}

/* A list that ends with an error does not count as complete. */
static void test_list_that_ends_early(void **state)
{
	struct ne_nl_enclave *list;
	size_t count;

	enclave(datagram(), NLM_F_MULTI, UID);
	list_end(datagram(), -EMSGSIZE);
	assert_int_equal(ne_nl_enclave_list(*state, &list, &count), -EMSGSIZE);
	assert_all_read();
	assert_int_equal(sys.nr_requests, 1);
}

static void test_list_that_changed(void **state)
{
	struct ne_nl_enclave *list;
	size_t count;

	enclave(datagram(), NLM_F_MULTI | NLM_F_DUMP_INTR, UID);
	list_end(datagram(), 0);
	enclave(datagram(), NLM_F_MULTI, UID);
	enclave(datagram(), NLM_F_MULTI, UID + 1);
	list_end(datagram(), 0);
	assert_int_equal(ne_nl_enclave_list(*state, &list, &count), 0);
	assert_all_read();
	assert_int_equal(sys.nr_requests, 2);
	assert_int_equal(count, 2);
	ne_nl_list_free(list, count);

	while (sys.nr_in < DATAGRAMS_MAX - 1) {
		enclave(datagram(), NLM_F_MULTI | NLM_F_DUMP_INTR, UID);
		list_end(datagram(), 0);
	}
	assert_int_equal(ne_nl_enclave_list(*state, &list, &count), -EAGAIN);
	assert_int_equal(sys.nr_requests, 2 + 16);
}

static void test_pool(void **state)
{
	struct ne_nl_pool pool;
	struct datagram *d;

	for (int answers = 0; answers <= 2; answers++) {
		for (int i = 0; i < answers; i++) {
			d = datagram();
			genl(d, FAMILY, 0, NE_EMU_CMD_POOL_GET);
			attr32(d, NE_EMU_A_POOL_CPU, 4);
			attr32(d, NE_EMU_A_POOL_NODE, 1);
		}
		error(datagram(), 0);
		assert_int_equal(ne_nl_pool_get(*state, &pool), answers == 1 ? 0 : -EBADMSG);
		assert_all_read();
		assert_int_equal(sys.request_genl.cmd, NE_EMU_CMD_POOL_GET);
		if (answers != 1)
			continue;
		assert_int_equal(pool.nr_cpus, 1);
		assert_int_equal(pool.cpus[0], 4);
		assert_int_equal(pool.node, 1);
		ne_nl_pool_done(&pool);
	}
}

/* Start requests that each lack a value that a VMM needs. */
static void test_accept(void **state)
{
	enum { WHOLE, NO_FD, NO_CID, NO_VCPU, NO_MEMORY, CASES };
	struct ne_nl_enclave e;

	for (int i = WHOLE; i < CASES; i++) {
		int fd = open("/dev/null", O_RDONLY);
		struct datagram *d = datagram();

		assert_true(fd >= 0);
		enclave(d, 0, UID);
		if (i != NO_FD)
			attr32(d, NE_EMU_A_ENCLAVE_BACKEND_FD, fd);
		if (i != NO_CID)
			attr32(d, NE_EMU_A_ENCLAVE_CID, 16);
		if (i != NO_VCPU)
			attr32(d, NE_EMU_A_ENCLAVE_VCPU, 2);
		if (i != NO_MEMORY)
			attr64(d, NE_EMU_A_ENCLAVE_MEM_SIZE, 64 * MIB);
		error(datagram(), 0);
		assert_int_equal(ne_nl_accept(*state, &e), i == WHOLE ? 0 : -EBADMSG);
		assert_int_equal(sys.request_genl.cmd, NE_EMU_CMD_ACCEPT);
		assert_int_equal(sys.request_uid, 0);
		if (i == WHOLE) {
			assert_int_equal(e.backend_fd, fd);
			assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
			ne_nl_enclave_done(&e);
		}
		if (i == NO_FD)
			close(fd);
		assert_int_equal(fcntl(fd, F_GETFD), -1);
	}
}

/* Notifications */

struct heard {
	int cmds[8];
	uint64_t uids[8];
	unsigned int count;
};

static void hear(int cmd, const struct ne_nl_enclave *enclave, void *arg)
{
	struct heard *heard = arg;

	assert_true(heard->count < ARRAY_SIZE(heard->cmds));
	heard->cmds[heard->count] = cmd;
	heard->uids[heard->count++] = enclave ? enclave->slot_uid : 0;
}

static int setup_events(void **state)
{
	static const char *const groups[] = { NE_EMU_MCGRP_EVENTS, NULL };

	setup(state);
	assert_int_equal(ne_nl_event_fd(*state), -1);
	assert_int_equal(ne_nl_subscribe(*state, groups), 0);
	return 0;
}

static void notify(struct datagram *d, uint8_t cmd, uint64_t uid)
{
	genl(d, FAMILY, 0, cmd);
	attr64(d, NE_EMU_A_ENCLAVE_SLOT_UID, uid);
}

/* Add a message of the netlink controller about a family. */
static void controller(struct datagram *d, uint8_t cmd, uint16_t family)
{
	genl(d, GENL_ID_CTRL, 0, cmd);
	attr(d, CTRL_ATTR_FAMILY_ID, &family, sizeof(family));
}

static void test_subscribe(void **state)
{
	static const char *const groups[] = { NE_EMU_MCGRP_EVENTS, NE_EMU_MCGRP_BACKEND, NULL };

	sys.join_errno = EPERM;
	assert_int_equal(ne_nl_subscribe(*state, groups), -EPERM);
	assert_int_equal(ne_nl_event_fd(*state), -1);
	sys.join_errno = 0;
	sys.nr_joined = 0;
	sys.group_error = NLE_OBJ_NOTFOUND;
	assert_int_equal(ne_nl_subscribe(*state, groups), -ENOENT);
	sys.group_error = 0;
	assert_int_equal(ne_nl_subscribe(*state, groups), 0);
	assert_int_equal(ne_nl_event_fd(*state), sys.fd);
	assert_int_equal(sys.nr_joined, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sys.joined[i], GROUP_FIRST + i);
	assert_int_equal(ne_nl_subscribe(*state, groups), -EALREADY);
}

static void test_events(void **state)
{
	struct heard heard = {};
	struct datagram *d = datagram();

	/* Their sequence number is that of the request that caused them. */
	d->seq = 1000;
	notify(d, NE_EMU_CMD_READY, UID);
	notify(d, NE_EMU_CMD_ENCLAVE_NTF, UID + 1);
	genl(datagram(), FAMILY, 0, NE_EMU_CMD_POOL_NTF);
	assert_int_equal(ne_nl_event_read(*state, hear, &heard), 0);
	assert_all_read();
	assert_int_equal(heard.count, 3);
	assert_int_equal(heard.cmds[0], NE_EMU_CMD_READY);
	assert_int_equal(heard.uids[0], UID);
	assert_int_equal(heard.cmds[1], NE_EMU_CMD_ENCLAVE_NTF);
	assert_int_equal(heard.uids[1], UID + 1);
	assert_int_equal(heard.cmds[2], NE_EMU_CMD_POOL_NTF);
	assert_int_equal(heard.uids[2], 0);
}

static void test_events_that_are_none(void **state)
{
	struct heard heard = {};
	struct datagram *d = datagram();

	d->from = 77;
	notify(d, NE_EMU_CMD_READY, UID + 1);
	d = datagram();
	d->from = 77;
	genl(d, FAMILY, 0, NE_EMU_CMD_POOL_NTF);
	d = datagram();
	genl(d, OTHER_FAMILY, 0, NE_EMU_CMD_READY);
	attr64(d, NE_EMU_A_ENCLAVE_SLOT_UID, UID + 2);
	notify(datagram(), NE_EMU_CMD_ENCLAVE_GET, UID + 3);
	genl(datagram(), FAMILY, 0, NE_EMU_CMD_READY);		/* no slot uid */
	notify(datagram(), NE_EMU_CMD_READY, UID);
	assert_int_equal(ne_nl_event_read(*state, hear, &heard), 0);
	assert_all_read();
	assert_int_equal(heard.count, 1);
	assert_int_equal(heard.uids[0], UID);
}

static void test_lost_events(void **state)
{
	struct heard heard = {};

	notify(datagram(), NE_EMU_CMD_READY, UID);
	datagram()->error = NLE_NOMEM;	/* libnl's error for ENOBUFS */
	assert_int_equal(ne_nl_event_read(*state, hear, &heard), -ENOBUFS);
	assert_int_equal(heard.count, 1);
	datagram()->error = NLE_BAD_SOCK;
	assert_int_equal(ne_nl_event_read(*state, hear, &heard), -EIO);
	notify(datagram(), NE_EMU_CMD_READY, UID);
	assert_int_equal(ne_nl_event_read(*state, hear, &heard), 0);
	assert_int_equal(heard.count, 2);
}

static void test_family_that_goes(void **state)
{
	static const uint32_t wide = FAMILY;
	struct heard heard = {};
	struct datagram *d;

	controller(datagram(), CTRL_CMD_DELFAMILY, OTHER_FAMILY);
	controller(datagram(), CTRL_CMD_NEWFAMILY, FAMILY);
	genl(datagram(), GENL_ID_CTRL, 0, CTRL_CMD_DELFAMILY);	/* without a family */
	d = datagram();
	genl(d, GENL_ID_CTRL, 0, CTRL_CMD_DELFAMILY);
	attr(d, CTRL_ATTR_FAMILY_ID, &wide, sizeof(wide));
	d = datagram();
	d->from = 77;
	controller(d, CTRL_CMD_DELFAMILY, FAMILY);
	assert_int_equal(ne_nl_event_read(*state, hear, &heard), 0);
	assert_all_read();

	controller(datagram(), CTRL_CMD_DELFAMILY, FAMILY);
	assert_int_equal(ne_nl_event_read(*state, hear, &heard), -ENOENT);
	assert_int_equal(heard.count, 0);
}

static void test_open(void **state)
{
	struct ne_nl *nl = NULL;

	sys.connect_error = NLE_AF_NOSUPPORT;
	assert_int_equal(ne_nl_open(&nl), -EPROTONOSUPPORT);
	sys.connect_error = 0;
	sys.resolve = -NLE_OBJ_NOTFOUND;
	assert_int_equal(ne_nl_open(&nl), -ENOENT);
	assert_null(nl);
	sys.resolve = FAMILY;
	assert_int_equal(ne_nl_open(&nl), 0);
	assert_int_equal(ne_nl_event_fd(nl), -1);
	ne_nl_close(nl);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define E(name) cmocka_unit_test_setup_teardown(name, setup_events, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_get),
		T(test_errors_of_the_kernel),
		T(test_one_answer_is_expected),
		T(test_answers_of_others),
		T(test_wrong_sequence),
		T(test_bad_answer_is_read_to_its_end),
		T(test_interrupted_read_goes_on),
		T(test_errors_of_libnl),
		T(test_list),
		T(test_list_that_ends_early),
		T(test_list_that_changed),
		T(test_pool),
		T(test_accept),
		T(test_subscribe),
		E(test_events),
		E(test_events_that_are_none),
		E(test_lost_events),
		E(test_family_that_goes),
		T(test_open),
	};

	return cmocka_run_group_tests_name("nl_calls", tests, NULL, NULL);
}
