// SPDX-License-Identifier: Apache-2.0
/* "ne-emu doctor", "logs" and the names of enclaves, on fake machines. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/commands.h"
#include "cli/enclave/logs.h"
#include "cli/enclave/state.h"
#include "command/command.h"
#include "fake_root.h"

#include <jansson.h>

static json_t *parse(const struct command_result *result)
{
	json_t *root = json_loads(result->out, 0, NULL);

	if (!root)
		fail_msg("no JSON: %s", result->out);
	return root;
}

/* The first finding of a check with this status, or "". */
static const char *finding(const json_t *root, const char *check, const char *status)
{
	json_t *list = json_object_get(root, "Findings");
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
		if (!strcmp(json_string_value(json_object_get(entry, "Check")), check) &&
		    !strcmp(json_string_value(json_object_get(entry, "Status")), status))
			return json_string_value(json_object_get(entry, "Text"));
	return "";
}

/* On a machine with nothing, every check still has a result. */
static void test_empty_machine(void **state)
{
	static const char *const failing[] = {
		"kvm", "module", "device", "daemon", "vsock", "cpu-pool", "huge-pages",
	};
	struct command_result result;
	struct temp_dir root;
	json_t *json;

	fake_root_create(&root);
	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	json = parse(&result);
	assert_true(json_is_false(json_object_get(json, "Ok")));
	for (size_t i = 0; i < ARRAY_SIZE(failing); i++)
		assert_string_not_equal(finding(json, failing[i], "fail"), "");
	assert_string_not_equal(finding(json, "cpus", "warn"), "");
	json_decref(json);
	run_command(&result, &cmd_doctor, "doctor", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.out, "fail  module       nitro_enclaves_emu is not loaded\n"
		    "                   -> sudo modprobe nitro_enclaves_emu\n");
	fake_root_remove(&root);
}

static void test_good_parts(void **state)
{
	char path[ROOT_PATH_SIZE], locks[256];
	struct command_result result;
	struct temp_dir root;
	struct stat st;
	json_t *json;

	fake_root_create(&root);
	fake_root_put(&root, "/proc/cpuinfo", "flags\t\t: fpu svm hypervisor\n");
	fake_root_put(&root, "/sys/module/nitro_enclaves_emu/version", "1.2\n");
	fake_root_put(&root, "/sys/module/nitro_enclaves/parameters/ne_cpus", "2-3\n\n");
	fake_root_put(&root, "/sys/module/vhost_vsock/initstate", "live\n");
	fake_root_put(&root, "/dev/nitro_enclaves", "");
	fake_root_put(&root, "/sys/devices/system/cpu/online", "0-3\n");
	for (int i = 0; i < 4; i++) {
		snprintf(locks, sizeof(locks),
			 "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", i);
		fake_root_put(&root, locks, i < 2 ? "0-1\n" : "2-3\n");
	}
	fake_root_put(&root, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "32\n");
	fake_root_put(&root, "/run/ne-emu/ne-emud.lock", "");
	assert_int_equal(stat(fake_root_path(&root, "/run/ne-emu/ne-emud.lock", path), &st), 0);
	snprintf(locks, sizeof(locks),
		 "1: POSIX  ADVISORY  WRITE 9 00:01:1 0 EOF\n"
		 "2: FLOCK  ADVISORY  WRITE 4242 %02x:%02x:%llu 0 EOF\n",
		 (unsigned int)(st.st_dev >> 8 & 0xfff), (unsigned int)(st.st_dev & 0xff),
		 (unsigned long long)st.st_ino);
	fake_root_put(&root, "/proc/locks", locks);

	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	assert_string_equal(finding(json, "kvm", "fail"),
			    "/dev/kvm is missing although the CPU can virtualize");
	assert_string_equal(finding(json, "module", "warn"), "nitro_enclaves_emu 1.2 is loaded, "
			    "but the programs have version " NE_EMU_VERSION);
	assert_string_equal(finding(json, "cpu-pool", "ok"), "2 CPUs: 2-3");
	expect_text(finding(json, "isolation", "warn"), "ne-emud has not isolated CPUs 2-3");
	assert_string_equal(finding(json, "cpus", "ok"), "2 CPUs can be used for enclaves, in "
			    "whole cores of 2 threads: ask for multiples of 2");
	assert_string_equal(finding(json, "huge-pages", "ok"), "node 0: 32 free pages of 2 MiB");
	assert_string_equal(finding(json, "huge-pages", "fail"), "");
	assert_string_equal(finding(json, "daemon", "ok"), "ne-emud runs (process 4242)");
	assert_string_not_equal(finding(json, "vhost-vsock", "warn"), "");
	json_decref(json);

	fake_root_put(&root, "/sys/module/nitro_enclaves_emu/version", NE_EMU_VERSION "\n");
	fake_root_put(&root, "/proc/sys/net/vsock/g2h_fallback", "1\n");
	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	assert_string_not_equal(finding(json, "vhost-vsock", "ok"), "");
	assert_string_equal(finding(json, "module", "ok"),
			    "nitro_enclaves_emu " NE_EMU_VERSION " is loaded");
	json_decref(json);
	fake_root_remove(&root);
}

