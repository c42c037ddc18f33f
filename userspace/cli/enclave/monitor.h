/* SPDX-License-Identifier: Apache-2.0 */
/* Capture vsock packets with a vsockmon device. */

#ifndef NE_EMU_CLI_ENCLAVE_MONITOR_H
#define NE_EMU_CLI_ENCLAVE_MONITOR_H

#include "cli/enclave/pcap.h"
#include "command/terminal.h"

#include <stdint.h>

/**
 * monitor_open() - start to capture all vsock packets of this host
 * @error: set on failure
 *
 * Moves the process to a new network namespace that holds the vsockmon device, so that
 * both disappear however the process ends.
 *
 * Return: a non-blocking descriptor to poll for POLLIN, or a negative errno with a message.
 */
int monitor_open(struct error *error);

/**
 * monitor_read() - read the next packet
 * @fd: what monitor_open() returned
 * @buf: buffer for the packet
 * @size: of @buf, bytes; a longer packet is cut
 * @ret: the packet; points into @buf
 *
 * Return: 1, 0 (no packet is waiting), or a negative errno.
 */
int monitor_read(int fd, void *buf, size_t size, struct pcap_packet *ret);

/** monitor_lost() - packets lost since the last call because they arrived too fast */
uint32_t monitor_lost(int fd);

#endif
