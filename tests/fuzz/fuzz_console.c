// SPDX-License-Identifier: Apache-2.0
/*
 * The console service between a guest that prints and peers that send any packets. It must
 * send well-formed packets, no more than its peer has room for, with exactly what was printed.
 *
 * An input is a list of steps; the first byte of each selects its kind.
 */

#include "fuzz.h"

#include "common/log.h"
#include "common/util.h"
#include "vmm/console_service.h"
#include "vmm/panic.h"

#include <endian.h>
#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define CID		16
#define PORTS		24	/* more than the limit of readers */
#define GRANTS_MAX	(STEPS_MAX + 1)
#define STEPS_MAX	120
#define PAYLOAD_MAX	2048
#define PRINTED_MAX	(STEPS_MAX * 256)

/* One port of the parent: the credit it gave and the bytes it got. */
struct peer {
	uint32_t grants[GRANTS_MAX];
	unsigned int nr_grants;
	bool connected;
	bool ended;
	uint32_t got;
};

struct world {
	struct loop loop;
	struct console console;
	struct console_service *service;
	struct ending ending;
	struct panic_watch panic;
	int kernel;		/* the kernel's end of the channel */
	int channel;
	struct peer peers[PORTS];
	uint8_t printed[PRINTED_MAX];
	size_t nr_printed;
};

static void print(struct world *w, struct fuzz_script *script)
{
	size_t n = fuzz_take(script, 1);
	uint8_t text[256];

	n = fuzz_take_bytes(script, text, n);
	for (size_t i = 0; i < n; i++) {
		console_write(&w->console, text[i]);
		panic_watch_byte(&w->panic, text[i]);
		w->printed[w->nr_printed++] = text[i];
	}
}

/* Send a mostly valid packet: a random header never passes the first check. */
static void send_packet(struct world *w, struct fuzz_script *script)
{
	struct {
		struct virtio_vsock_hdr hdr;
		uint8_t payload[PAYLOAD_MAX];
	} packet = { 0 };
	uint8_t odd = fuzz_take(script, 1);
	uint32_t port = odd & 1 ? fuzz_take(script, 4) : fuzz_take(script, 1) % PORTS;
	size_t len = odd & 2 ? fuzz_take(script, 2) % sizeof(packet) : sizeof(packet.hdr);
	struct peer *peer;

	packet.hdr = (struct virtio_vsock_hdr){
		.src_cid = htole64(odd & 4 ? fuzz_take(script, 8) : NE_EMU_CID_PARENT),
		.dst_cid = htole64(NE_EMU_CID_HYPERVISOR),
		.src_port = htole32(port),
		.dst_port = htole32(NE_EMU_CONSOLE_PORT_BASE + CID),
		.type = htole16(odd & 8 ? fuzz_take(script, 2) : VIRTIO_VSOCK_TYPE_STREAM),
		.op = htole16(odd & 16 ? fuzz_take(script, 2) : fuzz_take(script, 1) % 8),
		.flags = htole32(fuzz_take(script, 1) & 3),
		.buf_alloc = htole32(odd & 32 ? fuzz_take(script, 4) : fuzz_take(script, 2)),
		.fwd_cnt = htole32(odd & 64 ? fuzz_take(script, 4) : fuzz_take(script, 2)),
		.len = htole32(odd & 128 ? fuzz_take(script, 4) : len - sizeof(packet.hdr)),
	};
	if (send(w->kernel, &packet, len, MSG_DONTWAIT) < (ssize_t)sizeof(packet.hdr))
		return;
	peer = &w->peers[port % PORTS];
	must(peer->nr_grants < GRANTS_MAX);
	if (port < PORTS)
		peer->grants[peer->nr_grants++] =
			le32toh(packet.hdr.fwd_cnt) + le32toh(packet.hdr.buf_alloc);
}

