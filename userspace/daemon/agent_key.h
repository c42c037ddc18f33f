/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key with which the owner of a debug enclave proves itself to the agent in it, see
 * Documentation/agent.rst. It lies in the enclave's directory, which only root may enter.
 */

#ifndef NE_EMU_DAEMON_AGENT_KEY_H
#define NE_EMU_DAEMON_AGENT_KEY_H

#include "common/nsm_control.h"

/** agent_key_create() - make a random key and keep it; Return: 0 or -errno */
int agent_key_create(const char *folder, uint8_t key[NSM_CONTROL_AGENT_KEY_SIZE]);
/** agent_key_read() - Return: 0, -ENOENT (there is none) or another negative errno */
int agent_key_read(const char *folder, uint8_t key[NSM_CONTROL_AGENT_KEY_SIZE]);
/** agent_key_remove() - remove the file if it exists */
void agent_key_remove(const char *folder);

#endif
