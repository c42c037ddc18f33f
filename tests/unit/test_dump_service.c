// SPDX-License-Identifier: Apache-2.0
/* The services "dump" and "pause" on real lines: who holds the guest, and for how long. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/enclave/core_file.h"
#include "cli/enclave/session.h"
#include "common/pause.h"
#include "common/util.h"
#include "daemon/session_lines.h"
#include "fake_vcpu.h"
#include "temp_dir.h"
#include "vmm/dump/service.h"
#include "vmm/services.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MEMORY_SIZE	(16 * MIB)
#define NR_VCPUS	2
#define PATH_SIZE	128

static const uint8_t nonce[SESSION_NONCE_SIZE] = "0123456789abcdef";

struct fixture {
	struct temp_dir dir;
	char path[PATH_SIZE];
	struct session_fds fds;
	struct vmm vmm;
	struct vmm_options options;
	struct vcpu vcpus[NR_VCPUS];
	struct session_client client;
	struct session_client other;
};

/* vCPUs without threads that have ended stand permanently. */
static void set_standing(struct fixture *f, bool stands)
{
	for (int i = 0; i < NR_VCPUS; i++)
		atomic_store(&f->vcpus[i].ended, stands);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vmm *vmm = &f->vmm;
	uint8_t *memory = calloc(1, MEMORY_SIZE);

	(void)signal(SIGPIPE, SIG_IGN);
	assert_non_null(memory);
	memset(memory + MIB, 0x77, MIB);
	temp_dir_create(&f->dir);
	snprintf(f->path, sizeof(f->path), "%s/core", f->dir.path);
	assert_int_equal(session_lines_create(f->dir.path, &f->fds), 0);
	assert_int_equal(loop_init(&vmm->loop), 0);
	assert_int_equal(pause_init(&vmm->pause, &vmm->loop), 0);
	memory_init(&vmm->memory, memory, MEMORY_SIZE);
	vmm->ended.fd = -1;
	vmm->options = &f->options;
	vmm->vcpus = f->vcpus;
	vmm->nr_vcpus = NR_VCPUS;
	for (int i = 0; i < NR_VCPUS; i++)
		f->vcpus[i].fd = i;
	pause_start(&vmm->pause, f->vcpus, NR_VCPUS);
	sessions_init(&vmm->sessions, &vmm->loop, &f->fds, services, vmm);
	set_standing(f, true);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sessions_exit(&f->vmm.sessions);
	pause_exit(&f->vmm.pause);
	loop_exit(&f->vmm.loop);
	session_fds_close(&f->fds);
	free(f->vmm.memory.base);
	temp_dir_remove(&f->dir);
	free(f);
	return 0;
}

static void begin(struct fixture *f, const char *service, const char *options,
		  struct session_client *client)
{
	struct session_ends ends = SESSION_ENDS_NONE;
	struct session_request request = { 0 };
	struct error error;
	int fds[2];

	assert_int_equal(session_lines_take(f->dir.path, &request.line, &ends), 0);
	memcpy(request.nonce, nonce, sizeof(nonce));
	strcpy(request.service, service);
	strcpy(request.options, options);
	sessions_begin(&f->vmm.sessions, &request);
	fds[0] = ends.read_fd;
	fds[1] = ends.write_fd;
	assert_int_equal(session_attach(client, fds, nonce, &error), 0);
}

static void settle(struct fixture *f)
{
	for (int i = 0; i < 20; i++)
		assert_int_equal(loop_run_once(&f->vmm.loop, 0), 0);
}

/* Let the VMM work until there is something to read. */
static ssize_t get(struct fixture *f, struct session_client *client, void *buf, size_t size,
		   struct error *error)
{
	ssize_t n;

	while ((n = session_read(client, buf, size, error)) == -EAGAIN)
		assert_int_equal(loop_run_once(&f->vmm.loop, 1000), 0);
	return n;
}

