/* SPDX-License-Identifier: Apache-2.0 */
/* Write captures of vsock packets in the file format of libpcap. */

#ifndef NE_EMU_CLI_ENCLAVE_PCAP_H
#define NE_EMU_CLI_ENCLAVE_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* The largest packet that readers of the format accept, bytes. */
#define PCAP_SNAPLEN_MAX	262144

/**
 * struct pcap_packet - a packet of the vsockmon device
 * @time: when it was captured
 * @data: the packet; begins with struct af_vsockmon_hdr
 * @captured: bytes at @data
 * @length: length of the whole packet, at least @captured
 */
struct pcap_packet {
	struct timespec time;
	const void *data;
	size_t captured;
	size_t length;
};

/** pcap_write_header() - begin a file; @snaplen: most bytes per packet; 0 or -errno */
int pcap_write_header(FILE *out, uint32_t snaplen);

/** pcap_write_packet() - append at most @snaplen bytes of a packet; 0 or -errno */
int pcap_write_packet(FILE *out, const struct pcap_packet *packet, uint32_t snaplen);

/**
 * pcap_concerns() - is a packet to or from this enclave or its console?
 * @packet: a captured packet
 * @cid: CID of the enclave
 *
 * Return: true if it is; false if @packet is too short to hold addresses.
 */
bool pcap_concerns(const struct pcap_packet *packet, uint32_t cid);

#endif
