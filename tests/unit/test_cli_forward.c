// SPDX-License-Identifier: Apache-2.0
/* Forwarding connections; socket pairs stand in for vsock connections to an enclave. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/enclave/forward.h"
#include "common/util.h"
#include "temp_dir.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

int __real_socket(int domain, int type, int protocol);
int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);

/* The enclave's ends of all connections, and how the next ones end. */
static int enclave_ends[FORWARD_CONNS_MAX + 8];
static size_t nr_ends;
static int connect_errno;

int __wrap_socket(int domain, int type, int protocol)
{
	int fds[2];

	if (domain != AF_VSOCK)
		return __real_socket(domain, type, protocol);
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds), 0);
	assert_true(nr_ends < ARRAY_SIZE(enclave_ends));
	enclave_ends[nr_ends++] = fds[1];
	return fds[0];
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	if (address->sa_family != AF_VSOCK)
		return __real_connect(fd, address, len);
	errno = connect_errno;
	return errno ? -1 : 0;
}

static struct forward forward;
static struct temp_dir dir;
static char path[sizeof(dir.path) + 2];
static uint32_t refused_port;
static int refused_err;

static void note_refused(void *arg, uint32_t port, int err)
{
	assert_ptr_equal(arg, &forward);
	refused_port = port;
	refused_err = err;
}

static int setup(void **state)
{
	const struct forward_listener *listener;
	struct forward_pair pair;
	struct error error;
	char text[sizeof(path) + 16];

	temp_dir_create(&dir);
	snprintf(path, sizeof(path), "%s/s", dir.path);
	snprintf(text, sizeof(text), "%s:5000", path);
	connect_errno = 0;
	assert_int_equal(forward_init(&forward, 16), 0);
	forward.refused = note_refused;
	forward.refused_arg = &forward;
	assert_int_equal(forward_parse(text, &pair, &error), 0);
	assert_int_equal(forward_listen(&forward, &pair, &listener, &error), 0);
	assert_string_equal(listener->text, path);
	return 0;
}

static int teardown(void **state)
{
	forward_exit(&forward);
	assert_int_equal(access(path, F_OK), -1);	/* the socket is removed */
	while (nr_ends)
		fd_close(&enclave_ends[--nr_ends]);
	temp_dir_remove(&dir);
	return 0;
}

static int open_client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void work(void)
{
	for (int i = 0; i < 100; i++)
		assert_int_equal(forward_dispatch(&forward), 0);
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	work();
}

static void expect(int fd, const char *text)
{
	char buf[64] = "";

	assert_int_equal(read(fd, buf, sizeof(buf) - 1), strlen(text));
	assert_string_equal(buf, text);
}

static void test_half_close(void **state)
{
	int client = open_client();

	work();
	put(client, "question");
	expect(enclave_ends[0], "question");
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	work();
	expect(enclave_ends[0], "");
	put(enclave_ends[0], "answer");
	expect(client, "answer");
	assert_int_equal(forward.nr_conns, 1);
	fd_close(&enclave_ends[0]);
	work();
	expect(client, "");
	assert_int_equal(forward.nr_conns, 0);
	fd_close(&client);
}

/* The data that was sent before the end arrives. */
static void test_data_then_end(void **state)
{
	int client = open_client();

	assert_int_equal(write(client, "last words", 10), 10);
	fd_close(&client);
	work();
	expect(enclave_ends[0], "last words");
	expect(enclave_ends[0], "");
}

/* @fd takes no more; Return: bytes that it took. */
static size_t fill(int fd)
{
	static const char zeros[4096];
	size_t total = 0;
	int idle = 0;

	while (idle < 3) {
		ssize_t n = write(fd, zeros, sizeof(zeros));

		if (n > 0)
			total += n;
		idle = n > 0 ? 0 : idle + 1;
		work();
	}
	return total;
}

static void test_slow_peer(void **state)
{
	int slow = open_client(), quick;
	size_t total, got = 0;
	char buf[65536];
	ssize_t n;

	work();
	total = fill(slow);
	assert_true(total < 4 * MIB);	/* two socket buffers and ours */
	quick = open_client();
	work();
	put(quick, "hello");
	expect(enclave_ends[1], "hello");
	put(enclave_ends[1], "there");
	expect(quick, "there");
	while ((n = read(enclave_ends[0], buf, sizeof(buf))) > 0) {
		got += n;
		work();
	}
	assert_int_equal(got, total);
	fd_close(&slow);
	fd_close(&quick);
}

