// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink family ne-emu: start requests for the supervisor, states for
 * everybody. Messages and policies: Documentation/netlink/specs/ne-emu.yaml.
 */

#include <linux/file.h>
#include <linux/slab.h>

#include "genl.h"
#include "ne_emu.h"

#define NE_NL_U32_SIZE	nla_total_size(sizeof(u32))
#define NE_NL_U64_SIZE	nla_total_size_64bit(sizeof(u64))

/* What ne_nl_put_enclave() puts at most. */
static size_t ne_nl_enclave_size(void)
{
	return NE_NL_U64_SIZE +				/* SLOT_UID */
	       NE_NL_U32_SIZE +				/* STATE */
	       NE_NL_U64_SIZE +				/* MEM_SIZE */
	       NE_NL_U32_SIZE +				/* EXIT_REASON */
	       nla_total_size(NE_EMU_STATUS_TEXT_SIZE) +	/* EXIT_TEXT */
	       NE_NL_U32_SIZE +				/* OWNER_PID */
	       NE_NL_U32_SIZE +				/* OWNER_UID */
	       NE_NL_U32_SIZE +				/* CID */
	       NE_NL_U64_SIZE +				/* FLAGS */
	       NE_NL_U64_SIZE +				/* STARTED_NS */
	       nr_cpu_ids * NE_NL_U32_SIZE;		/* VCPU */
}

/* What ne_nl_put_request() puts. */
static size_t ne_nl_request_size(unsigned int nr_vcpus)
{
	return NE_NL_U64_SIZE +				/* SLOT_UID */
	       NE_NL_U32_SIZE +				/* CID */
	       NE_NL_U64_SIZE +				/* FLAGS */
	       NE_NL_U64_SIZE +				/* MEM_SIZE */
	       NE_NL_U64_SIZE +				/* IMAGE_OFFSET */
	       NE_NL_U32_SIZE +				/* OWNER_UID */
	       NE_NL_U32_SIZE +				/* BACKEND_FD */
	       nr_vcpus * NE_NL_U32_SIZE;		/* VCPU */
}

/* What ne_nl_put_pool() puts at most. */
static size_t ne_nl_pool_size(void)
{
	return 2 * nr_cpu_ids * NE_NL_U32_SIZE +	/* CPU, CLAIMED */
	       NE_NL_U32_SIZE;				/* NODE */
}

static int ne_nl_put_vcpus(struct sk_buff *skb, const u32 *ids, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (nla_put_u32(skb, NE_EMU_A_ENCLAVE_VCPU, ids[i]))
			return -EMSGSIZE;
	return 0;
}

static int ne_nl_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, NE_EMU_A_ENCLAVE_PAD);
}

/* What a started enclave has in addition. */
static int ne_nl_put_started(struct sk_buff *skb, struct ne_enclave *enclave)
{
	lockdep_assert_held(&enclave->info_lock);

	if (!enclave->cid)
		return 0;
	if (nla_put_u32(skb, NE_EMU_A_ENCLAVE_CID, enclave->cid) ||
	    ne_nl_put_u64(skb, NE_EMU_A_ENCLAVE_FLAGS, enclave->flags) ||
	    ne_nl_put_u64(skb, NE_EMU_A_ENCLAVE_STARTED_NS, enclave->started_ns))
		return -EMSGSIZE;
	return 0;
}

/* Everything that can change, but not the text. */
static int ne_nl_put_info(struct sk_buff *skb, struct ne_enclave *enclave)
{
	lockdep_assert_held(&enclave->info_lock);

	if (nla_put_u32(skb, NE_EMU_A_ENCLAVE_STATE, enclave->state) ||
	    ne_nl_put_u64(skb, NE_EMU_A_ENCLAVE_MEM_SIZE, enclave->mem_size) ||
	    nla_put_u32(skb, NE_EMU_A_ENCLAVE_EXIT_REASON, enclave->exit_reason) ||
	    ne_nl_put_started(skb, enclave) ||
	    ne_nl_put_vcpus(skb, enclave->vcpu_ids, enclave->nr_vcpus))
		return -EMSGSIZE;
	return 0;
}

