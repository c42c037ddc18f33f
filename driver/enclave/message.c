// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of the netlink family ne-emu. One function builds each message; their
 * attributes are specified in Documentation/netlink/specs/ne-emu.yaml.
 */

#include <linux/slab.h>

#include "genl.h"
#include "ne_emu.h"

#define NE_MSG_U32_SIZE	nla_total_size(sizeof(u32))
#define NE_MSG_U64_SIZE	nla_total_size_64bit(sizeof(u64))

/* Upper limit of what ne_msg_put_enclave() puts. */
static size_t ne_msg_enclave_size(void)
{
	return NE_MSG_U64_SIZE +				/* SLOT_UID */
	       NE_MSG_U32_SIZE +				/* STATE */
	       NE_MSG_U64_SIZE +				/* MEM_SIZE */
	       NE_MSG_U32_SIZE +				/* EXIT_REASON */
	       nla_total_size(NE_EMU_STATUS_TEXT_SIZE) +	/* EXIT_TEXT */
	       NE_MSG_U32_SIZE +				/* EXIT_STATUS */
	       NE_MSG_U32_SIZE +				/* OWNER_PID */
	       NE_MSG_U32_SIZE +				/* OWNER_UID */
	       NE_MSG_U32_SIZE +				/* CID */
	       NE_MSG_U64_SIZE +				/* FLAGS */
	       NE_MSG_U64_SIZE +				/* STARTED_NS */
	       nr_cpu_ids * NE_MSG_U32_SIZE;			/* VCPU */
}

/* Size of what ne_msg_put_request() puts. */
static size_t ne_msg_request_size(unsigned int nr_vcpus)
{
	return NE_MSG_U64_SIZE +				/* SLOT_UID */
	       NE_MSG_U32_SIZE +				/* CID */
	       NE_MSG_U64_SIZE +				/* FLAGS */
	       NE_MSG_U64_SIZE +				/* MEM_SIZE */
	       NE_MSG_U64_SIZE +				/* IMAGE_OFFSET */
	       NE_MSG_U32_SIZE +				/* OWNER_UID */
	       NE_MSG_U32_SIZE +				/* BACKEND_FD */
	       nr_vcpus * NE_MSG_U32_SIZE;			/* VCPU */
}

/* Upper limit of what ne_msg_put_pool() puts. */
static size_t ne_msg_pool_size(void)
{
	return 2 * nr_cpu_ids * NE_MSG_U32_SIZE +	/* CPU, CLAIMED */
	       NE_MSG_U32_SIZE;				/* NODE */
}

/* Allocate a message with room for @size bytes of attributes; @info as below. */
static struct sk_buff *ne_msg_begin(const struct genl_info *info, u8 cmd, size_t size)
{
	struct sk_buff *skb = genlmsg_new(size, GFP_KERNEL);

	if (!skb)
		return ERR_PTR(-ENOMEM);
	if (!genlmsg_put(skb, info ? info->snd_portid : 0, info ? info->snd_seq : 0,
			 &ne_emu_nl_family, 0, cmd)) {
		nlmsg_free(skb);
		return ERR_PTR(-EMSGSIZE);
	}
	return skb;
}

/* Finish a message, or free it if its attributes could not be put (@rc). */
static struct sk_buff *ne_msg_end(struct sk_buff *skb, int rc)
{
	if (rc) {
		nlmsg_free(skb);
		return ERR_PTR(rc);
	}
	nlmsg_end(skb, nlmsg_hdr(skb));
	return skb;
}

static int ne_msg_put_vcpus(struct sk_buff *skb, const u32 *ids, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (nla_put_u32(skb, NE_EMU_A_ENCLAVE_VCPU, ids[i]))
			return -EMSGSIZE;
	return 0;
}

static int ne_msg_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, NE_EMU_A_ENCLAVE_PAD);
}

