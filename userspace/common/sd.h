/* SPDX-License-Identifier: Apache-2.0 */
/* What a service tells systemd, without libsystemd. */

#ifndef NE_EMU_COMMON_SD_H
#define NE_EMU_COMMON_SD_H

/**
 * sd_report() - send lines such as "READY=1\nSTATUS=..." to the service manager
 * @fmt: format of the lines, as for printf()
 *
 * The address is $NOTIFY_SOCKET, as described in sd_notify(3); nothing is sent
 * where it is not set. Text over 1 KiB is cut.
 *
 * Return: 0 (also without a service manager) or a negative errno.
 */
__attribute__((format(printf, 1, 2)))
int sd_report(const char *fmt, ...);

#endif