static int ne_nl_put_owner(struct sk_buff *skb, const struct ne_view *view)
{
	if (!view->owner)
		return 0;
	if (view->pid && nla_put_u32(skb, NE_EMU_A_ENCLAVE_OWNER_PID, view->pid))
		return -EMSGSIZE;
	if (nla_put_u32(skb, NE_EMU_A_ENCLAVE_OWNER_UID, view->uid))
		return -EMSGSIZE;
	return 0;
}

static int ne_nl_put_enclave(struct sk_buff *skb, struct ne_enclave *enclave,
			     const struct ne_view *view)
{
	int rc;

	if (ne_nl_put_u64(skb, NE_EMU_A_ENCLAVE_SLOT_UID, enclave->slot_uid) ||
	    ne_nl_put_owner(skb, view))
		return -EMSGSIZE;

	spin_lock(&enclave->info_lock);
	rc = ne_nl_put_info(skb, enclave);
	if (!rc && view->text)
		rc = nla_put_string(skb, NE_EMU_A_ENCLAVE_EXIT_TEXT, enclave->exit_text);
	spin_unlock(&enclave->info_lock);
	return rc;
}

static enum ne_emu_enclave_state ne_nl_state(struct ne_enclave *enclave)
{
	enum ne_emu_enclave_state state;

	spin_lock(&enclave->info_lock);
	state = enclave->state;
	spin_unlock(&enclave->info_lock);
	return state;
}

/*
 * Fills in a reply. -ENOENT for an enclave that is being released but still found:
 * only notifications have the state "freed". It is final, hence looked at last.
 */
static int ne_nl_put_reply(struct sk_buff *skb, struct ne_enclave *enclave,
			   const struct sock *sk)
{
	struct ne_view view;
	int rc;

	ne_view_get(sk, enclave, &view);
	rc = ne_nl_put_enclave(skb, enclave, &view);
	if (!rc && ne_nl_state(enclave) == NE_EMU_ENCLAVE_STATE_FREED)
		rc = -ENOENT;
	return rc;
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

/* enclave-get of one enclave: EINVAL, ENOENT, ENOMEM. */
int ne_emu_nl_enclave_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ne_enclave *enclave;
	struct sk_buff *reply;
	void *head;
	int rc;

	enclave = ne_nl_find(info);
	if (IS_ERR(enclave))
		return PTR_ERR(enclave);

	reply = genlmsg_new(ne_nl_enclave_size(), GFP_KERNEL);
	if (!reply) {
		rc = -ENOMEM;
		goto out;
	}
	head = genlmsg_put_reply(reply, info, &ne_emu_nl_family, 0, NE_EMU_CMD_ENCLAVE_GET);
	rc = head ? ne_nl_put_reply(reply, enclave, NETLINK_CB(skb).sk) : -EMSGSIZE;
	if (rc) {
		nlmsg_free(reply);
		goto out;
	}
	genlmsg_end(reply, head);
	rc = genlmsg_reply(reply, info);
out:
	ne_enclave_put(enclave);
	return rc;
}

/*
 * enclave-get of all.
 *
 * They come in the order of their slot uids, so the last one told is the place to
 * go on from, whatever came or went meanwhile.
 */
int ne_emu_nl_enclave_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct {
		u64 last;
	} *ctx = (void *)cb->ctx;
	struct ne_enclave *enclave;

	while ((enclave = ne_registry_next(ctx->last))) {
		void *head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					 &ne_emu_nl_family, NLM_F_MULTI, NE_EMU_CMD_ENCLAVE_GET);
		int rc = head ? ne_nl_put_reply(skb, enclave, NETLINK_CB(cb->skb).sk) :
				-EMSGSIZE;

		if (!rc)
			genlmsg_end(skb, head);
		else if (head)
			genlmsg_cancel(skb, head);
		if (rc != -EMSGSIZE)
			ctx->last = enclave->slot_uid;
		ne_enclave_put(enclave);
		if (rc == -EMSGSIZE)
			return skb->len ?: rc;
	}
	return skb->len;
}

