// SPDX-License-Identifier: Apache-2.0
/*
 * Runs commands of the parent in a guest.
 *
 * port 5000  the client sends one line of words separated by single blanks; the
 *            command's output comes back, then "status N"
 * port 5001  echo, until the client ends its side
 * port 5002  connections are accepted and kept until the guest ends
 *
 * It is the command of an enclave's init, or PID 1 of another virtual machine. Run as
 * "connect CID PORT COUNT", it makes that many connections (a multiple of 8) and keeps
 * them.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serve.h"

#define PORT_COMMAND	5000
#define PORT_ECHO	5001
#define PORT_KEEP	5002
#define LINE_SIZE	1024
#define MAX_WORDS	64
#define ECHO_SIZE	(64 * 1024)
#define MAX_FILES	8192
#define CONNECTORS	8

/* Read a line into a NULL-terminated list of words. Return: 0 or -1. */
static int read_words(int client, char line[LINE_SIZE], char *words[MAX_WORDS])
{
	size_t used = 0, n = 0;
	char *word;

	while (!used || line[used - 1] != '\n') {
		if (used == LINE_SIZE - 1 || read(client, line + used, 1) != 1)
			return -1;
		used++;
	}
	line[used - 1] = 0;
	while ((word = strsep(&line, " ")) && n < MAX_WORDS - 1)
		words[n++] = word;
	words[n] = NULL;
	return 0;
}

static void run_command(int client)
{
	char line[LINE_SIZE], *words[MAX_WORDS];
	int status = 0;
	pid_t pid;

	if (read_words(client, line, words))
		return;
	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (!pid) {
		dup2(client, 1);
		dup2(client, 2);
		execv(words[0], words);
		perror(words[0]);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	dprintf(client, "status %d\n",
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void echo(int client)
{
	static char buf[ECHO_SIZE];
	ssize_t n, done;

	while ((n = read(client, buf, sizeof(buf))) > 0)
		while (n > 0) {
			done = write(client, buf, n);
			if (done < 0)
				return;
			memmove(buf, buf + done, n - done);
			n -= done;
		}
}

static int connect_once(const struct sockaddr_vm *addr)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)addr, sizeof(*addr))) {
		printf("cannot connect: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}

/* Several processes: while one waits for an answer, others connect. */
static int connect_and_keep(char **arguments)
{
	const struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = strtoul(arguments[0], NULL, 10),
		.svm_port = strtoul(arguments[1], NULL, 10),
	};
	unsigned long count = strtoul(arguments[2], NULL, 10) / CONNECTORS;

	for (int i = 0; i < CONNECTORS; i++) {
		if (fork())
			continue;
		while (count--)
			if (connect_once(&addr))
				_exit(1);
		pause();
	}
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	const struct rlimit files = { .rlim_cur = MAX_FILES, .rlim_max = MAX_FILES };
	struct pollfd fds[3];

	setrlimit(RLIMIT_NOFILE, &files);
	if (argc == 5 && !strcmp(argv[1], "connect"))
		return connect_and_keep(argv + 2);
	if (getpid() == 1) {
		mkdir("/proc", 0555);
		if (mount("proc", "/proc", "proc", 0, NULL))
			return 1;
	}
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	fds[0] = (struct pollfd){ .fd = serve_listen("agent", PORT_COMMAND), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = serve_listen("agent", PORT_ECHO), .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = serve_listen("agent", PORT_KEEP), .events = POLLIN };
	for (;;) {
		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[0].revents)
			serve_in_child(fds[0].fd, run_command);
		if (fds[1].revents)
			serve_in_child(fds[1].fd, echo);
		if (fds[2].revents)
			(void)!accept4(fds[2].fd, NULL, NULL, SOCK_CLOEXEC);
	}
}
