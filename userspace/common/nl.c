// SPDX-License-Identifier: Apache-2.0
/* Requests of the ne-emu netlink family. */

#include "common/nl.h"

#include "common/nl_private.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/handlers.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel limits the messages of a list to this size; an enclave with 1000 CPUs fits. */
#define MSG_BUF_SIZE		32768
/* Attempts to get a list that no change interrupts. */
#define LIST_TRIES		16

/* State of a request for the callbacks; @pool, if set, takes the reply. */
struct reply {
	struct ne_nl *nl;
	struct ne_nl_pool *pool;
	struct ne_nl_enclave *enclaves;
	size_t count;
	bool done;
	int err;
};

int nl_errno(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return 0;
	case NLE_INTR:
		return -EINTR;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
		return -EPERM;
	case NLE_NOACCESS:
		return -EACCES;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	case NLE_AF_NOSUPPORT:
	case NLE_PROTO_MISMATCH:
		return -EPROTONOSUPPORT;
	case NLE_DUMP_INTR:
		return -EAGAIN;
	case NLE_MSG_TRUNC:
	case NLE_MSG_TOOSHORT:
	case NLE_INVAL:
	case NLE_RANGE:
	case NLE_SEQ_MISMATCH:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

int nl_sock_open(struct nl_sock **ret_sock)
{
	struct nl_sock *sock;
	int err;

	sock = nl_socket_alloc();
	if (!sock)
		return -ENOMEM;

	err = genl_connect(sock);	/* close-on-exec */
	if (!err)
		err = nl_socket_set_msg_buf_size(sock, MSG_BUF_SIZE);
	if (err) {
		nl_socket_free(sock);
		return nl_errno(err);
	}
	/* Grow the buffer for larger messages instead of truncating them. */
	nl_socket_enable_msg_peek(sock);

	*ret_sock = sock;
	return 0;
}

int ne_nl_open(struct ne_nl **ret_nl)
{
	struct ne_nl *nl;
	int err;

	nl = calloc(1, sizeof(*nl));
	if (!nl)
		return -ENOMEM;

	err = nl_sock_open(&nl->sock);
	if (err)
		goto err_free;

	nl->family = genl_ctrl_resolve(nl->sock, NE_EMU_FAMILY_NAME);
	if (nl->family < 0) {
		err = nl_errno(nl->family);
		goto err_free;
	}

	*ret_nl = nl;
	return 0;

err_free:
	ne_nl_close(nl);
	return err;
}

void ne_nl_close(struct ne_nl *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->events);
	nl_socket_free(nl->sock);
	free(nl);
}

bool nl_from_kernel(struct nl_msg *msg)
{
	return nlmsg_get_src(msg)->nl_pid == 0;
}

int nl_parse_msg(struct nl_msg *msg, struct ne_nl_enclave *enclave, struct ne_nl_pool *pool)
{
	struct genlmsghdr *genl = nlmsg_data(nlmsg_hdr(msg));

	if (!genlmsg_valid_hdr(nlmsg_hdr(msg), 0))
		return -EBADMSG;
	if (!pool)
		return ne_nl_parse(genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), enclave);
	ne_nl_pool_done(pool);
	return ne_nl_parse_pool(genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), pool);
}

static int on_reply(struct nl_msg *msg, void *arg)
{
	struct ne_nl_enclave *grown, enclave;
	struct reply *reply = arg;
	int err;

	if (!nl_from_kernel(msg) || nlmsg_hdr(msg)->nlmsg_type != reply->nl->family)
		return NL_SKIP;

	err = nl_parse_msg(msg, &enclave, reply->pool);
	if (err)
		goto err_note;
	if (reply->pool) {
		reply->count++;
		return NL_OK;
	}

	grown = reallocarray(reply->enclaves, reply->count + 1, sizeof(*grown));
	if (!grown) {
		ne_nl_enclave_done(&enclave);
		err = -ENOMEM;
		goto err_note;
	}
	reply->enclaves = grown;
	reply->enclaves[reply->count++] = enclave;
	return NL_OK;

err_note:
	/* Continue to the end, so that the next request does not read the rest. */
	if (!reply->err)
		reply->err = err;
	return NL_SKIP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct reply *reply = arg;

	reply->done = true;
	return NL_STOP;
}

/* The end of a list has an error number if the list is incomplete. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	struct reply *reply = arg;
	int32_t err;

	if (nlmsg_datalen(nlmsg_hdr(msg)) >= (int)sizeof(err)) {
		memcpy(&err, nlmsg_data(nlmsg_hdr(msg)), sizeof(err));
		if (err < 0 && !reply->err)
			reply->err = err;
	}
	reply->done = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *msg, void *arg)
{
	struct reply *reply = arg;

	reply->err = msg->error < 0 ? msg->error : -EBADMSG;
	reply->done = true;
	return NL_STOP;
}

static struct nl_cb *reply_cb(struct reply *reply)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (!cb)
		return NULL;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_reply, reply);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, reply);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, reply);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, reply);
	return cb;
}

static int receive_reply(struct ne_nl *nl, struct reply *reply)
{
	struct nl_cb *cb = reply_cb(reply);
	int err = 0;

	if (!cb)
		return -ENOMEM;
	while (!reply->done && !err) {
		err = nl_recvmsgs(nl->sock, cb);
		if (err == -NLE_INTR)
			err = 0;
	}
	nl_cb_put(cb);

	/* The kernel's error number is more precise than that of libnl. */
	if (reply->err)
		return reply->err;
	return err == -NLE_DUMP_INTR ? -EAGAIN : nl_errno(err);
}

