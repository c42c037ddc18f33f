/* SPDX-License-Identifier: Apache-2.0 */
/* What the emulator tells about enclaves; absent on EC2. */

#ifndef NE_EMU_CLI_ENCLAVE_STATE_H
#define NE_EMU_CLI_ENCLAVE_STATE_H

#include "command/terminal.h"
#include "common/json_out.h"
#include "common/nl.h"

#define STATE_TEXT_SIZE		NE_NL_TEXT_SIZE
/* "enc" and 16 hexadecimal digits, with the NUL. */
#define STATE_ID_SIZE		20
/* Name and number of a user. */
#define STATE_USER_SIZE		64

/** state_id() - "enc0123456789abcdef"; returns @buf */
const char *state_id(uint64_t slot_uid, char *buf);

/** state_user() - "alice (uid 1000)", or "user 1000" without a name; returns @buf */
const char *state_user(uint32_t uid, char *buf);

/**
 * state_exit() - why an enclave ended
 * @ret_text: of STATE_TEXT_SIZE bytes, may be set to ""
 *
 * Return: 0, or a negative errno if there is no way to find out (on EC2).
 */
int state_exit(uint64_t slot_uid, uint32_t *ret_reason, char *ret_text);

/** state_exit_text() - the same without the number; -ENODATA for an empty text */
int state_exit_text(uint64_t slot_uid, char *ret_text);

/** state_emulated() - whether the emulator's module is what serves the device */
bool state_emulated(void);

/** state_daemon_pid() - the ne-emud that runs, or 0 */
uint64_t state_daemon_pid(void);

/** state_open() - connect to the emulator; a failure is explained in @why */
int state_open(struct ne_nl **ret_nl, struct error *why);

/**
 * state_parse_id() - what a user may call an enclave
 * @name: "enc..." (also behind "i-...-"), 16 hexadecimal digits, or a CID
 * @ret_uid: slot uid, or 0 if it is a CID
 *
 * Return: 0 or -EINVAL.
 */
int state_parse_id(const char *name, uint64_t *ret_uid, uint32_t *ret_cid);

/**
 * state_find() - an enclave by name
 * @ret: free with ne_nl_enclave_done()
 */
int state_find(struct ne_nl *nl, const char *name, struct ne_nl_enclave *ret,
	       struct error *why);

/** state_json_cpus() - the members NumberOfCPUs and CPUIDs */
void state_json_cpus(struct json_out *out, const uint32_t *cpus, size_t count);

#endif
