// SPDX-License-Identifier: Apache-2.0
/* How the supervisor handles changes of enclaves and of their VMMs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "daemon/supervisor.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define UID		0x0193000000010000ULL
#define UID_2		0x0193000000020000ULL
#define BOOT_NS		(1000 * NSEC_PER_SEC)
/* 2025-02-28T12:33:20Z */
#define REAL_NS		(1740746000 * NSEC_PER_SEC)

struct fixture {
	struct supervisor s;
	struct temp_dir dir;
	struct log_root logs;	/* of the test itself */
	uint32_t aborted_cid;
	int aborts;
};

/* Global, because the clock function has no argument for it. */
static int64_t elapsed_ns;

static struct instant fake_now(void)
{
	return (struct instant){ .boot_ns = BOOT_NS + elapsed_ns,
				 .real_ns = REAL_NS + elapsed_ns };
}

static void fake_abort(struct supervisor *s, uint32_t cid)
{
	struct fixture *f = (struct fixture *)s;

	f->aborted_cid = cid;
	f->aborts++;
}

static int setup(void **state)
{
	static const struct start_config start = { .vmm_path = "/does/not/exist" };
	struct fixture *f = test_calloc(1, sizeof(*f));
	const struct supervisor_paths paths = {
		.run_dir = "/does/not/exist", .state_dir = "/does/not/exist/ca",
	};
	struct lab_settings defaults;
	struct log_root logs;

	elapsed_ns = 0;
	temp_dir_create(&f->dir);
	assert_int_equal(log_root_open(&logs, f->dir.path), 0);
	assert_int_equal(log_root_open(&f->logs, f->dir.path), 0);
	lab_init(&defaults);
	supervisor_init(&f->s, &start, &logs, &paths, &defaults);
	f->s.now = fake_now;
	f->s.abort_heartbeat = fake_abort;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	supervisor_exit(&f->s);
	log_root_close(&f->logs);
	temp_dir_remove(&f->dir);
	test_free(f);
	return 0;
}

static struct ne_nl_enclave enclave_in(uint32_t enclave_state)
{
	static uint32_t vcpus[] = { 2, 3 };
	struct ne_nl_enclave info = {
		.slot_uid = UID, .state = enclave_state, .mem_size = 64 * MIB, .vcpus = vcpus,
		.nr_vcpus = ARRAY_SIZE(vcpus), .backend_fd = -1,
	};

	if (enclave_state != NE_EMU_ENCLAVE_STATE_INIT) {
		info.cid = 16;
		info.flags = 1;
		info.started_ns = BOOT_NS;
	}
	return info;
}

static void notice(struct fixture *f, uint32_t enclave_state)
{
	struct ne_nl_enclave info = enclave_in(enclave_state);

	lifecycle_notice(&f->s, &info);
}

static void notice_stopped(struct fixture *f, uint32_t reason, const char *text)
{
	struct ne_nl_enclave info = enclave_in(NE_EMU_ENCLAVE_STATE_STOPPED);

	info.exit_reason = reason;
	snprintf(info.exit_text, sizeof(info.exit_text), "%s", text);
	lifecycle_notice(&f->s, &info);
}

/* Add a VMM like vmm_spawn(), but without a process. */
static struct vmm *start_vmm_of(struct fixture *f, uint64_t slot_uid, pid_t pid)
{
	struct ne_nl_enclave request = enclave_in(NE_EMU_ENCLAVE_STATE_INIT);
	struct vmm *vmm = calloc(1, sizeof(*vmm));

	request.slot_uid = slot_uid;
	request.cid = 16;
	assert_int_equal(lifecycle_starting(&f->s, &request), 0);
	*vmm = (struct vmm){ .pid = pid, .pidfd = -1, .slot_uid = slot_uid };
	lifecycle_vmm_started(&f->s, vmm);
	return vmm;
}

static void end_vmm(struct fixture *f, struct vmm *vmm, int code, int status)
{
	struct vmm_end end = { .code = code, .status = status };

	lifecycle_vmm_ended(&f->s, vmm, &end);
}

static json_t *load(struct fixture *f)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/0/%016" PRIx64 "/exit.json", f->dir.path,
		 (uint64_t)UID);
	return json_load_file(path, 0, NULL);
}

static void check_record(struct fixture *f, const char *reason, const char *text)
{
	json_t *root = load(f);

	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "reason")), reason);
	assert_string_equal(json_string_value(json_object_get(root, "text")), text);
	json_decref(root);
}

