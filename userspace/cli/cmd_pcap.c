// SPDX-License-Identifier: Apache-2.0
/* ne-emu pcap: capture the vsock packets of enclaves. */

#include "cli/commands.h"
#include "cli/enclave/monitor.h"
#include "cli/enclave/pcap.h"
#include "cli/enclave/select.h"
#include "cli/enclave/watch.h"
#include "command/file.h"

#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_vsock.h>
#include <linux/vsockmon.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Packets read before signals are checked again. */
#define BATCH		64
/* Both headers, without any of the payload. */
#define SNAPLEN_MIN	(sizeof(struct af_vsockmon_hdr) + sizeof(struct virtio_vsock_hdr))

/**
 * struct capture - a running capture
 * @path: name of @out
 * @latest: capture only packets of the enclave that started last
 * @monitor: socket that packets are read from, see monitor_open()
 * @signals: signalfd
 * @out: where the capture is written
 * @cid: CID of the enclave, or 0 to capture all packets
 * @snaplen: most bytes to keep of each packet
 * @max: number of packets after which the capture ends
 * @count: packets captured so far
 * @buf: buffer for one packet, PCAP_SNAPLEN_MAX bytes
 */
struct capture {
	const char *path;
	bool latest;
	int monitor;
	int signals;
	FILE *out;
	uint32_t cid;
	uint64_t snaplen;
	uint64_t max;
	uint64_t count;
	void *buf;
};

/* A CID may belong to an enclave that has not started yet; an id cannot. */
static int find_cid(const struct select *wanted, uint32_t *ret_cid, struct error *error)
{
	struct ne_nl_enclave enclave;
	char id[STATE_ID_SIZE];
	uint64_t slot_uid;
	int err;

	if (wanted->name && !state_parse_id(wanted->name, &slot_uid, ret_cid) && !slot_uid)
		return 0;
	err = select_enclave(wanted, &enclave, error);
	if (err)
		return err;
	*ret_cid = enclave.cid;
	if (!enclave.cid)
		err = error_set(error, -ENOTCONN, "%s has no CID yet",
				state_id(enclave.slot_uid, id));
	ne_nl_enclave_done(&enclave);
	return err;
}

/* Return: 1 (a packet was read), 0 (none is waiting), or a negative errno. */
static int take_packet(struct capture *capture)
{
	struct pcap_packet packet;
	int got = monitor_read(capture->monitor, capture->buf, PCAP_SNAPLEN_MAX, &packet);

	if (got <= 0)
		return got;
	if (capture->cid && !pcap_concerns(&packet, capture->cid))
		return 1;
	capture->count++;
	return pcap_write_packet(capture->out, &packet, capture->snaplen) ?: 1;
}

static int take_batch(struct capture *capture)
{
	int got = 1;

	for (int i = 0; i < BATCH && got > 0 && capture->count < capture->max; i++)
		got = take_packet(capture);
	if (got < 0)
		return got;
	return fflush(capture->out) ? -errno : 0;
}

/* Return: 0 if a signal, --count or the reader ended the capture, or a negative errno. */
static int capture_packets(struct capture *capture)
{
	struct pollfd fds[] = {
		{ .fd = capture->monitor, .events = POLLIN },
		{ .fd = capture->signals, .events = POLLIN },
		{ .fd = fileno(capture->out) },		/* POLLERR: the reader is gone */
	};
	int err;

	err = pcap_write_header(capture->out, capture->snaplen);
	if (!err && fflush(capture->out))
		err = -errno;
	while (!err && capture->count < capture->max) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			return errno == EINTR ? 0 : -errno;
		if (fds[1].revents || fds[2].revents)
			return 0;
		err = take_batch(capture);
	}
	return err == -EPIPE ? 0 : err;
}

static int run_capture(struct capture *capture, struct error *error)
{
	uint32_t lost;
	int err;

	capture->signals = watch_open_signals();
	if (capture->signals < 0)
		return error_set(error, capture->signals, "cannot watch signals: %s",
				 strerror(-capture->signals));
	capture->monitor = monitor_open(error);
	if (capture->monitor < 0)
		return capture->monitor;
	if (capture->cid)
		fprintf(stderr, "Capturing packets of CID %u; press Ctrl-C to stop.\n",
			capture->cid);
	else
		fprintf(stderr, "Capturing all vsock packets; press Ctrl-C to stop.\n");
	err = capture_packets(capture);
	lost = monitor_lost(capture->monitor);
	fprintf(stderr, "%" PRIu64 " packets captured\n", capture->count);
	if (lost)
		fprintf(stderr, "%u packets lost: they arrived too fast\n", lost);
	return err ? error_set(error, err, "the capture is incomplete: %s", strerror(-err)) : 0;
}

static const struct capture defaults = {
	.path = "-", .monitor = -1, .signals = -1, .snaplen = PCAP_SNAPLEN_MAX, .max = UINT64_MAX,
};

static const struct opt options[] = {
	OPT_LATEST(struct capture, latest),
	OPT_STRING("write", struct capture, path, "FILE",
		   "write to this file; default: \"-\", standard output",
		   .manual = "Write to this file. Only its owner can read it: an existing file is "
			     "overwritten and loses the permissions of others, and is refused if "
			     "it belongs to another user, unless root calls. _FILE_ can be a "
			     "device or a pipe. Default: \"-\", standard output, which must not "
			     "be a terminal.",
		   .letter = 'w', .values = VALUES_FILES),
	OPT_NUMBER("count", struct capture, max, "N", 1, UINT64_MAX,
		   "stop after this many packets"),
	OPT_NUMBER("snaplen", struct capture, snaplen, "BYTES", SNAPLEN_MIN, PCAP_SNAPLEN_MAX,
		   "keep only this many bytes of each packet",
		   .manual = "Keep only the first _BYTES_ bytes of each packet: 76 (no payload) to "
			     "262144 (default)."),
	{}
};

static int open_capture(struct capture *capture, struct error *error)
{
	capture->buf = malloc(PCAP_SNAPLEN_MAX);
	if (!capture->buf)
		return error_set(error, -ENOMEM, "out of memory");
	return file_stream_open(capture->path, &capture->out, error);
}

static int pcap_run(const struct command_call *call)
{
	struct capture *capture = call->options;
	struct select wanted;
	struct error error;
	int err = select_read(call, capture->latest, &wanted);

	if (err)
		return err;
	if (wanted.name || wanted.latest)
		err = find_cid(&wanted, &capture->cid, &error);
	if (!err)
		err = open_capture(capture, &error);
	if (!err)
		err = run_capture(capture, &error);
	fd_close(&capture->monitor);
	fd_close(&capture->signals);
	if (capture->out && fclose(capture->out) && !err && errno != EPIPE)
		err = error_set(&error, -errno, "cannot write %.400s: %s", capture->path,
				strerror(errno));
	free(capture->buf);
	return term_result(err, &error);
}

const struct command cmd_pcap = {
	.name = "pcap",
	.summary = "capture the vsock packets of enclaves",
	.args = SELECT_ARG,
	.about = "Capture the vsock packets of an enclave and its console, or of the whole host\n"
		 "if none is given, in the format of libpcap, which Wireshark, tshark and tcpdump\n"
		 "read",
	.options = options,
	.values = { VALUES_ENCLAVES },
	.max_args = 1,
	.size = sizeof(struct capture),
	.defaults = &defaults,
	.run = pcap_run,
};
