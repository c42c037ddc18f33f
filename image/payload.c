// SPDX-License-Identifier: Apache-2.0
/*
 * Command of the sample image: prints what the enclave can find out about its machine,
 * and then serves vsock.
 *
 * port 5005  echo; any number of connections
 * port 5006  relay: the client sends "PORT\n"; this side connects to that port
 *            of the parent, sends it "hello from enclave CID n\n" and passes
 *            bytes both ways until both sides have ended
 * port 5007  control: one line. Commands that get the answer "ok\n" and are carried
 *            out once the client, having read it, has shut down its side: reboot,
 *            poweroff, panic, triplefault, exit N, flood KIB. Commands that get
 *            their result as the answer: nsm-limits, hwrng KIB, time
 * port 5008  the client sends a request for /dev/nsm and shuts down its side; it
 *            gets the response, or nothing if the device refuses the request
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <linux/nitro_enclaves_emu.h>
#include <linux/vm_sockets.h>

#include "nsm_device.h"
#include "serve.h"

#define PORT_ECHO	5005
#define PORT_RELAY	5006
#define PORT_CONTROL	5007
#define PORT_NSM	5008

#define BUFFER_SIZE	(256 * 1024)
#define LINE_SIZE	64
#define RANDOM_SIZE	64

/* How long a client may take to send its line, seconds. */
#define LINE_TIMEOUT	5

/* How long to wait for a client that leaves its connection open, seconds. */
#define ANSWER_TIMEOUT	1