static void test_orderly_end(void **state)
{
	struct fixture *f = *state;
	struct vmm *vmm = start_vmm_of(f, UID, 100);
	json_t *root;

	notice(f, NE_EMU_ENCLAVE_STATE_RUNNING);
	assert_false(folder_has_exit_file(&f->logs, 0, UID));
	elapsed_ns = 5 * NSEC_PER_SEC;
	notice_stopped(f, NE_EMU_EXIT_REASON_GUEST_RESET, "reset");
	check_record(f, "guest-reset", "reset");
	end_vmm(f, vmm, CLD_EXITED, 0);

	/* The times of the events stay; the end of the VMM is added. */
	elapsed_ns = 9 * NSEC_PER_SEC;
	notice(f, NE_EMU_ENCLAVE_STATE_FREED);
	root = load(f);
	assert_string_equal(json_string_value(json_object_get(root, "started")),
			    "2025-02-28T12:33:20.000Z");
	assert_string_equal(json_string_value(json_object_get(root, "ended")),
			    "2025-02-28T12:33:25.000Z");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "vmm"),
							    "exit_code")), 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "vmm"),
							    "pid")), 100);
	json_decref(root);
	assert_int_equal(f->aborts, 0);
	assert_null(enclave_table_find(&f->s.enclaves, UID));
}

static void test_closed_by_owner(void **state)
{
	struct fixture *f = *state;
	struct vmm *vmm = start_vmm_of(f, UID, 100);

	notice(f, NE_EMU_ENCLAVE_STATE_RUNNING);
	notice(f, NE_EMU_ENCLAVE_STATE_FREED);
	check_record(f, "closed", "closed by its owner");

	/* The enclave stays known until its VMM has ended. */
	assert_non_null(enclave_table_find(&f->s.enclaves, UID));
	assert_true(vmm->kill_ns > BOOT_NS);
	end_vmm(f, vmm, CLD_EXITED, 0);
	assert_null(enclave_table_find(&f->s.enclaves, UID));
	assert_true(TAILQ_EMPTY(&f->s.vmms));
	check_record(f, "closed", "closed by its owner");
}

static void test_missed_end(void **state)
{
	struct ne_nl_enclave freed = enclave_in(NE_EMU_ENCLAVE_STATE_FREED);
	struct fixture *f = *state;

	notice(f, NE_EMU_ENCLAVE_STATE_RUNNING);
	freed.exit_reason = NE_EMU_EXIT_REASON_BAD_IMAGE;
	strcpy(freed.exit_text, "no magic");
	lifecycle_notice(&f->s, &freed);
	check_record(f, "bad-image", "no magic");
}

static void test_failed_start_leaves_nothing(void **state)
{
	/* The enclave was never started, so the values of a start are missing. */
	struct ne_nl_enclave freed = enclave_in(NE_EMU_ENCLAVE_STATE_INIT);
	struct fixture *f = *state;
	struct vmm *vmm = start_vmm_of(f, UID, 100);
	int fd;

	assert_int_equal(folder_open(&f->logs, 0, UID, &fd), 0);
	fd_close(&fd);
	end_vmm(f, vmm, CLD_EXITED, 1);
	assert_null(load(f));
	freed.state = NE_EMU_ENCLAVE_STATE_FREED;
	lifecycle_notice(&f->s, &freed);
	assert_null(enclave_table_find(&f->s.enclaves, UID));
	assert_int_equal(faccessat(f->logs.fd, "0/0193000000010000", F_OK, 0), -1);
}

static void test_second_try(void **state)
{
	struct fixture *f = *state;
	struct vmm *old = start_vmm_of(f, UID, 100);
	struct vmm *vmm = start_vmm_of(f, UID, 101);
	json_t *root;

	assert_true(old->given_up);
	assert_int_equal(old->kill_ns, BOOT_NS);
	assert_false(vmm->given_up);
	notice(f, NE_EMU_ENCLAVE_STATE_RUNNING);
	end_vmm(f, old, CLD_KILLED, SIGKILL);
	notice_stopped(f, NE_EMU_EXIT_REASON_GUEST_HALT, "");
	root = load(f);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "vmm"),
							    "pid")), 101);
	json_decref(root);
	end_vmm(f, vmm, CLD_EXITED, 0);
}

static void test_lost_vmm_aborts_heartbeat(void **state)
{
	struct fixture *f = *state;
	struct vmm *vmm = start_vmm_of(f, UID, 100);

	notice(f, NE_EMU_ENCLAVE_STATE_RUNNING);
	elapsed_ns = 179 * NSEC_PER_SEC;
	notice_stopped(f, NE_EMU_EXIT_REASON_LOST, "the VMM went away");
	end_vmm(f, vmm, CLD_DUMPED, SIGSEGV);
	assert_int_equal(f->aborts, 1);
	assert_int_equal(f->aborted_cid, 16);
	check_record(f, "lost", "the VMM went away");
}

