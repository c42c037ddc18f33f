/* SPDX-License-Identifier: Apache-2.0 */
/* The enclaves that the supervisor knows of. */

#ifndef NE_EMU_DAEMON_ENCLAVE_TABLE_H
#define NE_EMU_DAEMON_ENCLAVE_TABLE_H

#include "common/nl.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

/**
 * struct enclave - one enclave, from its first notification until it is released
 * @info: what the kernel reported last; without a descriptor
 * @seen: the list that is being compared with the table contains it
 * @was_started: it has been in the state RUNNING
 * @ended_ns: CLOCK_REALTIME when its end was noticed; 0: it has not ended
 * @closed: its owner's close() ended it, without another reason
 * @vmm_pid: its VMM, if a child of this supervisor; otherwise 0
 * @vmm_ended: the VMM has been waited for
 * @vmm_code: si_code of the VMM's end
 * @vmm_status: exit code or signal number of the VMM's end
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

/** struct enclave_table - enclaves, in the order in which they were added */
struct enclave_table {
	TAILQ_HEAD(enclave_list, enclave) list;
};

void enclave_table_init(struct enclave_table *table);
/** enclave_table_exit() - remove all enclaves; @table may be all zeros */
void enclave_table_exit(struct enclave_table *table);

/** enclave_table_find() - Return: the enclave or NULL */
struct enclave *enclave_table_find(struct enclave_table *table, uint64_t slot_uid);

/**
 * enclave_table_add() - add an enclave of which only the slot uid is known (state INIT)
 *
 * Return: 0, -EEXIST or -ENOMEM.
 */
int enclave_table_add(struct enclave_table *table, uint64_t slot_uid, struct enclave **ret);
void enclave_table_del(struct enclave_table *table, struct enclave *enclave);

/** enclave_table_count() - number of enclaves in @state */
size_t enclave_table_count(const struct enclave_table *table, uint32_t state);

/**
 * enclave_update() - store what the kernel has reported about an enclave
 *
 * Values that @info does not contain stay as they are. @info is copied.
 *
 * Return: 0 or -ENOMEM (nothing changed).
 */
int enclave_update(struct enclave *enclave, const struct ne_nl_enclave *info);

#endif
