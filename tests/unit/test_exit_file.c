// SPDX-License-Identifier: Apache-2.0
/* Content of exit.json. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "daemon/exit_file.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

/* 2025-02-28T12:34:56.789Z */
#define ENDED_NS	1740746096789000000LL
#define STARTED_NS	1740746000000999999LL
#define SLOT_UID	0x0000abcdef012345ULL
#define OWNER		2001

static uint32_t vcpus[] = { 3, 2, 65535 };

static struct ne_nl_enclave example_enclave(void)
{
	return (struct ne_nl_enclave){
		.slot_uid = SLOT_UID,
		.owner_uid = OWNER,
		.cid = UINT32_MAX - 1,
		.flags = 1,
		.mem_size = 64 * GIB,
		.vcpus = vcpus,
		.nr_vcpus = ARRAY_SIZE(vcpus),
		.exit_reason = NE_EMU_EXIT_REASON_GUEST_RESET,
		.exit_text = "the guest has reset itself",
		.backend_fd = -1,
	};
}

static struct exit_record example_record(const struct ne_nl_enclave *enclave)
{
	return (struct exit_record){
		.enclave = enclave,
		.started_ns = STARTED_NS,
		.ended_ns = ENDED_NS,
		.vmm_pid = 4711,
		.vmm_ended = true,
		.vmm_code = CLD_EXITED,
		.vmm_status = 0,
	};
}

static json_t *parse(const struct exit_record *record)
{
	char *text = NULL;
	json_t *root;

	assert_int_equal(exit_file_text(record, &text), 0);
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	free(text);
	return root;
}

static void check_string(const json_t *root, const char *key, const char *value)
{
	assert_string_equal(json_string_value(json_object_get(root, key)), value);
}

static void check_integer(const json_t *root, const char *key, json_int_t value)
{
	assert_true(json_is_integer(json_object_get(root, key)));
	assert_int_equal(json_integer_value(json_object_get(root, key)), value);
}

static void test_all_fields(void **state)
{
	struct ne_nl_enclave enclave = example_enclave();
	struct exit_record record = example_record(&enclave);
	json_t *root = parse(&record), *array;

	assert_true(json_is_true(json_object_get(root, "emulated")));
	check_string(root, "slot_uid", "0000abcdef012345");
	check_integer(root, "owner_uid", OWNER);
	check_integer(root, "cid", UINT32_MAX - 1);
	check_integer(root, "flags", 1);
	assert_true(json_is_true(json_object_get(root, "debug_mode")));
	check_integer(root, "mem_size", 64 * GIB);
	check_string(root, "started", "2025-02-28T12:33:20.000Z");
	check_string(root, "ended", "2025-02-28T12:34:56.789Z");
	check_string(root, "reason", "guest-reset");
	check_string(root, "text", "the guest has reset itself");
	array = json_object_get(root, "vcpus");
	assert_int_equal(json_array_size(array), ARRAY_SIZE(vcpus));
	for (size_t i = 0; i < ARRAY_SIZE(vcpus); i++)
		assert_int_equal(json_integer_value(json_array_get(array, i)), vcpus[i]);
	assert_int_equal(json_object_size(root), 14);
	json_decref(root);
}

static void test_vmm_exit_code(void **state)
{
	struct ne_nl_enclave enclave = example_enclave();
	struct exit_record record = example_record(&enclave);
	json_t *root, *vmm;

	record.vmm_status = 3;
	root = parse(&record);
	vmm = json_object_get(root, "vmm");
	check_integer(vmm, "pid", 4711);
	check_integer(vmm, "exit_code", 3);
	assert_int_equal(json_object_size(vmm), 2);
	json_decref(root);
}

static void test_program(void **state)
{
	struct ne_nl_enclave enclave = example_enclave();
	struct exit_record record = example_record(&enclave);
	json_t *root, *program;

	root = parse(&record);
	assert_true(json_is_null(json_object_get(root, "program")));
	json_decref(root);

	enclave.guest_status = 0x10700;
	root = parse(&record);
	program = json_object_get(root, "program");
	check_integer(program, "exit_code", 7);
	assert_int_equal(json_object_size(program), 1);
	json_decref(root);

	enclave.guest_status = 0x10009;
	root = parse(&record);
	program = json_object_get(root, "program");
	check_integer(program, "signal", 9);
	check_string(program, "signal_name", "KILL");
	assert_int_equal(json_object_size(program), 2);
	json_decref(root);
}

