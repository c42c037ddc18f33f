// SPDX-License-Identifier: Apache-2.0
/* The supervisor's loop with a fake kernel module. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "common/util.h"
#include "daemon/supervisor.h"
#include "temp_dir.h"
#include "vmm/options.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UID	0x0193000000010000ULL

/*
 * The module, behind the interface of common/nl.h. Each step is one call of
 * ne_nl_event_read(); after the last step, the process sends itself SIGTERM.
 */
struct step {
	int cmd;	/* notification to deliver, or 0 */
	uint32_t state;
	int err;	/* what reading returns */
	int requests;	/* start requests that appear with it */
};

static struct module {
	const struct step *steps;
	size_t nr_steps, at;
	int open_err;
	int accept_err;
	int list_err;
	int event_fd;
	int requests;	/* waiting to be accepted */
	int bad_requests;	/* the same, but accepting fails */
	int accepted;
	int tries;	/* calls of ne_nl_accept() */
	int tries_before;	/* their number at the last ne_nl_event_read() */
	int most_tries;	/* maximum between two of these */
	int listed;
	int pool_asked;
	bool running;	/* the list contains one enclave */
	int64_t clock_step_ns;
	struct supervisor *wait_for_vmm;	/* no signal while it has VMMs */
} module;

static uint32_t vcpu = 1;

static struct ne_nl_enclave enclave_in(uint32_t state)
{
	return (struct ne_nl_enclave){
		.slot_uid = UID, .cid = 16, .state = state, .mem_size = 64 * MIB,
		.started_ns = 1, .vcpus = &vcpu, .nr_vcpus = 1, .backend_fd = -1,
	};
}

int ne_nl_open(struct ne_nl **ret_nl)
{
	if (module.open_err)
		return module.open_err;
	*ret_nl = (struct ne_nl *)&module;
	return 0;
}

void ne_nl_close(struct ne_nl *nl)
{
	if (nl)
		fd_close(&module.event_fd);
}

int ne_nl_subscribe(struct ne_nl *nl, const char *const *groups)
{
	assert_string_equal(groups[0], "backend");
	assert_string_equal(groups[1], "events");
	assert_null(groups[2]);
	module.event_fd = eventfd(1, EFD_CLOEXEC);
	return 0;
}

int ne_nl_event_fd(const struct ne_nl *nl)
{
	return module.event_fd;
}

int ne_nl_enclave_get(struct ne_nl *nl, uint64_t slot_uid, struct ne_nl_enclave *ret)
{
	return -ENOENT;
}

int ne_nl_enclave_stop(struct ne_nl *nl, uint64_t slot_uid)
{
	return -ENOENT;
}

int ne_nl_enclave_list(struct ne_nl *nl, struct ne_nl_enclave **ret, size_t *ret_count)
{
	module.listed++;
	if (module.list_err)
		return module.list_err;
	*ret_count = 0;
	*ret = NULL;
	if (module.running) {
		*ret = calloc(1, sizeof(**ret));
		**ret = enclave_in(NE_EMU_ENCLAVE_STATE_RUNNING);
		(*ret)->vcpus = calloc(1, sizeof(vcpu));
		*ret_count = 1;
	}
	return 0;
}

int ne_nl_pool_get(struct ne_nl *nl, struct ne_nl_pool *ret)
{
	module.pool_asked++;
	*ret = (struct ne_nl_pool){ .node = -1 };
	return 0;
}

int ne_nl_accept(struct ne_nl *nl, struct ne_nl_enclave *ret)
{
	module.tries++;
	if (module.accept_err) {
		module.accepted++;
		return module.accept_err;
	}
	if (module.bad_requests) {
		module.bad_requests--;
		return -EIO;
	}
	if (!module.requests)
		return -EAGAIN;
	module.requests--;
	module.accepted++;
	*ret = enclave_in(NE_EMU_ENCLAVE_STATE_INIT);
	ret->vcpus = calloc(1, sizeof(vcpu));
	ret->backend_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return 0;
}

