/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's monitor of vsock packets, vsockmon. */

#ifndef NE_EMU_CLI_ENCLAVE_MONITOR_H
#define NE_EMU_CLI_ENCLAVE_MONITOR_H

#include "cli/enclave/pcap.h"
#include "command/terminal.h"

#include <stdint.h>

/**
 * monitor_open() - begin to see every vsock packet of this host
 *
 * The process gets a network namespace of its own, in which the device is: however it
 * ends, nothing is left of both.
 *
 * Return: a descriptor that polls readable; or a negative errno, explained in @why.
 */
int monitor_open(struct error *why);

/**
 * monitor_read() - the next packet
 * @buf: where its bytes go, @size of them at most
 * @ret: says how many came and how many there were
 *
 * Return: 1, 0 if none waits, or a negative errno.
 */
int monitor_read(int fd, void *buf, size_t size, struct pcap_packet *ret);

/** monitor_lost() - packets since the last call that came too fast to be read */
uint32_t monitor_lost(int fd);

#endif
