/* SPDX-License-Identifier: Apache-2.0 */
/* Query the emulator about enclaves. EC2 has no such interface. */

#ifndef NE_EMU_CLI_ENCLAVE_STATE_H
#define NE_EMU_CLI_ENCLAVE_STATE_H

#include "cli/enclave/outcome.h"
#include "command/terminal.h"
#include "common/json_out.h"
#include "common/nl.h"
#include "common/paths.h"

#define STATE_TEXT_SIZE		NE_NL_TEXT_SIZE
/* "enc", 16 hexadecimal digits and a NUL. */
#define STATE_ID_SIZE		20
/* Name and number of a user. */
#define STATE_USER_SIZE		64
#define STATE_NAME_SIZE		(NE_EMU_NAME_MAX + 1)

/** state_id() - "enc0123456789abcdef"; returns @buf */
const char *state_id(uint64_t slot_uid, char *buf);

/** state_user() - "alice (uid 1000)", or "user 1000" without a name; returns @buf */
const char *state_user(uint32_t uid, char *buf);

/**
 * state_outcome() - get how an enclave ended
 * @slot_uid: the enclave; not closed yet
 * @ret: the outcome, without a reason if it did not end
 *
 * Return: 0, or a negative errno if this is not available (as on EC2).
 */
int state_outcome(uint64_t slot_uid, struct outcome *ret);

/**
 * state_enclave_name() - get the name that its owner gave to an enclave
 * @owner: user id of its owner
 * @slot_uid: the enclave
 * @ret: buffer of STATE_NAME_SIZE bytes
 *
 * Return: @ret, or NULL if it has no name, or this user may not read it.
 */
const char *state_enclave_name(uint32_t owner, uint64_t slot_uid, char *ret);

/** state_exit_text() - get only its text, STATE_TEXT_SIZE bytes; -ENODATA if there is none */
int state_exit_text(uint64_t slot_uid, char *ret_text);

/** state_emulated() - is the emulator's module loaded? */
bool state_emulated(void);

/** state_daemon_pid() - PID of the running ne-emud, or 0 */
uint64_t state_daemon_pid(void);

/** state_open() - connect to the emulator; 0 or a negative errno with a message */
int state_open(struct ne_nl **ret_nl, struct error *error);

/**
 * state_parse_id() - parse the name of an enclave
 * @name: "enc...", "i-...-enc...", 16 hexadecimal digits, or a CID; not the name that its
 *	owner gave it
 * @ret_uid: slot uid; 0 if @name is a CID
 * @ret_cid: CID; 0 if @name is not a CID
 *
 * Return: 0 or -EINVAL.
 */
int state_parse_id(const char *name, uint64_t *ret_uid, uint32_t *ret_cid);

/** state_list() - ne_nl_enclave_list() with a message */
int state_list(struct ne_nl *nl, struct ne_nl_enclave **ret, size_t *ret_count,
	       struct error *error);

/** state_take() - move entry @i of a list to @ret and free the rest */
void state_take(struct ne_nl_enclave *list, size_t count, size_t i, struct ne_nl_enclave *ret);

/**
 * state_find() - find an enclave by id, CID or name; commands use select_enclave()
 * @nl: an open connection
 * @name: as for state_parse_id(), or the name that its owner gave it
 * @ret: the caller releases it with ne_nl_enclave_done()
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message: -EINVAL (not a name), -ENOENT (no such
 * enclave), -ENOTUNIQ (several users have given this name), or that of the query.
 */
int state_find(struct ne_nl *nl, const char *name, struct ne_nl_enclave *ret,
	       struct error *error);

/** state_json_cpus() - add the members NumberOfCPUs and CPUIDs */
void state_json_cpus(struct json_out *out, const uint32_t *cpus, size_t count);

#endif
