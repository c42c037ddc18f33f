// SPDX-License-Identifier: Apache-2.0
/* The number of processes that the kernel has killed because memory ran out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/oom.h"
#include "fake_root.h"

#define EVENTS	"/sys/fs/cgroup/ne-emud.service/memory.events"

static void test_oom_kills(void **state)
{
	struct temp_dir root;

	fake_root_create(&root);
	assert_int_equal(oom_kills(root.path), 0);
	fake_root_put(&root, "/proc/self/cgroup", "1:memory:/x\n0::/ne-emud.service\n");
	assert_int_equal(oom_kills(root.path), 0);
	/* As Linux 6.12 has it. */
	fake_root_put(&root, EVENTS, "low 0\nhigh 0\nmax 9\noom 8\noom_kill 7\n"
		      "oom_group_kill 6\n");
	assert_int_equal(oom_kills(root.path), 7);
	fake_root_put(&root, EVENTS, "low 0\n");
	assert_int_equal(oom_kills(root.path), 0);
	fake_root_remove(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oom_kills),
	};

	return cmocka_run_group_tests_name("oom", tests, NULL, NULL);
}
