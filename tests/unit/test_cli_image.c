// SPDX-License-Identifier: Apache-2.0
/* What "ne-emu run" builds images from, and the cache of images. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/eif/copies.h"
#include "cli/host/process.h"
#include "cli/image/cache.h"
#include "cli/image/key.h"
#include "cli/image/source.h"
#include "cli/image/walk.h"
#include "common/util.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* SHA-256 of "abc" and of nothing: FIPS 180-2, and the empty message. */
#define ABC	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NOTHING	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

#define KEY	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER	"ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct state {
	struct temp_dir dir;
	struct image_cache cache;
	char path[256];
};

static const char *in_dir(struct state *s, const char *name)
{
	snprintf(s->path, sizeof(s->path), "%s/%s", s->dir.path, name);
	return s->path;
}

static void put(struct state *s, const char *name, const char *text)
{
	__cleanup_fd int fd = open(in_dir(s, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_return_code(fd, errno);
	assert_int_equal(write_full(fd, text, strlen(text)), 0);
	usleep(30000);		/* another tick of the clock of files */
}

static int setup(void **state)
{
	struct state *s = calloc(1, sizeof(*s));
	struct error error;

	assert_non_null(s);
	temp_dir_create(&s->dir);
	assert_int_equal(setenv("XDG_CACHE_HOME", in_dir(s, "a/b"), 1), 0);
	assert_int_equal(image_cache_open(&s->cache, &error), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct state *s = *state;

	temp_dir_remove(&s->dir);
	free(s);
	return 0;
}

static void test_cache_directory(void **state)
{
	struct state *s = *state;
	struct image_cache cache;
	struct error error;
	struct stat st;

	assert_string_equal(s->cache.path, in_dir(s, "a/b/ne-emu/images"));
	assert_int_equal(stat(s->cache.path, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);

	/* Another user could put images there. */
	assert_int_equal(chmod(s->cache.path, 0770), 0);
	assert_int_equal(image_cache_open(&cache, &error), -EPERM);
	assert_non_null(strstr(error.text, "other users can change it"));
	assert_string_equal(cache.path, "");
	assert_int_equal(chmod(s->cache.path, 0755), 0);
	assert_int_equal(image_cache_open(&cache, &error), 0);

	assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
	assert_int_equal(setenv("HOME", in_dir(s, "home"), 1), 0);
	assert_int_equal(image_cache_open(&cache, &error), 0);
	assert_string_equal(cache.path, in_dir(s, "home/.cache/ne-emu/images"));
	/* A relative path depends on where the user is. */
	assert_int_equal(setenv("XDG_CACHE_HOME", "relative", 1), 0);
	assert_int_equal(image_cache_open(&cache, &error), 0);
	assert_string_equal(cache.path, in_dir(s, "home/.cache/ne-emu/images"));
}

static void add_image(struct state *s, const char *key, const char *text)
{
	json_t *record = json_pack("{s:s, s:i}", "Source", key, "Bytes", (int)strlen(text));
	struct file_new file;
	struct error error;

	assert_int_equal(image_cache_begin(&s->cache, key, &file, &error), 0);
	assert_int_equal(write_full(file.fd, text, strlen(text)), 0);
	assert_int_equal(image_cache_add(&s->cache, key, &file, record, &error), 0);
	file_new_abort(&file);
	json_decref(record);
	usleep(30000);
}

static void test_cache_entries(void **state)
{
	struct state *s = *state;
	struct image_entry *list;
	char text[8] = "";
	json_t *record;
	size_t count;
	int fd;

	assert_int_equal(image_cache_find(&s->cache, KEY, &fd, &record), -ENOENT);
	add_image(s, KEY, "image");
	add_image(s, OTHER, "other");
	assert_int_equal(image_cache_list(&s->cache, &list, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(list[0].key, OTHER);	/* the last one used */
	image_entries_free(list, count);

	assert_int_equal(image_cache_find(&s->cache, KEY, &fd, &record), 0);
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	assert_string_equal(text, "image");
	assert_string_equal(json_string_value(json_object_get(record, "Source")), KEY);
	json_decref(record);
	close(fd);
	assert_int_equal(image_cache_list(&s->cache, &list, &count), 0);
	assert_string_equal(list[0].key, KEY);
	image_entries_free(list, count);

	assert_int_equal(image_cache_remove(&s->cache, KEY), 0);
	assert_int_equal(image_cache_find(&s->cache, KEY, &fd, &record), -ENOENT);
	assert_int_equal(image_cache_remove(&s->cache, KEY), 0);
	assert_int_equal(image_cache_list(&s->cache, &list, &count), 0);
	assert_int_equal(count, 1);
	image_entries_free(list, count);
}

/* An image without a record, or of another size, is not one. */
static void test_cache_incomplete(void **state)
{
	struct state *s = *state;
	char path[PATH_MAX];
	json_t *record;
	int fd;

	add_image(s, KEY, "image");
	snprintf(path, sizeof(path), "%s/" KEY ".eif", s->cache.path);
	assert_int_equal(truncate(path, 4), 0);
	assert_int_equal(image_cache_find(&s->cache, KEY, &fd, &record), -ENOENT);
	add_image(s, KEY, "again");
	snprintf(path, sizeof(path), "%s/" KEY ".json", s->cache.path);
	assert_int_equal(truncate(path, 4), 0);
	assert_int_equal(image_cache_find(&s->cache, KEY, &fd, &record), -ENOENT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(image_cache_find(&s->cache, KEY, &fd, &record), -ENOENT);
}

static size_t remembered(struct state *s)
{
	char command[PATH_MAX + 64];
	char *out = NULL;
	size_t size, count;
	struct error error;
	const char *const argv[] = { "sh", "-c", command, NULL };

	snprintf(command, sizeof(command), "ls %s | grep -c sha256 || :", s->cache.path);
	assert_int_equal(process_read(argv, 100, &out, &size, &error), 0);
	count = atoi(out);
	free(out);
	return count;
}

static void test_hash(void **state)
{
	char hash[SHA256_TEXT_SIZE], path[256];
	const struct image_cache none = {};
	struct state *s = *state;

	put(s, "file", "abc");
	snprintf(path, sizeof(path), "%s", in_dir(s, "file"));
	assert_int_equal(image_cache_hash(&none, path, hash), 0);
	assert_string_equal(hash, ABC);
	assert_int_equal(remembered(s), 0);
	assert_int_equal(image_cache_hash(&s->cache, path, hash), 0);
	assert_string_equal(hash, ABC);
	assert_int_equal(remembered(s), 1);
	/* The second time, from memory. */
	assert_int_equal(image_cache_hash(&s->cache, path, hash), 0);
	assert_string_equal(hash, ABC);
	/* Of the same size, but not the same. */
	put(s, "file", "abd");
	assert_int_equal(image_cache_hash(&s->cache, path, hash), 0);
	assert_string_not_equal(hash, ABC);
	put(s, "file", "");
	assert_int_equal(image_cache_hash(&s->cache, path, hash), 0);
	assert_string_equal(hash, NOTHING);
	image_cache_forget_hashes(&s->cache);
	assert_int_equal(remembered(s), 0);
	assert_int_equal(image_cache_hash(&s->cache, in_dir(s, "missing"), hash), -ENOENT);
}

/* A file may change again within a tick of the clock of files, so it is not remembered. */
static void test_hash_of_new_file(void **state)
{
	struct state *s = *state;
	char hash[SHA256_TEXT_SIZE];
	int fd = open(in_dir(s, "file"), O_WRONLY | O_CREAT, 0644);

	assert_int_equal(write_full(fd, "abc", 3), 0);
	close(fd);
	assert_int_equal(image_cache_hash(&s->cache, in_dir(s, "file"), hash), 0);
	assert_int_equal(remembered(s), 0);
}

static void test_walk(void **state)
{
	struct state *s = *state;
	char last[SHA256_TEXT_SIZE] = "", now[SHA256_TEXT_SIZE], dir[256], file[256];
	struct error error;

	snprintf(dir, sizeof(dir), "%s", in_dir(s, "tree"));
	assert_int_equal(mkdir(dir, 0755), 0);
	put(s, "tree/a", "1");
	snprintf(file, sizeof(file), "%s", in_dir(s, "tree/a"));

	for (int step = 0; step < 7; step++) {
		switch (step) {
		case 1:
			put(s, "tree/a", "2");		/* contents of the same size */
			break;
		case 2:
			assert_int_equal(rename(file, in_dir(s, "tree/b")), 0);
			break;
		case 3:
			assert_int_equal(chmod(in_dir(s, "tree/b"), 0755), 0);
			break;
		case 4:
			assert_int_equal(symlink("b", in_dir(s, "tree/l")), 0);
			break;
		case 5:
			assert_int_equal(mkdir(in_dir(s, "tree/d"), 0755), 0);
			break;
		case 6:
			assert_int_equal(chmod(in_dir(s, "tree/d"), 0700), 0);
			break;
		}
		assert_int_equal(walk_digest(dir, now, &error), 0);
		assert_string_not_equal(now, last);
		/* Without a change, the same. */
		assert_int_equal(walk_digest(dir, last, &error), 0);
		assert_string_equal(now, last);
	}
	assert_int_equal(walk_digest(in_dir(s, "none"), now, &error), -ENOENT);
	walk_remove(dir);
	assert_int_equal(access(dir, F_OK), -1);
}

static int run(const char *script, size_t max, char **out, struct error *error)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	size_t size;

	return process_read(argv, max, out, out ? &size : NULL, error);
}

static void test_process(void **state)
{
	const char *const missing[] = { "/no/such/program", NULL };
	struct error error = {};
	char *out = NULL;

	assert_int_equal(run("printf abc; cat", 100, &out, &error), 0);
	assert_string_equal(out, "abc");
	free(out);
	assert_int_equal(run("echo first >&2; echo last >&2; exit 1", 100, &out, &error),
			 -EREMOTEIO);
	assert_string_equal(error.text, "sh: last");
	assert_int_equal(run("printf 'a\\033[2Jb' >&2; exit 1", 100, &out, &error), -EREMOTEIO);
	assert_null(strchr(error.text, '\033'));
	assert_int_equal(run("exit 3", 100, &out, &error), -EREMOTEIO);
	assert_string_equal(error.text, "sh: failed without a message");
	assert_int_equal(run("kill -9 $$", 100, &out, &error), -EREMOTEIO);
	assert_int_equal(process_read(missing, 100, &out, NULL, &error), -ENOENT);
	/* Neither stream may fill up, and the output has a limit. */
	assert_int_equal(run("head -c 1000000 /dev/zero >&2; echo x; head -c 1000000 /dev/zero >&2",
			     100, &out, &error), 0);
	assert_string_equal(out, "x\n");
	free(out);
	assert_int_equal(run("cat /dev/zero", 1000, &out, &error), -EFBIG);
	assert_int_equal(run("head -c 1000000 /dev/zero", 0, NULL, &error), 0);
}

static void expect_source(struct state *s, const char *name, bool rootfs, enum source_kind kind)
{
	struct source source;
	struct error error;
	char path[256];

	snprintf(path, sizeof(path), "%s", in_dir(s, name));
	assert_int_equal(source_open(&source, path, rootfs, &s->cache, &error), 0);
	assert_int_equal(source.kind, kind);
	assert_int_equal(strlen(source.digest), kind == SOURCE_EIF ? 0 : SHA256_TEXT_SIZE - 1);
	source_close(&source);
}

static void test_sources(void **state)
{
	struct state *s = *state;
	struct source source;
	struct error error;

	put(s, "image", ".eif and more");
	put(s, "archive", "anything else");
	put(s, "short", ".ei");
	put(s, "damaged.eif", "anything else");
	assert_int_equal(mkdir(in_dir(s, "dir"), 0755), 0);
	expect_source(s, "image", false, SOURCE_EIF);
	expect_source(s, "archive", false, SOURCE_IMAGE);
	expect_source(s, "short", false, SOURCE_IMAGE);
	expect_source(s, "damaged.eif", false, SOURCE_EIF);
	expect_source(s, "dir", false, SOURCE_IMAGE);
	expect_source(s, "dir", true, SOURCE_ROOTFS);

	assert_int_equal(source_open(&source, in_dir(s, "image"), true, &s->cache, &error),
			 -ENOTDIR);
	source_close(&source);
	/* Neither is the name of a container image. */
	assert_int_equal(source_open(&source, in_dir(s, "none"), false, &s->cache, &error),
			 -ENOENT);
	assert_non_null(strstr(error.text, "No such file"));
	source_close(&source);
	assert_int_equal(source_open(&source, "./none", false, &s->cache, &error), -ENOENT);
	assert_non_null(strstr(error.text, "No such file"));
	source_close(&source);
}

static void get_key(struct state *s, const char *archive, const struct build *build,
		    char ret[SHA256_TEXT_SIZE])
{
	struct source source;
	struct error error;
	char path[256];

	snprintf(path, sizeof(path), "%s", in_dir(s, archive));
	assert_int_equal(source_open(&source, path, false, &s->cache, &error), 0);
	assert_int_equal(image_key(&s->cache, &source, build, ret, &error), 0);
	source_close(&source);
}

/* Whatever changes the image changes its key, and nothing else does. */
static void test_key(void **state)
{
	struct state *s = *state;
	char kernel[256], init[256], copy[512], *arg = (char *)"arg";
	char seen[16][SHA256_TEXT_SIZE];
	struct build build = {}, plain;
	size_t count = 0;

	put(s, "archive", "one");
	put(s, "same", "one");
	put(s, "kernel", "kernel");
	put(s, "init", "init");
	put(s, "copied", "1");
	snprintf(kernel, sizeof(kernel), "%s", in_dir(s, "kernel"));
	snprintf(init, sizeof(init), "%s", in_dir(s, "init"));
	snprintf(copy, sizeof(copy), "%s:/to", in_dir(s, "copied"));
	build.kernel = kernel;
	build.init = init;
	plain = build;
	get_key(s, "archive", &build, seen[count++]);
	get_key(s, "same", &build, seen[count]);
	assert_string_equal(seen[0], seen[1]);

	build.user = "1";
	get_key(s, "archive", &build, seen[count++]);
	build = plain;
	build.workdir = "1";
	get_key(s, "archive", &build, seen[count++]);
	build = plain;
	build.entrypoint = "1";
	get_key(s, "archive", &build, seen[count++]);
	build = plain;
	build.args = &arg;
	build.nr_args = 1;
	get_key(s, "archive", &build, seen[count++]);
	build = plain;
	build.env = (struct opt_strings){ .list = { "A=1" }, .count = 1 };
	get_key(s, "archive", &build, seen[count++]);
	build.env = (struct opt_strings){ .list = { "A=", "1" }, .count = 2 };
	get_key(s, "archive", &build, seen[count++]);
	build = plain;
	build.copies = (struct opt_strings){ .list = { copy }, .count = 1 };
	get_key(s, "archive", &build, seen[count++]);
	put(s, "copied", "2");
	get_key(s, "archive", &build, seen[count++]);
	build = plain;
	put(s, "archive", "two");
	get_key(s, "archive", &build, seen[count++]);
	put(s, "kernel", "KERNEL");
	get_key(s, "archive", &build, seen[count++]);
	put(s, "init", "INIT");
	get_key(s, "archive", &build, seen[count++]);

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(seen[i], seen[j]);
}

static void test_copies(void **state)
{
	char *source;

	assert_true(copies_check("a:/b"));
	assert_true(copies_check("a:b:/c"));
	assert_false(copies_check("a"));
	assert_false(copies_check(":/b"));
	assert_false(copies_check("a:"));
	assert_false(copies_check("a:b"));
	assert_false(copies_check("a:/"));
	source = copies_source("a:b:/c");
	assert_string_equal(source, "a:b");
	free(source);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cache_directory),
		TEST(test_cache_entries),
		TEST(test_cache_incomplete),
		TEST(test_hash),
		TEST(test_hash_of_new_file),
		TEST(test_walk),
		cmocka_unit_test(test_process),
		TEST(test_sources),
		TEST(test_key),
		cmocka_unit_test(test_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
