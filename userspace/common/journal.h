/* SPDX-License-Identifier: Apache-2.0 */
/* Send lines with fields to the systemd journal, without libsystemd. */

#ifndef NE_EMU_COMMON_JOURNAL_H
#define NE_EMU_COMMON_JOURNAL_H

/**
 * journal_open() - connect to the journal if a stream leads there
 * @stream: its descriptor
 *
 * Compares $JOURNAL_STREAM with it, see systemd.exec(5).
 *
 * Return: a socket, which never blocks; or a negative errno, -ENOTCONN: it does not lead there.
 */
int journal_open(int stream);

/**
 * journal_send() - send a line
 * @fd: the socket
 * @level: its syslog level
 * @program: its SYSLOG_IDENTIFIER
 * @enclave: its ENCLAVE_ID, or NULL
 * @text: its MESSAGE; clean, see common/text.h
 *
 * Return: 0 or a negative errno; -EAGAIN: the journal does not keep up.
 */
int journal_send(int fd, int level, const char *program, const char *enclave, const char *text);

#endif
