// SPDX-License-Identifier: Apache-2.0
/*
 * A: who may accept start requests, stop enclaves and get information about them; how many
 * a user may have, and at which CIDs. The test is the supervisor.
 */

#include "ne_fixture.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWNER		1000
#define OTHER		1001
/* What the kernel shows for an id without a mapping in the user namespace. */
#define UNMAPPED	65534
#define SUBORDINATE	100000

#define MAX_ENCLAVES	64
#define MAX_PER_USER	16
#define PARAMETER(name)	"/sys/module/nitro_enclaves_emu/parameters/" name

#define CAP(name)	(1ULL << (name))
#define ALL_CAPS	UINT64_MAX
#define CONTAINER	(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS)

#define SECRET		"the panic of a debug enclave"
#define SECRET_AT	0x10000
#define LEAST_CID	1000
#define NO_EVENT_MS	200
#define RACE_MS		2000

/**
 * struct person - credentials and namespaces of a child process
 * @namespaces: CLONE_NEW*, entered before the process drops its other rights
 * @user_namespaces: CLONE_NEW* with CLONE_NEWUSER, entered afterwards, which gives it all
 *	capabilities inside
 */
struct person {
	const char *name;
	uid_t uid;
	uint64_t caps;
	int namespaces;
	int user_namespaces;
};

static const struct person host_admin = { "root", 0, ALL_CAPS };
static const struct person other_admin = { "CAP_SYS_ADMIN", OTHER, CAP(CAP_SYS_ADMIN) };
static const struct person owner = { "owner", OWNER };
static const struct person other = { "other", OTHER };

/* None of these may do anything with the enclaves of other users. */
static const struct person strangers[] = {
	{ "other", OTHER },
	{ "CAP_NET_ADMIN", OTHER, CAP(CAP_NET_ADMIN) },
	{ "all but CAP_SYS_ADMIN", OTHER, ALL_CAPS & ~CAP(CAP_SYS_ADMIN) },
	{ "container with CAP_NET_ADMIN", OTHER, CAP(CAP_NET_ADMIN), CONTAINER },
	{ "container with all capabilities", OTHER, ALL_CAPS, CONTAINER },
	{ "root of a container", 0, ALL_CAPS, CONTAINER },
	{ "root of a user namespace", OTHER, 0, 0, CLONE_NEWUSER },
	{ "root of user and network namespace", OTHER, 0, 0, CLONE_NEWUSER | CLONE_NEWNET },
};

