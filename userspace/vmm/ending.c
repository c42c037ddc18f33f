// SPDX-License-Identifier: Apache-2.0
/* Why the enclave ends. Any thread may report it; the first report counts. */

#include "vmm/ending.h"

#include "common/guest_status.h"
#include "common/util.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <unistd.h>

int ending_init(struct ending *ending)
{
	ending->reason = NE_EMU_EXIT_REASON_NONE;
	atomic_init(&ending->reported, false);
	ending->error.text[0] = '\0';
	ending->guest_status = 0;
	ending->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ending->event_fd < 0)
		return -errno;
	return -pthread_mutex_init(&ending->lock, NULL);
}

void ending_exit(struct ending *ending)
{
	if (ending->event_fd >= 0)
		(void)pthread_mutex_destroy(&ending->lock);
	fd_close(&ending->event_fd);
}

void ending_report(struct ending *ending, enum ne_emu_exit_reason reason, const char *fmt, ...)
{
	uint64_t one = 1;
	va_list args;

	pthread_mutex_lock(&ending->lock);
	if (ending->reason == NE_EMU_EXIT_REASON_NONE) {
		ending->reason = reason;
		atomic_store(&ending->reported, true);
		va_start(args, fmt);
		(void)error_vset(&ending->error, 0, fmt, args);
		va_end(args);
		/* Cannot fail: the counter was 0. */
		(void)!write(ending->event_fd, &one, sizeof(one));
	}
	pthread_mutex_unlock(&ending->lock);
}

void ending_set_guest_status(struct ending *ending, uint16_t wait_status)
{
	pthread_mutex_lock(&ending->lock);
	ending->guest_status = guest_status_make(wait_status);
	pthread_mutex_unlock(&ending->lock);
}

uint32_t ending_guest_status(struct ending *ending)
{
	uint32_t status;

	pthread_mutex_lock(&ending->lock);
	status = ending->guest_status;
	pthread_mutex_unlock(&ending->lock);
	return status;
}

enum ne_emu_exit_reason ending_get(struct ending *ending, struct error *ret_error)
{
	enum ne_emu_exit_reason reason;

	pthread_mutex_lock(&ending->lock);
	reason = ending->reason;
	*ret_error = ending->error;
	pthread_mutex_unlock(&ending->lock);
	return reason;
}
