// SPDX-License-Identifier: Apache-2.0
/* Look into a running enclave: the client's side of common/session.h. */

#include "cli/enclave/session.h"

#include "cli/enclave/daemon_client.h"
#include "common/clock.h"
#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* The VMM's main thread never waits for anything, so an answer takes little time. */
#define ANSWER_MS	10000

/* Room for the text of a slot uid. */
#define ID_SIZE		17

static int gone(struct error *error)
{
	return error_set(error, -EPIPE, "the enclave has ended");
}

/* Return: bytes received, -EAGAIN (none now), -EPIPE (the VMM has ended) or -errno. */
static ssize_t receive(struct session_client *client)
{
	ssize_t n;

	if (client->start == client->end)
		client->start = client->end = 0;
	if (client->start && client->end == sizeof(client->input)) {
		client->end -= client->start;
		memmove(client->input, client->input + client->start, client->end);
		client->start = 0;
	}
	do {
		n = read(client->read_fd, client->input + client->end,
			 sizeof(client->input) - client->end);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n ? -errno : -EPIPE;
	client->end += n;
	return n;
}

static int wait_for_input(const struct session_client *client, int timeout_ms)
{
	struct pollfd pollfd = { .fd = client->read_fd, .events = POLLIN };
	int n = poll(&pollfd, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n ? 0 : -ETIMEDOUT;
}

/* Skip what an earlier session has left. Return: true once the nonce has been found. */
static bool find_nonce(struct session_client *client, const uint8_t *nonce)
{
	size_t len = client->end - client->start;
	const uint8_t *at = memmem(client->input + client->start, len, nonce, SESSION_NONCE_SIZE);

	if (at) {
		client->start = at - client->input + SESSION_NONCE_SIZE;
		return true;
	}
	if (len >= SESSION_NONCE_SIZE)
		client->start = client->end - (SESSION_NONCE_SIZE - 1);
	return false;
}

int session_attach(struct session_client *client, const int fds[2], const uint8_t *nonce,
		   struct error *error)
{
	int64_t deadline = clock_ms() + ANSWER_MS;
	ssize_t n;
	int err;

	client->read_fd = fds[0];
	client->write_fd = fds[1];
	client->start = client->end = client->left = 0;
	client->ended = false;
	do {
		err = wait_for_input(client, MAX(deadline - clock_ms(), 0));
		if (err == -ETIMEDOUT)
			return error_set(error, err, "the enclave's VMM does not answer in time");
		n = err ? err : receive(client);
		if (n == -EPIPE)
			return gone(error);
		if (n < 0 && n != -EAGAIN)
			return error_set(error, n, "cannot read from the enclave's VMM: %s",
					 strerror(-n));
	} while (!find_nonce(client, nonce));
	return 0;
}

int session_open(uint64_t slot_uid, const char *service, const char *options,
		 struct session_client *ret, struct error *error)
{
	uint8_t nonce[SESSION_NONCE_SIZE];
	json_t *answer;
	char id[ID_SIZE];
	int fds[2], err;
	size_t len;

	ret->read_fd = ret->write_fd = -1;
	snprintf(id, sizeof(id), "%016" PRIx64, slot_uid);
	err = daemon_request_fds(json_pack("{s:s, s:s, s:s, s:s}", "command", "session",
					   "target", id, "service", service, "options", options),
				 &answer, fds, error);
	if (err)
		return err;
	err = hex_decode(json_string_value(json_object_get(answer, "nonce")) ?: "", nonce,
			 sizeof(nonce), &len);
	json_decref(answer);
	if (!err && len == sizeof(nonce))
		return session_attach(ret, fds, nonce, error);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	return error_set(error, -EPROTO, "the answer of ne-emud is not valid");
}

void session_close(struct session_client *client)
{
	fd_close(&client->read_fd);
	fd_close(&client->write_fd);
}

/* Return: 1, 0 (more bytes are needed), or -EPROTO. */
static int take_head(struct session_client *client, uint32_t *ret)
{
	if (client->end - client->start < SESSION_HEAD_SIZE)
		return 0;
	memcpy(ret, client->input + client->start, SESSION_HEAD_SIZE);
	if (*ret > SESSION_PIECE_MAX)
		return -EPROTO;
	client->start += SESSION_HEAD_SIZE;
	return 1;
}

/* The end has come, its error follows. Return: 1 (success), 0 (not all is there), -errno. */
static int take_end(struct session_client *client, struct error *error)
{
	char clean[sizeof(error->text)];
	size_t start = client->start;
	uint32_t len;
	int r = take_head(client, &len);

	if (r <= 0)
		return r;
	if (client->end - client->start < len) {
		client->start = start;
		return 0;
	}
	if (!len)
		return 1;
	return error_set(error, -EREMOTEIO, "%s", text_clean(clean, sizeof(clean), (const char *)
			 client->input + client->start, len));
}

/* Return: bytes, 0 (more are needed), or a negative errno; sets @ended at the end. */
static ssize_t take(struct session_client *client, void *buf, size_t size, struct error *error)
{
	uint32_t len;
	int r = 1;

	if (!client->left && !client->ended) {
		r = take_head(client, &len);
		if (r > 0) {
			client->left = len;
			client->ended = !len;
		}
	}
	if (r > 0 && client->ended)
		return take_end(client, error);
	if (r <= 0)
		return r;
	size = MIN(MIN(size, client->left), client->end - client->start);
	memcpy(buf, client->input + client->start, size);
	client->start += size;
	client->left -= size;
	return size;
}

ssize_t session_read(struct session_client *client, void *buf, size_t size, struct error *error)
{
	ssize_t n;

	for (;;) {
		n = take(client, buf, size, error);
		if (n > 0 && client->ended)
			return 0;
		if (n == -EPROTO)
			return error_set(error, n, "the enclave's VMM is of another version");
		if (n)
			return n;
		n = receive(client);
		if (n == -EPIPE)
			return gone(error);
		if (n < 0)
			return n == -EAGAIN ? n : error_set(error, n, "cannot read from the "
							    "enclave's VMM: %s", strerror(-n));
	}
}

ssize_t session_wait(struct session_client *client, void *buf, size_t size, struct error *error)
{
	ssize_t n;

	while ((n = session_read(client, buf, size, error)) == -EAGAIN) {
		int err = wait_for_input(client, -1);

		if (err)
			return error_set(error, err, "poll: %s", strerror(-err));
	}
	return n;
}

int session_write(struct session_client *client, const void *bytes, size_t len,
		  struct error *error)
{
	const uint8_t *at = bytes;

	while (len) {
		struct pollfd pollfd = { .fd = client->write_fd, .events = POLLOUT };
		ssize_t n = write(client->write_fd, at, len);

		if (n < 0 && errno == EAGAIN)
			(void)poll(&pollfd, 1, -1);
		else if (n < 0 && errno != EINTR)
			return errno == EPIPE ? gone(error) :
			       error_set(error, -errno, "cannot write to the enclave's VMM: %s",
					 strerror(errno));
		at += MAX(n, 0);
		len -= MAX(n, 0);
	}
	return 0;
}
