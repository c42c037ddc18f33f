/* SPDX-License-Identifier: Apache-2.0 */
/* Why the enclave ends. Any thread may report it; the first report counts. */

#ifndef NE_EMU_VMM_ENDING_H
#define NE_EMU_VMM_ENDING_H

#include "common/error.h"

#include <linux/ne_emu_netlink.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct ending - reason and text, on which the main thread acts
 * @event_fd: readable once there is a reason
 * @reason: NE_EMU_EXIT_REASON_NONE until then; @lock protects it and the fields below
 * @reported: there is a reason; also without @lock
 * @guest_status: the last report of the guest, see common/guest_status.h
 */
struct ending {
	int event_fd;
	pthread_mutex_t lock;
	enum ne_emu_exit_reason reason;
	atomic_bool reported;
	struct error error;
	uint32_t guest_status;
};

int ending_init(struct ending *ending);
void ending_exit(struct ending *ending);

/** ending_report() - end the enclave; ignored if it is already ending */
__attribute__((format(printf, 3, 4)))
void ending_report(struct ending *ending, enum ne_emu_exit_reason reason, const char *fmt, ...);
/** ending_reported() - has somebody reported an end? any thread */
static inline bool ending_reported(const struct ending *ending)
{
	return atomic_load(&ending->reported);
}

/** ending_set_guest_status() - note what the guest reports about its program */
void ending_set_guest_status(struct ending *ending, uint16_t wait_status);
/** ending_guest_status() - Return: the last report, see common/guest_status.h */
uint32_t ending_guest_status(struct ending *ending);
/** ending_get() - get the reason so far; fills @ret_error if there is one */
enum ne_emu_exit_reason ending_get(struct ending *ending, struct error *ret_error);

#endif
