/* SPDX-License-Identifier: Apache-2.0 */
/* Why the enclave ends: any thread may report it, the first report counts. */

#ifndef NE_EMU_VMM_ENDING_H
#define NE_EMU_VMM_ENDING_H

#include "common/error.h"

#include <linux/ne_emu_netlink.h>
#include <pthread.h>
#include <stdbool.h>

/**
 * struct ending - reason and text, for the main thread to act upon
 * @event_fd: readable once there is a reason
 * @reason: NE_EMU_EXIT_REASON_NONE until then; with @error protected by @lock
 */
struct ending {
	int event_fd;
	pthread_mutex_t lock;
	enum ne_emu_exit_reason reason;
	struct error error;
};

int ending_init(struct ending *ending);
void ending_exit(struct ending *ending);

/** ending_report() - end the enclave; ignored when it is ending already */
__attribute__((format(printf, 3, 4)))
void ending_report(struct ending *ending, enum ne_emu_exit_reason reason, const char *fmt, ...);
/** ending_get() - reason so far; @ret_error is filled in if there is one */
enum ne_emu_exit_reason ending_get(struct ending *ending, struct error *ret_error);

#endif