static void set_caps(struct ne_test *t, uint64_t caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	int i;

	/* No more capabilities than the test has. */
	REQUIRE_EQ(t, syscall(SYS_capget, &header, data), 0);
	for (i = 0; i < 2; i++) {
		data[i].permitted &= caps >> (32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	REQUIRE_EQ(t, syscall(SYS_capset, &header, data), 0);
}

static void become(struct ne_test *t, const struct person *who)
{
	REQUIRE_EQ(t, unshare(who->namespaces & ~CLONE_NEWPID), 0);
	REQUIRE_EQ(t, setgroups(0, NULL), 0);
	REQUIRE_EQ(t, prctl(PR_SET_KEEPCAPS, 1), 0);
	REQUIRE_EQ(t, setresgid(who->uid, who->uid, who->uid), 0);
	REQUIRE_EQ(t, setresuid(who->uid, who->uid, who->uid), 0);
	set_caps(t, who->caps);
	REQUIRE_EQ(t, unshare(who->user_namespaces), 0);
}

typedef void (*act_fn)(struct ne_test *t, void *arg);

/* Run @act in a child with the credentials of @who, and wait for it. */
static void as(struct ne_test *t, const struct person *who, act_fn act, void *arg)
{
	int failures = t->failures, status = -1;
	pid_t pid;

	if (who->namespaces & CLONE_NEWPID)
		REQUIRE_EQ(t, unshare(CLONE_NEWPID), 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		become(t, who);
		act(t, arg);
		fflush(stdout);
		_exit(0);
	}
	REQUIRE_OK(t, pid);
	REQUIRE_EQ(t, waitpid(pid, &status, 0), pid);
	CHECK_EQ(t, status, 0);
	if (t->failures != failures)
		ne_note("that was \"%s\"", who->name);
}

static struct ne_netlink open_netlink(struct ne_test *t)
{
	struct ne_netlink nl;

	REQUIRE_EQ(t, ne_netlink_open(&nl, NE_EMU_MCGRP_EVENTS), 0);
	return nl;
}

/* A netlink socket opened by @uid, for use by another user later. */
static struct ne_netlink opened_by(struct ne_test *t, uid_t uid)
{
	struct ne_netlink nl;

	REQUIRE_EQ(t, seteuid(uid), 0);
	nl = open_netlink(t);
	REQUIRE_EQ(t, seteuid(0), 0);
	return nl;
}

/* Only the effective ids count. */
static void prepare_as(struct ne_test *t, struct ne_fixture *f, uid_t uid)
{
	struct stat st;

	REQUIRE_EQ(t, stat(NE_DEVICE, &st), 0);
	REQUIRE_EQ(t, setegid(st.st_gid), 0);
	REQUIRE_EQ(t, seteuid(uid), 0);
	ne_fixture_prepare(t, f);
	REQUIRE_EQ(t, seteuid(0), 0);
	REQUIRE_EQ(t, setegid(0), 0);
}

static void run_as(struct ne_test *t, struct ne_fixture *f, uid_t uid)
{
	prepare_as(t, f, uid);
	REQUIRE_EQ(t, ne_netlink_open(&f->nl, NE_EMU_MCGRP_BACKEND), 0);
	ne_fixture_begin(t, f);
	REQUIRE_EQ(t, ne_backend_done(f->info.backend_fd, 0, ""), 0);
	ne_fixture_join(f);
	REQUIRE_EQ(t, f->rc, 0);
}

static void end_with_text(struct ne_test *t, struct ne_fixture *f)
{
	REQUIRE_EQ(t, ne_backend_exit_status(f->info.backend_fd, NE_EMU_EXIT_REASON_GUEST_RESET,
					     NE_EMU_GUEST_STATUS_KNOWN, SECRET), 0);
}

/* Start requests */

static void accept_gets(struct ne_test *t, void *arg)
{
	struct ne_netlink nl = open_netlink(t);
	struct ne_info info;

	CHECK_EQ(t, ne_netlink_accept(&nl, &info), *(int *)arg);
}

static void a01_accept_nothing(struct ne_test *t)
{
	int refused = -EPERM, nothing = -EAGAIN;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(strangers); i++)
		as(t, &strangers[i], accept_gets, &refused);
	as(t, &owner, accept_gets, &refused);
	as(t, &other_admin, accept_gets, &nothing);
	as(t, &host_admin, accept_gets, &nothing);
}

static void a02_accept_waiting(struct ne_test *t)
{
	struct ne_fixture f;
	int refused = -EPERM;
	size_t i;

	prepare_as(t, &f, OWNER);
	strcpy(f.mem + SECRET_AT, SECRET);
	REQUIRE_EQ(t, ne_netlink_open(&f.nl, NE_EMU_MCGRP_BACKEND), 0);
	REQUIRE(t, !pthread_create(&f.thread, NULL, ne_fixture_start, &f));
	/* From then on, the request waits. */
	REQUIRE_EQ(t, ne_netlink_event(&f.nl, NE_EVENT_MS, &(int){ 0 }, &f.info), 0);
	for (i = 0; i < ARRAY_SIZE(strangers); i++)
		as(t, &strangers[i], accept_gets, &refused);
	as(t, &owner, accept_gets, &refused);

	REQUIRE_EQ(t, ne_netlink_accept(&f.nl, &f.info), 0);
	CHECK_EQ(t, f.info.slot_uid, f.uid);
	CHECK_EQ(t, f.info.owner_uid, OWNER);
	CHECK_EQ(t, ne_backend_done(f.info.backend_fd, 0, ""), 0);
	ne_fixture_join(&f);
	CHECK_EQ(t, f.rc, 0);
	CHECK(t, !strcmp(f.mem + SECRET_AT, SECRET));
}

static void group_gets(struct ne_test *t, void *arg)
{
	struct ne_netlink nl;

	CHECK_EQ(t, ne_netlink_open(&nl, NE_EMU_MCGRP_BACKEND), *(int *)arg);
}

static void a03_backend_group(struct ne_test *t)
{
	int refused = -EPERM, joined = 0;

	as(t, &strangers[0], group_gets, &refused);
	as(t, &strangers[1], group_gets, &refused);
	as(t, &strangers[2], group_gets, &refused);
	as(t, &strangers[3], group_gets, &refused);
	as(t, &other_admin, group_gets, &joined);
}

/* Stops */

struct stop {
	uint64_t uid;
	int rc;
};

static void stop_gets(struct ne_test *t, void *arg)
{
	const struct stop *stop = arg;
	struct ne_netlink nl = open_netlink(t);

	CHECK_EQ(t, ne_netlink_stop(&nl, stop->uid), stop->rc);
}

static void a04_stop_by_owner(struct ne_test *t)
{
	const struct person away = { "user id of the owner, container", OWNER, 0, CONTAINER };
	struct ne_fixture f;
	struct stop stop;
	size_t i;

	run_as(t, &f, OWNER);
	stop = (struct stop){ f.uid, -EPERM };
	for (i = 0; i < ARRAY_SIZE(strangers); i++)
		as(t, &strangers[i], stop_gets, &stop);
	as(t, &away, stop_gets, &stop);
	CHECK_EQ(t, ne_wait_hup(f.fd, 0), 0);

	stop.rc = 0;
	as(t, &owner, stop_gets, &stop);
	CHECK(t, ne_wait_hup(f.fd, NE_EVENT_MS));
}

static void a05_stop_by_admin(struct ne_test *t)
{
	struct ne_fixture f;
	struct stop stop;

	run_as(t, &f, OWNER);
	stop = (struct stop){ f.uid, 0 };
	as(t, &other_admin, stop_gets, &stop);
	CHECK(t, ne_wait_hup(f.fd, NE_EVENT_MS));
}

/* A socket passed to a program with the rights of another user, such as su. */
static void a06_socket_of_another(struct ne_test *t)
{
	struct ne_netlink others, owners;
	struct ne_info info;
	struct ne_fixture f;

	run_as(t, &f, OWNER);
	others = opened_by(t, OTHER);
	owners = opened_by(t, OWNER);

	CHECK_ERR(t, ne_netlink_accept(&others, &info), EPERM);
	CHECK_ERR(t, ne_netlink_stop(&others, f.uid), EPERM);
	CHECK_EQ(t, ne_netlink_get(&others, f.uid, &info), 0);
	CHECK(t, !info.has_text);
	CHECK_ERR(t, ne_netlink_accept(&owners, &info), EPERM);

	REQUIRE_EQ(t, seteuid(OWNER), 0);
	CHECK_ERR(t, ne_netlink_stop(&others, f.uid), EPERM);
	REQUIRE_EQ(t, seteuid(0), 0);
	REQUIRE_EQ(t, seteuid(OTHER), 0);
	CHECK_ERR(t, ne_netlink_stop(&owners, f.uid), EPERM);
	REQUIRE_EQ(t, seteuid(0), 0);
	CHECK_EQ(t, ne_wait_hup(f.fd, 0), 0);

	CHECK_EQ(t, ne_netlink_stop(&owners, f.uid), 0);
	CHECK(t, ne_wait_hup(f.fd, NE_EVENT_MS));
}

/* Visible information */

/* @uid: the enclave; the other fields are the expected values. */
struct view {
	uint64_t uid;
	uint32_t owner_pid;
	uint32_t owner_uid;
	bool text;
	bool found;
};

static void check_info(struct ne_test *t, const struct ne_info *info, const struct view *view)
{
	CHECK_EQ(t, info->state, NE_EMU_ENCLAVE_STATE_STOPPED);
	CHECK_EQ(t, info->exit_reason, NE_EMU_EXIT_REASON_GUEST_RESET);
	CHECK(t, info->cid && info->nr_vcpus && info->mem_size);
	CHECK_EQ(t, info->owner_pid, view->owner_pid);
	CHECK_EQ(t, info->owner_uid, view->owner_uid);
	CHECK_EQ(t, info->has_text, view->text);
	CHECK_EQ(t, info->has_status, view->text);
	CHECK(t, !strcmp(info->exit_text, view->text ? SECRET : ""));
}

struct listing {
	struct ne_test *t;
	struct view *view;
};

static void check_listed(const struct ne_info *info, void *arg)
{
	struct listing *listing = arg;

	if (info->slot_uid != listing->view->uid)
		return;
	listing->view->found = true;
	check_info(listing->t, info, listing->view);
}

static void view_gets(struct ne_test *t, void *arg)
{
	struct ne_netlink nl = open_netlink(t);
	struct view *view = arg;
	struct listing listing = { t, view };
	struct ne_info info;

	REQUIRE_EQ(t, ne_netlink_get(&nl, view->uid, &info), 0);
	check_info(t, &info, view);
	CHECK(t, ne_netlink_dump(&nl, check_listed, &listing) >= 1);
	CHECK(t, view->found);
}

static void a07_views(struct ne_test *t)
{
	const struct person owner_away = { "owner, container", OWNER, 0, CONTAINER };
	const struct person owner_ns = { "owner, PID namespace", OWNER, 0, CLONE_NEWPID };
	const struct person other_ns = { "other, user namespace", OTHER, 0, 0, CLONE_NEWUSER };
	const struct person admin_away = { "root, network namespace", 0, ALL_CAPS, CLONE_NEWNET };
	struct ne_fixture f;
	struct view view;

	run_as(t, &f, OWNER);
	end_with_text(t, &f);

	view = (struct view){ f.uid, getpid(), OWNER, .text = true };
	as(t, &owner, view_gets, &view);
	as(t, &other_admin, view_gets, &view);
	as(t, &host_admin, view_gets, &view);

	view.text = false;
	as(t, &other, view_gets, &view);
	as(t, &strangers[1], view_gets, &view);
	as(t, &strangers[2], view_gets, &view);

	view = (struct view){ f.uid, getpid(), UNMAPPED };
	as(t, &other_ns, view_gets, &view);

	view = (struct view){ f.uid, 0, NE_NO_OWNER };
	as(t, &owner_away, view_gets, &view);
	as(t, &admin_away, view_gets, &view);
	as(t, &strangers[3], view_gets, &view);
	as(t, &strangers[7], view_gets, &view);

	/* Last, because all later children of this process are in it. */
	view = (struct view){ f.uid, 0, OWNER, .text = true };
	as(t, &owner_ns, view_gets, &view);
}

/* In a container, a user sees and stops an enclave that was created there. */
static void own_container(struct ne_test *t, void *arg)
{
	struct ne_netlink nl = open_netlink(t);
	int dev_fd = *(int *)arg;
	struct ne_info info;
	uint64_t uid;
	int fd;

	fd = ne_create_vm(dev_fd, &uid);
	REQUIRE_OK(t, fd);
	REQUIRE_EQ(t, ne_netlink_get(&nl, uid, &info), 0);
	CHECK_EQ(t, info.owner_pid, getpid());
	CHECK_EQ(t, info.owner_uid, OWNER);
	CHECK(t, info.has_text);
	/* Not EPERM: the enclave does not run, so it cannot be stopped. */
	CHECK_ERR(t, ne_netlink_stop(&nl, uid), ENOTCONN);
}

static void a08_own_container(struct ne_test *t)
{
	const struct person inside = { "owner inside", OWNER, 0, CONTAINER };
	int dev_fd = ne_require_device(t);

	as(t, &inside, own_container, &dev_fd);
}

static void check_event(struct ne_test *t, struct ne_netlink *nl, uint32_t state, bool control)
{
	struct ne_info info;
	int cmd;

	REQUIRE_EQ(t, ne_netlink_event(nl, NE_EVENT_MS, &cmd, &info), 0);
	CHECK_EQ(t, cmd, NE_EMU_CMD_ENCLAVE_NTF);
	CHECK_EQ(t, info.state, state);
	CHECK_EQ(t, info.owner_pid, 0);
	CHECK_EQ(t, info.owner_uid, control ? OWNER : NE_NO_OWNER);
	CHECK_EQ(t, info.has_text, control);
	CHECK_EQ(t, info.has_status, control && state != NE_EMU_ENCLAVE_STATE_RUNNING);
	if (control && state != NE_EMU_ENCLAVE_STATE_RUNNING)
		CHECK(t, !strcmp(info.exit_text, SECRET));
}

static void a09_events(struct ne_test *t)
{
	struct ne_netlink roots = opened_by(t, 0);
	struct ne_netlink owners = opened_by(t, OWNER);
	struct ne_netlink others = opened_by(t, OTHER);
	const struct {
		struct ne_netlink *nl;
		bool control;
	} listeners[] = { { &roots, true }, { &owners, true }, { &others, false } };
	struct ne_fixture f;
	struct ne_info info;
	size_t i;
	int cmd;

	run_as(t, &f, OWNER);
	end_with_text(t, &f);
	close(f.fd);
	for (i = 0; i < ARRAY_SIZE(listeners); i++) {
		check_event(t, listeners[i].nl, NE_EMU_ENCLAVE_STATE_RUNNING,
			    listeners[i].control);
		check_event(t, listeners[i].nl, NE_EMU_ENCLAVE_STATE_STOPPED,
			    listeners[i].control);
		check_event(t, listeners[i].nl, NE_EMU_ENCLAVE_STATE_FREED,
			    listeners[i].control);
		/* Each event arrives only once. */
		CHECK_ERR(t, ne_netlink_event(listeners[i].nl, NO_EVENT_MS, &cmd, &info),
			  ETIMEDOUT);
	}
}

/* Limits */

static void check_number(struct ne_test *t, const char *path, long expected)
{
	CHECK_EQ(t, ne_read_number(path), expected);
}

static void create_many(struct ne_test *t, int dev_fd, int count)
{
	uint64_t uid;
	int i;

	for (i = 0; i < count; i++)
		REQUIRE_OK(t, ne_create_vm(dev_fd, &uid));
}

/* The last place is free again after a failed NE_CREATE_VM and after a close. */
static void check_replaced(struct ne_test *t, int dev_fd)
{
	uint64_t uid;
	int i, fd;

	for (i = 0; i < 2 * MAX_ENCLAVES; i++) {
		CHECK_ERR(t, ne_create_vm(dev_fd, NULL), EFAULT);
		fd = ne_create_vm(dev_fd, &uid);
		REQUIRE_OK(t, fd);
		close(fd);
	}
}

static void one_works(struct ne_test *t, void *arg)
{
	CHECK(t, ne_create_vm(*(int *)arg, &(uint64_t){ 0 }) >= 0);
}

static void one_is_refused(struct ne_test *t, void *arg)
{
	uint64_t uid = 77;

	CHECK_ERR(t, ne_create_vm(*(int *)arg, &uid), EBUSY);
	CHECK_EQ(t, uid, 77);
}

static void limit_of_user(struct ne_test *t, void *arg)
{
	int dev_fd = *(int *)arg;

	create_many(t, dev_fd, MAX_PER_USER - 1);
	check_replaced(t, dev_fd);
	create_many(t, dev_fd, 1);
	one_is_refused(t, arg);
}

static void a10_limit_of_user(struct ne_test *t)
{
	const struct person admin = { "without CAP_SYS_RESOURCE", OTHER,
				      ALL_CAPS & ~CAP(CAP_SYS_RESOURCE) };
	int dev_fd = ne_require_device(t);

	check_number(t, PARAMETER("max_enclaves_per_user"), MAX_PER_USER);
	as(t, &owner, limit_of_user, &dev_fd);
	/* When the process ends, all its places are free again. */
	as(t, &owner, limit_of_user, &dev_fd);
	as(t, &admin, limit_of_user, &dev_fd);
}

static void a11_limit_is_ones_own(struct ne_test *t)
{
	int dev_fd = ne_require_device(t), status;
	const struct person resource = { "CAP_SYS_RESOURCE", OWNER, CAP(CAP_SYS_RESOURCE) };
	pid_t pid = fork();

	if (!pid) {
		become(t, &owner);
		create_many(t, dev_fd, MAX_PER_USER);
		/* Keep them until the parent has checked who else can have one. */
		raise(SIGSTOP);
		_exit(0);
	}
	REQUIRE_EQ(t, waitpid(pid, &status, WUNTRACED), pid);
	REQUIRE(t, WIFSTOPPED(status));
	as(t, &owner, one_is_refused, &dev_fd);
	as(t, &other, one_works, &dev_fd);
	as(t, &resource, one_works, &dev_fd);
	REQUIRE_EQ(t, kill(pid, SIGKILL), 0);
	REQUIRE_EQ(t, waitpid(pid, &status, 0), pid);
	as(t, &owner, one_works, &dev_fd);
}

static void a12_limit_in_all(struct ne_test *t)
{
	int dev_fd = ne_require_device(t);

	check_number(t, PARAMETER("max_enclaves"), MAX_ENCLAVES);
	create_many(t, dev_fd, MAX_ENCLAVES - 1);
	check_replaced(t, dev_fd);
	create_many(t, dev_fd, 1);
	one_is_refused(t, &dev_fd);
	as(t, &other, one_is_refused, &dev_fd);
}

/* A user can map thousands of ids in a user namespace, but counts as one user. */
static void in_user_namespace(struct ne_test *t, int dev_fd, int ready_fd, int go_fd)
{
	char byte = 0;

	become(t, &owner);
	REQUIRE_EQ(t, unshare(CLONE_NEWUSER), 0);
	REQUIRE_EQ(t, write(ready_fd, &byte, 1), 1);
	REQUIRE_EQ(t, read(go_fd, &byte, 1), 1);

	REQUIRE_EQ(t, setresuid(0, 0, 0), 0);
	create_many(t, dev_fd, MAX_PER_USER / 2);
	REQUIRE_EQ(t, seteuid(1), 0);
	create_many(t, dev_fd, MAX_PER_USER / 2);
	one_is_refused(t, &dev_fd);
	REQUIRE_EQ(t, seteuid(0), 0);
	one_is_refused(t, &dev_fd);
}

static void a13_limit_in_user_namespace(struct ne_test *t)
{
	int dev_fd = ne_require_device(t), ready[2], go[2], status = -1;
	char map[32], path[64], byte = 0;
	pid_t pid;
	int len;

	REQUIRE(t, !pipe(ready) && !pipe(go));
	pid = fork();
	if (!pid) {
		in_user_namespace(t, dev_fd, ready[1], go[0]);
		fflush(stdout);
		_exit(0);
	}
	REQUIRE_EQ(t, read(ready[0], &byte, 1), 1);
	len = snprintf(map, sizeof(map), "0 %d 2", SUBORDINATE);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	REQUIRE_EQ(t, ne_write_file(path, map, len), len);
	REQUIRE_EQ(t, write(go[1], &byte, 1), 1);
	REQUIRE_EQ(t, waitpid(pid, &status, 0), pid);
	CHECK_EQ(t, status, 0);
}

/* CIDs */

static void a14_least_cid(struct ne_test *t)
{
	uint64_t cid = LEAST_CID - 1;
	struct ne_fixture f;

	check_number(t, PARAMETER("min_cid"), 4);
	ne_fixture_prepare(t, &f);
	REQUIRE_EQ(t, ne_netlink_open(&f.nl, NE_EMU_MCGRP_BACKEND), 0);
	REQUIRE_EQ(t, ne_write_number(PARAMETER("min_cid"), LEAST_CID), 0);
	CHECK_ERR(t, ne_start(f.fd, 0, &cid), NE_ERR_INVALID_ENCLAVE_CID);
	CHECK_EQ(t, pthread_create(&f.thread, NULL, ne_fixture_start, &f), 0);
	CHECK_EQ(t, ne_netlink_wait_accept(&f.nl, NE_EVENT_MS, &f.info), 0);
	CHECK(t, f.info.cid >= LEAST_CID);
	CHECK_EQ(t, ne_write_number(PARAMETER("min_cid"), 4), 0);
	CHECK_EQ(t, ne_backend_done(f.info.backend_fd, 0, ""), 0);
	ne_fixture_join(&f);
	CHECK_EQ(t, f.rc, 0);
}

/* ne-emud as supervisor */

static void always_gets(struct ne_test *t, void *arg)
{
	struct ne_netlink nl = open_netlink(t);
	const uint64_t end = ne_now_ms() + RACE_MS;
	struct ne_info info;
	int rc;

	do {
		rc = ne_netlink_accept(&nl, &info);
	} while (rc == *(int *)arg && ne_now_ms() < end);
	CHECK_EQ(t, rc, *(int *)arg);
}

/* A refused user asks all the time, and would get the request first if allowed. */
static void a15_accept_beside_daemon(struct ne_test *t)
{
	int refused = -EPERM, status;
	struct ne_fixture f;
	pid_t pid;

	ne_fixture_prepare(t, &f);
	CHECK_EQ(t, ne_start_daemon(), 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		as(t, &strangers[3], always_gets, &refused);
		fflush(stdout);
		_exit(0);
	}
	ne_msleep(RACE_MS / 4);
	ne_fixture_start(&f);
	CHECK_EQ(t, f.rc, 0);
	CHECK_EQ(t, waitpid(pid, &status, 0), pid);
	close(f.fd);
	ne_stop_daemon();
}

static const struct ne_case cases[] = {
	{ "A01 accept without a request", a01_accept_nothing, 0 },
	{ "A02 accept of a request", a02_accept_waiting, 60 },
	{ "A03 the group of start requests", a03_backend_group, 0 },
	{ "A04 stop by strangers and the owner", a04_stop_by_owner, 60 },
	{ "A05 stop by an administrator", a05_stop_by_admin, 0 },
	{ "A06 a socket that another user has opened", a06_socket_of_another, 0 },
	{ "A07 what enclave-get shows to which user", a07_views, 60 },
	{ "A08 the owner in a container", a08_own_container, 0 },
	{ "A09 what notifications show to which user", a09_events, 0 },
	{ "A10 limit of enclaves per user", a10_limit_of_user, 60 },
	{ "A11 each user has a separate limit", a11_limit_is_ones_own, 60 },
	{ "A12 limit of enclaves in all", a12_limit_in_all, 60 },
	{ "A13 a user namespace counts as its maker", a13_limit_in_user_namespace, 60 },
	{ "A14 CIDs that are reserved for others", a14_least_cid, 0 },
	{ "A15 accept beside ne-emud", a15_accept_beside_daemon, 60 },
};

int main(int argc, char **argv)
{
	return ne_fixture_main(cases, ARRAY_SIZE(cases), argc, argv);
}
