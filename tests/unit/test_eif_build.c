// SPDX-License-Identifier: Apache-2.0
/* "ne-emu eif build" and "describe", kernel formats and metadata. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/eif/commands.h"
#include "cli/eif/show.h"
#include "eif/build.h"
#include "eif/eif.h"
#include "fake_root.h"

#include <dirent.h>
#include <jansson.h>

#define KERNEL_SIZE	0x400

struct files {
	struct temp_dir dir;
	char kernel[ROOT_PATH_SIZE];
	char ramdisk[ROOT_PATH_SIZE];
	char output[ROOT_PATH_SIZE];
};

static void make_bzimage(uint8_t *kernel)
{
	memset(kernel, 0, KERNEL_SIZE);
	memcpy(kernel + 0x202, "HdrS", 4);
	kernel[0x211] = 1;
	kernel[0x20e] = 0x10;
	kernel[0x20f] = 0x01;
	strcpy((char *)kernel + 0x310, "6.12.1-test (someone@somewhere) #1");
}

static void make_files(struct files *files)
{
	uint8_t kernel[KERNEL_SIZE];

	fake_root_create(&files->dir);
	make_bzimage(kernel);
	fake_root_write(&files->dir, "/bzImage", kernel, sizeof(kernel));
	fake_root_put(&files->dir, "/ramdisk", "RAMDISK1");
	fake_root_path(&files->dir, "/bzImage", files->kernel);
	fake_root_path(&files->dir, "/ramdisk", files->ramdisk);
	fake_root_path(&files->dir, "/out.eif", files->output);
	assert_int_equal(setenv("SOURCE_DATE_EPOCH", "1700000000", 1), 0);
}

static json_t *describe(const char *path)
{
	struct command_result result;
	json_t *json;

	run_command(&result, &cmd_eif_describe, "describe", "--json", path, NULL);
	assert_int_equal(result.code, 0);
	json = json_loads(result.out, 0, NULL);
	assert_non_null(json);
	return json;
}

static const char *text_of(const json_t *json, const char *outer, const char *inner)
{
	const char *text = json_string_value(json_object_get(json_object_get(json, outer), inner));

	return text ? text : "";
}

static void test_kernel_formats(void **state)
{
	uint8_t kernel[KERNEL_SIZE] = {};
	struct eif_kernel_info info;

	make_bzimage(kernel);
	assert_int_equal(eif_kernel_inspect(kernel, sizeof(kernel), &info), 0);
	assert_int_equal(info.flags, 0);
	assert_string_equal(info.version, "6.12.1-test");
	kernel[0x20f] = 0xff;		/* the version text is outside the kernel */
	assert_int_equal(eif_kernel_inspect(kernel, sizeof(kernel), &info), 0);
	assert_string_equal(info.version, "unknown");
	kernel[0x211] = 0x80;		/* a zImage */
	assert_int_equal(eif_kernel_inspect(kernel, sizeof(kernel), &info), -ENOEXEC);
	kernel[0x211] = 0x81;
	assert_int_equal(eif_kernel_inspect(kernel, sizeof(kernel), &info), 0);
	assert_int_equal(eif_kernel_inspect(kernel, 0x205, &info), -ENOEXEC);
	assert_int_equal(eif_kernel_inspect(kernel, 0, &info), -ENOEXEC);

	memset(kernel, 0, sizeof(kernel));
	memcpy(kernel + 0x38, "ARM\x64", 4);
	assert_int_equal(eif_kernel_inspect(kernel, sizeof(kernel), &info), 0);
	assert_int_equal(info.flags, EIF_FLAG_ARM64);
	assert_true(info.unplaced);
	eif_kernel_fix(kernel, sizeof(kernel), &info);
	assert_memory_equal(kernel + 8, "\x00\x00\x20\x00\x00\x00\x00\x00", 8);
	memcpy(kernel, "\177ELF", 4);
	memset(kernel + 0x38, 0, 4);
	assert_int_equal(eif_kernel_inspect(kernel, sizeof(kernel), &info), -ENOEXEC);
}

