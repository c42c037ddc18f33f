/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from ne-emud, most of them to the NSM of this enclave. */

#ifndef NE_EMU_VMM_NSM_INBOX_H
#define NE_EMU_VMM_NSM_INBOX_H

#include "nsm/nsm.h"
#include "vmm/faults.h"
#include "vmm/loop.h"
#include "vmm/session.h"

/**
 * struct nsm_inbox - @nsm, @faults, @sessions, @loop: borrowed; @source: the socket, fd -1
 *	without one
 */
struct nsm_inbox {
	struct nsm *nsm;
	struct faults *faults;
	struct sessions *sessions;
	struct loop *loop;
	struct loop_source source;
};

/**
 * nsm_inbox_open() - start to receive messages
 * @sessions: begins the sessions that messages ask for
 * @fd: borrowed; -1: no messages will arrive
 *
 * Return: 0 or a negative errno.
 */
int nsm_inbox_open(struct nsm_inbox *inbox, struct loop *loop, struct nsm *nsm,
		   struct faults *faults, struct sessions *sessions, int fd);
/** nsm_inbox_drain() - handle all messages that have arrived */
void nsm_inbox_drain(struct nsm_inbox *inbox);
/** nsm_inbox_close() - stop receiving; also allowed if only @source.fd was set, to -1 */
void nsm_inbox_close(struct nsm_inbox *inbox);

#endif