/*
 * A start keeps the lock of its enclave while it waits for a VMM. Whoever waited
 * for that here would stop the calls of all families, accept among them, as soon
 * as one is being registered. What is not RUNNING needs no lock to be refused.
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
		rc = ne_enclave_ended(enclave, NULL, NE_EMU_EXIT_REASON_ADMIN_STOP,
				      "stopped on request");
	if (rc)
		GENL_SET_ERR_MSG(info, "the enclave is not running");
out:
	ne_enclave_put(enclave);
	return rc;
}

static int ne_nl_put_request(struct sk_buff *skb, struct ne_backend *backend, int fd)
{
	kuid_t owner = backend->enclave->owner_uid;

	if (ne_nl_put_u64(skb, NE_EMU_A_ENCLAVE_SLOT_UID, backend->enclave->slot_uid) ||
	    nla_put_u32(skb, NE_EMU_A_ENCLAVE_CID, backend->cid) ||
	    ne_nl_put_u64(skb, NE_EMU_A_ENCLAVE_FLAGS, backend->flags) ||
	    ne_nl_put_u64(skb, NE_EMU_A_ENCLAVE_MEM_SIZE, backend->mem_size) ||
	    ne_nl_put_u64(skb, NE_EMU_A_ENCLAVE_IMAGE_OFFSET, NE_EMU_IMAGE_OFFSET) ||
	    nla_put_u32(skb, NE_EMU_A_ENCLAVE_OWNER_UID, from_kuid(&init_user_ns, owner)) ||
	    nla_put_s32(skb, NE_EMU_A_ENCLAVE_BACKEND_FD, fd) ||
	    ne_nl_put_vcpus(skb, backend->vcpu_ids, backend->nr_vcpus))
		return -EMSGSIZE;
	return 0;
}

/* Tell the caller about its new fd; on failure the fd is not installed. */
static int ne_nl_reply_request(struct genl_info *info, struct ne_backend *backend, int fd)
{
	struct sk_buff *reply;
	void *head;

	reply = genlmsg_new(ne_nl_request_size(backend->nr_vcpus), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	head = genlmsg_put_reply(reply, info, &ne_emu_nl_family, 0, NE_EMU_CMD_ACCEPT);
	if (!head || ne_nl_put_request(reply, backend, fd)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);
}

/*
 * accept: EPERM, EAGAIN, ENOMEM, EMFILE.
 *
 * The fd goes to the caller of sendmsg(), in whose context this runs.
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

	rc = ne_nl_reply_request(info, backend, fd);
	if (rc) {
		put_unused_fd(fd);
		fput(file);	/* refuses the request */
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

/**
 * ne_netlink_ready() - announce a start request
 * @slot_uid: whose
 *
 * Return: 0, -ESRCH (nobody listens) or another negative errno.
 */
int ne_netlink_ready(u64 slot_uid)
{
	struct sk_buff *skb;
	void *head;

	skb = genlmsg_new(NE_NL_U64_SIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	head = genlmsg_put(skb, 0, 0, &ne_emu_nl_family, 0, NE_EMU_CMD_READY);
	if (!head || ne_nl_put_u64(skb, NE_EMU_A_ENCLAVE_SLOT_UID, slot_uid)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return genlmsg_multicast(&ne_emu_nl_family, skb, 0, NE_EMU_NLGRP_BACKEND, GFP_KERNEL);
}

/**
 * struct ne_nl_audience - for whom one form of a notification is
 * @enclave: what it is about
 * @control: those who may control the enclave; otherwise those who may not
 */
struct ne_nl_audience {
	const struct ne_enclave *enclave;
	bool control;
};

/* Nonzero keeps the message from a listener. */
static int ne_nl_filter(struct sock *sk, struct sk_buff *skb, void *data)
{
	const struct ne_nl_audience *audience = data;

	return ne_opener_may_control(sk, audience->enclave) != audience->control;
}

static void ne_nl_notify(struct ne_enclave *enclave, bool control)
{
	struct ne_nl_audience audience = { .enclave = enclave, .control = control };
	/* The PID namespaces of listeners are not known. */
	struct ne_view view = {
		.text	= control,
		.owner	= control,
		.uid	= from_kuid(&init_user_ns, enclave->owner_uid),
	};
	struct sk_buff *skb;
	void *head;

	skb = genlmsg_new(ne_nl_enclave_size(), GFP_KERNEL);
	if (!skb)
		return;
	head = genlmsg_put(skb, 0, 0, &ne_emu_nl_family, 0, NE_EMU_CMD_ENCLAVE_NTF);
	if (!head || ne_nl_put_enclave(skb, enclave, &view)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, head);
	(void)genlmsg_multicast_netns_filtered(&ne_emu_nl_family, &init_net, skb, 0,
					       NE_EMU_NLGRP_EVENTS, GFP_KERNEL, ne_nl_filter,
					       &audience);
}

/**
 * ne_netlink_notify() - tell listeners the state of an enclave
 * @enclave: referenced
 *
 * Listeners that miss one learn so (ENOBUFS), thus failures are not reported.
 */
void ne_netlink_notify(struct ne_enclave *enclave)
{
	if (!genl_has_listeners(&ne_emu_nl_family, &init_net, NE_EMU_NLGRP_EVENTS))
		return;
	ne_nl_notify(enclave, true);
	ne_nl_notify(enclave, false);
}

static int ne_nl_put_cpus(struct sk_buff *skb, int attr, const struct cpumask *cpus)
{
	unsigned int cpu;

	for_each_cpu(cpu, cpus)
		if (nla_put_u32(skb, attr, cpu))
			return -EMSGSIZE;
	return 0;
}

static int ne_nl_put_pool(struct sk_buff *skb)
{
	cpumask_var_t cpus, claimed;
	int node;
	int rc = -ENOMEM;

	if (!alloc_cpumask_var(&cpus, GFP_KERNEL))
		return rc;
	if (!alloc_cpumask_var(&claimed, GFP_KERNEL))
		goto out_cpus;

	node = ne_pool_snapshot(cpus, claimed);
	rc = ne_nl_put_cpus(skb, NE_EMU_A_POOL_CPU, cpus) ?:
	     ne_nl_put_cpus(skb, NE_EMU_A_POOL_CLAIMED, claimed);
	if (!rc && node != NUMA_NO_NODE)
		rc = nla_put_u32(skb, NE_EMU_A_POOL_NODE, node);

	free_cpumask_var(claimed);
out_cpus:
	free_cpumask_var(cpus);
	return rc;
}

/* pool-get: ENOMEM. */
int ne_emu_nl_pool_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	void *head;
	int rc;

	reply = genlmsg_new(ne_nl_pool_size(), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	head = genlmsg_put_reply(reply, info, &ne_emu_nl_family, 0, NE_EMU_CMD_POOL_GET);
	rc = head ? ne_nl_put_pool(reply) : -EMSGSIZE;
	if (rc) {
		nlmsg_free(reply);
		return rc;
	}
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);
}

/**
 * ne_netlink_notify_pool() - tell listeners that the pool was set or cleared
 *
 * As ne_netlink_notify(). It tells the pool of now, which may be newer than the
 * change that is announced.
 */
void ne_netlink_notify_pool(void)
{
	struct sk_buff *skb;
	void *head;

	if (!genl_has_listeners(&ne_emu_nl_family, &init_net, NE_EMU_NLGRP_EVENTS))
		return;

	skb = genlmsg_new(ne_nl_pool_size(), GFP_KERNEL);
	if (!skb)
		return;
	head = genlmsg_put(skb, 0, 0, &ne_emu_nl_family, 0, NE_EMU_CMD_POOL_NTF);
	if (!head || ne_nl_put_pool(skb)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, head);
	(void)genlmsg_multicast(&ne_emu_nl_family, skb, 0, NE_EMU_NLGRP_EVENTS, GFP_KERNEL);
}

/** ne_netlink_init() - register the family */
int ne_netlink_init(void)
{
	return genl_register_family(&ne_emu_nl_family);
}

/** ne_netlink_exit() - unregister the family; waits for calls in progress */
void ne_netlink_exit(void)
{
	genl_unregister_family(&ne_emu_nl_family);
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/netlink_kunit.c"
#endif