static void expect_refusal(struct fixture *f, struct session_client *client, const char *text)
{
	struct error error = {};
	char byte;

	assert_int_equal(get(f, client, &byte, 1, &error), -EREMOTEIO);
	assert_string_equal(error.text, text);
	session_close(client);
	settle(f);
}

static void test_dump(void **state)
{
	static uint8_t buf[SESSION_PIECE_MAX];
	struct fixture *f = *state;
	struct error error = {};
	struct core_file file;
	ssize_t n;

	assert_int_equal(core_file_open(&file, f->path, false, false, &error), 0);
	begin(f, "dump", "", &f->client);
	assert_true(pause_holds(&f->vmm.pause, PAUSE_DUMP));
	while ((n = get(f, &f->client, buf, sizeof(buf), &error)) > 0)
		assert_int_equal(core_file_take(&file, buf, n, &error), 0);
	assert_int_equal(n, 0);
	assert_int_equal(core_file_commit(&file, &error), 0);
	assert_int_equal(access(f->path, R_OK), 0);
	/* The page of the head, and the memory that is not zero. */
	assert_true(file.written >= MIB && file.written <= MIB + 16 * KIB);
	assert_false(pause_holds(&f->vmm.pause, PAUSE_DUMP));
	core_file_close(&file);
	session_close(&f->client);
}

/* Nothing is read before all vCPUs stand. */
static void test_vcpu_does_not_stop(void **state)
{
	struct fixture *f = *state;
	struct error error;
	char byte;

	set_standing(f, false);
	begin(f, "dump", "", &f->client);
	settle(f);
	assert_int_equal(session_read(&f->client, &byte, 1, &error), -EAGAIN);
	session_close(&f->client);
	settle(f);
	assert_false(pause_holds(&f->vmm.pause, PAUSE_DUMP));
}

static void test_client_goes(void **state)
{
	struct fixture *f = *state;
	struct error error;
	char byte;

	begin(f, "dump", "", &f->client);
	assert_int_equal(get(f, &f->client, &byte, 1, &error), 1);
	settle(f);
	assert_true(pause_holds(&f->vmm.pause, PAUSE_DUMP));
	session_close(&f->client);
	settle(f);
	assert_false(pause_holds(&f->vmm.pause, PAUSE_DUMP));
	assert_null(f->vmm.sessions.list[0].service);
}

/* The end of one does not let the guest go on under the other. */
static void test_one_dump_at_a_time(void **state)
{
	struct fixture *f = *state;

	begin(f, "dump", "", &f->client);
	begin(f, "dump", "", &f->other);
	expect_refusal(f, &f->other, "another dump is being taken");
	assert_true(pause_holds(&f->vmm.pause, PAUSE_DUMP));
	begin(f, "dump", "unknown", &f->other);
	expect_refusal(f, &f->other, "the VMM of this enclave is of another version");
	session_close(&f->client);
}

static void test_pause(void **state)
{
	struct fixture *f = *state;
	struct error error;
	char byte;

	set_standing(f, false);
	begin(f, PAUSE_SERVICE, PAUSE_ON, &f->client);
	settle(f);
	assert_int_equal(session_read(&f->client, &byte, 1, &error), -EAGAIN);
	set_standing(f, true);
	pause_take(&f->vmm.pause, PAUSE_USER);		/* as the last vCPU does */
	assert_int_equal(get(f, &f->client, &byte, 1, &error), 0);
	session_close(&f->client);
	settle(f);
	assert_true(pause_holds(&f->vmm.pause, PAUSE_USER));
	/* A dump leaves it paused. */
	begin(f, "dump", "", &f->client);
	session_close(&f->client);
	settle(f);
	assert_true(pause_holds(&f->vmm.pause, PAUSE_USER));
	begin(f, PAUSE_SERVICE, "", &f->client);
	expect_refusal(f, &f->client, "the VMM of this enclave is of another version");
	begin(f, PAUSE_SERVICE, PAUSE_OFF, &f->client);
	assert_int_equal(get(f, &f->client, &byte, 1, &error), 0);
	session_close(&f->client);
	assert_false(pause_holds(&f->vmm.pause, PAUSE_USER));
}

