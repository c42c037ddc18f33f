// SPDX-License-Identifier: Apache-2.0
/* What ne-emud says about what starts need. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/health.h"
#include "fake_root.h"

#include <unistd.h>

struct host {
	struct temp_dir dir;
	char kvm[ROOT_PATH_SIZE];
	char vmm[ROOT_PATH_SIZE];
	char run[ROOT_PATH_SIZE];
	char logs[ROOT_PATH_SIZE];
	struct log_root root;
};

static void expect_errno(const struct host *host, const char *member, const char *path,
			 int errnum)
{
	const struct start_config start = { .kvm_path = host->kvm, .vmm_path = host->vmm };
	json_t *answer = json_object(), *object;

	assert_int_equal(health_add(answer, &start, &host->root, host->run), 0);
	assert_string_equal(json_string_value(json_object_get(answer, "version")),
			    NE_EMU_VERSION);
	object = json_object_get(answer, member);
	assert_string_equal(json_string_value(json_object_get(object, "path")), path);
	assert_int_equal(json_integer_value(json_object_get(object, "errno")), errnum);
	json_decref(answer);
}

static void make_host(struct host *host)
{
	fake_root_create(&host->dir);
	fake_root_put(&host->dir, "/dev/kvm", "");
	fake_root_put(&host->dir, "/vmm", "program");
	fake_root_mkdir(&host->dir, "/run");
	fake_root_mkdir(&host->dir, "/logs");
	fake_root_path(&host->dir, "/dev/kvm", host->kvm);
	fake_root_path(&host->dir, "/vmm", host->vmm);
	fake_root_path(&host->dir, "/run", host->run);
	fake_root_path(&host->dir, "/logs", host->logs);
	assert_int_equal(chmod(host->vmm, 0755), 0);
	host->root = (struct log_root){
		.fd = open(host->logs, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};
	assert_true(host->root.fd >= 0);
}

static void free_host(struct host *host)
{
	close(host->root.fd);
	fake_root_remove(&host->dir);
}

static void test_all_well(void **state)
{
	struct host host;

	make_host(&host);
	expect_errno(&host, "kvm", host.kvm, 0);
	expect_errno(&host, "vmm", host.vmm, 0);
	expect_errno(&host, "logs", host.logs, 0);
	expect_errno(&host, "run", host.run, 0);
	free_host(&host);
}

static void test_vmm(void **state)
{
	struct host host;

	make_host(&host);
	assert_int_equal(chmod(host.vmm, 0644), 0);
	expect_errno(&host, "vmm", host.vmm, EACCES);
	fake_root_put(&host.dir, "/vmm", "");
	assert_int_equal(chmod(host.vmm, 0755), 0);
	expect_errno(&host, "vmm", host.vmm, ENOEXEC);
	assert_int_equal(unlink(host.vmm), 0);
	expect_errno(&host, "vmm", host.vmm, ENOENT);
	assert_int_equal(mkdir(host.vmm, 0755), 0);
	expect_errno(&host, "vmm", host.vmm, EACCES);
	free_host(&host);
}

static void test_folders(void **state)
{
	struct host host;
	char gone[ROOT_PATH_SIZE + 16];

	make_host(&host);
	assert_int_equal(unlink(host.kvm), 0);
	expect_errno(&host, "kvm", host.kvm, ENOENT);
	assert_int_equal(rmdir(host.run), 0);
	expect_errno(&host, "run", host.run, ENOENT);
	assert_int_equal(rmdir(host.logs), 0);
	snprintf(gone, sizeof(gone), "%s (deleted)", host.logs);
	expect_errno(&host, "logs", gone, ENOENT);
	free_host(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_well),
		cmocka_unit_test(test_vmm),
		cmocka_unit_test(test_folders),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
