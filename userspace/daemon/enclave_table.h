/* SPDX-License-Identifier: Apache-2.0 */
/* The enclaves the supervisor knows. */

#ifndef NE_EMU_DAEMON_ENCLAVE_TABLE_H
#define NE_EMU_DAEMON_ENCLAVE_TABLE_H

#include "common/nl.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

/**
 * struct enclave - one enclave from the first word about it until it is gone
 * @info: what the kernel said last; without a descriptor
 * @seen: named by the list that is being compared with the table
 * @was_started: it was RUNNING once
 * @ended_ns: CLOCK_REALTIME when its end was noticed; 0: it has not ended
 * @closed: it ended by its owner's close(), without another reason
 * @vmm_pid: its VMM, if a child of this supervisor; otherwise 0
 * @vmm_ended: the VMM has been waited for
 * @vmm_code: si_code of its end
 * @vmm_status: exit code or signal number of its end
 */
struct enclave {
	TAILQ_ENTRY(enclave) node;
	struct ne_nl_enclave info;
	bool seen;
	bool was_started;
	bool closed;
	int64_t ended_ns;
	pid_t vmm_pid;
	bool vmm_ended;
	int vmm_code;
	int vmm_status;
};

/** struct enclave_table - enclaves, in the order they became known */
struct enclave_table {
	TAILQ_HEAD(enclave_list, enclave) list;
};

void enclave_table_init(struct enclave_table *table);
/** enclave_table_exit() - forget all; NULL lists are fine */
void enclave_table_exit(struct enclave_table *table);

/** enclave_table_find() - Return: the enclave or NULL */
struct enclave *enclave_table_find(struct enclave_table *table, uint64_t slot_uid);

/**
 * enclave_table_add() - a new enclave that is only named yet (state INIT)
 *
 * Return: 0, -EEXIST or -ENOMEM.
 */
int enclave_table_add(struct enclave_table *table, uint64_t slot_uid, struct enclave **ret);
void enclave_table_del(struct enclave_table *table, struct enclave *enclave);

/** enclave_table_count() - number of enclaves in @state */
size_t enclave_table_count(const struct enclave_table *table, uint32_t state);

/**
 * enclave_update() - take over what the kernel says
 *
 * Values that @info lacks are kept from before; @info keeps what it owns.
 *
 * Return: 0 or -ENOMEM (nothing changed).
 */
int enclave_update(struct enclave *enclave, const struct ne_nl_enclave *info);

#endif
