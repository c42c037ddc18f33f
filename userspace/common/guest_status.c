// SPDX-License-Identifier: Apache-2.0
/* How the program of an enclave ended. */

#include "common/guest_status.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define SIGNAL_BASE	128

/* Exited: only the upper byte is used. Killed: only the lower one. */
bool guest_status_valid(uint16_t wait_status)
{
	return !(wait_status & 0xff) || (!(wait_status >> 8) && WIFSIGNALED(wait_status));
}

int guest_status_code(uint32_t status)
{
	return WIFEXITED(status) ? (int)WEXITSTATUS(status) : -1;
}

int guest_status_signal(uint32_t status)
{
	return WIFEXITED(status) ? 0 : (int)WTERMSIG(status);
}

const char *guest_status_signal_name(uint32_t status)
{
	const char *name = sigabbrev_np(guest_status_signal(status));

	return name ? name : "unknown";
}

int guest_status_shell_code(uint32_t status)
{
	int sig = guest_status_signal(status);

	return sig ? SIGNAL_BASE + sig : guest_status_code(status);
}

const char *guest_status_text(uint32_t status, char *buf)
{
	int sig = guest_status_signal(status);

	if (sig)
		snprintf(buf, GUEST_STATUS_TEXT_SIZE, "the program was killed by signal %d (%s)",
			 sig, guest_status_signal_name(status));
	else
		snprintf(buf, GUEST_STATUS_TEXT_SIZE, "the program exited with status %d",
			 guest_status_code(status));
	return buf;
}
