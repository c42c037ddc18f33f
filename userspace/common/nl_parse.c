// SPDX-License-Identifier: Apache-2.0
/* Parse the messages of the ne-emu netlink family. */

#include "common/nl.h"

#include "common/guest_status.h"
#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

/* All sizes are exact. For NLA_STRING, libnl checks that there is a NUL at the end. */
static const struct nla_policy enclave_policy[NE_EMU_A_ENCLAVE_MAX + 1] = {
	[NE_EMU_A_ENCLAVE_SLOT_UID] = { .type = NLA_U64, .minlen = 8, .maxlen = 8 },
	[NE_EMU_A_ENCLAVE_CID] = { .type = NLA_U32, .minlen = 4, .maxlen = 4 },
	[NE_EMU_A_ENCLAVE_STATE] = { .type = NLA_U32, .minlen = 4, .maxlen = 4 },
	[NE_EMU_A_ENCLAVE_FLAGS] = { .type = NLA_U64, .minlen = 8, .maxlen = 8 },
	[NE_EMU_A_ENCLAVE_MEM_SIZE] = { .type = NLA_U64, .minlen = 8, .maxlen = 8 },
	[NE_EMU_A_ENCLAVE_IMAGE_OFFSET] = { .type = NLA_U64, .minlen = 8, .maxlen = 8 },
	[NE_EMU_A_ENCLAVE_VCPU] = { .type = NLA_U32, .minlen = 4, .maxlen = 4 },
	[NE_EMU_A_ENCLAVE_BACKEND_FD] = { .type = NLA_S32, .minlen = 4, .maxlen = 4 },
	[NE_EMU_A_ENCLAVE_EXIT_REASON] = { .type = NLA_U32, .minlen = 4, .maxlen = 4 },
	[NE_EMU_A_ENCLAVE_EXIT_TEXT] = { .type = NLA_STRING },
	[NE_EMU_A_ENCLAVE_OWNER_PID] = { .type = NLA_U32, .minlen = 4, .maxlen = 4 },
	[NE_EMU_A_ENCLAVE_OWNER_UID] = { .type = NLA_U32, .minlen = 4, .maxlen = 4 },
	[NE_EMU_A_ENCLAVE_STARTED_NS] = { .type = NLA_U64, .minlen = 8, .maxlen = 8 },
	[NE_EMU_A_ENCLAVE_EXIT_STATUS] = { .type = NLA_U32, .minlen = 4, .maxlen = 4 },
};

static const struct nla_policy pool_policy[NE_EMU_A_POOL_MAX + 1] = {
	[NE_EMU_A_POOL_CPU] = { .type = NLA_U32, .minlen = 4, .maxlen = 4 },
	[NE_EMU_A_POOL_CLAIMED] = { .type = NLA_U32, .minlen = 4, .maxlen = 4 },
	[NE_EMU_A_POOL_NODE] = { .type = NLA_U32, .minlen = 4, .maxlen = 4 },
};

void ne_nl_enclave_done(struct ne_nl_enclave *enclave)
{
	free(enclave->vcpus);
	enclave->vcpus = NULL;
	enclave->nr_vcpus = 0;
	fd_close(&enclave->backend_fd);
}

void ne_nl_list_free(struct ne_nl_enclave *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ne_nl_enclave_done(&list[i]);
	free(list);
}

/* The policy has checked that the text ends with a NUL. */
static void nl_parse_text(const struct nlattr *attr, char text[NE_NL_TEXT_SIZE])
{
	const char *value = nla_get_string(attr);

	text_clean(text, NE_NL_TEXT_SIZE, value, strlen(value));
}

/* Return: 0 for a value that does not mean the end of a process. */
static uint32_t nl_parse_status(const struct nlattr *attr)
{
	uint32_t status = nla_get_u32(attr);

	return status <= NE_EMU_GUEST_STATUS_MASK && guest_status_valid(status) ?
	       guest_status_make(status) : 0;
}

static void parse_attr(const struct nlattr *attr, struct ne_nl_enclave *ret)
{
	switch (nla_type(attr)) {
	case NE_EMU_A_ENCLAVE_SLOT_UID:
		ret->slot_uid = nla_get_u64(attr);
		break;
	case NE_EMU_A_ENCLAVE_CID:
		ret->cid = nla_get_u32(attr);
		break;
	case NE_EMU_A_ENCLAVE_STATE:
		ret->state = nla_get_u32(attr);
		break;
	case NE_EMU_A_ENCLAVE_FLAGS:
		ret->flags = nla_get_u64(attr);
		break;
	case NE_EMU_A_ENCLAVE_MEM_SIZE:
		ret->mem_size = nla_get_u64(attr);
		break;
	case NE_EMU_A_ENCLAVE_IMAGE_OFFSET:
		ret->image_offset = nla_get_u64(attr);
		break;
	case NE_EMU_A_ENCLAVE_EXIT_REASON:
		ret->exit_reason = nla_get_u32(attr);
		break;
	case NE_EMU_A_ENCLAVE_EXIT_TEXT:
		nl_parse_text(attr, ret->exit_text);
		break;
	case NE_EMU_A_ENCLAVE_EXIT_STATUS:
		ret->guest_status = nl_parse_status(attr);
		break;
	case NE_EMU_A_ENCLAVE_OWNER_PID:
		ret->owner_pid = nla_get_u32(attr);
		break;
	case NE_EMU_A_ENCLAVE_OWNER_UID:
		ret->owner_uid = nla_get_u32(attr);
		break;
	case NE_EMU_A_ENCLAVE_STARTED_NS:
		ret->started_ns = nla_get_u64(attr);
		break;
	}
}

