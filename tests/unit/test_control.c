// SPDX-License-Identifier: Apache-2.0
/* The socket of "ne-emu lab": its clients and their credentials. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "attestor_fixture.h"
#include "daemon/control.h"

#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int connect_control(const struct control *control)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, control->path);
	assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	return fd;
}

static void dispatch(struct control *control, struct state *s)
{
	const struct log_root logs = { .fd = -1 };
	const struct control_host host = {
		.attestor = &s->attestor, .logs = &logs, .now = NOW,
	};

	/* Accept, serve, and once more for what that closes. */
	for (int i = 0; i < 3; i++)
		control_dispatch(control, &host);
}

static void test_socket(void **state)
{
	struct state *s = *state;
	struct control control;
	char path[128], text[4096];
	struct stat st;
	int clients[CONTROL_CLIENTS_MAX + 2];
	ssize_t len;
	int fd;

	control_init(&control);
	snprintf(path, sizeof(path), "%s/sock", s->dir.path);
	assert_int_equal(control_open(&control, path, "no-such-group"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	fd = connect_control(&control);
	dispatch(&control, s);
	assert_int_equal(send(fd, "{\"command\":\"status\"}", 20, 0), 20);
	dispatch(&control, s);
	len = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(len > 0);
	text[len] = 0;
	assert_non_null(strstr(text, "root_sha256"));
	assert_int_equal(recv(fd, text, sizeof(text), 0), 0);
	close(fd);
	assert_int_equal(control.nr_clients, 0);

	/* Silent clients do not keep others out. */
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = connect_control(&control);
		dispatch(&control, s);
	}
	assert_int_equal(control.nr_clients, CONTROL_CLIENTS_MAX);
	assert_int_equal(recv(clients[0], text, sizeof(text), 0), 0);
	fd = clients[ARRAY_SIZE(clients) - 1];
	assert_int_equal(send(fd, "{}", 2, 0), 2);
	dispatch(&control, s);
	assert_true(recv(fd, text, sizeof(text), 0) > 0);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	dispatch(&control, s);
	control_exit(&control);
	assert_int_equal(stat(path, &st), -1);
}

/* Add a client as if @uid had connected. */
static int put_client(struct control *control, uid_t uid)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	control->clients[control->nr_clients++] = (struct control_client){
		.fd = fds[0], .uid = uid,
	};
	return fds[1];
}

static bool is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* A client of the user with the most clients makes room. */
static void test_socket_is_shared(void **state)
{
	struct state *s = *state;
	struct control control;
	int alice, bob[CONTROL_CLIENTS_MAX - 1], mine;
	char path[128];

	control_init(&control);
	snprintf(path, sizeof(path), "%s/sock", s->dir.path);
	assert_int_equal(control_open(&control, path, "no-such-group"), 0);
	alice = put_client(&control, ALICE);	/* waits longest */
	for (size_t i = 0; i < ARRAY_SIZE(bob); i++)
		bob[i] = put_client(&control, BOB);
	mine = connect_control(&control);
	dispatch(&control, s);
	assert_false(is_closed(alice));
	assert_true(is_closed(bob[0]));
	assert_false(is_closed(bob[1]));
	assert_false(is_closed(mine));
	assert_int_equal(control.nr_clients, CONTROL_CLIENTS_MAX);
	control_exit(&control);
	for (size_t i = 0; i < ARRAY_SIZE(bob); i++)
		close(bob[i]);
	close(alice);
	close(mine);
}

/* Credentials of a client process. */
struct who {
	uid_t uid;
	gid_t gid;
	gid_t groups[2];
	size_t nr_groups;
};

/* Return: its exit status: 0 - it got an answer, 1 - it did not, 2 - the test is broken */
static int run_client(const struct control *control, const struct who *who)
{
	char answer[4096];
	int fd;

	if (setgroups(who->nr_groups, who->groups) || setresgid(who->gid, who->gid, who->gid) ||
	    setresuid(who->uid, who->uid, who->uid))
		return 2;
	fd = connect_control(control);
	if (fcntl(fd, F_SETFL, 0) < 0)
		return 2;
	(void)send(fd, LAB_SHOW("next"), strlen(LAB_SHOW("next")), MSG_NOSIGNAL);
	return recv(fd, answer, sizeof(answer), 0) > 0 ? 0 : 1;
}