#define ISOLATED	"/sys/fs/cgroup/cpuset.cpus.isolated"
#define TOLD		"/run/ne-emu/isolation"

static void expect_isolation(const char *status, const char *text, bool isolated)
{
	struct command_result result;
	json_t *json, *pool;

	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	expect_text(finding(json, "isolation", status), text);
	pool = json_object_get(json, "CPUPool");
	assert_int_equal(json_is_true(json_object_get(pool, "Isolated")), isolated);
	assert_int_equal(json_is_null(json_object_get(pool, "NotIsolatedBecause")), isolated);
	assert_int_equal(json_integer_value(json_object_get(pool, "NumberOfCPUs")), 4);
	assert_int_equal(json_integer_value(json_object_get(pool, "NumaNode")), 1);
	assert_true(json_is_null(json_object_get(pool, "ClaimedCPUIDs")));
	json_decref(json);
}

/* CPUs count as isolated if ne-emud reports it and the kernel confirms it. */
static void test_isolation(void **state)
{
	struct temp_dir root;

	fake_root_create(&root);
	fake_root_put(&root, "/sys/module/nitro_enclaves/parameters/ne_cpus", "6,7,2-3\n");
	fake_root_mkdir(&root, "/sys/devices/system/cpu/cpu2/node1");
	expect_isolation("warn", "is it running?", false);
	fake_root_put(&root, ISOLATED, "1-3,6-9\n");
	expect_isolation("warn", "is it running?", false);
	fake_root_put(&root, TOLD, "2-3\n\n");		/* of an earlier pool */
	expect_isolation("warn", "is it running?", false);
	fake_root_put(&root, TOLD, "2-3,6-7\n\n");
	expect_isolation("ok", "only enclaves run on CPUs 2-3,6-7", true);
	fake_root_put(&root, TOLD, "2-3,6-7\nno cgroup v2 here\n");
	expect_isolation("warn", "no cgroup v2 here", false);
	fake_root_put(&root, TOLD, "2-3,6-7\n\n");
	fake_root_put(&root, ISOLATED, "2-3,6\n");
	expect_isolation("warn", "the kernel has undone it", false);
	fake_root_remove(&root);
}

static void put_channel(const struct temp_dir *root, unsigned int pid, unsigned int fd,
			const char *target, const char *info)
{
	char name[64], path[ROOT_PATH_SIZE];

	snprintf(name, sizeof(name), "/proc/%u/fd/%u", pid, fd);
	assert_int_equal(symlink(target, fake_root_path(root, name, path)), 0);
	snprintf(name, sizeof(name), "/proc/%u/fdinfo/%u", pid, fd);
	fake_root_put(root, name, info);
}

