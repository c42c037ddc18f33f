/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from ne-emud to the NSM of this enclave. */

#ifndef NE_EMU_VMM_NSM_INBOX_H
#define NE_EMU_VMM_NSM_INBOX_H

#include "nsm/nsm.h"
#include "vmm/loop.h"

/** struct nsm_inbox - @nsm, @loop: borrowed; @source: the socket, -1 without one */
struct nsm_inbox {
	struct nsm *nsm;
	struct loop *loop;
	struct loop_source source;
};

/**
 * nsm_inbox_open() - listen from now on
 * @fd: borrowed; -1: no messages will come
 *
 * Return: 0 or a negative errno.
 */
int nsm_inbox_open(struct nsm_inbox *inbox, struct loop *loop, struct nsm *nsm, int fd);
/** nsm_inbox_drain() - act on all that has arrived */
void nsm_inbox_drain(struct nsm_inbox *inbox);
/** nsm_inbox_close() - also for one that was only initialised with @source.fd -1 */
void nsm_inbox_close(struct nsm_inbox *inbox);

#endif