static void test_limit(void **state)
{
	int clients[FORWARD_CONNS_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = open_client();
		work();
	}
	assert_int_equal(forward.nr_conns, FORWARD_CONNS_MAX);
	fd_close(&clients[7]);
	fd_close(&enclave_ends[7]);
	work();
	assert_int_equal(forward.nr_conns, FORWARD_CONNS_MAX);
	put(clients[FORWARD_CONNS_MAX], "at last");
	expect(enclave_ends[FORWARD_CONNS_MAX], "at last");
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		fd_close(&clients[i]);
}

static void test_refused(void **state)
{
	int client;

	connect_errno = ECONNRESET;
	client = open_client();
	work();
	assert_int_equal(refused_port, 5000);
	assert_int_equal(refused_err, -ECONNRESET);
	expect(client, "");
	assert_int_equal(forward.nr_conns, 0);
	fd_close(&client);
}

static void test_path_exists(void **state)
{
	const struct forward_listener *listener;
	struct error error;

	assert_int_equal(forward_listen(&forward, &forward.listeners[0].pair, &listener, &error),
			 -EADDRINUSE);
	assert_non_null(strstr(error.text, "remove the file"));
}

static void test_chosen_port(void **state)
{
	const struct forward_listener *listener;
	struct forward_pair pair;
	struct error error;

	assert_int_equal(forward_parse("0:5000", &pair, &error), 0);
	assert_int_equal(forward_listen(&forward, &pair, &listener, &error), 0);
	assert_memory_equal(listener->text, "127.0.0.1:", 10);
	assert_true(strtoul(listener->text + 10, NULL, 10) > 0);
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int family;
		const char *address;
		uint16_t port;
		uint32_t to;
	} good[] = {
		{ "8080:5000", AF_INET, "127.0.0.1", 8080, 5000 },
		{ "0:4294967294", AF_INET, "127.0.0.1", 0, 4294967294 },
		{ "0.0.0.0:80:1", AF_INET, "0.0.0.0", 80, 1 },
		{ "localhost:80:1", AF_INET, "127.0.0.1", 80, 1 },
		{ "[::1]:80:1", AF_INET6, "::1", 80, 1 },
	};
	static const char *const bad[] = {
		"", ":", "8080", "8080:", ":5000", "65536:1", "8080:4294967295", "8080:-1",
		"host:80:1", "::1:80:1", "[::1:80:1", "[]:80:1", "[::1]80:1", "80:x:1", "1:2:3:4",
		" 80:1", "80:1 ", "1.2.3.4.5:80:1",
	};
	struct forward_pair pair;
	struct error error;
	char text[INET6_ADDRSTRLEN], longer[200];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const struct sockaddr_in6 *in6 = (const void *)&pair.address;
		const struct sockaddr_in *in = (const void *)&pair.address;
		bool six = good[i].family == AF_INET6;

		assert_int_equal(forward_parse(good[i].text, &pair, &error), 0);
		assert_int_equal(pair.address.ss_family, good[i].family);
		assert_non_null(inet_ntop(good[i].family, six ? (const void *)&in6->sin6_addr :
					  &in->sin_addr, text, sizeof(text)));
		assert_string_equal(text, good[i].address);
		assert_int_equal(ntohs(six ? in6->sin6_port : in->sin_port), good[i].port);
		assert_int_equal(pair.port, good[i].to);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		*error.text = 0;
		assert_int_equal(forward_parse(bad[i], &pair, &error), -EINVAL);
		assert_int_not_equal(*error.text, 0);
	}
	memset(longer, 'a', sizeof(longer));
	memcpy(longer + sizeof(longer) - 3, ":1", 3);
	assert_int_equal(forward_parse(longer, &pair, &error), -EINVAL);
	*longer = '/';
	assert_int_equal(forward_parse(longer, &pair, &error), -EINVAL);
	assert_int_equal(forward_parse("./s:7", &pair, &error), 0);
	assert_string_equal(((const struct sockaddr_un *)&pair.address)->sun_path, "./s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_half_close, setup, teardown),
		cmocka_unit_test_setup_teardown(test_data_then_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_peer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_exists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chosen_port, setup, teardown),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests_name("cli_forward", tests, NULL, NULL);
}