int ne_nl_event_read(struct ne_nl *nl, ne_nl_event_fn fn, void *arg)
{
	const struct step *step;
	struct ne_nl_enclave info;

	module.most_tries = MAX(module.most_tries, module.tries - module.tries_before);
	module.tries_before = module.tries;
	if (module.at == module.nr_steps && module.requests)
		return 0;
	if (module.at == module.nr_steps) {
		if (!module.wait_for_vmm || TAILQ_EMPTY(&module.wait_for_vmm->vmms))
			raise(SIGTERM);
		return 0;
	}
	step = &module.steps[module.at++];
	info = enclave_in(step->state);
	module.requests += step->requests;
	if (step->cmd)
		fn(step->cmd, step->cmd == NE_EMU_CMD_POOL_NTF ? NULL : &info, arg);
	return step->err;
}

/* A clock that advances each time it is read. */
static struct instant fake_now(void)
{
	static struct instant now = { .boot_ns = 1000 * NSEC_PER_SEC };

	now.boot_ns += module.clock_step_ns;
	return now;
}

struct fixture {
	struct supervisor s;
	struct temp_dir dir;
	struct temp_dir run_dir;
};

static int setup(void **state)
{
	static const struct start_config start = {
		.vmm_path = "/does/not/exist", .kvm_path = "/does/not/exist",
		.vsock_path = "/does/not/exist", .log_level = LOG_INFO,
	};
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct supervisor_paths paths;
	struct lab_settings defaults;
	struct log_root logs;

	module = (struct module){ .event_fd = -1 };
	temp_dir_create(&f->dir);
	assert_int_equal(log_root_open(&logs, f->dir.path), 0);
	temp_dir_create(&f->run_dir);
	paths.run_dir = f->run_dir.path;
	paths.state_dir = f->run_dir.path;
	lab_init(&defaults);
	supervisor_init(&f->s, &start, &logs, &paths, &defaults);
	f->s.now = fake_now;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	const struct timespec at_once = { 0 };
	struct fixture *f = *state;
	sigset_t signals;

	supervisor_exit(&f->s);
	/* A supervisor that has failed has not read the signal that ends the steps. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	(void)sigtimedwait(&signals, NULL, &at_once);
	temp_dir_remove(&f->dir);
	temp_dir_remove(&f->run_dir);
	test_free(f);
	return 0;
}

static int run(struct fixture *f, const struct step *steps, size_t nr_steps)
{
	module.steps = steps;
	module.nr_steps = nr_steps;
	assert_int_equal(supervisor_connect(&f->s), 0);
	return supervisor_run(&f->s);
}

static void test_no_module(void **state)
{
	struct fixture *f = *state;

	module.open_err = -ENOENT;
	assert_int_equal(supervisor_connect(&f->s), -ENOENT);
}

static void test_stop_by_signal(void **state)
{
	assert_int_equal(run(*state, NULL, 0), 0);
	assert_int_equal(module.listed, 1);
}

static void test_requests_from_before(void **state)
{
	module.requests = 2;
	assert_int_equal(run(*state, NULL, 0), 0);
	assert_int_equal(module.accepted, 2);
}

/* Without the right to accept, the supervisor ends: a retry would not help. */
static void test_not_allowed(void **state)
{
	module.accept_err = -EPERM;
	assert_int_equal(run(*state, NULL, 0), -EPERM);
	assert_int_equal(module.accepted, 1);
}

static void test_ready(void **state)
{
	static const struct step steps[] = {
		{ .cmd = NE_EMU_CMD_READY, .requests = 3 },
		{ .cmd = NE_EMU_CMD_ENCLAVE_NTF, .requests = 1 },
		{ .cmd = NE_EMU_CMD_READY },
	};

	assert_int_equal(run(*state, steps, ARRAY_SIZE(steps)), 0);
	assert_int_equal(module.accepted, 4);
	assert_int_equal(module.listed, 1);
}

/* An endless series of requests does not block other work. */
static void test_many_requests(void **state)
{
	static const struct step steps[] = {
		{ .cmd = NE_EMU_CMD_READY, .requests = 100 },
	};

	assert_int_equal(run(*state, steps, ARRAY_SIZE(steps)), 0);
	assert_int_equal(module.accepted, 100);
	assert_int_equal(module.most_tries, 16);
}

/* After 64 consecutive failures it waits for the next notification. */
static void test_bad_requests(void **state)
{
	static const struct step steps[] = {
		{ 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 },
		{ .cmd = NE_EMU_CMD_READY }, { 0 }, { 0 },
	};

	module.bad_requests = 70;
	assert_int_equal(run(*state, steps, 8), 0);
	assert_int_equal(module.tries, 64);
	assert_int_equal(module.most_tries, 16);
}

static void test_good_after_bad(void **state)
{
	static const struct step steps[] = {
		{ 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 },
		{ .cmd = NE_EMU_CMD_READY, .requests = 1 },
	};

	module.bad_requests = 70;
	assert_int_equal(run(*state, steps, ARRAY_SIZE(steps)), 0);
	assert_int_equal(module.accepted, 1);
}

/* The pool is read at the beginning, before each start, and when it changes. */
static void test_pool(void **state)
{
	static const struct step steps[] = {
		{ .cmd = NE_EMU_CMD_POOL_NTF },
		{ .cmd = NE_EMU_CMD_ENCLAVE_NTF, .state = NE_EMU_ENCLAVE_STATE_RUNNING },
		{ .cmd = NE_EMU_CMD_READY, .requests = 2 },
	};

	assert_int_equal(run(*state, steps, ARRAY_SIZE(steps)), 0);
	assert_int_equal(module.pool_asked, 4);
}

static void test_lost_notifications(void **state)
{
	static const struct step steps[] = {
		{ .err = -ENOBUFS, .requests = 1 },
	};

	assert_int_equal(run(*state, steps, ARRAY_SIZE(steps)), 0);
	assert_int_equal(module.listed, 2);
	assert_int_equal(module.accepted, 1);
	assert_int_equal(module.pool_asked, 3);
}

static void test_module_unloaded(void **state)
{
	static const struct step steps[] = {
		{ .err = -ENOENT, .requests = 1 },
	};

	assert_int_equal(run(*state, steps, ARRAY_SIZE(steps)), -ENOENT);
	assert_int_equal(module.accepted, 0);
}

static void test_broken_socket(void **state)
{
	static const struct step steps[] = {
		{ .err = -EIO },
	};

	assert_int_equal(run(*state, steps, ARRAY_SIZE(steps)), -EIO);
}

static void test_adopts(void **state)
{
	struct fixture *f = *state;

	module.running = true;
	assert_int_equal(run(f, NULL, 0), 0);
	assert_int_equal(f->s.nr_told, 1);
}

/* vmm_spawn() starts this program as the VMM in the next case. */
static int play_vmm(void)
{
	pause();
	return 0;
}

static void spawn_watched_vmm(struct supervisor *s)
{
	struct vmm_options config = {
		.log_level = LOG_INFO, .module_id = "", .slot_uid = UID,
		.backend_fd = -1, .kvm_fd = -1, .channel_fd = -1, .console_channel_fd = -1,
		.console_log_fd = -1, .nsm_control_fd = -1, .pool_fd = -1, .marks_fd = -1,
	};
	struct epoll_event event = { .events = EPOLLIN };
	struct vmm *vmm;

	assert_int_equal(vmm_spawn("/proc/self/exe", &config, &vmm), 0);
	event.data.ptr = vmm;
	assert_return_code(epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, vmm->pidfd, &event), errno);
	lifecycle_vmm_started(s, vmm);
}

