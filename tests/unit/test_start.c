// SPDX-License-Identifier: Apache-2.0
/* Start requests that cannot be served: each cause has its errno and its text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "common/util.h"
#include "daemon/start.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define NOBODY	65534

static struct start_config good_nodes(void)
{
	/* Any node that can be opened will do: no case here uses both. */
	return (struct start_config){
		.vmm_path = "/does/not/exist",
		.kvm_path = "/dev/null",
		.vsock_path = "/dev/null",
		.log_level = LOG_INFO,
	};
}

/* Error of a start on request. */
static int start_error;

static void expect_failure(const struct start_config *config, int err, const char *text)
{
	static uint32_t vcpu = 1;
	const struct ne_nl_enclave request = {
		.slot_uid = 1, .cid = 16, .flags = 1, .mem_size = 64 * MIB,
		.vcpus = &vcpu, .nr_vcpus = 1, .backend_fd = -1,
	};
	const struct start_module module = {
		.instance_id = "i-00000000000000000", .control_fd = -1,
		.start_error = start_error,
	};
	struct log_root logs = { .fd = -1, .gid = -1 };
	struct vmm *vmm = NULL;
	struct error error;

	assert_int_equal(start_vmm(config, &logs, &request, &module, -1, &vmm, &error), err);
	assert_null(vmm);
	if (!strstr(error.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, error.text);
}

static void test_no_kvm(void **state)
{
	struct start_config config = good_nodes();

	config.kvm_path = "/does/not/exist";
	expect_failure(&config, -EOPNOTSUPP, "load kvm_intel or kvm_amd");
	config.kvm_path = "/tmp";
	expect_failure(&config, -EOPNOTSUPP, "Is a directory");
}

static void test_no_vsock(void **state)
{
	struct start_config config = good_nodes();

	config.vsock_path = "/does/not/exist";
	expect_failure(&config, -ENETDOWN, "load ne_emu_vsock");
}

static void test_vsock_is_something_else(void **state)
{
	struct start_config config = good_nodes();

	expect_failure(&config, -EPROTO, "refuses CID 16");
}

static void test_not_permitted(void **state)
{
	struct start_config config = good_nodes();
	struct temp_dir dir;
	char path[64];
	int fd;

	temp_dir_create(&dir);
	snprintf(path, sizeof(path), "%s/node", dir.path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0);
	assert_return_code(fd, errno);
	fd_close(&fd);

	/* Root may open everything. */
	if (geteuid() == 0)
		assert_return_code(seteuid(NOBODY), errno);
	config.kvm_path = path;
	expect_failure(&config, -EACCES, path);
	config.kvm_path = "/dev/null";
	config.vsock_path = path;
	expect_failure(&config, -EACCES, path);
	assert_return_code(seteuid(getuid()), errno);
	temp_dir_remove(&dir);
}

static void test_no_descriptors_left(void **state)
{
	struct start_config config = good_nodes();
	struct rlimit old, none;

	assert_return_code(getrlimit(RLIMIT_NOFILE, &old), errno);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = old.rlim_max };
	assert_return_code(setrlimit(RLIMIT_NOFILE, &none), errno);
	expect_failure(&config, -ENFILE, "LimitNOFILE");
	assert_return_code(setrlimit(RLIMIT_NOFILE, &old), errno);
}

static void test_start_error(void **state)
{
	struct start_config config = good_nodes();

	start_error = 275;	/* NE_ERR_INVALID_ENCLAVE_CID, which no other cause gives */
	expect_failure(&config, -275, "lab setting start-error");
	start_error = 0;
}

static void test_refuse(void **state)
{
	const struct error error = { "no vsock" };
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_int_equal(start_refuse(fd, -ENETDOWN, &error), -ENOTTY);
	fd_close(&fd);
	assert_int_equal(start_refuse(fd, -ENETDOWN, &error), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_kvm),
		cmocka_unit_test(test_no_vsock),
		cmocka_unit_test(test_vsock_is_something_else),
		cmocka_unit_test(test_not_permitted),
		cmocka_unit_test(test_no_descriptors_left),
		cmocka_unit_test(test_start_error),
		cmocka_unit_test(test_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