static int client_status(struct control *control, struct state *s, const struct who *who)
{
	pid_t pid = fork(), ended;
	int status;

	assert_return_code(pid, errno);
	if (!pid)
		_exit(run_client(control, who));
	while (!(ended = waitpid(pid, &status, WNOHANG)))
		dispatch(control, s);
	assert_int_equal(ended, pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The mode of the socket allows all users, so that the check of credentials decides. */
static void test_foreign_peers(void **state)
{
	const struct group *group = getgrnam("daemon");
	struct state *s = *state;
	struct control control;
	char path[128];

	if (geteuid())
		skip();		/* only root can change its user */
	assert_non_null(group);
	{
		const gid_t ne = group->gr_gid, other = ne + 4000;
		const struct who root = { 0, 0, { 0 }, 0 };
		const struct who member = { ALICE, ALICE, { other, ne }, 2 };
		const struct who primary = { ALICE, ne, { other }, 1 };
		const struct who stranger = { ALICE, ALICE, { other, other + 1 }, 2 };
		const struct who alone = { ALICE, ALICE, { 0 }, 0 };

		control_init(&control);
		snprintf(path, sizeof(path), "%s/sock", s->dir.path);
		assert_return_code(chmod(s->dir.path, 0755), errno);
		assert_int_equal(control_open(&control, path, "daemon"), 0);
		assert_return_code(chmod(path, 0666), errno);
		assert_int_equal(client_status(&control, s, &root), 0);
		assert_int_equal(client_status(&control, s, &member), 0);
		assert_int_equal(client_status(&control, s, &primary), 0);
		assert_int_equal(client_status(&control, s, &stranger), 1);
		assert_int_equal(client_status(&control, s, &alone), 1);
		control_exit(&control);

		/* Without such a group, only root may connect. */
		assert_int_equal(control_open(&control, path, "no-such-group"), 0);
		assert_return_code(chmod(path, 0666), errno);
		assert_int_equal(client_status(&control, s, &root), 0);
		assert_int_equal(client_status(&control, s, &member), 1);
		control_exit(&control);
	}
}

/* A request acts with the rights of the connected user. */
static void test_peer_is_the_owner(void **state)
{
	const struct group *group = getgrnam("daemon");
	struct state *s = *state;
	struct lab_settings next = s->defaults;
	struct control control;
	char path[128];
	int status;
	pid_t pid;

	if (geteuid())
		skip();
	assert_non_null(group);
	control_init(&control);
	snprintf(path, sizeof(path), "%s/sock", s->dir.path);
	assert_return_code(chmod(s->dir.path, 0755), errno);
	assert_int_equal(control_open(&control, path, "daemon"), 0);
	assert_int_equal(attestor_set_next(&s->attestor, ALICE, &next), 0);
	assert_int_equal(attestor_set_next(&s->attestor, BOB, &next), 0);
	pid = fork();
	assert_return_code(pid, errno);
	if (!pid) {
		char answer[4096];
		int fd;

		if (setgroups(0, NULL) || setresgid(group->gr_gid, group->gr_gid, group->gr_gid) ||
		    setresuid(BOB, BOB, BOB))
			_exit(2);
		fd = connect_control(&control);
		(void)fcntl(fd, F_SETFL, 0);
		(void)send(fd, LAB_RESET("next"), strlen(LAB_RESET("next")), MSG_NOSIGNAL);
		_exit(recv(fd, answer, sizeof(answer), 0) > 0 ? 0 : 1);
	}
	while (!waitpid(pid, &status, WNOHANG))
		dispatch(&control, s);
	assert_int_equal(status, 0);
	assert_int_equal(s->attestor.nr_next, 1);
	assert_ptr_not_equal(attestor_next(&s->attestor, ALICE), &s->attestor.defaults);
	assert_ptr_equal(attestor_next(&s->attestor, BOB), &s->attestor.defaults);
	control_exit(&control);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_socket),
		TEST(test_socket_is_shared),
		TEST(test_foreign_peers),
		TEST(test_peer_is_the_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
