/* SPDX-License-Identifier: Apache-2.0 */
/* Captures of vsock packets: the file format of libpcap, and whose a packet is. */

#ifndef NE_EMU_CLI_ENCLAVE_PCAP_H
#define NE_EMU_CLI_ENCLAVE_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* The largest packet that readers of such files accept, bytes. */
#define PCAP_SNAPLEN_MAX	262144

/**
 * struct pcap_packet - a packet of the monitor device: struct af_vsockmon_hdr first
 * @captured: bytes at @data
 * @length: bytes that the packet had, @captured or more
 */
struct pcap_packet {
	struct timespec time;
	const void *data;
	size_t captured;
	size_t length;
};

/** pcap_write_header() - begin a file of packets of @snaplen bytes at most; 0 or -errno */
int pcap_write_header(FILE *out, uint32_t snaplen);

/** pcap_write_packet() - at most @snaplen bytes of it; 0 or -errno */
int pcap_write_packet(FILE *out, const struct pcap_packet *packet, uint32_t snaplen);

/**
 * pcap_concerns() - is an enclave one end of this packet, or its console?
 *
 * A packet that ends before its addresses do matches no CID.
 */
bool pcap_concerns(const struct pcap_packet *packet, uint32_t cid);

#endif