/* Counters of channels: only of live VMMs, and only of their channels. */
static void test_vsock_packets(void **state)
{
	static const char bad[] = "pos:\t0\nstate:\tlive\ncid:\t666\nmalformed:\t1\n";
	struct command_result result;
	struct temp_dir root;
	json_t *json;

	fake_root_create(&root);
	fake_root_put(&root, "/proc/40/comm", "ne-emu-vmm\n");
	put_channel(&root, 40, 3, "/dev/ne_emu_vsock",
		    "pos:\t0\nstate:\tlive\ncid:\t16\nconsole:\t0\nqueued:\t8192\n"
		    "dropped:\t7\nmalformed:\t18446744073709551615\n");
	put_channel(&root, 40, 4, "/dev/ne_emu_vsock",
		    "state:\tlive\ncid:\t17\nconsole:\t1\ndropped:\t0\nmalformed:\t2\n");
	put_channel(&root, 40, 5, "/dev/ne_emu_vsock",
		    "state:\tgone\nqueued:\t1\ndropped:\t5\nmalformed:\t5\n");
	put_channel(&root, 40, 9, "/dev/ne_emu_vsock",
		    "state:\tlive\ncid:\t18\nconsole:\t0\nqueued:\t5\ndropped:\t3\nmalformed:\t0\n");
	put_channel(&root, 40, 10, "/dev/ne_emu_vsock",
		    "state:\tlive\ncid:\t19\nconsole:\t0\nqueued:\t5\ndropped:\t0\nmalformed:\t0\n");
	put_channel(&root, 40, 6, "/dev/ne_emu_vsock2", bad);
	put_channel(&root, 40, 7, "/dev/ne_emu_vsoc", bad);
	put_channel(&root, 40, 8, "/dev/ne_emu_vsock", "");
	fake_root_put(&root, "/proc/41/comm", "ne-emu-vmm2\n");
	put_channel(&root, 41, 3, "/dev/ne_emu_vsock", bad);
	run_command(&result, &cmd_doctor, "doctor", NULL);
	expect_text(result.out, "CID 16 sent 18446744073709551615 malformed packets");
	expect_text(result.out, "7 packets to CID 16 were dropped; 8192 are waiting");
	expect_text(result.out, "the console of CID 17 sent 2 malformed packets");
	expect_text(result.out, "3 packets to CID 18 were dropped; 5 are waiting");
	assert_null(strstr(result.out, "CID 18 sent"));
	assert_null(strstr(result.out, "CID 17 were dropped"));
	assert_null(strstr(result.out, "CID 19"));
	assert_null(strstr(result.out, "666"));
	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	expect_text(finding(json, "vsock-packets", "warn"), " packets");
	json_decref(json);
	fake_root_remove(&root);
}

/* Huge pages must be on the node of the pool. */
static void test_nodes(void **state)
{
	static const struct {
		const char *pages[2];	/* free on node 0 and 1 */
		const char *fail;
	} cases[] = {
		{ { "32\n", "0\n" }, "" },
		{ { "0\n", "32\n" }, "the free huge pages are not on node 0, where the CPU "
				      "pool is" },
		{ { "31\n", "32\n" }, "the free huge pages are not on node 0, where the CPU "
				      "pool is" },
		{ { "32\n", "32\n" }, "" },
		{ { "31\n", "31\n" }, "only 62 MiB of huge pages are free; an enclave needs at "
				      "least 64 MiB" },
	};
	struct command_result result;
	struct temp_dir root;
	char path[100];
	json_t *json;

	fake_root_create(&root);
	fake_root_put(&root, "/sys/module/nitro_enclaves/parameters/ne_cpus", "2\n");
	fake_root_put(&root, "/sys/devices/system/cpu/cpu2/node0/x", "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int node = 0; node < 2; node++) {
			snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/hugepages/"
				 "hugepages-2048kB/free_hugepages", node);
			fake_root_put(&root, path, cases[i].pages[node]);
		}
		run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
		json = parse(&result);
		assert_string_equal(finding(json, "huge-pages", "fail"), cases[i].fail);
		json_decref(json);
	}
	fake_root_remove(&root);
}

