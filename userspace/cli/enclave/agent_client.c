// SPDX-License-Identifier: Apache-2.0
/* Connect to the agent in a debug enclave. */

#include "cli/enclave/agent_client.h"

#include "cli/enclave/daemon_client.h"
#include "cli/enclave/vsock.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/nitro_enclaves.h>
#include <string.h>
#include <sys/socket.h>

/* Strangers can have an agent drop those that have not been heard yet: ask again. */
#define ATTEMPTS	5
#define UID_SIZE	17
#define NUMBER_SIZE	4

static int check_enclave(const struct ne_nl_enclave *enclave, struct error *error)
{
	char id[STATE_ID_SIZE];

	state_id(enclave->slot_uid, id);
	if (enclave->state != NE_EMU_ENCLAVE_STATE_RUNNING)
		return error_set(error, -ENOTCONN, "%s is not running", id);
	if (!(enclave->flags & NE_ENCLAVE_DEBUG_MODE))
		return error_set(error, -EPERM, "%s is a production enclave, in which no agent "
				 "runs; start it with --debug", id);
	return 0;
}

static int get_key(const struct ne_nl_enclave *enclave, uint8_t *key, struct error *error)
{
	char target[UID_SIZE];
	json_t *answer;
	const char *text;
	size_t len;
	int err;

	snprintf(target, sizeof(target), "%016" PRIx64, enclave->slot_uid);
	err = daemon_request(json_pack("{s:s, s:s}", "command", "agent-key", "target", target),
			     &answer, error);
	if (err)
		return err;
	text = json_string_value(json_object_get(answer, "key"));
	if (!text || hex_decode(text, key, AGENT_KEY_SIZE, &len) || len != AGENT_KEY_SIZE)
		err = error_set(error, -EPROTO, "ne-emud sent no key: the programs come from "
				"different versions?");
	json_decref(answer);
	return err;
}

static int fail_connect(uint32_t cid, int err, struct error *error)
{
	if (err == -ECONNRESET)
		return error_set(error, err, "no agent answers in CID %" PRIu32 ": the image has "
				 "another init than that of \"ne-emu eif build\" of this version, or "
				 "was built with --like nitro-cli", cid);
	return error_set(error, err, "cannot connect to the agent in CID %" PRIu32 ": %s", cid,
			 strerror(-err));
}

int agent_client_failed(const struct agent_frame *frame, int *ret_code, struct error *error)
{
	if (frame->len < NUMBER_SIZE)
		return error_set(error, -EPROTO, "the agent does not follow its protocol");
	*ret_code = agent_get_u32(frame->data);
	return error_set(error, -EREMOTEIO, "%.*s", (int)(frame->len - NUMBER_SIZE),
			 (const char *)frame->data + NUMBER_SIZE);
}

int agent_client_lost(int err, struct error *error)
{
	switch (err) {
	case -EPIPE:
	case -ECONNRESET:
	case -ENOTCONN:
		return error_set(error, err, "the connection to the agent is lost: the enclave has "
				 "ended?");
	case -EPROTO:
		return error_set(error, err, "the agent does not follow its protocol");
	case -ETIMEDOUT:
		return error_set(error, err, "the agent does not answer");
	}
	return error_set(error, err, "the agent: %s", strerror(-err));
}

/* Return: 0, -EAGAIN (dropped without a word), or a negative errno with a message. */
static int greet(struct agent_link *link, const uint8_t *key, struct error *error)
{
	uint8_t hello[AGENT_HELLO_SIZE];
	struct agent_frame frame;
	int code, err;

	memcpy(hello, AGENT_MAGIC, AGENT_MAGIC_SIZE);
	memcpy(hello + AGENT_MAGIC_SIZE, key, AGENT_KEY_SIZE);
	err = send(link->fd, hello, sizeof(hello), MSG_NOSIGNAL) < 0 ? -errno : 0;
	explicit_bzero(hello, sizeof(hello));
	if (!err)
		err = agent_link_wait(link, &frame, AGENT_ANSWER_MS);
	if (err == -EPIPE || err == -ECONNRESET)
		return -EAGAIN;
	if (err)
		return agent_client_lost(err, error);
	if (frame.type == AGENT_FAILED)
		return agent_client_failed(&frame, &code, error);
	return frame.type == AGENT_READY ? 0 : agent_client_lost(-EPROTO, error);
}

static int connect_once(uint32_t cid, const uint8_t *key, struct agent_link *link,
			struct error *error)
{
	__cleanup_fd int fd = vsock_connect(cid, AGENT_PORT);
	int err;

	if (fd < 0)
		return fail_connect(cid, fd, error);
	agent_link_init(link, fd);
	err = greet(link, key, error);
	return err ? err : fd_steal(&fd);
}

int agent_client_connect(const struct ne_nl_enclave *enclave, struct agent_link *link,
			 struct error *error)
{
	uint8_t key[AGENT_KEY_SIZE];
	int ret = check_enclave(enclave, error);

	if (!ret)
		ret = get_key(enclave, key, error);
	if (ret)
		return ret;
	for (int i = 0; i < ATTEMPTS; i++) {
		ret = connect_once(enclave->cid, key, link, error);
		if (ret != -EAGAIN)
			break;
		error_set(error, ret, "the agent has closed the connection: too many others "
			  "connect to it");
	}
	explicit_bzero(key, sizeof(key));
	return ret;
}