static void test_no_abort_late(void **state)
{
	struct fixture *f = *state;

	notice(f, NE_EMU_ENCLAVE_STATE_RUNNING);
	elapsed_ns = 180 * NSEC_PER_SEC;
	notice_stopped(f, NE_EMU_EXIT_REASON_LOST, "");
	assert_int_equal(f->aborts, 0);
}

static void test_no_abort_after_a_later_start(void **state)
{
	struct ne_nl_enclave later = enclave_in(NE_EMU_ENCLAVE_STATE_RUNNING);
	struct fixture *f = *state;

	notice(f, NE_EMU_ENCLAVE_STATE_RUNNING);
	later.slot_uid = UID_2;
	later.cid = 17;
	later.started_ns = BOOT_NS + 1;
	lifecycle_notice(&f->s, &later);
	notice_stopped(f, NE_EMU_EXIT_REASON_LOST, "");
	assert_int_equal(f->aborts, 0);

	later.state = NE_EMU_ENCLAVE_STATE_STOPPED;
	later.exit_reason = NE_EMU_EXIT_REASON_LOST;
	lifecycle_notice(&f->s, &later);
	assert_int_equal(f->aborts, 1);
	assert_int_equal(f->aborted_cid, 17);
}

static void test_no_abort_when_the_vmm_spoke(void **state)
{
	struct fixture *f = *state;

	notice(f, NE_EMU_ENCLAVE_STATE_RUNNING);
	notice_stopped(f, NE_EMU_EXIT_REASON_BAD_IMAGE, "");
	assert_int_equal(f->aborts, 0);
}

static void test_adoption(void **state)
{
	struct ne_nl_enclave list[2] = {
		enclave_in(NE_EMU_ENCLAVE_STATE_RUNNING),
		enclave_in(NE_EMU_ENCLAVE_STATE_INIT),
	};
	struct fixture *f = *state;
	json_t *root;

	list[1].slot_uid = UID_2;
	lifecycle_sync(&f->s, list, 2);
	assert_int_equal(enclave_table_count(&f->s.enclaves, NE_EMU_ENCLAVE_STATE_RUNNING), 1);
	notice_stopped(f, NE_EMU_EXIT_REASON_VMM_ERROR, "KVM_RUN");
	root = load(f);
	assert_true(json_is_null(json_object_get(root, "vmm")));
	json_decref(root);
	check_record(f, "vmm-error", "KVM_RUN");
}

static void test_recorded_end_is_kept(void **state)
{
	struct ne_nl_enclave stopped = enclave_in(NE_EMU_ENCLAVE_STATE_STOPPED);
	struct fixture *f = *state;
	int folder, file;
	json_t *root;

	assert_int_equal(folder_open(&f->logs, 0, UID, &folder), 0);
	assert_int_equal(folder_create_file(folder, "exit.json", &file), 0);
	assert_int_equal(write_full(file, "{\"old\":1}", 9), 0);
	fd_close(&file);
	fd_close(&folder);

	stopped.exit_reason = NE_EMU_EXIT_REASON_LOST;
	lifecycle_sync(&f->s, &stopped, 1);
	assert_int_equal(f->aborts, 0);
	notice(f, NE_EMU_ENCLAVE_STATE_FREED);
	assert_null(enclave_table_find(&f->s.enclaves, UID));
	root = load(f);
	assert_int_equal(json_integer_value(json_object_get(root, "old")), 1);
	json_decref(root);
}

static void test_unrecorded_end_is_recorded(void **state)
{
	struct ne_nl_enclave stopped = enclave_in(NE_EMU_ENCLAVE_STATE_STOPPED);
	struct fixture *f = *state;

	stopped.exit_reason = NE_EMU_EXIT_REASON_GUEST_SHUTDOWN;
	lifecycle_sync(&f->s, &stopped, 1);
	check_record(f, "guest-shutdown", "");
}

/* A list may arrive before the notifications of the changes in it. */
static void test_stale_notifications(void **state)
{
	struct ne_nl_enclave stopped = enclave_in(NE_EMU_ENCLAVE_STATE_STOPPED);
	struct fixture *f = *state;

	stopped.exit_reason = NE_EMU_EXIT_REASON_GUEST_HALT;
	lifecycle_sync(&f->s, &stopped, 1);
	notice(f, NE_EMU_ENCLAVE_STATE_RUNNING);
	assert_int_equal(enclave_table_find(&f->s.enclaves, UID)->info.state,
			 NE_EMU_ENCLAVE_STATE_STOPPED);
	notice_stopped(f, NE_EMU_EXIT_REASON_LOST, "");
	check_record(f, "guest-halt", "");
	assert_int_equal(f->aborts, 0);
}