static void test_metadata(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} custom[] = {
		{ "{", "line 1: string or '}' expected" },
		{ "[]", "not a JSON object" },
		{ "\xef\xbb\xbf{}", "begins with a byte order mark" },
		{ "{\"a\":\n1,\"a\":2}", "line 2: duplicate object key near '\"a\"'" },
		{ "{\"a\":12345678901234567890}", "line 1: too big integer" },
	};
	struct error error = {};
	struct eif_metadata metadata = {
		.image_name = "n\"1", .image_version = "2", .kernel_version = "3",
		.kernel_sha256 = "4", .build_time = 1700000000,
	};
	char *text;

	assert_int_equal(eif_metadata_text(&metadata, &text, &error), 0);
	assert_string_equal(text, "{\"ImageName\":\"n\\\"1\",\"ImageVersion\":\"2\","
			    "\"BuildMetadata\":{\"BuildTime\":\"2023-11-14T22:13:20+00:00\","
			    "\"BuildTool\":\"ne-emu\",\"BuildToolVersion\":\"" NE_EMU_VERSION "\","
			    "\"OperatingSystem\":\"Linux\",\"KernelVersion\":\"3\","
			    "\"KernelSHA256\":\"4\"},"
			    "\"DockerInfo\":null,\"CustomMetadata\":null}");
	free(text);
	for (size_t i = 0; i < ARRAY_SIZE(custom); i++) {
		metadata.custom = custom[i].text;
		metadata.custom_size = strlen(custom[i].text);
		assert_int_equal(eif_metadata_text(&metadata, &text, &error), -EINVAL);
		expect_text(error.text, custom[i].why);
	}
}

static void test_build(void **state)
{
	struct command_result result;
	struct files files;
	json_t *built, *described;

	make_files(&files);
	fake_root_put(&files.dir, "/custom", "{\"team\": [1, 2]}\n");
	fake_root_put(&files.dir, "/cmdline", "  reboot=k panic=1 \n");
	char custom[ROOT_PATH_SIZE], cmdline[ROOT_PATH_SIZE];
	fake_root_path(&files.dir, "/custom", custom);
	fake_root_path(&files.dir, "/cmdline", cmdline);
	run_command(&result, &cmd_eif_build, "build", "--kernel", files.kernel, "--cmdline-file",
		    cmdline, "--ramdisk", files.ramdisk, "--ramdisk", files.kernel, "--metadata",
		    custom, "-o", files.output, "--json", NULL);
	assert_string_equal(result.err, "");
	assert_int_equal(result.code, 0);
	built = json_loads(result.out, 0, NULL);
	assert_non_null(built);
	described = describe(files.output);
	assert_true(json_equal(json_object_get(built, "Measurements"),
			       json_object_get(described, "Measurements")));
	assert_string_equal(text_of(built, "Measurements", "HashAlgorithm"), "Sha384 { ... }");
	assert_int_equal(strlen(text_of(built, "Measurements", "PCR0")), 96);
	assert_string_equal(json_string_value(json_object_get(described, "ImageName")), "image");
	assert_int_equal(json_array_size(json_object_get(json_object_get(described, "Details"),
							 "Sections")), 5);
	json_decref(built);
	json_decref(described);
	run_command(&result, &cmd_eif_describe, "describe", files.output, NULL);
	assert_int_equal(result.code, 0);
	expect_text(result.out, "cmdline: reboot=k panic=1\n");
	expect_text(result.out, "\"KernelVersion\":\"6.12.1-test\"");
	fake_root_remove(&files.dir);
}

/* A build with one input changed to @value fails with the expected error. */
static void build_fails(const struct files *files, const char *option, const char *value,
			const char *text)
{
	struct command_result result;
	struct dirent *entry;
	int others = 0;
	DIR *dir;

	run_command(&result, &cmd_eif_build, "build", "--kernel", files->kernel, "--cmdline", "x",
		    "--ramdisk", files->ramdisk, "-o", files->output, option, value, NULL);
	assert_int_not_equal(result.code, 0);
	expect_text(result.err, text);
	dir = opendir(files->dir.path);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		others += !strncmp(entry->d_name, "out.eif", 7);
	closedir(dir);
	assert_int_equal(others, 0);	/* nothing is left behind */
}

