// SPDX-License-Identifier: Apache-2.0
/*
 * The agent's process: accepts connections, and starts a session for each client that knows the
 * key.
 *
 * Any user of the host can connect. Until a client has shown the key, it costs one descriptor,
 * for a limited time; of too many such clients, the oldest one is closed, so that those who
 * stall never keep the owner out.
 */

#include "guest/agent/agent.h"

#include "guest/agent/session.h"
#include "guest/nsm_device.h"

#include <errno.h>
#include <linux/nitro_enclaves_emu.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG		16
/* Clients that have not shown the key yet. */
#define GUESTS_MAX	16
#define GUEST_SECONDS	5
#define SESSIONS_MAX	32

/* CBOR: "NeEmuAgentKey", and {"NeEmuAgentKey": {"key": 32 bytes}}. */
#define KEY_NAME	"\x6d" "NeEmuAgentKey"
#define KEY_RESPONSE	"\xa1" KEY_NAME "\xa1\x63" "key" "\x58\x20"

/** struct guest - a client that has not shown the key yet; @until: CLOCK_MONOTONIC, seconds */
struct guest {
	int fd;
	time_t until;
	size_t used;
	uint8_t hello[AGENT_HELLO_SIZE];
};

struct server {
	struct agent *agent;
	const struct command *command;
	int signals;
	struct guest guests[GUESTS_MAX];
	size_t nr_guests;
	size_t nr_sessions;
};

static bool get_key(uint8_t key[AGENT_KEY_SIZE])
{
	static unsigned char response[NSM_RESPONSE_SIZE];
	const size_t head = sizeof(KEY_RESPONSE) - 1;
	int fd = nsm_open();
	ssize_t n;

	if (fd < 0)
		return false;
	n = nsm_call(fd, KEY_NAME, sizeof(KEY_NAME) - 1, response);
	close(fd);
	if (n != (ssize_t)(head + AGENT_KEY_SIZE) || memcmp(response, KEY_RESPONSE, head))
		return false;
	memcpy(key, response + head, AGENT_KEY_SIZE);
	explicit_bzero(response, sizeof(response));
	return true;
}

void agent_open(struct agent *agent)
{
	const struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = AGENT_PORT,
	};

	agent->listener = -1;
	if (!get_key(agent->key))
		return;
	agent->listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (agent->listener >= 0 &&
	    !bind(agent->listener, (const struct sockaddr *)&address, sizeof(address)) &&
	    !listen(agent->listener, BACKLOG))
		return;
	printf("init: no agent: cannot listen: %s\n", strerror(errno));
	if (agent->listener >= 0)
		close(agent->listener);
	agent->listener = -1;
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void guest_close(struct server *server, size_t i)
{
	close(server->guests[i].fd);
	explicit_bzero(server->guests[i].hello, sizeof(server->guests[i].hello));
	server->nr_guests--;
	memmove(&server->guests[i], &server->guests[i + 1],
		(server->nr_guests - i) * sizeof(server->guests[0]));
}

/* Only the parent may connect, not a program of this enclave or, if there were one, another. */
static void accept_guest(struct server *server)
{
	struct sockaddr_vm address = {};
	socklen_t len = sizeof(address);
	struct guest guest = { .until = seconds() + GUEST_SECONDS };

	guest.fd = accept4(server->agent->listener, (struct sockaddr *)&address, &len,
			   SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (guest.fd < 0)
		return;
	if (address.svm_cid != NE_EMU_CID_PARENT) {
		close(guest.fd);
		return;
	}
	if (server->nr_guests == GUESTS_MAX)
		guest_close(server, 0);
	server->guests[server->nr_guests++] = guest;
}

/* Return: whether the process of the session has been started. */
static bool start_session(struct server *server, int fd)
{
	pid_t pid;

	if (server->nr_sessions == SESSIONS_MAX)
		return false;
	pid = fork();
	if (pid < 0)
		return false;
	if (pid) {
		server->nr_sessions++;
		return true;
	}
	explicit_bzero(server->agent->key, sizeof(server->agent->key));
	explicit_bzero(server->guests, sizeof(server->guests));
	session_run(fd, server->command);
}

/* Return: whether the guest stays one. */
static bool hear_guest(struct server *server, struct guest *guest)
{
	ssize_t n = recv(guest->fd, guest->hello + guest->used, AGENT_HELLO_SIZE - guest->used, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	guest->used += n;
	if (n && guest->used < AGENT_HELLO_SIZE)
		return true;
	if (guest->used == AGENT_HELLO_SIZE &&
	    !memcmp(guest->hello, AGENT_MAGIC, AGENT_MAGIC_SIZE)) {
		if (!agent_key_equal(guest->hello + AGENT_MAGIC_SIZE, server->agent->key))
			session_refuse(guest->fd, "this is not the key of this enclave");
		else if (!start_session(server, guest->fd))
			session_refuse(guest->fd, "too many commands run at the same time");
	}
	return false;
}

static void reap(struct server *server)
{
	struct signalfd_siginfo info;

	while (read(server->signals, &info, sizeof(info)) == sizeof(info))
		;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		server->nr_sessions--;
}

static void serve(struct server *server)
{
	struct pollfd fds[GUESTS_MAX + 2] = {
		{ .fd = server->agent->listener, .events = POLLIN },
		{ .fd = server->signals, .events = POLLIN },
	};
	time_t now;

	for (size_t i = 0; i < server->nr_guests; i++)
		fds[i + 2] = (struct pollfd){ .fd = server->guests[i].fd, .events = POLLIN };
	if (poll(fds, server->nr_guests + 2, server->nr_guests ? 1000 : -1) < 0)
		return;
	now = seconds();
	/* From the last one, because deleting moves those behind. */
	for (size_t i = server->nr_guests; i-- > 0;)
		if ((fds[i + 2].revents && !hear_guest(server, &server->guests[i])) ||
		    now > server->guests[i].until)
			guest_close(server, i);
	if (fds[1].revents)
		reap(server);
	/* After those who wait, so that the owner is heard before it counts as the oldest. */
	if (fds[0].revents)
		accept_guest(server);
}

__attribute__((noreturn))
static void run_agent(struct agent *agent, const struct command *command)
{
	static struct server server;
	sigset_t child;

	prctl(PR_SET_NAME, "ne-emu-agent");
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	server.agent = agent;
	server.command = command;
	server.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (server.signals < 0)
		_exit(1);
	for (;;)
		serve(&server);
}

void agent_start(struct agent *agent, const struct command *command)
{
	pid_t pid;

	if (agent->listener < 0)
		return;
	pid = command->as_aws ? 0 : fork();
	if (!pid && !command->as_aws)
		run_agent(agent, command);
	if (pid < 0)
		printf("init: no agent: %s\n", strerror(errno));
	close(agent->listener);
	explicit_bzero(agent->key, sizeof(agent->key));
}