static void test_aws_driver(void **state)
{
	struct command_result result;
	struct temp_dir root;
	json_t *json;

	fake_root_create(&root);
	fake_root_put(&root, "/sys/module/nitro_enclaves/initstate", "live\n");
	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	expect_text(finding(json, "module", "fail"), "the emulator cannot be loaded with it");
	json_decref(json);
	fake_root_put(&root, "/dev/nitro_enclaves", "");
	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	expect_text(finding(json, "module", "ok"), "real enclave host");
	json_decref(json);
	fake_root_remove(&root);
}

static void test_ids(void **state)
{
	static const struct {
		const char *name;
		uint64_t uid;
		uint32_t cid;
	} cases[] = {
		{ "16", 0, 16 },
		{ "4294967295", 0, 4294967295 },
		{ "enc017d91012b842240", 0x017d91012b842240, 0 },
		{ "enc17d91012b842240", 0x017d91012b842240, 0 },
		{ "017d91012b842240", 0x017d91012b842240, 0 },
		{ "i-09eb1f8c065b7f2e8-enc017d91012b842240", 0x017d91012b842240, 0 },
	};
	static const char *const bad[] = {
		"", "0", "x", "4294967296", "enc", "enc0", "encx", "-1", "017d91012b84224",
		"017d91012b84224g", "enc017d91012b8422400",
	};
	char id[STATE_ID_SIZE];
	uint64_t uid;
	uint32_t cid;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(state_parse_id(cases[i].name, &uid, &cid), 0);
		assert_true(uid == cases[i].uid);
		assert_int_equal(cid, cases[i].cid);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(state_parse_id(bad[i], &uid, &cid), -EINVAL);
	assert_string_equal(state_id(0x017d91012b842240, id), "enc017d91012b842240");
}

#define OLD	"/var/log/ne-emu/1000/017d91012b842240"
#define NEW	"/var/log/ne-emu/0/017d91012b842241"

static void test_logs(void **state)
{
	struct command_result result;
	struct temp_dir root;
	json_t *json;

	fake_root_create(&root);
	run_command(&result, &cmd_logs, "logs", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.err, "no enclave has been started yet");
	fake_root_put(&root, OLD "/console.log", "old console\n");
	fake_root_put(&root, OLD "/exit.json", "{\"cid\": 16, \"ended\": \"then\", "
		      "\"reason\": \"guest-reset\", \"text\": \"the guest reset\"}\n");
	fake_root_put(&root, NEW "/console.log", "new console\n");
	fake_root_put(&root, "/var/log/ne-emu/other", "");

	run_command(&result, &cmd_logs, "logs", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	assert_string_equal(result.out, "new console\n");
	expect_text(result.err, "has not ended");
	run_command(&result, &cmd_logs, "logs", "enc017d91012b842240", NULL);
	assert_string_equal(result.out, "old console\n");
	assert_string_equal(result.err, "enc017d91012b842240: ended then, guest-reset: "
			    "the guest reset\n");
	run_command(&result, &cmd_logs, "logs", "16", NULL);
	assert_string_equal(result.out, "old console\n");
	run_command(&result, &cmd_logs, "logs", "17", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.err, "there are no logs of 17");

	run_command(&result, &cmd_logs, "logs", "--json", NULL);
	json = parse(&result);
	assert_int_equal(json_array_size(json), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(json, 0),
							    "OwnerUID")), 0);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(json, 1),
							    "OwnerUID")), 1000);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json, 1),
							      "ExitReason")), "guest-reset");
	assert_true(json_is_null(json_object_get(json_array_get(json, 1), "ExitCode")));
	json_decref(json);
	run_command(&result, &cmd_logs, "logs", "--list", "16", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	fake_root_remove(&root);
}

static void put_end(struct temp_dir *root, const char *program)
{
	char text[200];

	snprintf(text, sizeof(text), "{\"cid\": 16, \"ended\": \"then\", \"reason\": "
		 "\"guest-reset\", \"text\": \"the guest reset\", \"program\": %s}\n", program);
	fake_root_put(root, OLD "/exit.json", text);
}

