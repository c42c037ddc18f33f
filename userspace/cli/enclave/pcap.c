// SPDX-License-Identifier: Apache-2.0
/*
 * Write captures of vsock packets. draft-ietf-opsawg-pcap describes the format; numbers are
 * in the byte order of this machine.
 */

#include "cli/enclave/pcap.h"

#include "common/util.h"

#include <endian.h>
#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <linux/vsockmon.h>
#include <string.h>

/* The variant with nanosecond timestamps. */
#define MAGIC			0xa1b23c4d
#define VERSION_MAJOR		2
#define VERSION_MINOR		4
#define LINKTYPE_VSOCK		271

struct file_header {
	uint32_t magic;
	uint16_t version_major;
	uint16_t version_minor;
	uint32_t reserved[2];
	uint32_t snaplen;
	uint32_t linktype;
};

struct packet_header {
	uint32_t seconds;
	uint32_t nanoseconds;
	uint32_t captured;
	uint32_t length;
};

static int put(FILE *out, const void *data, size_t len)
{
	errno = 0;
	if (fwrite(data, 1, len, out) == len)
		return 0;
	return errno ? -errno : -EIO;
}

int pcap_write_header(FILE *out, uint32_t snaplen)
{
	const struct file_header header = {
		.magic = MAGIC,
		.version_major = VERSION_MAJOR,
		.version_minor = VERSION_MINOR,
		.snaplen = snaplen,
		.linktype = LINKTYPE_VSOCK,
	};

	return put(out, &header, sizeof(header));
}

int pcap_write_packet(FILE *out, const struct pcap_packet *packet, uint32_t snaplen)
{
	const struct packet_header header = {
		.seconds = packet->time.tv_sec,
		.nanoseconds = packet->time.tv_nsec,
		.captured = MIN(packet->captured, snaplen),
		.length = packet->length,
	};

	return put(out, &header, sizeof(header)) ?: put(out, packet->data, header.captured);
}

static bool is_end(uint32_t enclave, uint64_t cid, uint32_t port)
{
	return cid == enclave || (cid == NE_EMU_CID_HYPERVISOR &&
				  port == (uint32_t)(NE_EMU_CONSOLE_PORT_BASE + enclave));
}

bool pcap_concerns(const struct pcap_packet *packet, uint32_t cid)
{
	struct af_vsockmon_hdr hdr;

	if (packet->captured < sizeof(hdr))
		return false;
	memcpy(&hdr, packet->data, sizeof(hdr));
	return is_end(cid, le64toh(hdr.src_cid), le32toh(hdr.src_port)) ||
	       is_end(cid, le64toh(hdr.dst_cid), le32toh(hdr.dst_port));
}
