// SPDX-License-Identifier: GPL-2.0-only
/* A netlink client for the KUnit suites: sends requests as user space does. */

#include <linux/file.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "../genl.h"
#include "ne_kunit.h"

/* Room for all attributes of an enclave of the test machine. */
#define NE_KUNIT_NL_SIZE	2048

struct ne_kunit_nl_request {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	struct nlattr uid_head;
	u64 uid;
} __packed;

static void ne_kunit_nl_unregister(void *unused)
{
	ne_netlink_exit();
}

/* Register the family until the end of the test. */
void ne_kunit_nl_register(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, ne_netlink_init(), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, ne_kunit_nl_unregister, NULL), 0);
}

static int ne_kunit_nl_request(struct socket *sock, u8 cmd, u64 uid)
{
	struct ne_kunit_nl_request req = {
		.nlh = {
			.nlmsg_len	= uid ? sizeof(req) : NLMSG_LENGTH(GENL_HDRLEN),
			.nlmsg_type	= ne_emu_nl_family.id,
			.nlmsg_flags	= NLM_F_REQUEST | NLM_F_ACK,
		},
		.genl = { .cmd = cmd, .version = NE_EMU_FAMILY_VERSION },
		.uid_head = {
			.nla_len	= nla_attr_size(sizeof(uid)),
			.nla_type	= NE_EMU_A_ENCLAVE_SLOT_UID,
		},
		.uid = uid,
	};
	struct kvec vec = { .iov_base = &req, .iov_len = req.nlh.nlmsg_len };
	struct msghdr msg = { };
	int rc;

	rc = kernel_sendmsg(sock, &msg, &vec, 1, vec.iov_len);
	return rc < 0 ? rc : 0;
}

static void ne_kunit_nl_parse(const struct nlmsghdr *nlh, struct ne_kunit_nl_answer *answer)
{
	const struct nlattr *attr;
	int left;

	nlmsg_for_each_attr(attr, nlh, GENL_HDRLEN, left) {
		if (nla_type(attr) == NE_EMU_A_ENCLAVE_STATE)
			answer->state = nla_get_u32(attr);
		if (nla_type(attr) == NE_EMU_A_ENCLAVE_BACKEND_FD)
			answer->fd = nla_get_s32(attr);
		if (nla_type(attr) == NE_EMU_A_ENCLAVE_EXIT_TEXT)
			answer->text = true;
		if (nla_type(attr) == NE_EMU_A_ENCLAVE_OWNER_UID)
			answer->owner = true;
	}
}

/* Receive messages up to the acknowledgment. Return: its errno. */
static int ne_kunit_nl_receive(struct socket *sock, struct ne_kunit_nl_answer *answer)
{
	struct nlmsghdr *nlh;
	int rc;

	nlh = kzalloc(NE_KUNIT_NL_SIZE, GFP_KERNEL);
	if (!nlh)
		return -ENOMEM;
	for (;;) {
		struct kvec vec = { .iov_base = nlh, .iov_len = NE_KUNIT_NL_SIZE };
		struct msghdr msg = { };

		/* Requests are handled in sendmsg(), so all messages have arrived. */
		rc = kernel_recvmsg(sock, &msg, &vec, 1, vec.iov_len, MSG_DONTWAIT);
		if (rc < 0)
			break;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			rc = ((struct nlmsgerr *)nlmsg_data(nlh))->error;
			break;
		}
		ne_kunit_nl_parse(nlh, answer);
	}
	kfree(nlh);
	return rc;
}

/* Return: the file of a new netlink socket, or an ERR_PTR. */
static struct file *ne_kunit_nl_open(const struct cred *opener)
{
	const struct cred *saved = NULL;
	struct socket *sock;
	struct file *file;
	int rc;

	rc = sock_create_kern(&init_net, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, &sock);
	if (rc)
		return ERR_PTR(rc);
	if (opener)
		saved = override_creds(opener);
	file = sock_alloc_file(sock, 0, NULL);
	if (opener)
		revert_creds(saved);
	return file;
}

static void ne_kunit_nl_close(void *file)
{
	__fput_sync(file);
}

/**
 * ne_kunit_nl_socket() - open a netlink socket that is closed at the end of the test
 * @test: the test
 * @opener: credentials of its file; NULL for those of the test
 */
struct file *ne_kunit_nl_socket(struct kunit *test, const struct cred *opener)
{
	struct file *file = ne_kunit_nl_open(opener);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ne_kunit_nl_close, file), 0);
	return file;
}

/**
 * ne_kunit_nl_send() - send a request of the registered family
 * @file: the socket's file
 * @cmd: NE_EMU_CMD_*
 * @uid: slot uid, 0 for none
 * @answer: receives the attributes; absent ones are -1 or false
 *
 * Return: 0 or the negative errno of the answer.
 */
int ne_kunit_nl_send(struct file *file, u8 cmd, u64 uid, struct ne_kunit_nl_answer *answer)
{
	struct socket *sock = sock_from_file(file);
	int rc;

	*answer = (struct ne_kunit_nl_answer) { .state = -1, .fd = -1 };

	rc = ne_kunit_nl_request(sock, cmd, uid);
	if (!rc)
		rc = ne_kunit_nl_receive(sock, answer);
	return rc;
}

/* The same through a new socket. */
int ne_kunit_nl(u8 cmd, u64 uid, struct ne_kunit_nl_answer *answer)
{
	struct file *file = ne_kunit_nl_open(NULL);
	int rc;

	if (IS_ERR(file))
		return PTR_ERR(file);
	rc = ne_kunit_nl_send(file, cmd, uid, answer);
	__fput_sync(file);
	return rc;
}