static void test_build_errors(void **state)
{
	static char longer[2049];
	struct files files;

	make_files(&files);
	memset(longer, 'x', sizeof(longer) - 1);
	build_fails(&files, "--kernel", files.ramdisk, "neither an x86 bzImage nor an arm64");
	build_fails(&files, "--kernel", "/nonexistent", "/nonexistent: No such file");
	build_fails(&files, "--ramdisk", "/nonexistent", "/nonexistent: No such file");
	build_fails(&files, "--metadata", files.ramdisk, "line 1: ");
	fake_root_put(&files.dir, "/list", "[1, 2]");
	char list[ROOT_PATH_SIZE];
	fake_root_path(&files.dir, "/list", list);
	build_fails(&files, "--metadata", list, "list: not a JSON object");
	build_fails(&files, "--cmdline", longer, "exceed the limit of 2047");
	build_fails(&files, "--cmdline-file", files.ramdisk, "one of --cmdline and");
	build_fails(&files, "--arch", "aarch64", "is a kernel for x86_64");
	build_fails(&files, "--name", "\xff", "--name and --version have to be UTF-8");
	build_fails(&files, "--version", "\xed\xa0\x80", "--name and --version have to be UTF-8");
	build_fails(&files, "--arch", "mips", "neither x86_64 nor aarch64");
	assert_int_equal(setenv("SOURCE_DATE_EPOCH", "soon", 1), 0);
	build_fails(&files, "--name", "n", "SOURCE_DATE_EPOCH \"soon\" is not a time");
	fake_root_remove(&files.dir);
}

/* The limit is named, and before anything is copied: none of the ramdisks exists. */
static void test_many_ramdisks(void **state)
{
	char *args[90] = { "build", "--cmdline", "x" };
	struct command_result result;
	struct files files;
	int count = 3;

	make_files(&files);
	for (int i = 0; i < 30; i++) {
		args[count++] = "--ramdisk";
		args[count++] = "/nonexistent";
	}
	args[count++] = "--kernel";
	args[count++] = files.kernel;
	args[count++] = "-o";
	args[count++] = files.output;
	run_list(&result, &cmd_eif_build, count, args);
	assert_int_equal(result.code, 1);
	expect_text(result.err, "with 30 ramdisks, the image has 33 sections; the limit is 32");
	fake_root_remove(&files.dir);
}