static void test_vmm_signal(void **state)
{
	struct ne_nl_enclave enclave = example_enclave();
	struct exit_record record = example_record(&enclave);
	json_t *root, *vmm;

	record.vmm_code = CLD_DUMPED;
	record.vmm_status = SIGSEGV;
	root = parse(&record);
	vmm = json_object_get(root, "vmm");
	check_integer(vmm, "signal", SIGSEGV);
	check_string(vmm, "signal_name", "SEGV");
	json_decref(root);

	record.vmm_status = 0;
	root = parse(&record);
	check_string(json_object_get(root, "vmm"), "signal_name", "unknown");
	json_decref(root);
}

static void test_vmm_of_another_supervisor(void **state)
{
	struct ne_nl_enclave enclave = example_enclave();
	struct exit_record record = example_record(&enclave);
	json_t *root;

	record.vmm_pid = 0;
	root = parse(&record);
	assert_true(json_is_null(json_object_get(root, "vmm")));
	json_decref(root);

	record.vmm_pid = 5;
	record.vmm_ended = false;
	root = parse(&record);
	assert_int_equal(json_object_size(json_object_get(root, "vmm")), 1);
	json_decref(root);
}

static void test_closed_by_owner(void **state)
{
	struct ne_nl_enclave enclave = example_enclave();
	struct exit_record record = example_record(&enclave);
	json_t *root;

	enclave.exit_reason = NE_EMU_EXIT_REASON_NONE;
	enclave.exit_text[0] = '\0';
	enclave.nr_vcpus = 0;
	record.closed = true;
	record.started_ns = 0;
	root = parse(&record);
	check_string(root, "reason", "closed");
	check_string(root, "text", "closed by its owner");
	assert_true(json_is_null(json_object_get(root, "started")));
	assert_int_equal(json_array_size(json_object_get(root, "vcpus")), 0);
	json_decref(root);
}

static void test_odd_text(void **state)
{
	struct ne_nl_enclave enclave = example_enclave();
	struct exit_record record = example_record(&enclave);
	json_t *root;

	strcpy(enclave.exit_text, "a\"b\\c\n\x80\xff\x1b");
	root = parse(&record);
	check_string(root, "text", "a\"b\\c\\x0a\\x80\\xff\\x1b");
	json_decref(root);

	memset(enclave.exit_text, 'x', sizeof(enclave.exit_text));
	root = parse(&record);
	assert_int_equal(json_string_length(json_object_get(root, "text")),
			 NE_NL_TEXT_SIZE - 1);
	json_decref(root);
}

static void test_write(void **state)
{
	struct ne_nl_enclave enclave = example_enclave();
	struct exit_record record = example_record(&enclave);
	struct log_root root;
	struct temp_dir dir;
	char path[128];
	struct stat st;
	json_t *json;

	temp_dir_create(&dir);
	assert_int_equal(log_root_open(&root, dir.path), 0);
	assert_false(folder_has_exit_file(&root, OWNER, SLOT_UID));

	/* The second write replaces the file of the first. */
	assert_int_equal(exit_file_write(&root, &record), 0);
	record.vmm_status = 9;
	assert_int_equal(exit_file_write(&root, &record), 0);
	assert_true(folder_has_exit_file(&root, OWNER, SLOT_UID));

	snprintf(path, sizeof(path), "%s/2001/0000abcdef012345/exit.json", dir.path);
	json = json_load_file(path, 0, NULL);
	check_integer(json_object_get(json, "vmm"), "exit_code", 9);
	json_decref(json);
	assert_return_code(stat(path, &st), errno);
	assert_int_equal(st.st_mode & 07777, 0644);

	snprintf(path, sizeof(path), "%s/2001/0000abcdef012345/%s", dir.path, FOLDER_TEMP);
	assert_int_equal(access(path, F_OK), -1);
	log_root_close(&root);
	temp_dir_remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_fields),
		cmocka_unit_test(test_vmm_exit_code),
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_vmm_signal),
		cmocka_unit_test(test_vmm_of_another_supervisor),
		cmocka_unit_test(test_closed_by_owner),
		cmocka_unit_test(test_odd_text),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
