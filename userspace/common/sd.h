/* SPDX-License-Identifier: Apache-2.0 */
/* Send notifications to systemd, without libsystemd. */

#ifndef NE_EMU_COMMON_SD_H
#define NE_EMU_COMMON_SD_H

/**
 * sd_report() - send lines such as "READY=1\nSTATUS=..." to the service manager
 * @fmt: format of the lines, as for printf()
 *
 * Sends them to $NOTIFY_SOCKET, see sd_notify(3). Does nothing if that is not set. Text over
 * 1 KiB is cut.
 *
 * Return: 0 (also without a service manager) or a negative errno.
 */
__attribute__((format(printf, 1, 2)))
int sd_report(const char *fmt, ...);

#endif