/* A VMM that stays after its enclave is killed, waited for and forgotten. */
static void test_vmm_outlives_enclave(void **state)
{
	static const struct step steps[] = {
		{ .cmd = NE_EMU_CMD_ENCLAVE_NTF, .state = NE_EMU_ENCLAVE_STATE_RUNNING },
		{ .cmd = NE_EMU_CMD_ENCLAVE_NTF, .state = NE_EMU_ENCLAVE_STATE_FREED },
	};
	struct fixture *f = *state;

	module.steps = steps;
	module.nr_steps = ARRAY_SIZE(steps);
	module.clock_step_ns = NSEC_PER_SEC;
	module.wait_for_vmm = &f->s;
	assert_int_equal(supervisor_connect(&f->s), 0);
	spawn_watched_vmm(&f->s);
	assert_int_equal(supervisor_run(&f->s), 0);
	assert_true(TAILQ_EMPTY(&f->s.vmms));
	assert_null(enclave_table_find(&f->s.enclaves, UID));
	assert_true(folder_has_exit_file(&f->s.logs, 0, UID));
}

/* The directory that attestor_prepare() makes for an enclave. */
static void make_enclave_folder(struct fixture *f, char *path, size_t size)
{
	assert_int_equal(attestor_folder(&f->s.attestor, UID, path, size), 0);
	assert_return_code(mkdir(path, 0700), errno);
}