/* Attributes that only a started enclave has. */
static int ne_msg_put_started(struct sk_buff *skb, struct ne_enclave *enclave)
{
	lockdep_assert_held(&enclave->info_lock);

	if (!enclave->cid)
		return 0;
	if (nla_put_u32(skb, NE_EMU_A_ENCLAVE_CID, enclave->cid) ||
	    ne_msg_put_u64(skb, NE_EMU_A_ENCLAVE_FLAGS, enclave->flags) ||
	    ne_msg_put_u64(skb, NE_EMU_A_ENCLAVE_STARTED_NS, enclave->started_ns))
		return -EMSGSIZE;
	return 0;
}

/* All attributes that can change, except those of ne_msg_put_end(). */
static int ne_msg_put_info(struct sk_buff *skb, struct ne_enclave *enclave)
{
	lockdep_assert_held(&enclave->info_lock);

	if (nla_put_u32(skb, NE_EMU_A_ENCLAVE_STATE, enclave->state) ||
	    ne_msg_put_u64(skb, NE_EMU_A_ENCLAVE_MEM_SIZE, enclave->mem_size) ||
	    nla_put_u32(skb, NE_EMU_A_ENCLAVE_EXIT_REASON, enclave->exit_reason) ||
	    ne_msg_put_started(skb, enclave) ||
	    ne_msg_put_vcpus(skb, enclave->vcpu_ids, enclave->nr_vcpus))
		return -EMSGSIZE;
	return 0;
}

/* Attributes about the end that only the owner and administrators may read. */
static int ne_msg_put_end(struct sk_buff *skb, struct ne_enclave *enclave)
{
	lockdep_assert_held(&enclave->info_lock);

	if (nla_put_string(skb, NE_EMU_A_ENCLAVE_EXIT_TEXT, enclave->exit_text))
		return -EMSGSIZE;
	if (enclave->guest_status &&
	    nla_put_u32(skb, NE_EMU_A_ENCLAVE_EXIT_STATUS,
			enclave->guest_status & NE_EMU_GUEST_STATUS_MASK))
		return -EMSGSIZE;
	return 0;
}

static int ne_msg_put_owner(struct sk_buff *skb, const struct ne_view *view)
{
	if (!view->owner)
		return 0;
	if (view->pid && nla_put_u32(skb, NE_EMU_A_ENCLAVE_OWNER_PID, view->pid))
		return -EMSGSIZE;
	if (nla_put_u32(skb, NE_EMU_A_ENCLAVE_OWNER_UID, view->uid))
		return -EMSGSIZE;
	return 0;
}

/**
 * ne_msg_put_enclave() - put the attributes of an enclave into a message
 * @skb: the message
 * @enclave: the enclave
 * @view: what the reader may see
 *
 * Return: 0 or -EMSGSIZE.
 */
int ne_msg_put_enclave(struct sk_buff *skb, struct ne_enclave *enclave,
		       const struct ne_view *view)
{
	int rc;

	if (ne_msg_put_u64(skb, NE_EMU_A_ENCLAVE_SLOT_UID, enclave->slot_uid) ||
	    ne_msg_put_owner(skb, view))
		return -EMSGSIZE;

	spin_lock(&enclave->info_lock);
	rc = ne_msg_put_info(skb, enclave);
	if (!rc && view->text)
		rc = ne_msg_put_end(skb, enclave);
	spin_unlock(&enclave->info_lock);
	return rc;
}

/**
 * ne_msg_enclave() - build a message that describes an enclave
 * @info: the enclave-get request to answer, or NULL for a notification
 * @enclave: the enclave
 * @view: what the reader may see
 *
 * Return: the message, or an ERR_PTR (-ENOMEM).
 */
struct sk_buff *ne_msg_enclave(const struct genl_info *info, struct ne_enclave *enclave,
			       const struct ne_view *view)
{
	u8 cmd = info ? NE_EMU_CMD_ENCLAVE_GET : NE_EMU_CMD_ENCLAVE_NTF;
	struct sk_buff *skb = ne_msg_begin(info, cmd, ne_msg_enclave_size());

	if (IS_ERR(skb))
		return skb;
	return ne_msg_end(skb, ne_msg_put_enclave(skb, enclave, view));
}

