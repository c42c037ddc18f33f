// SPDX-License-Identifier: Apache-2.0
/* The enclaves that the supervisor knows of. */

#include "daemon/enclave_table.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

void enclave_table_init(struct enclave_table *table)
{
	TAILQ_INIT(&table->list);
}

void enclave_table_exit(struct enclave_table *table)
{
	struct enclave *enclave;

	while ((enclave = TAILQ_FIRST(&table->list)))
		enclave_table_del(table, enclave);
}

struct enclave *enclave_table_find(struct enclave_table *table, uint64_t slot_uid)
{
	struct enclave *enclave;

	TAILQ_FOREACH(enclave, &table->list, node)
		if (enclave->info.slot_uid == slot_uid)
			return enclave;
	return NULL;
}

int enclave_table_add(struct enclave_table *table, uint64_t slot_uid, struct enclave **ret)
{
	struct enclave *enclave;

	if (enclave_table_find(table, slot_uid))
		return -EEXIST;
	enclave = calloc(1, sizeof(*enclave));
	if (!enclave)
		return -ENOMEM;
	enclave->info.slot_uid = slot_uid;
	enclave->info.backend_fd = -1;
	enclave->info.owner_uid = NE_NL_NO_OWNER;
	TAILQ_INSERT_TAIL(&table->list, enclave, node);
	*ret = enclave;
	return 0;
}

void enclave_table_del(struct enclave_table *table, struct enclave *enclave)
{
	TAILQ_REMOVE(&table->list, enclave, node);
	ne_nl_enclave_done(&enclave->info);
	free(enclave);
}

size_t enclave_table_count(const struct enclave_table *table, uint32_t state)
{
	const struct enclave *enclave;
	size_t count = 0;

	TAILQ_FOREACH(enclave, &table->list, node)
		count += enclave->info.state == state;
	return count;
}

static int enclave_take_vcpus(struct ne_nl_enclave *to, const struct ne_nl_enclave *from)
{
	uint32_t *vcpus;

	if (!from->nr_vcpus)
		return 0;
	vcpus = reallocarray(NULL, from->nr_vcpus, sizeof(*vcpus));
	if (!vcpus)
		return -ENOMEM;
	memcpy(vcpus, from->vcpus, from->nr_vcpus * sizeof(*vcpus));
	free(to->vcpus);
	to->vcpus = vcpus;
	to->nr_vcpus = from->nr_vcpus;
	return 0;
}

int enclave_update(struct enclave *enclave, const struct ne_nl_enclave *info)
{
	struct ne_nl_enclave *known = &enclave->info;
	int err;

	err = enclave_take_vcpus(known, info);
	if (err)
		return err;

	known->state = info->state;
	known->exit_reason = info->exit_reason;
	known->guest_status = info->guest_status;
	memcpy(known->exit_text, info->exit_text, sizeof(known->exit_text));
	if (info->flags)
		known->flags = info->flags;
	if (info->mem_size)
		known->mem_size = info->mem_size;
	if (info->started_ns)
		known->started_ns = info->started_ns;
	if (info->cid)
		known->cid = info->cid;
	if (info->owner_pid)
		known->owner_pid = info->owner_pid;
	if (info->owner_uid != NE_NL_NO_OWNER)
		known->owner_uid = info->owner_uid;
	return 0;
}
