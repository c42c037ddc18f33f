/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: runs commands and copies files for the owner of a debug enclave, see
 * Documentation/agent.rst. It is a process of its own, a child of the init.
 */

#ifndef NE_EMU_GUEST_AGENT_AGENT_H
#define NE_EMU_GUEST_AGENT_AGENT_H

#include "common/agent.h"
#include "guest/init/command.h"

/** struct agent - @listener: socket; -1: there is no agent. @key: what clients have to know */
struct agent {
	int listener;
	uint8_t key[AGENT_KEY_SIZE];
};

/**
 * agent_open() - ask the NSM for the key and listen, before the parent learns of the boot
 *
 * The NSM of the emulator has a key only for enclaves in debug mode, and that of EC2 has none.
 * Without a key there is no agent.
 */
void agent_open(struct agent *agent);

/**
 * agent_start() - start the process, if agent_open() has found a key
 * @agent: what agent_open() has set; the key is gone afterwards
 * @command: the program of the image, whose environment, user and directory commands get
 */
void agent_start(struct agent *agent, const struct command *command);

#endif