/* Another supervisor takes over from @f->s. */
static void restart(struct fixture *f)
{
	struct start_config start = f->s.start;
	const struct supervisor_paths paths = {
		.run_dir = f->run_dir.path, .state_dir = f->run_dir.path,
	};
	struct lab_settings defaults = f->s.attestor.defaults;
	struct log_root logs;

	supervisor_exit(&f->s);
	assert_int_equal(log_root_open(&logs, f->dir.path), 0);
	supervisor_init(&f->s, &start, &logs, &paths, &defaults);
	f->s.now = fake_now;
	module.event_fd = -1;
}

/* Check that the process has been killed; the test itself does not kill it. */
static void assert_killed(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* Start an enclave and end its supervisor; store the path of its directory. */
static pid_t leave_vmm(struct fixture *f, char *folder, size_t size)
{
	pid_t pid;

	assert_int_equal(supervisor_connect(&f->s), 0);
	make_enclave_folder(f, folder, size);
	spawn_watched_vmm(&f->s);
	pid = TAILQ_FIRST(&f->s.vmms)->pid;
	restart(f);
	return pid;
}

/* A VMM of an earlier supervisor is watched, and killed if it stays. */
static void test_adopted_vmm_outlives_enclave(void **state)
{
	static const struct step steps[] = {
		{ .cmd = NE_EMU_CMD_ENCLAVE_NTF, .state = NE_EMU_ENCLAVE_STATE_FREED },
	};
	struct fixture *f = *state;
	char folder[128];
	pid_t pid;

	module.running = true;
	pid = leave_vmm(f, folder, sizeof(folder));
	module.steps = steps;
	module.nr_steps = ARRAY_SIZE(steps);
	module.clock_step_ns = NSEC_PER_SEC;
	module.wait_for_vmm = &f->s;
	assert_int_equal(supervisor_connect(&f->s), 0);
	assert_false(TAILQ_EMPTY(&f->s.vmms));
	assert_int_equal(supervisor_run(&f->s), 0);
	assert_true(TAILQ_EMPTY(&f->s.vmms));
	assert_null(enclave_table_find(&f->s.enclaves, UID));
	assert_killed(pid);
	assert_int_equal(access(folder, F_OK), -1);
}

static void put_file(const char *folder, const char *name)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
}

/* The enclave has ended: its files and its VMM are removed. */
static void test_ended_without_supervisor(void **state)
{
	struct fixture *f = *state;
	char folder[128];
	pid_t pid;

	pid = leave_vmm(f, folder, sizeof(folder));
	put_file(folder, "nsm.sock");
	put_file(folder, "settings");
	put_file(f->run_dir.path, "keep");
	module.clock_step_ns = NSEC_PER_SEC;
	module.wait_for_vmm = &f->s;
	assert_int_equal(supervisor_connect(&f->s), 0);
	assert_int_equal(supervisor_run(&f->s), 0);
	assert_killed(pid);
	assert_int_equal(access(folder, F_OK), -1);
	snprintf(folder, sizeof(folder), "%s/keep", f->run_dir.path);
	assert_int_equal(access(folder, F_OK), 0);
}

/* Without the list, no enclave is known to have ended. */
static void test_no_list_no_sweep(void **state)
{
	struct fixture *f = *state;
	char folder[128];

	make_enclave_folder(f, folder, sizeof(folder));
	put_file(folder, "settings");
	module.list_err = -ENOMEM;
	assert_int_equal(run(f, NULL, 0), 0);
	assert_int_equal(access(folder, F_OK), 0);
	module.list_err = 0;
	restart(f);
	assert_int_equal(run(f, NULL, 0), 0);
	assert_int_equal(access(folder, F_OK), -1);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(test_no_module),
		CASE(test_stop_by_signal),
		CASE(test_requests_from_before),
		CASE(test_not_allowed),
		CASE(test_ready),
		CASE(test_pool),
		CASE(test_lost_notifications),
		CASE(test_module_unloaded),
		CASE(test_broken_socket),
		CASE(test_adopts),
		CASE(test_vmm_outlives_enclave),
		CASE(test_many_requests),
		CASE(test_bad_requests),
		CASE(test_good_after_bad),
		CASE(test_adopted_vmm_outlives_enclave),
		CASE(test_ended_without_supervisor),
		CASE(test_no_list_no_sweep),
	};

	if (argc > 1)
		return play_vmm();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