/* Asked for and gone before the guest stood: it is paused all the same. */
static void test_pause_without_client(void **state)
{
	struct fixture *f = *state;

	set_standing(f, false);
	begin(f, PAUSE_SERVICE, PAUSE_ON, &f->client);
	session_close(&f->client);
	settle(f);
	set_standing(f, true);
	pause_take(&f->vmm.pause, PAUSE_USER);
	settle(f);
	assert_true(pause_holds(&f->vmm.pause, PAUSE_USER));
}

static void *take_all(void *arg)
{
	static uint8_t buf[SESSION_PIECE_MAX];
	struct session_client *client = arg;
	struct error error;
	uintptr_t sum = 0;
	ssize_t n;

	while ((n = session_wait(client, buf, sizeof(buf), &error)) > 0)
		sum += n;
	return n ? NULL : (void *)sum;
}

static void test_crash(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	void *sum;

	begin(f, "dump", "crash", &f->client);
	begin(f, "dump", "crash", &f->other);
	expect_refusal(f, &f->other, "somebody waits for a crash already");
	settle(f);
	assert_int_equal(f->vmm.pause.holders, 0);	/* it costs nothing before */
	assert_int_equal(pthread_create(&thread, NULL, take_all, &f->client), 0);
	dump_crashed(&f->vmm);
	sessions_finish(&f->vmm.sessions, 10000);
	assert_int_equal(pthread_join(thread, &sum), 0);
	assert_true((uintptr_t)sum > MIB && (uintptr_t)sum < MIB + 32 * KIB);
	session_close(&f->client);
}

/* The guest does not run before somebody waits for its crash. */
static void test_crash_from_the_start(void **state)
{
	struct fixture *f = *state;

	f->options.held = VMM_HELD_DUMP;
	assert_false(dump_waits(&f->vmm));
	pause_take(&f->vmm.pause, PAUSE_DUMP);
	begin(f, "dump", "crash", &f->client);
	settle(f);
	assert_int_equal(f->vmm.pause.holders, 0);
	/* Also if that was before the image had been loaded. */
	assert_true(dump_waits(&f->vmm));
	session_close(&f->client);
	settle(f);
	/* Later clients do not end the dump of another one. */
	begin(f, "dump", "", &f->client);
	begin(f, "dump", "crash", &f->other);
	assert_true(pause_holds(&f->vmm.pause, PAUSE_DUMP));
	session_close(&f->client);
	session_close(&f->other);
}

static void test_crash_without_client(void **state)
{
	struct fixture *f = *state;

	dump_crashed(&f->vmm);		/* returns at once */
	begin(f, "dump", "crash", &f->client);
	settle(f);
	session_close(&f->client);
	dump_crashed(&f->vmm);
	assert_null(f->vmm.sessions.list[0].service);
}

static void stop_loop(void *arg, uint32_t events)
{
	(void)events;
	loop_stop(arg);
}

/* close() of the owner, or SIGTERM, lets go also while nothing is taken. */
static void test_crash_and_close(void **state)
{
	struct fixture *f = *state;
	struct loop_source closed = {
		.events = EPOLLIN, .call = stop_loop, .arg = &f->vmm.loop,
	};
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	closed.fd = fds[0];
	assert_int_equal(loop_add(&f->vmm.loop, &closed), 0);
	set_standing(f, false);
	begin(f, "dump", "crash", &f->client);
	settle(f);
	assert_int_equal(write(fds[1], "", 1), 1);
	dump_crashed(&f->vmm);
	assert_true(f->vmm.loop.stop);
	loop_del(&f->vmm.loop, &closed);
	close(fds[0]);
	close(fds[1]);
	session_close(&f->client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dump, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vcpu_does_not_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_dump_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pause_without_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash_from_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash_without_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash_and_close, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