static void test_logs_program(void **state)
{
	static const struct {
		const char *program, *text;
		int code, sig;		/* -1: null */
	} cases[] = {
		{ "null", "guest-reset: the guest reset", -1, -1 },
		{ "{\"exit_code\": 0}", "guest-reset: the program exited with status 0", 0, -1 },
		{ "{\"exit_code\": 7}", "guest-reset: the program exited with status 7", 7, -1 },
		{ "{\"signal\": 9, \"signal_name\": \"KILL\"}",
		  "guest-reset: the program was killed by signal 9 (KILL)", -1, 9 },
		{ "{\"signal\": 1000}", "guest-reset: the guest reset", -1, -1 },
		{ "[]", "guest-reset: the guest reset", -1, -1 },
	};
	struct command_result result;
	char expected[200];
	struct temp_dir root;

	fake_root_create(&root);
	fake_root_put(&root, OLD "/console.log", "old console\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *json, *code, *sig;

		put_end(&root, cases[i].program);
		run_command(&result, &cmd_logs, "logs", NULL);
		snprintf(expected, sizeof(expected), "enc017d91012b842240: ended then, %s\n",
			 cases[i].text);
		assert_string_equal(result.err, expected);
		run_command(&result, &cmd_logs, "logs", "--list", NULL);
		snprintf(expected, sizeof(expected), "then %s\n", cases[i].text);
		expect_text(result.out, expected);
		run_command(&result, &cmd_logs, "logs", "--json", NULL);
		json = parse(&result);
		code = json_object_get(json_array_get(json, 0), "ExitCode");
		sig = json_object_get(json_array_get(json, 0), "ExitSignal");
		assert_int_equal(json_is_null(code) ? -1 : json_integer_value(code), cases[i].code);
		assert_int_equal(json_is_null(sig) ? -1 : json_integer_value(sig), cases[i].sig);
		json_decref(json);
	}
	fake_root_remove(&root);
}

/* The end of a console log, as "run" shows it after a failure. */
static void test_last_lines(void **state)
{
	static const struct {
		const char *log, *shown;
	} cases[] = {
		{ "", "" },
		{ "one", "  one\n" },
		{ "one\r\ntwo\r\n", "  one\n  two\n" },
		{ "0\n1\n\r\n2\n\n3\n", "  1\n  2\n  3\n" },
		{ "0\n1\n2\n3\nunfinished", "  2\n  3\n  unfinished\n" },
		{ "\n\n\n", "" },
		{ "a\33[2Jb\xff\tc\n", "  a\\x1b[2Jb\\xff\tc\n" },
	};
	const struct logs_id id = { .uid = 0x017d91012b842240, .owner = 1000 };
	struct temp_dir root;
	char *shown, *huge;
	size_t size;
	FILE *file;

	fake_root_create(&root);
	assert_int_equal(logs_print_last(&id, 3, stdout), -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_root_put(&root, OLD "/console.log", cases[i].log);
		file = open_memstream(&shown, &size);
		assert_return_code(logs_print_last(&id, 3, file), 0);
		assert_int_equal(fclose(file), 0);
		assert_string_equal(shown, cases[i].shown);
		free(shown);
	}
	/* Only the end is read, also of a line without an end. */
	huge = malloc(MIB);
	memset(huge, 'x', MIB - 1);
	huge[MIB - 1] = '\0';
	fake_root_put(&root, OLD "/console.log", huge);
	file = open_memstream(&shown, &size);
	assert_int_equal(logs_print_last(&id, 3, file), 1);
	assert_int_equal(fclose(file), 0);
	assert_in_range(size, 1000, 64 * KIB);
	free(shown);
	free(huge);
	fake_root_remove(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logs_program),
		cmocka_unit_test(test_last_lines),
		cmocka_unit_test(test_empty_machine),
		cmocka_unit_test(test_good_parts),
		cmocka_unit_test(test_isolation),
		cmocka_unit_test(test_vsock_packets),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_aws_driver),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_logs),
	};

	return cmocka_run_group_tests_name("cli_doctor", tests, NULL, NULL);
}