static int send_request(struct ne_nl *nl, int cmd, int flags, const uint64_t *slot_uid)
{
	struct nl_msg *msg = nlmsg_alloc();
	int err = -NLE_NOMEM;

	if (!msg)
		return -ENOMEM;
	if (!genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, flags, cmd,
			 NE_EMU_FAMILY_VERSION))
		goto out_free;
	if (slot_uid) {
		err = nla_put_u64(msg, NE_EMU_A_ENCLAVE_SLOT_UID, *slot_uid);
		if (err)
			goto out_free;
	}
	err = nl_send_auto(nl->sock, msg);	/* adds NLM_F_REQUEST and NLM_F_ACK */
out_free:
	nlmsg_free(msg);
	return err < 0 ? nl_errno(err) : 0;
}

static int call(struct ne_nl *nl, int cmd, int flags, const uint64_t *slot_uid,
		struct reply *reply)
{
	int err;

	err = send_request(nl, cmd, flags, slot_uid);
	if (!err)
		err = receive_reply(nl, reply);
	if (err) {
		ne_nl_list_free(reply->enclaves, reply->count);
		reply->enclaves = NULL;
		reply->count = 0;
	}
	return err;
}

/* Make a request that is answered with one enclave. */
static int call_one(struct ne_nl *nl, int cmd, const uint64_t *slot_uid,
		    struct ne_nl_enclave *ret)
{
	struct reply reply = { .nl = nl };
	int err;

	err = call(nl, cmd, 0, slot_uid, &reply);
	if (err)
		return err;
	if (reply.count != 1) {
		ne_nl_list_free(reply.enclaves, reply.count);
		return -EBADMSG;
	}
	*ret = reply.enclaves[0];
	free(reply.enclaves);
	return 0;
}

int ne_nl_enclave_get(struct ne_nl *nl, uint64_t slot_uid, struct ne_nl_enclave *ret)
{
	return call_one(nl, NE_EMU_CMD_ENCLAVE_GET, &slot_uid, ret);
}

int ne_nl_enclave_stop(struct ne_nl *nl, uint64_t slot_uid)
{
	struct reply reply = { .nl = nl };
	int err;

	err = call(nl, NE_EMU_CMD_ENCLAVE_STOP, 0, &slot_uid, &reply);
	ne_nl_list_free(reply.enclaves, reply.count);
	return err;
}

int ne_nl_pool_get(struct ne_nl *nl, struct ne_nl_pool *ret)
{
	__cleanup(ne_nl_pool_done) struct ne_nl_pool pool = { .node = -1 };
	struct reply reply = { .nl = nl, .pool = &pool };
	int err;

	err = send_request(nl, NE_EMU_CMD_POOL_GET, 0, NULL);
	if (!err)
		err = receive_reply(nl, &reply);
	if (err)
		return err;
	if (reply.count != 1)
		return -EBADMSG;
	*ret = pool;
	pool = (struct ne_nl_pool){ .node = -1 };
	return 0;
}

int ne_nl_accept(struct ne_nl *nl, struct ne_nl_enclave *ret)
{
	struct ne_nl_enclave enclave;
	int err;

	err = call_one(nl, NE_EMU_CMD_ACCEPT, NULL, &enclave);
	if (err)
		return err;
	if (fcntl(enclave.backend_fd, F_SETFD, FD_CLOEXEC) < 0 || !enclave.cid ||
	    !enclave.nr_vcpus || !enclave.mem_size) {
		ne_nl_enclave_done(&enclave);
		return -EBADMSG;
	}
	*ret = enclave;
	return 0;
}

/* Slot uids begin with the time of creation, so sorting them sorts by age. */
static int compare_age(const void *a, const void *b)
{
	uint64_t x = ((const struct ne_nl_enclave *)a)->slot_uid;
	uint64_t y = ((const struct ne_nl_enclave *)b)->slot_uid;

	return (x > y) - (x < y);
}

int ne_nl_enclave_list(struct ne_nl *nl, struct ne_nl_enclave **ret, size_t *ret_count)
{
	struct reply reply;
	int err = -EAGAIN;

	for (int i = 0; i < LIST_TRIES && err == -EAGAIN; i++) {
		reply = (struct reply){ .nl = nl };
		err = call(nl, NE_EMU_CMD_ENCLAVE_GET, NLM_F_DUMP, NULL, &reply);
	}
	if (err)
		return err;

	if (reply.count)
		qsort(reply.enclaves, reply.count, sizeof(*reply.enclaves), compare_age);
	*ret = reply.enclaves;
	*ret_count = reply.count;
	return 0;
}