static void test_reproducible(void **state)
{
	struct command_result result;
	char first[ROOT_TEXT_SIZE], second[ROOT_TEXT_SIZE];
	struct files files;
	size_t size;

	make_files(&files);
	for (int i = 0; i < 2; i++) {
		run_command(&result, &cmd_eif_build, "build", "--kernel", files.kernel, "--cmdline",
			    "x", "--ramdisk", files.ramdisk, "-o", files.output, NULL);
		assert_int_equal(result.code, 0);
		__cleanup_fd int fd = open(files.output, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		size = read_file(fd, i ? second : first, ROOT_TEXT_SIZE);
	}
	assert_memory_equal(first, second, size);
	fake_root_remove(&files.dir);
}

/* Of the file that make_bzimage() makes, by sha256sum. */
#define KERNEL_SHA256	"51b44ba6e649ffee434f34724952aeba2c5c0b42a2ff70913f268617820d3454"
#define GUEST_DIR	TEST_BUILD_DIR "/share/ne-emu"

static void build_default(struct files *files, struct command_result *result, const char *arch)
{
	run_command(result, &cmd_eif_build, "build", "--cmdline", "x", "--ramdisk", files->ramdisk,
		    "-o", files->output, "--arch", arch, NULL);
}

static void test_default_kernel(void **state)
{
	struct command_result result;
	uint8_t kernel[KERNEL_SIZE];
	struct files files;
	json_t *described;

	make_files(&files);
	(void)unlink(GUEST_DIR "/bzImage");
	build_default(&files, &result, "x86_64");
	assert_int_equal(result.code, 1);
	expect_text(result.err, "there is no " GUEST_DIR "/bzImage: install the package "
		    "nitro-enclaves-emu-guest, or name another file with --kernel");
	build_default(&files, &result, "aarch64");
	assert_int_equal(result.code, 1);
	expect_text(result.err, "no kernel for aarch64 is installed: name one with --kernel");

	make_bzimage(kernel);
	assert_true(!mkdir(TEST_BUILD_DIR "/share", 0755) || errno == EEXIST);
	assert_true(!mkdir(GUEST_DIR, 0755) || errno == EEXIST);
	__cleanup_fd int fd = open(GUEST_DIR "/bzImage", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write_full(fd, kernel, sizeof(kernel)), 0);
	build_default(&files, &result, "x86_64");
	assert_int_equal(unlink(GUEST_DIR "/bzImage"), 0);
	assert_int_equal(result.code, 0);
	assert_string_equal(result.err, "kernel: " GUEST_DIR "/bzImage, Linux 6.12.1-test\n");
	described = describe(files.output);
	assert_string_equal(text_of(described, "Metadata", "KernelSHA256"), KERNEL_SHA256);
	json_decref(described);
	fake_root_remove(&files.dir);
}

static void expect_name(const struct files *files, const char *name, const char *value)
{
	char directory[ROOT_PATH_SIZE];
	struct command_result result;
	json_t *described;

	fake_root_path(&files->dir, value, directory);
	run_command(&result, &cmd_eif_build, "build", "--kernel", files->kernel, "--rootfs",
		    directory, "-o", files->output, "--init", files->ramdisk, "--exec", "/a", NULL);
	assert_int_equal(result.code, 0);
	described = describe(files->output);
	assert_string_equal(json_string_value(json_object_get(described, "ImageName")), name);
	json_decref(described);
}

/* The name of the output is not in the image. */
static void test_name(void **state)
{
	char first[ROOT_TEXT_SIZE], second[ROOT_TEXT_SIZE], other[ROOT_PATH_SIZE];
	struct command_result result;
	struct files files;
	size_t size[2];

	make_files(&files);
	fake_root_path(&files.dir, "/other.eif", other);
	for (int i = 0; i < 2; i++) {
		const char *output = i ? other : files.output;

		run_command(&result, &cmd_eif_build, "build", "--kernel", files.kernel, "--cmdline",
			    "x", "--ramdisk", files.ramdisk, "-o", output, NULL);
		assert_int_equal(result.code, 0);
		__cleanup_fd int fd = open(output, O_RDONLY | O_CLOEXEC);
		size[i] = read_file(fd, i ? second : first, ROOT_TEXT_SIZE);
	}
	assert_int_equal(size[0], size[1]);
	assert_memory_equal(first, second, size[0]);

	fake_root_put(&files.dir, "/app/a", "x");
	expect_name(&files, "app", "/app");
	expect_name(&files, "app", "/app//");
	expect_name(&files, "image", "/app/.");
	fake_root_remove(&files.dir);
}

static void test_describe_refused(void **state)
{
	struct command_result result;
	struct files files;

	make_files(&files);
	run_command(&result, &cmd_eif_describe, "describe", files.kernel, "--json", NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.out, "\"Error\": ");
	expect_text(result.err, "is not a valid image: magic at offset 0");
	fake_root_put(&files.dir, "/ramdisk", "");
	run_command(&result, &cmd_eif_describe, "describe", files.ramdisk, NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.err, "the file is empty");
	run_command(&result, &cmd_eif_describe, "describe", "/dev/null", NULL);
	assert_int_equal(result.code, 1);
	expect_text(result.err, "/dev/null is not a valid image: not a regular file");
	fake_root_remove(&files.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_formats),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_build_errors),
		cmocka_unit_test(test_many_ramdisks),
		cmocka_unit_test(test_reproducible),
		cmocka_unit_test(test_default_kernel),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_describe_refused),
	};

	return cmocka_run_group_tests_name("eif_build", tests, NULL, NULL);
}