/* The kernel has already installed the descriptor, so find it first: errors must close it. */
static int find_fd(const struct nlattr *attrs, int len)
{
	const struct nlattr *attr = nla_find(attrs, len, NE_EMU_A_ENCLAVE_BACKEND_FD);

	return attr && nla_len(attr) == sizeof(int32_t) ? nla_get_s32(attr) : -1;
}

static size_t count_attrs(const struct nlattr *attrs, int len, int type)
{
	const struct nlattr *attr;
	size_t count = 0;
	int rest;

	nla_for_each_attr(attr, attrs, len, rest)
		count += nla_type(attr) == type;
	return count;
}

/* Does the last attribute end at the end of the message? */
static bool attrs_whole(const struct nlattr *attrs, int len)
{
	const struct nlattr *attr;
	int rest;

	nla_for_each_attr(attr, attrs, len, rest)
		;
	return rest <= 0;	/* less than 0: the last attribute has no padding */
}

/* Collect the values of all attributes of one type in their order. */
static int parse_array(const void *attrs, size_t len, int type, uint32_t **ret, size_t *ret_count)
{
	size_t count = count_attrs(attrs, len, type), n = 0;
	const struct nlattr *attr;
	uint32_t *values;
	int rest;

	if (!count)
		return 0;
	values = calloc(count, sizeof(*values));
	if (!values)
		return -ENOMEM;
	nla_for_each_attr(attr, (const struct nlattr *)attrs, (int)len, rest)
		if (nla_type(attr) == type)
			values[n++] = nla_get_u32(attr);
	*ret = values;
	*ret_count = count;
	return 0;
}

int ne_nl_parse(const void *attrs, size_t len, struct ne_nl_enclave *ret)
{
	__cleanup(ne_nl_enclave_done) struct ne_nl_enclave parsed = {
		.backend_fd = -1, .owner_uid = NE_NL_NO_OWNER,
	};
	const struct nlattr *attr;
	int err, rest;

	if (len > INT32_MAX)
		return -EBADMSG;

	parsed.backend_fd = find_fd(attrs, len);
	if (nla_validate(attrs, len, NE_EMU_A_ENCLAVE_MAX, enclave_policy) < 0 ||
	    !attrs_whole(attrs, len) || !nla_find(attrs, len, NE_EMU_A_ENCLAVE_SLOT_UID))
		return -EBADMSG;

	err = parse_array(attrs, len, NE_EMU_A_ENCLAVE_VCPU, &parsed.vcpus, &parsed.nr_vcpus);
	if (err)
		return err;
	nla_for_each_attr(attr, (const struct nlattr *)attrs, (int)len, rest)
		parse_attr(attr, &parsed);

	*ret = parsed;
	parsed = (struct ne_nl_enclave){ .backend_fd = -1 };
	return 0;
}

void ne_nl_pool_done(struct ne_nl_pool *pool)
{
	free(pool->cpus);
	free(pool->claimed);
	*pool = (struct ne_nl_pool){ .node = -1 };
}

int ne_nl_parse_pool(const void *attrs, size_t len, struct ne_nl_pool *ret)
{
	__cleanup(ne_nl_pool_done) struct ne_nl_pool parsed = { .node = -1 };
	const struct nlattr *node;
	int err;

	if (len > INT32_MAX || nla_validate(attrs, len, NE_EMU_A_POOL_MAX, pool_policy) < 0 ||
	    !attrs_whole(attrs, len))
		return -EBADMSG;

	node = nla_find(attrs, len, NE_EMU_A_POOL_NODE);
	if (node && nla_get_u32(node) <= INT32_MAX)
		parsed.node = nla_get_u32(node);
	err = parse_array(attrs, len, NE_EMU_A_POOL_CPU, &parsed.cpus, &parsed.nr_cpus);
	if (!err)
		err = parse_array(attrs, len, NE_EMU_A_POOL_CLAIMED, &parsed.claimed,
				  &parsed.nr_claimed);
	if (err)
		return err;

	*ret = parsed;
	parsed = (struct ne_nl_pool){ .node = -1 };
	return 0;
}

const char *ne_nl_state_name(uint32_t state)
{
	static const char *const names[] = {
		[NE_EMU_ENCLAVE_STATE_INIT] = "init",
		[NE_EMU_ENCLAVE_STATE_RUNNING] = "running",
		[NE_EMU_ENCLAVE_STATE_STOPPED] = "stopped",
		[NE_EMU_ENCLAVE_STATE_FREED] = "freed",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

const char *ne_nl_exit_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[NE_EMU_EXIT_REASON_NONE] = "none",
		[NE_EMU_EXIT_REASON_LOST] = "lost",
		[NE_EMU_EXIT_REASON_GUEST_RESET] = "guest-reset",
		[NE_EMU_EXIT_REASON_GUEST_SHUTDOWN] = "guest-shutdown",
		[NE_EMU_EXIT_REASON_GUEST_HALT] = "guest-halt",
		[NE_EMU_EXIT_REASON_BAD_IMAGE] = "bad-image",
		[NE_EMU_EXIT_REASON_VMM_ERROR] = "vmm-error",
		[NE_EMU_EXIT_REASON_ADMIN_STOP] = "admin-stop",
	};

	return reason < ARRAY_SIZE(names) ? names[reason] : "unknown";
}
