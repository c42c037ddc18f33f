// SPDX-License-Identifier: Apache-2.0
/* Messages from ne-emud, most of them to the NSM of this enclave. */

#include "vmm/nsm_inbox.h"

#include "common/log.h"
#include "common/nsm_control.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static void inbox_apply(struct nsm_inbox *inbox, const struct nsm_control_message *message)
{
	int err;

	switch (message->type) {
	case NSM_CONTROL_SETTINGS:
		nsm_configure(inbox->nsm, &message->settings);
		log_debug("NSM settings applied");
		break;
	case NSM_CONTROL_IDENTITY:
		err = nsm_set_identity(inbox->nsm, &message->identity);
		if (err)
			log_warn("ne-emud sent a key that cannot sign: %s", strerror(-err));
		else
			log_debug("NSM key and certificates applied");
		break;
	case NSM_CONTROL_AGENT_KEY:
		nsm_set_agent_key(inbox->nsm, message->agent_key);
		break;
	case NSM_CONTROL_FAULTS:
		faults_apply(inbox->faults, &message->faults);
		log_debug("faults on request applied");
		break;
	case NSM_CONTROL_SESSION:
		sessions_begin(inbox->sessions, &message->session);
		break;
	}
}

static void handle_message(struct nsm_inbox *inbox, const void *bytes, size_t len)
{
	struct nsm_control_message message;
	int err = nsm_control_decode(bytes, len, &message);

	switch (err) {
	case 0:
		inbox_apply(inbox, &message);
		explicit_bzero(&message, sizeof(message));
		break;
	case -EPROTONOSUPPORT:
		log_warn("message of ne-emud ignored: ne-emud has another version");
		break;
	case -ENOMSG:
		log_warn("message of ne-emud ignored: its type is unknown");
		break;
	default:
		log_warn("message of ne-emud ignored: it is malformed");
		break;
	}
}

/* Return: true if there was a message. */
static bool inbox_receive(struct nsm_inbox *inbox)
{
	uint8_t bytes[NSM_CONTROL_MAX];
	ssize_t n = recv(inbox->source.fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0) {
		if (errno != EAGAIN)
			log_warn("cannot receive messages of ne-emud: %s", strerror(errno));
		return false;
	}
	/* A longer message was truncated. */
	if ((size_t)n > sizeof(bytes))
		log_warn("message of ne-emud ignored: it has %zd bytes", n);
	else
		handle_message(inbox, bytes, n);
	/* It may contain a key. */
	explicit_bzero(bytes, sizeof(bytes));
	return true;
}

static void handle_source(void *arg, uint32_t events)
{
	struct nsm_inbox *inbox = arg;

	if (!inbox_receive(inbox) && events & (EPOLLERR | EPOLLHUP))
		nsm_inbox_close(inbox);
}

int nsm_inbox_open(struct nsm_inbox *inbox, struct loop *loop, struct nsm *nsm,
		   struct faults *faults, struct sessions *sessions, int fd)
{
	int err;

	*inbox = (struct nsm_inbox){
		.nsm = nsm,
		.faults = faults,
		.sessions = sessions,
		.loop = loop,
		.source = {
			.fd = fd, .events = EPOLLIN, .call = handle_source, .arg = inbox,
		},
	};
	if (fd < 0)
		return 0;
	err = loop_add(loop, &inbox->source);
	if (err)
		inbox->source.fd = -1;
	return err;
}

void nsm_inbox_drain(struct nsm_inbox *inbox)
{
	while (inbox->source.fd >= 0 && inbox_receive(inbox))
		;
}

void nsm_inbox_close(struct nsm_inbox *inbox)
{
	if (inbox->source.fd >= 0)
		loop_del(inbox->loop, &inbox->source);
	inbox->source.fd = -1;
}
