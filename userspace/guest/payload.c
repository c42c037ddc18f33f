// SPDX-License-Identifier: Apache-2.0
/*
 * Command of the sample image: prints what the enclave sees of its machine and
 * then serves vsock.
 *
 * port 5005  echo; any number of connections
 * port 5006  relay: the client sends "PORT\n"; this side connects to that port
 *            of the parent, sends it "hello from enclave CID n\n" and passes
 *            bytes both ways until both sides have ended
 * port 5007  control: one line, answered with "ok\n" before it is carried out:
 *            reboot, poweroff, panic, triplefault, exit N, flood KIB; others
 *            are answered with what they find out: nsm-limits, hwrng KIB
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
#include <unistd.h>

#include <linux/nitro_enclaves_emu.h>
#include <linux/vm_sockets.h>

#define PORT_ECHO	5005
#define PORT_RELAY	5006
#define PORT_CONTROL	5007

#define BUFFER_SIZE	(256 * 1024)
#define LINE_SIZE	64
#define RANDOM_SIZE	64

/* How long a client may take to send its line, seconds. */
#define LINE_TIMEOUT	5

/* How long to wait for a client that leaves its connection open, seconds. */
#define ANSWER_TIMEOUT	1

/* <linux/nsm.h> is younger than the headers this is built with. */
struct nsm_raw {
	struct {
		uint64_t addr;
		uint64_t len;
	} request, response;
};

#define NSM_IOCTL_RAW		_IOWR(0x0A, 0x0, struct nsm_raw)
#define NSM_IOCTL_UNKNOWN	_IOWR(0x0A, 0x1, struct nsm_raw)
#define NSM_REQUEST_SIZE	4096
#define NSM_RESPONSE_SIZE	12288

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

/* @request is one CBOR text string. Returns the size of the response or -1. */
static ssize_t nsm_call(int fd, const char *request, unsigned char *response)
{
	unsigned char text[LINE_SIZE];
	struct nsm_raw raw = {};
	size_t len = strlen(request);

	text[0] = 0x60 | len;		/* below 24: the length is in the type byte */
	memcpy(text + 1, request, len);
	raw.request.addr = (uintptr_t)text;
	raw.request.len = 1 + len;
	raw.response.addr = (uintptr_t)response;
	raw.response.len = NSM_RESPONSE_SIZE;
	if (ioctl(fd, NSM_IOCTL_RAW, &raw)) {
		printf("payload: nsm %s: %s\n", request, strerror(errno));
		return -1;
	}
	return raw.response.len;
}

/* The CBOR text string behind @key, cut to its place in the response. */
static void print_module_id(const unsigned char *response, size_t size)
{
	static const char key[] = "module_id";
	const unsigned char *at = memmem(response, size, key, strlen(key));
	const unsigned char *end = response + size;
	size_t len;

	if (!at || end - at < (ptrdiff_t)strlen(key) + 2) {
		printf("payload: nsm DescribeNSM: no module_id\n");
		return;
	}
	at += strlen(key);
	len = *at & 0x1f;
	at++;
	if (len == 24)			/* one more byte holds the length */
		len = *at++;
	if (len > (size_t)(end - at))
		len = end - at;
	printf("payload: nsm module_id %.*s\n", (int)len, (const char *)at);
}

static void print_nsm(void)
{
	static unsigned char response[NSM_RESPONSE_SIZE];
	int fd = open("/dev/nsm", O_RDWR | O_CLOEXEC);
	ssize_t n;

	if (fd < 0) {
		printf("payload: nsm: %s\n", strerror(errno));
		return;
	}
	n = nsm_call(fd, "GetRandom", response);
	if (n >= 0)
		printf("payload: nsm GetRandom %zd bytes\n", n);
	n = nsm_call(fd, "DescribeNSM", response);
	if (n >= 0)
		print_module_id(response, n);
	close(fd);
}

static int listen_on(unsigned int port)
{
	const struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = port,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, SOMAXCONN)) {
		printf("payload: cannot listen on port %u: %s\n", port, strerror(errno));
		exit(1);
	}
	return fd;
}

/* Pass what there is to read; at the end close the other side's way in. */
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

/* For reads; 0: for ever. */
static void set_timeout(int fd, time_t seconds)
{
	const struct timeval timeout = { .tv_sec = seconds };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

/* One line of at most LINE_SIZE - 1 characters, without its newline. */
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
				fds[i].fd = -1;	/* this way has ended */
				open_ways--;
			}
		}
	}
}

/* Connections are served by children; they end with this program. */
static void serve_in_child(int listener, void (*serve)(int client))
{
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (client < 0)
		return;
	if (!fork()) {
		serve(client);
		_exit(0);
	}
	close(client);
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

/* By the magic key, or by asking our PID 1 to end. */
static void do_panic(unsigned long unused)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	(void)unused;
	if (fd >= 0)
		(void)write_all(fd, "c", 1);
	(void)kill(1, SIGUSR1);
}

/* x86 kernels know a restart by triple fault. */
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

/* The errno of one ioctl of /dev/nsm with a request of this size. */
static int nsm_errno(int fd, unsigned long command, size_t size)
{
	static unsigned char request[NSM_REQUEST_SIZE + 1], response[NSM_RESPONSE_SIZE];
	struct nsm_raw raw = {
		.request = { (uintptr_t)request, size },
		.response = { (uintptr_t)response, sizeof(response) },
	};

	return ioctl(fd, command, &raw) ? errno : 0;
}

/* How the driver judges sizes and commands: three errnos. */
static void query_nsm_limits(int client, unsigned long unused)
{
	int fd = open("/dev/nsm", O_RDWR | O_CLOEXEC);
	char text[LINE_SIZE];

	(void)unused;
	snprintf(text, sizeof(text), "%d %d %d\n",
		 nsm_errno(fd, NSM_IOCTL_RAW, NSM_REQUEST_SIZE),
		 nsm_errno(fd, NSM_IOCTL_RAW, NSM_REQUEST_SIZE + 1),
		 nsm_errno(fd, NSM_IOCTL_UNKNOWN, 1));
	close(fd);
	(void)write_all(client, text, strlen(text));
}

/* So many KiB of the random number generator, cut off where a read fails. */
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
};

/* Answer and wait until the client has read it: this machine may end next. */
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
	struct pollfd fds[3];

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	print_machine();
	print_hwrng();
	print_nsm();
	fds[0] = (struct pollfd){ .fd = listen_on(PORT_ECHO), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = listen_on(PORT_RELAY), .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = listen_on(PORT_CONTROL), .events = POLLIN };
	printf("payload: ready\n");
	for (;;) {
		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[0].revents)
			serve_in_child(fds[0].fd, serve_echo);
		if (fds[1].revents)
			serve_in_child(fds[1].fd, serve_relay);
		if (fds[2].revents)
			serve_control(fds[2].fd);
	}
}
