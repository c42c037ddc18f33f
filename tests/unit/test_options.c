// SPDX-License-Identifier: Apache-2.0
/* The command line of ne-emu-vmm. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "common/util.h"
#include "vmm/options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ARGS_MAX	64

static const char *const complete[] = {
	"ne-emu-vmm",
	"--slot-uid", "00000000deadbeef",
	"--cid", "16",
	"--flags", "1",
	"--mem-size", "67108864",
	"--image-offset", "8388608",
	"--cpus", "2,3",
	"--module-id", "i-0123456789abcdef0-enc0123456789abcdef",
	"--backend-fd", "10",
	"--kvm-fd", "11",
	"--channel-fd", "12",
	"--console-channel-fd", "13",
	"--console-log-fd", "14",
	"--nsm-control-fd", "15",
	"--held", "2",
	"--pool-fd", "16",
	"--marks-fd", "17",
	"--uid", "990",
	"--gid", "991",
	"--log-level", "debug",
};

static int setup(void **state)
{
	(void)state;
	for (int fd = 10; fd < 18; fd++)
		assert_int_equal(dup2(STDERR_FILENO, fd), fd);
	return 0;
}

/* Replace the value of @option (NULL value: leave the option out). */
static int parse(struct vmm_options *options, const char *option, const char *value)
{
	char *argv[ARGS_MAX];
	int argc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(complete); i++) {
		if (option && i && !strcmp(complete[i], option)) {
			i++;
			if (!value)
				continue;
			argv[argc++] = (char *)option;
			argv[argc++] = (char *)value;
			continue;
		}
		argv[argc++] = (char *)complete[i];
	}
	argv[argc] = NULL;
	return vmm_options_parse(options, argc, argv);
}

static void test_complete(void **state)
{
	struct vmm_options options;

	(void)state;
	assert_int_equal(parse(&options, NULL, NULL), 0);
	assert_int_equal(options.slot_uid, 0xdeadbeef);
	assert_string_equal(options.prefix, "00000000deadbeef");
	assert_int_equal(options.cid, 16);
	assert_true(vmm_options_debug(&options));
	assert_int_equal(options.mem_size, 64 * MIB);
	assert_int_equal(options.image_offset, 8 * MIB);
	assert_int_equal(options.cpus.count, 2);
	assert_int_equal(options.cpus.list[1], 3);
	assert_int_equal(options.backend_fd, 10);
	assert_int_equal(options.console_log_fd, 14);
	assert_int_equal(options.marks_fd, 17);
	assert_int_equal(options.nsm_control_fd, 15);
	assert_int_equal(options.pool_fd, 16);
	assert_int_equal(options.held, VMM_HELD_TRACE);
	assert_int_equal(options.uid, 990);
	assert_int_equal(options.gid, 991);
	assert_int_equal(options.log_level, LOG_DEBUG);
	vmm_options_free(&options);
}

/* The VMM reads exactly the options that the supervisor writes. */
static void test_written(void **state)
{
	struct vmm_options options, again;
	char *argv[ARGS_MAX] = { (char *)"ne-emu-vmm" };
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	int argc = 1;

	(void)state;
	assert_int_equal(parse(&options, NULL, NULL), 0);
	vmm_options_write(&options, to);
	assert_int_equal(fclose(to), 0);
	for (char *word = text; word < text + size; word += strlen(word) + 1)
		argv[argc++] = word;
	assert_int_equal(argc, ARRAY_SIZE(complete));
	assert_int_equal(vmm_options_parse(&again, argc, argv), 0);
	for (int i = 1; i < argc; i += 2) {
		size_t n = 1;

		while (n < ARRAY_SIZE(complete) && strcmp(complete[n], argv[i]))
			n += 2;
		assert_true(n < ARRAY_SIZE(complete));
		assert_string_equal(argv[i + 1], complete[n + 1]);
	}
	assert_memory_equal(again.cpus.list, options.cpus.list, 2 * sizeof(uint32_t));
	assert_int_equal(again.pool_fd, options.pool_fd);
	assert_int_equal(again.held, options.held);
	free(text);
	vmm_options_free(&options);
	vmm_options_free(&again);
}

static void test_missing(void **state)
{
	struct vmm_options options;

	(void)state;
	for (size_t i = 1; i < ARRAY_SIZE(complete); i += 2) {
		bool optional = !strcmp(complete[i], "--console-log-fd") ||
				!strcmp(complete[i], "--marks-fd") ||
				!strcmp(complete[i], "--nsm-control-fd") ||
				!strcmp(complete[i], "--held") ||
				!strcmp(complete[i], "--pool-fd") ||
				!strcmp(complete[i], "--log-level");
		assert_int_equal(parse(&options, complete[i], NULL), optional ? 0 : -EINVAL);
		vmm_options_free(&options);
	}
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *option;
		const char *value;
	} cases[] = {
		{ "--slot-uid", "deadbeef" },
		{ "--slot-uid", "0x000000deadbeef" },
		{ "--slot-uid", "00000000deadbeef0" },
		{ "--cid", "3" },
		{ "--cid", "4294967295" },
		{ "--cid", "-5" },
		{ "--flags", "2" },
		{ "--mem-size", "64M" },
		{ "--mem-size", "" },
		{ "--cpus", "" },
		{ "--cpus", "1," },
		{ "--backend-fd", "2" },
		{ "--backend-fd", "999" },
		{ "--backend-fd", "99999999999" },
		{ "--uid", "0" },
		{ "--gid", "4294967295" },
		{ "--log-level", "loud" },
		{ "--flags", "0" },	/* but a console */
	};
	struct vmm_options options;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(&options, cases[i].option, cases[i].value), -EINVAL);
		vmm_options_free(&options);
	}
}

static void test_unknown(void **state)
{
	char *argv[] = { "ne-emu-vmm", "--help", NULL };
	char *twice[] = { "ne-emu-vmm", "--cid", "16", "--cid", "17", NULL };
	char *word[] = { "ne-emu-vmm", "word", NULL };
	struct vmm_options options;

	(void)state;
	assert_int_equal(vmm_options_parse(&options, 2, argv), -EINVAL);
	assert_int_equal(vmm_options_parse(&options, 5, twice), -EINVAL);
	assert_int_equal(vmm_options_parse(&options, 2, word), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_unknown),
	};

	log_init(LOG_EMERG, NULL);
	return cmocka_run_group_tests_name("options", tests, setup, NULL);
}