static int write_all(int fd, const void *data, size_t size)
{
	const char *from = data;

	while (size) {
		ssize_t n = write(fd, from, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		from += n;
		size -= n;
	}
	return 0;
}

static uint32_t local_cid(void)
{
	int fd = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
	uint32_t cid = VMADDR_CID_ANY;

	if (fd < 0 || ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid))
		printf("payload: no vsock: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
	return cid;
}

static void print_machine(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	struct utsname uts;

	if (!uname(&uts))
		printf("payload: kernel %s %s\n", uts.release, uts.machine);
	printf("payload: vcpus %ld\n", sysconf(_SC_NPROCESSORS_ONLN));
	printf("payload: memory %ld MiB\n", pages / 1024 * (sysconf(_SC_PAGESIZE) / 1024));
	printf("payload: cid %u\n", local_cid());
}

static int read_random(unsigned char *to)
{
	int fd = open("/dev/hwrng", O_RDONLY | O_CLOEXEC);
	ssize_t n, done = 0;

	if (fd < 0)
		return -1;
	do {
		n = read(fd, to + done, RANDOM_SIZE - done);
		done += n > 0 ? n : 0;
	} while (n > 0 && done < RANDOM_SIZE);
	close(fd);
	return n > 0 ? 0 : -1;
}

static void print_hwrng(void)
{
	unsigned char first[RANDOM_SIZE], second[RANDOM_SIZE];

	if (read_random(first) || read_random(second)) {
		printf("payload: hwrng: %s\n", strerror(errno));
		return;
	}
	printf("payload: hwrng 2 x %d bytes, %s\n", RANDOM_SIZE,
	       memcmp(first, second, RANDOM_SIZE) ? "different" : "EQUAL");
}

/* CBOR text strings, and the request for a document without optional fields. */
#define REQUEST_GET_RANDOM	"\x69" "GetRandom"
#define REQUEST_DESCRIBE_NSM	"\x6b" "DescribeNSM"
#define REQUEST_ATTESTATION	"\xa1\x6b" "Attestation" "\xa0"

static void print_nsm_answer(int fd, const char *name, const char *request)
{
	static unsigned char response[NSM_RESPONSE_SIZE];
	ssize_t n = nsm_call(fd, request, strlen(request), response);
	const char *text;
	int len;

	if (n < 0) {
		printf("payload: nsm %s: %s\n", name, strerror(errno));
		return;
	}
	printf("payload: nsm %s %zd bytes\n", name, n);
	text = nsm_find_text(response, n, "\x69" "module_id", &len);
	/* Only here: an attestation document also contains a module id. */
	if (text && !strcmp(request, REQUEST_DESCRIBE_NSM))
		printf("payload: nsm module_id %.*s\n", len, text);
	text = n < LINE_SIZE ? nsm_find_text(response, n, "\xa1\x65" "Error", &len) : NULL;
	if (text)
		printf("payload: nsm %s: error %.*s\n", name, len, text);
}

static void print_nsm(void)
{
	int fd = nsm_open();

	if (fd < 0) {
		printf("payload: nsm: %s\n", strerror(errno));
		return;
	}
	print_nsm_answer(fd, "GetRandom", REQUEST_GET_RANDOM);
	print_nsm_answer(fd, "DescribeNSM", REQUEST_DESCRIBE_NSM);
	print_nsm_answer(fd, "Attestation", REQUEST_ATTESTATION);
	close(fd);
}

/* Copy what is available; at end of file, shut down writing to the other side. */
static int pass(int from, int to, char *buf)
{
	ssize_t n = read(from, buf, BUFFER_SIZE);

	if (n < 0)
		return errno == EINTR ? 1 : -1;
	if (n == 0) {
		(void)shutdown(to, SHUT_WR);
		return 0;
	}
	return write_all(to, buf, n) ? -1 : 1;
}

/* Set the timeout of reads; 0 for none. */
static void set_timeout(int fd, time_t seconds)
{
	const struct timeval timeout = { .tv_sec = seconds };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

/* Read a line of at most LINE_SIZE - 1 characters, without its newline. */
static int read_line(int fd, char *line)
{
	size_t len = 0;

	set_timeout(fd, LINE_TIMEOUT);
	while (len < LINE_SIZE - 1) {
		if (read(fd, line + len, 1) != 1)
			return -1;
		if (line[len] == '\n') {
			line[len] = 0;
			set_timeout(fd, 0);
			return 0;
		}
		len++;
	}
	return -1;
}

static void serve_echo(int client)
{
	char *buf = malloc(BUFFER_SIZE);

	while (buf && pass(client, client, buf) > 0)
		;
}

static int connect_parent(unsigned int port)
{
	const struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = NE_EMU_CID_PARENT,
		.svm_port = port,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !connect(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	printf("payload: cannot connect to CID 3 port %u: %s\n", port, strerror(errno));
	return -1;
}

static void serve_relay(int client)
{
	struct pollfd fds[2] = { { .fd = client, .events = POLLIN } };
	char *buf = malloc(BUFFER_SIZE);
	int peers[2] = { client, -1 };
	char line[LINE_SIZE];
	int open_ways = 2;

	if (!buf || read_line(client, line))
		return;
	peers[1] = connect_parent(strtoul(line, NULL, 10));
	if (peers[1] < 0)
		return;
	snprintf(line, sizeof(line), "hello from enclave CID %u\n", local_cid());
	if (write_all(peers[1], line, strlen(line)))
		return;
	fds[1] = (struct pollfd){ .fd = peers[1], .events = POLLIN };
	while (open_ways) {
		if (poll(fds, 2, -1) < 0)
			return;
		for (int i = 0; i < 2; i++) {
			int r = 1;

			if (fds[i].revents)
				r = pass(peers[i], peers[!i], buf);
			if (r < 0)
				return;
			if (r == 0) {
				fds[i].fd = -1;	/* this direction has ended */
				open_ways--;
			}
		}
	}
}

/* Read what the client sends, up to one byte more than the device accepts. */
static ssize_t read_request(int client, unsigned char *request)
{
	size_t used = 0;
	ssize_t n = 0;

	set_timeout(client, LINE_TIMEOUT);
	while (used <= NSM_REQUEST_SIZE) {
		n = read(client, request + used, NSM_REQUEST_SIZE + 1 - used);
		if (n <= 0)
			break;
		used += n;
	}
	return n < 0 ? -1 : (ssize_t)used;
}

static void serve_nsm(int client)
{
	unsigned char request[NSM_REQUEST_SIZE + 1], response[NSM_RESPONSE_SIZE];
	int fd = nsm_open();
	ssize_t n = read_request(client, request);

	if (n >= 0)
		n = nsm_call(fd, request, n, response);
	if (n < 0)
		printf("payload: nsm: %s\n", strerror(errno));
	else
		(void)write_all(client, response, n);
}

static void do_flood(unsigned long kib)
{
	static const char line[] =
		"flood 0123456789abcdefghijklmnopqrstuvwxyz +-*/ 64 bytes a line\n";

	_Static_assert(sizeof(line) - 1 == 64, "16 lines make 1 KiB");
	if (fork())
		return;
	for (unsigned long i = 0; i < kib * 16; i++)
		if (write_all(STDOUT_FILENO, line, sizeof(line) - 1))
			break;
	_exit(0);
}

static void do_reboot(unsigned long unused)
{
	(void)unused;
	reboot(RB_AUTOBOOT);
}

static void do_poweroff(unsigned long unused)
{
	(void)unused;
	reboot(RB_POWER_OFF);
}

/* By the SysRq trigger or, failing that, by ending PID 1. */
static void do_panic(unsigned long unused)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	(void)unused;
	if (fd >= 0)
		(void)write_all(fd, "c", 1);
	(void)kill(1, SIGUSR1);
}

/* An x86 kernel can be set to restart by triple fault. */
static void do_triple_fault(unsigned long unused)
{
	int fd = open("/sys/kernel/reboot/type", O_WRONLY | O_CLOEXEC);

	(void)unused;
	if (fd < 0 || write_all(fd, "triple", 6)) {
		printf("payload: triplefault: %s\n", strerror(errno));
		return;
	}
	reboot(RB_AUTOBOOT);
}

static void do_exit(unsigned long status)
{
	exit(status);
}

/* Return: the errno of one ioctl of /dev/nsm with a request of this size. */
static int nsm_errno(int fd, unsigned long command, size_t size)
{
	static unsigned char request[NSM_REQUEST_SIZE + 1], response[NSM_RESPONSE_SIZE];
	struct nsm_raw raw = {
		.request = { (uintptr_t)request, size },
		.response = { (uintptr_t)response, sizeof(response) },
	};

	return ioctl(fd, command, &raw) ? errno : 0;
}

/* Answer with three errnos: for the largest request, a larger one, an unknown command. */
static void query_nsm_limits(int client, unsigned long unused)
{
	int fd = nsm_open();
	char text[LINE_SIZE];

	(void)unused;
	snprintf(text, sizeof(text), "%d %d %d\n",
		 nsm_errno(fd, NSM_IOCTL_RAW, NSM_REQUEST_SIZE),
		 nsm_errno(fd, NSM_IOCTL_RAW, NSM_REQUEST_SIZE + 1),
		 nsm_errno(fd, NSM_IOCTL_UNKNOWN, 1));
	close(fd);
	(void)write_all(client, text, strlen(text));
}

/* Answer with @kib KiB of the random number generator, cut off where a read fails. */
static void query_hwrng(int client, unsigned long kib)
{
	int fd = open("/dev/hwrng", O_RDONLY | O_CLOEXEC);
	size_t left = kib * 1024;
	char buf[1024];

	while (fd >= 0 && left) {
		ssize_t n = read(fd, buf, left < sizeof(buf) ? left : sizeof(buf));

		if (n <= 0 || write_all(client, buf, n))
			break;
		left -= n;
	}
	close(fd);
}

static void query_time(int client, unsigned long unused)
{
	char text[32];

	(void)unused;
	(void)snprintf(text, sizeof(text), "%lld\n", (long long)time(NULL));
	(void)write_all(client, text, strlen(text));
}

static const struct {
	const char *name;
	void (*run)(unsigned long arg);
	void (*query)(int client, unsigned long arg);
} controls[] = {
	{ "reboot", do_reboot, NULL },
	{ "poweroff", do_poweroff, NULL },
	{ "panic", do_panic, NULL },
	{ "triplefault", do_triple_fault, NULL },
	{ "exit", do_exit, NULL },
	{ "flood", do_flood, NULL },
	{ "nsm-limits", NULL, query_nsm_limits },
	{ "hwrng", NULL, query_hwrng },
	{ "time", NULL, query_time },
};

/* Answer, and wait until the client has read it and closes: this machine may end next. */
static void answer(int client, const char *text)
{
	char byte;

	(void)write_all(client, text, strlen(text));
	(void)shutdown(client, SHUT_WR);
	set_timeout(client, ANSWER_TIMEOUT);
	while (read(client, &byte, 1) > 0)
		;
	close(client);
}

static void serve_control(int listener)
{
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	char line[LINE_SIZE], *arg = line;
	unsigned long number;
	const char *name;

	if (client < 0)
		return;
	if (read_line(client, line))
		line[0] = 0;
	name = strsep(&arg, " ");
	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
		if (strcmp(name, controls[i].name))
			continue;
		number = arg ? strtoul(arg, NULL, 10) : 0;
		if (controls[i].query)
			controls[i].query(client, number);
		answer(client, controls[i].query ? "" : "ok\n");
		printf("payload: control: %s\n", name);
		if (controls[i].run)
			controls[i].run(number);
		return;
	}
	answer(client, "unknown\n");
}

int main(void)
{
	struct pollfd fds[4];

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Children that serve connections end with this program. */
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	print_machine();
	print_hwrng();
	print_nsm();
	fds[0] = (struct pollfd){ .fd = serve_listen("payload", PORT_ECHO), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = serve_listen("payload", PORT_RELAY), .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = serve_listen("payload", PORT_CONTROL), .events = POLLIN };
	fds[3] = (struct pollfd){ .fd = serve_listen("payload", PORT_NSM), .events = POLLIN };
	printf("payload: ready\n");
	for (;;) {
		if (poll(fds, 4, -1) < 0)
			continue;
		if (fds[0].revents)
			serve_in_child(fds[0].fd, serve_echo);
		if (fds[1].revents)
			serve_in_child(fds[1].fd, serve_relay);
		if (fds[2].revents)
			serve_control(fds[2].fd);
		if (fds[3].revents)
			serve_in_child(fds[3].fd, serve_nsm);
	}
}