static void test_sync_notices_what_is_gone(void **state)
{
	struct fixture *f = *state;
	struct vmm *vmm = start_vmm_of(f, UID, 100);

	notice(f, NE_EMU_ENCLAVE_STATE_RUNNING);
	lifecycle_sync(&f->s, NULL, 0);
	check_record(f, "closed", "closed by its owner");
	assert_true(vmm->kill_ns > 0);
	lifecycle_sync(&f->s, NULL, 0);
	end_vmm(f, vmm, CLD_KILLED, SIGKILL);
	assert_null(enclave_table_find(&f->s.enclaves, UID));
}

static void test_news_of_nobody(void **state)
{
	struct ne_nl_enclave odd = enclave_in(NE_EMU_ENCLAVE_STATE_FREED + 1);
	struct fixture *f = *state;

	notice(f, NE_EMU_ENCLAVE_STATE_FREED);
	lifecycle_notice(&f->s, &odd);
	assert_null(enclave_table_find(&f->s.enclaves, UID));
	assert_null(load(f));
}

static void test_old_folders_go(void **state)
{
	struct fixture *f = *state;
	int fd;

	for (uint64_t uid = 1; uid <= FOLDER_KEEP + 3; uid++) {
		struct timespec times[2] = { { .tv_sec = uid }, { .tv_sec = uid } };

		assert_int_equal(folder_open(&f->logs, 0, uid, &fd), 0);
		assert_return_code(futimens(fd, times), errno);
		fd_close(&fd);
	}
	/* The oldest enclave is live, and so is the new one. */
	start_vmm_of(f, 1, 50);
	notice(f, NE_EMU_ENCLAVE_STATE_RUNNING);
	notice_stopped(f, NE_EMU_EXIT_REASON_GUEST_RESET, "");
	assert_int_equal(faccessat(f->logs.fd, "0/0000000000000001", F_OK, 0), 0);
	assert_int_equal(faccessat(f->logs.fd, "0/0000000000000003", F_OK, 0), -1);
	assert_int_equal(faccessat(f->logs.fd, "0/0000000000000004", F_OK, 0), 0);
	assert_true(folder_has_exit_file(&f->logs, 0, UID));
}

/* The exit record goes to the owner of the enclave. */
static void test_owner(void **state)
{
	struct ne_nl_enclave info = enclave_in(NE_EMU_ENCLAVE_STATE_INIT);
	struct fixture *f = *state;

	info.owner_uid = 2001;
	assert_int_equal(lifecycle_starting(&f->s, &info), 0);
	/* Later messages may lack the owner. */
	info = enclave_in(NE_EMU_ENCLAVE_STATE_RUNNING);
	info.owner_uid = NE_NL_NO_OWNER;
	lifecycle_notice(&f->s, &info);
	info.state = NE_EMU_ENCLAVE_STATE_STOPPED;
	lifecycle_notice(&f->s, &info);
	assert_true(folder_has_exit_file(&f->logs, 2001, UID));
	assert_false(folder_has_exit_file(&f->logs, 0, UID));
}

/* The supervisor that accepted the start may be an earlier one. */
static void test_owner_of_adopted(void **state)
{
	struct ne_nl_enclave info = enclave_in(NE_EMU_ENCLAVE_STATE_RUNNING);
	struct fixture *f = *state;

	info.owner_uid = 2001;
	lifecycle_sync(&f->s, &info, 1);
	assert_int_equal(attestor_find(&f->s.attestor, UID)->owner, 2001);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_orderly_end),
		CASE(test_closed_by_owner),
		CASE(test_missed_end),
		CASE(test_failed_start_leaves_nothing),
		CASE(test_second_try),
		CASE(test_lost_vmm_aborts_heartbeat),
		CASE(test_no_abort_late),
		CASE(test_no_abort_after_a_later_start),
		CASE(test_no_abort_when_the_vmm_spoke),
		CASE(test_adoption),
		CASE(test_recorded_end_is_kept),
		CASE(test_unrecorded_end_is_recorded),
		CASE(test_stale_notifications),
		CASE(test_sync_notices_what_is_gone),
		CASE(test_news_of_nobody),
		CASE(test_old_folders_go),
		CASE(test_owner),
		CASE(test_owner_of_adopted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
