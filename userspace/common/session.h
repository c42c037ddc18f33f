/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: how a client looks into a running enclave.
 *
 * Each VMM is given SESSION_LINES lines at its start, so that it need not open or receive
 * anything later. A line is a pair of FIFOs in the directory of the enclave below ne-emud's run
 * directory; ne-emud, also one that was restarted, finds them by name. For a session, ne-emud
 * sends the VMM the line, a nonce, the service and its options, and passes the other ends of the
 * line to the client. VMM and client then speak to each other alone.
 *
 * What an earlier session has left in a line may precede the nonce, with which the VMM begins.
 * Frames follow it: a length, a number of 32 bits in host byte order, and as many bytes, 1 to
 * SESSION_PIECE_MAX. Length 0 is the end, after which comes, in the same form, the text of an
 * error, whose length is 0 if there was none. What the client sends is not framed.
 */

#ifndef NE_EMU_COMMON_SESSION_H
#define NE_EMU_COMMON_SESSION_H

#include <stdint.h>

#define SESSION_LINES		4
/* Names of the FIFOs: number of the line; "in" for what the VMM reads, "out" for what it writes */
#define SESSION_FIFO		"session%u.%s"

#define SESSION_NONCE_SIZE	16
#define SESSION_SERVICE_MAX	15
#define SESSION_OPTIONS_MAX	255
#define SESSION_PIECE_MAX	65536
#define SESSION_HEAD_SIZE	sizeof(uint32_t)

/**
 * struct session_request - what ne-emud tells a VMM about a session
 * @line: 0 to SESSION_LINES - 1
 * @nonce: what the VMM sends first
 * @service: name of the service
 * @options: its options, as the client gave them; printable text
 */
struct session_request {
	uint32_t line;
	uint8_t nonce[SESSION_NONCE_SIZE];
	char service[SESSION_SERVICE_MAX + 1];
	char options[SESSION_OPTIONS_MAX + 1];
};

/** struct session_fds - the VMM's ends of all lines; -1: there is none */
struct session_fds {
	int in[SESSION_LINES];
	int out[SESSION_LINES];
};

#define SESSION_FDS_NONE	{ { -1, -1, -1, -1 }, { -1, -1, -1, -1 } }

#endif