static int ne_msg_put_request(struct sk_buff *skb, struct ne_backend *backend, int fd)
{
	kuid_t owner = backend->enclave->owner_uid;

	if (ne_msg_put_u64(skb, NE_EMU_A_ENCLAVE_SLOT_UID, backend->enclave->slot_uid) ||
	    nla_put_u32(skb, NE_EMU_A_ENCLAVE_CID, backend->cid) ||
	    ne_msg_put_u64(skb, NE_EMU_A_ENCLAVE_FLAGS, backend->flags) ||
	    ne_msg_put_u64(skb, NE_EMU_A_ENCLAVE_MEM_SIZE, backend->mem_size) ||
	    ne_msg_put_u64(skb, NE_EMU_A_ENCLAVE_IMAGE_OFFSET, NE_EMU_IMAGE_OFFSET) ||
	    nla_put_u32(skb, NE_EMU_A_ENCLAVE_OWNER_UID, from_kuid(&init_user_ns, owner)) ||
	    nla_put_s32(skb, NE_EMU_A_ENCLAVE_BACKEND_FD, fd) ||
	    ne_msg_put_vcpus(skb, backend->vcpu_ids, backend->nr_vcpus))
		return -EMSGSIZE;
	return 0;
}

/**
 * ne_msg_request() - build the reply to accept
 * @info: the accept request
 * @backend: the accepted start request
 * @fd: number of the backend fd in the caller
 *
 * Return: the message, or an ERR_PTR (-ENOMEM).
 */
struct sk_buff *ne_msg_request(const struct genl_info *info, struct ne_backend *backend, int fd)
{
	struct sk_buff *skb = ne_msg_begin(info, NE_EMU_CMD_ACCEPT,
					   ne_msg_request_size(backend->nr_vcpus));

	if (IS_ERR(skb))
		return skb;
	return ne_msg_end(skb, ne_msg_put_request(skb, backend, fd));
}

/**
 * ne_msg_ready() - build the notification of a new start request
 * @slot_uid: slot uid of the enclave
 *
 * Return: the message, or an ERR_PTR (-ENOMEM).
 */
struct sk_buff *ne_msg_ready(u64 slot_uid)
{
	struct sk_buff *skb = ne_msg_begin(NULL, NE_EMU_CMD_READY, NE_MSG_U64_SIZE);

	if (IS_ERR(skb))
		return skb;
	return ne_msg_end(skb, ne_msg_put_u64(skb, NE_EMU_A_ENCLAVE_SLOT_UID, slot_uid));
}

static int ne_msg_put_cpus(struct sk_buff *skb, int attr, const struct cpumask *cpus)
{
	unsigned int cpu;

	for_each_cpu(cpu, cpus)
		if (nla_put_u32(skb, attr, cpu))
			return -EMSGSIZE;
	return 0;
}

static int ne_msg_put_pool(struct sk_buff *skb)
{
	cpumask_var_t cpus, claimed;
	int node;
	int rc = -ENOMEM;

	if (!alloc_cpumask_var(&cpus, GFP_KERNEL))
		return rc;
	if (!alloc_cpumask_var(&claimed, GFP_KERNEL))
		goto out_cpus;

	node = ne_pool_snapshot(cpus, claimed);
	rc = ne_msg_put_cpus(skb, NE_EMU_A_POOL_CPU, cpus) ?:
	     ne_msg_put_cpus(skb, NE_EMU_A_POOL_CLAIMED, claimed);
	if (!rc && node != NUMA_NO_NODE)
		rc = nla_put_u32(skb, NE_EMU_A_POOL_NODE, node);

	free_cpumask_var(claimed);
out_cpus:
	free_cpumask_var(cpus);
	return rc;
}

/**
 * ne_msg_pool() - build a message that describes the CPU pool
 * @info: the pool-get request to answer, or NULL for a notification
 *
 * Return: the message, or an ERR_PTR (-ENOMEM).
 */
struct sk_buff *ne_msg_pool(const struct genl_info *info)
{
	u8 cmd = info ? NE_EMU_CMD_POOL_GET : NE_EMU_CMD_POOL_NTF;
	struct sk_buff *skb = ne_msg_begin(info, cmd, ne_msg_pool_size());

	if (IS_ERR(skb))
		return skb;
	return ne_msg_end(skb, ne_msg_put_pool(skb));
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/message_kunit.c"
#endif
