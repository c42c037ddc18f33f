// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of the generic netlink family ne-emu: the supervisor accepts start requests;
 * any process can query enclaves and the pool, and stop its own enclaves. Messages and
 * policies are specified in Documentation/netlink/specs/ne-emu.yaml.
 */

#include <linux/file.h>
#include <linux/slab.h>

#include "genl.h"
#include "ne_emu.h"

static enum ne_emu_enclave_state ne_nl_state(struct ne_enclave *enclave)
{
	enum ne_emu_enclave_state state;

	spin_lock(&enclave->info_lock);
	state = enclave->state;
	spin_unlock(&enclave->info_lock);
	return state;
}

/*
 * Replies never have the state "freed", which is for notifications only: a request for an
 * enclave that is being released fails with ENOENT. Check this after the reply was built:
 * the state is final.
 */
static bool ne_nl_is_freed(struct ne_enclave *enclave)
{
	return ne_nl_state(enclave) == NE_EMU_ENCLAVE_STATE_FREED;
}

static struct ne_enclave *ne_nl_find(struct genl_info *info)
{
	struct ne_enclave *enclave;

	if (GENL_REQ_ATTR_CHECK(info, NE_EMU_A_ENCLAVE_SLOT_UID))
		return ERR_PTR(-EINVAL);

	enclave = ne_registry_find(nla_get_u64(info->attrs[NE_EMU_A_ENCLAVE_SLOT_UID]));
	if (!enclave) {
		GENL_SET_ERR_MSG(info, "no enclave with this slot uid");
		return ERR_PTR(-ENOENT);
	}
	return enclave;
}

static int ne_nl_reply(struct genl_info *info, struct sk_buff *reply)
{
	return IS_ERR(reply) ? PTR_ERR(reply) : genlmsg_reply(reply, info);
}

static int ne_nl_reply_enclave(struct genl_info *info, struct ne_enclave *enclave,
			       const struct sock *sk)
{
	struct sk_buff *reply;
	struct ne_view view;

	ne_view_get(sk, enclave, &view);
	reply = ne_msg_enclave(info, enclave, &view);
	if (!IS_ERR(reply) && ne_nl_is_freed(enclave)) {
		nlmsg_free(reply);
		return -ENOENT;
	}
	return ne_nl_reply(info, reply);
}

/* enclave-get of one enclave: EINVAL, ENOENT, ENOMEM. */
int ne_emu_nl_enclave_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ne_enclave *enclave;
	int rc;

	enclave = ne_nl_find(info);
	if (IS_ERR(enclave))
		return PTR_ERR(enclave);

	rc = ne_nl_reply_enclave(info, enclave, NETLINK_CB(skb).sk);
	ne_enclave_put(enclave);
	return rc;
}

/* Return: 0, -ENOENT (the enclave is being released) or -EMSGSIZE (@skb is full). */
static int ne_nl_dump_enclave(struct sk_buff *skb, struct netlink_callback *cb,
			      struct ne_enclave *enclave)
{
	struct ne_view view;
	void *head;
	int rc;

	head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &ne_emu_nl_family, NLM_F_MULTI, NE_EMU_CMD_ENCLAVE_GET);
	if (!head)
		return -EMSGSIZE;

	ne_view_get(NETLINK_CB(cb->skb).sk, enclave, &view);
	rc = ne_msg_put_enclave(skb, enclave, &view);
	if (!rc && ne_nl_is_freed(enclave))
		rc = -ENOENT;
	if (rc)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return rc;
}

/*
 * enclave-get of all enclaves, in the order of their slot uids. The dump continues after
 * the last slot uid sent, even if enclaves were created or released in between.
 */
int ne_emu_nl_enclave_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct {
		u64 last;
	} *ctx = (void *)cb->ctx;
	struct ne_enclave *enclave;

	while ((enclave = ne_registry_next(ctx->last))) {
		int rc = ne_nl_dump_enclave(skb, cb, enclave);

		if (rc != -EMSGSIZE)
			ctx->last = enclave->slot_uid;
		ne_enclave_put(enclave);
		if (rc == -EMSGSIZE)
			return skb->len ?: rc;
	}
	return skb->len;
}

/*
 * A start holds the lock of its enclave while it waits for a VMM. A request that waited
 * for that lock would block the requests of all families, including accept, as soon as a
 * family is being registered. Refuse enclaves that are not RUNNING without the lock.
 */
static bool ne_nl_is_running(struct ne_enclave *enclave)
{
	return ne_nl_state(enclave) == NE_EMU_ENCLAVE_STATE_RUNNING;
}

/* enclave-stop: EINVAL, ENOENT, EPERM, ENOTCONN. */
int ne_emu_nl_enclave_stop_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ne_enclave *enclave;
	int rc;

	enclave = ne_nl_find(info);
	if (IS_ERR(enclave))
		return PTR_ERR(enclave);

	if (!ne_may_control(NETLINK_CB(skb).sk, enclave)) {
		GENL_SET_ERR_MSG(info, "the enclave belongs to another user");
		rc = -EPERM;
		goto out;
	}
	rc = -ENOTCONN;
	if (ne_nl_is_running(enclave))
		rc = ne_enclave_ended(enclave, NULL, NE_EMU_EXIT_REASON_ADMIN_STOP, 0,
				      "stopped on request");
	if (rc)
		GENL_SET_ERR_MSG(info, "the enclave is not running");
out:
	ne_enclave_put(enclave);
	return rc;
}

/*
 * accept: EPERM, EAGAIN, ENOMEM, EMFILE.
 *
 * Runs in the context of the caller of sendmsg(), which receives the fd.
 */
int ne_emu_nl_accept_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ne_backend *backend;
	struct file *file;
	int fd;
	int rc;

	if (!ne_may_accept(NETLINK_CB(skb).sk)) {
		GENL_SET_ERR_MSG(info, "needs CAP_SYS_ADMIN and the initial network namespace");
		return -EPERM;
	}

	backend = ne_backend_accept();
	if (!backend)
		return -EAGAIN;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		rc = fd;
		goto err_backend;
	}

	file = ne_backend_file_create(backend);
	if (IS_ERR(file)) {
		rc = PTR_ERR(file);
		goto err_fd;
	}

	rc = ne_nl_reply(info, ne_msg_request(info, backend, fd));
	if (rc) {
		put_unused_fd(fd);
		fput(file);	/* fails the start */
		return rc;
	}
	fd_install(fd, file);
	return 0;

err_fd:
	put_unused_fd(fd);
err_backend:
	ne_backend_fail(backend, -rc, "the supervisor could not take the start request");
	ne_backend_put(backend);
	return rc;
}

/* pool-get: ENOMEM. */
int ne_emu_nl_pool_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return ne_nl_reply(info, ne_msg_pool(info));
}

/**
 * ne_netlink_init() - register the family
 *
 * Return: 0 or a negative errno.
 */
int ne_netlink_init(void)
{
	return genl_register_family(&ne_emu_nl_family);
}

/**
 * ne_netlink_exit() - unregister the family and wait for requests in progress
 */
void ne_netlink_exit(void)
{
	genl_unregister_family(&ne_emu_nl_family);
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/netlink_kunit.c"
#endif