static void take_data(struct world *w, struct peer *peer, const uint8_t *data, size_t len)
{
	bool allowed = false;

	for (unsigned int i = 0; i < peer->nr_grants && !allowed; i++) {
		uint32_t room = peer->grants[i] - peer->got;

		allowed = room <= INT32_MAX && room >= len;
	}
	must(allowed);
	/* The ring is larger than all output here, so nothing may be missing. */
	must(peer->got + len <= w->nr_printed && !memcmp(data, w->printed + peer->got, len));
	peer->got += len;
}

static void take_packet(struct world *w, const struct virtio_vsock_hdr *hdr, size_t len)
{
	uint32_t port = le32toh(hdr->dst_port);
	struct peer *peer = port < PORTS ? &w->peers[port] : NULL;

	must(len >= sizeof(*hdr) && le32toh(hdr->len) == len - sizeof(*hdr));
	must(le64toh(hdr->src_cid) == NE_EMU_CID_HYPERVISOR);
	must(le32toh(hdr->src_port) == NE_EMU_CONSOLE_PORT_BASE + CID);
	must(le16toh(hdr->op) == VIRTIO_VSOCK_OP_RW || len == sizeof(*hdr));
	switch (le16toh(hdr->op)) {
	case VIRTIO_VSOCK_OP_RESPONSE:
		if (peer) {
			peer->connected = true;
			peer->ended = false;
			peer->got = 0;
		}
		break;
	case VIRTIO_VSOCK_OP_RW:
		must(len > sizeof(*hdr));
		if (peer) {
			must(peer->connected && !peer->ended);
			take_data(w, peer, (const uint8_t *)(hdr + 1), len - sizeof(*hdr));
		}
		break;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		if (peer)
			peer->ended = true;
		break;
	case VIRTIO_VSOCK_OP_RST:
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		break;
	default:
		abort();
	}
}

static bool take_one(struct world *w)
{
	static uint8_t bytes[128 * KIB] __attribute__((aligned(8)));
	ssize_t n = recv(w->kernel, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0)
		return false;
	take_packet(w, (const struct virtio_vsock_hdr *)bytes, n);
	return true;
}

static void step(struct world *w, struct fuzz_script *script)
{
	switch (fuzz_take(script, 1) % 5) {
	case 0:
		print(w, script);
		break;
	case 1:
	case 2:
		send_packet(w, script);
		break;
	case 3:
		for (size_t n = fuzz_take(script, 1) % 64; n && take_one(w); n--)
			;
		break;
	case 4:
		must(!loop_run_once(&w->loop, 0));
		/* Like the console's timer some time after output. */
		if (w->console.more && fuzz_take(script, 1) & 1)
			w->console.more(w->console.more_arg);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct fuzz_script script = { data, size };
	struct error error;
	int fds[2];

	log_init(LOG_EMERG, NULL);
	memset(&w, 0, sizeof(w));
	must(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
	w.kernel = fds[0];
	w.channel = fds[1];
	must(!loop_init(&w.loop) && !console_init(&w.console, &w.loop, -1));
	must(!ending_init(&w.ending) && !panic_watch_init(&w.panic, &w.ending, true));
	must(!console_service_create(&w.console, &w.loop, w.channel, CID, &w.service));
	for (int i = 0; i < STEPS_MAX && script.left; i++)
		step(&w, &script);

	if (panic_watch_suspects(&w.panic))
		panic_watch_report(&w.panic);
	if (ending_get(&w.ending, &error) != NE_EMU_EXIT_REASON_NONE)
		must(!strncmp(error.text, PANIC_PREFIX, strlen(PANIC_PREFIX)) &&
		     strlen(error.text) < NE_EMU_STATUS_TEXT_SIZE);
	panic_watch_exit(&w.panic);
	ending_exit(&w.ending);
	if (size & 1)
		console_service_finish(w.service, 0);
	while (take_one(&w))
		;
	console_service_destroy(w.service);
	console_exit(&w.console);
	loop_exit(&w.loop);
	close(w.kernel);
	close(w.channel);
	return 0;
}
