/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of vsock connections: channel files (the VMM) and sockets (the parent). */

#ifndef NE_VSOCK_H
#define NE_VSOCK_H

#include "ne_harness.h"
#include "ne_lib.h"

#include <linux/nitro_enclaves_emu.h>
#include <linux/virtio_vsock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NE_VSOCK_NODE	"/dev/ne_emu_vsock"
#define HDR_SIZE	sizeof(struct virtio_vsock_hdr)
#define MAX_PAYLOAD	65536
/* Receive buffer that the enclave's end of a connection announces. */
#define CREDIT		(256 * 1024)
/*
 * Slow machines need more than the kernel's 2 s between two steps of a test. Not more than
 * VSOCK_CLOSE_TIMEOUT, which a closed socket may take anyway.
 */
#define CONNECT_TIMEOUT_S	8
/* "At once": well below the timeout of connect(), this one and the default of 2 s. */
#define AT_ONCE_MS	(1000 * ne_slowness())
/* A round trip during a flood that takes longer was starved, not just late. */
#define STARVED_MS	(5000 * ne_slowness())

/* CIDs that the driver does not choose; the last one never has a channel. */
#define CID_A		770001u
#define CID_B		770002u
#define CID_NONE	770003u
#define GUEST_PORT	5005u
#define CONSOLE_PORT(cid) (NE_EMU_CONSOLE_PORT_BASE + (cid))

struct ne_packet {
	struct virtio_vsock_hdr hdr;
	uint8_t data[MAX_PAYLOAD];
} __attribute__((packed));

/**
 * struct ne_conn - a connection as the enclave's end sees it
 * @chan: channel file
 * @cid: CID of the enclave's end
 * @port: port of the enclave's end
 * @local_port: port of the parent's end
 * @type: VIRTIO_VSOCK_TYPE_*
 * @fwd_cnt: bytes read so far; goes into every packet
 */
struct ne_conn {
	int chan;
	uint64_t cid;
	uint32_t port;
	uint32_t local_port;
	uint16_t type;
	uint32_t fwd_cnt;
};

/* Files are non-blocking. Functions return a result or a negative errno. */

/** ne_wait() - poll one file; returns those of @events, POLLERR and POLLHUP that are set */
int ne_wait(int fd, short events, int timeout_ms);
struct ne_packet *ne_packet_new(struct ne_test *t);

/** ne_chan_open() - open the node and attach, or end the case */
int ne_chan_open(struct ne_test *t, uint32_t cid, uint32_t flags);
/** ne_chan_read() - wait for a packet and read it into @space bytes */
int ne_chan_read(int chan, struct ne_packet *p, size_t space);
int ne_chan_write(int chan, const struct virtio_vsock_hdr *hdr, const void *data, size_t len);
/** ne_chan_info() - get a number from the channel's fdinfo, -1 if there is none */
long ne_chan_info(int chan, const char *name);

/** ne_conn_guest() - describe a stream connection of the guest, not opened yet */
struct ne_conn ne_conn_guest(int chan, uint32_t cid);
/** ne_conn_hdr() - make the header of a packet from the enclave's end */
struct virtio_vsock_hdr ne_conn_hdr(const struct ne_conn *c, uint16_t op, uint32_t flags,
				    size_t len);
/** ne_conn_send() - send a packet from the enclave's end; 0 if it was accepted */
int ne_conn_send(const struct ne_conn *c, uint16_t op, uint32_t flags, const void *data,
		 size_t len);
/** ne_conn_expect() - REQUIRE that the next packet other than credit updates is @op */
void ne_conn_expect(struct ne_test *t, struct ne_conn *c, uint16_t op, struct ne_packet *p,
		    size_t space);
/* These three return the parent's socket. */

/** ne_conn_begin() - have the parent request a connection; do not answer */
int ne_conn_begin(struct ne_test *t, struct ne_conn *c, struct ne_packet *p);
/** ne_conn_open() - open a connection from the parent */
int ne_conn_open(struct ne_test *t, struct ne_conn *c, struct ne_packet *p);
/** ne_conn_accept() - open a connection from the guest */
int ne_conn_accept(struct ne_test *t, struct ne_conn *c, struct ne_packet *p, int listener);

/** ne_sock_flags() - svm_flags for an address in an enclave */
uint8_t ne_sock_flags(void);
/** ne_sock_listen() - listen on any free port */
int ne_sock_listen(struct ne_test *t, int type, uint32_t cid, uint32_t *port);
/** ne_sock_connect() - start to connect; returns the socket */
int ne_sock_connect(struct ne_test *t, int type, uint32_t cid, uint32_t port);
/** ne_sock_connected() - result of the connect; -EINPROGRESS if it takes too long */
int ne_sock_connected(int fd);
/** ne_sock_try_connect() - connect and close; returns the result of the connect */
int ne_sock_try_connect(struct ne_test *t, int type, uint32_t cid, uint32_t port);
/** ne_sock_recv() - wait for data and receive it */
ssize_t ne_sock_recv(int fd, void *buf, size_t len);
ssize_t ne_sock_send(int fd, const void *buf, size_t len, int flags);
/** ne_sock_check_ended() - CHECK that the other end is gone: end of file and EPIPE */
void ne_sock_check_ended(struct ne_test *t, int fd);

/** ne_vsock_main() - run @cases if there are channels; exit code for main() */
int ne_vsock_main(const struct ne_case *cases, size_t nr_cases, int argc, char **argv);

#endif
