// SPDX-License-Identifier: Apache-2.0
/* Layers and directories: whiteouts, replacements, hostile and damaged archives, limits. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_root.h"
#include "pack_fixture.h"

#include <limits.h>
#include <time.h>

static void assert_absent(struct tree *tree, const char *path)
{
	if (tree_find(tree, path, false))
		fail_msg("%s is there", path);
}

static void test_whiteouts(void **state)
{
	static const struct entry base[] = {
		FOLDER("etc"), REG("etc/a", "a"), REG("etc/b", "b"), FOLDER("d"), REG("d/x", "x"),
		FOLDER("d/sub"), REG("d/sub/y", "y"), REG("gone", "g"), FOLDER("tree"),
		REG("tree/deep/er/f", "f"), FOLDER("o"), REG("o/old", "old"), FOLDER("o/k"),
		REG("o/k/old", "old"), {}
	};
	/* The opaque mark comes last: entries of the same layer must stay. */
	static const struct entry second[] = {
		REG("etc/.wh.a", ""), REG(".wh.gone", ""), REG(".wh.tree", ""), REG("new", "n"),
		REG("o/new", "new"), REG("o/k/new", "new"), REG("o/.wh..wh..opq", ""),
		REG("d/.wh..wh.plnk", ""), REG("nowhere/.wh.x", ""), REG(".wh.new", ""), {}
	};
	static const struct entry third[] = { REG("d/.wh..wh..opq", ""), REG("d/z", "z"), {} };
	struct tree tree;

	assert_int_equal(tree_init(&tree), 0);
	good_layer(&tree, base);
	assert_contents(&tree, "tree/deep/er/f", "f");
	good_layer(&tree, second);
	assert_absent(&tree, "etc/a");
	assert_contents(&tree, "/etc/b", "b");
	assert_absent(&tree, "gone");
	assert_absent(&tree, "tree");
	assert_absent(&tree, "nowhere");
	assert_absent(&tree, "d/.wh..wh.plnk");
	assert_contents(&tree, "new", "n");	/* hides lower layers only */
	assert_contents(&tree, "o/new", "new");
	assert_absent(&tree, "o/old");
	assert_contents(&tree, "o/k/new", "new");
	assert_absent(&tree, "o/k/old");
	assert_contents(&tree, "d/sub/y", "y");
	good_layer(&tree, third);
	assert_absent(&tree, "d/sub");
	assert_absent(&tree, "d/x");
	assert_contents(&tree, "d/z", "z");
	tree_exit(&tree);
}

static void test_replacements(void **state)
{
	static const struct entry base[] = {
		FOLDER("usr"), FOLDER("usr/lib"), REG("usr/lib/l", "1"), SYM("lib", "usr/lib"),
		REG("file", "f"), HARD("link", "file"), FOLDER("dir"), REG("dir/in", "in"),
		SYM("abs", "/usr/lib"), SYM("up", "../../../usr"), {}
	};
	static const struct entry second[] = {
		REG("lib/m", "2"), REG("abs/n", "3"), REG("up/o", "4"), REG("file", "new"),
		REG("dir", "now a file"), REG("missing/p", "5"), {}
	};
	static const struct entry third[] = { FOLDER("dir"), FOLDER("lib"), {} };
	struct tree tree;

	assert_int_equal(tree_init(&tree), 0);
	good_layer(&tree, base);
	assert_contents(&tree, "link", "f");
	assert_int_equal(tree_find(&tree, "link", false)->file->links, 2);
	good_layer(&tree, second);
	assert_contents(&tree, "usr/lib/m", "2");	/* through the link, inside the tree */
	assert_contents(&tree, "usr/lib/n", "3");
	assert_contents(&tree, "usr/o", "4");
	assert_contents(&tree, "file", "new");
	assert_contents(&tree, "link", "f");
	assert_contents(&tree, "dir", "now a file");
	assert_contents(&tree, "missing/p", "5");
	good_layer(&tree, third);
	assert_true(S_ISDIR(tree_find(&tree, "dir", false)->mode));
	assert_absent(&tree, "dir/in");
	assert_true(S_ISDIR(tree_find(&tree, "lib", false)->mode));
	assert_contents(&tree, "usr/lib/l", "1");
	tree_exit(&tree);
}

static void assert_refused(const struct entry *entries, const char *text)
{
	struct error error = {};
	struct tree tree;

	assert_int_equal(tree_init(&tree), 0);
	assert_true(layer(&tree, entries, &error) < 0);
	expect_text(error.text, text);
	tree_exit(&tree);
}

static void test_hostile_archives(void **state)
{
	static const struct entry up[] = { REG("../evil", "x"), {} };
	static const struct entry up_inside[] = { FOLDER("a"), REG("a/../../evil", "x"), {} };
	static const struct entry below_file[] = { REG("f", "x"), REG("f/g", "x"), {} };
	static const struct entry circle[] = { SYM("a", "b"), SYM("b", "a"), REG("a/x", "x"), {} };
	static const struct entry self[] = { SYM("a", "a"), REG("a/x", "x"), {} };
	static const struct entry no_target[] = { HARD("a", "/etc/passwd"), {} };
	static const struct entry folder_link[] = { FOLDER("d"), HARD("a", "d"), {} };
	static const struct entry own_link[] = { REG("a", "x"), HARD("a", "a"), {} };
	static const struct entry leading_out[] = {
		SYM("out", "/../../tmp"), REG("/abs", "1"), REG("out/ne-emu-evil", "2"), {}
	};
	struct error error = {};
	char name[5000];
	struct entry deep[] = { REG(name, "x"), {} };
	struct tree tree;
	int fd;

	assert_refused(up, "../evil: a path above the root");
	assert_refused(up_inside, "a path above the root");
	assert_refused(below_file, "f/g: lies below something that is not a directory");
	assert_refused(circle, "a/x: Too many levels");
	assert_refused(self, "a/x: Too many levels");
	assert_refused(no_target, "hard link to /etc/passwd, which does not exist");
	assert_refused(folder_link, "hard link to d, which does not exist");
	assert_refused(own_link, "hard link to itself");
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 2 ? '/' : 'a';
	name[sizeof(name) - 1] = 0;
	assert_refused(deep, "File name too long");

	/* Absolute names and links that lead out of the tree stay inside. */
	assert_int_equal(tree_init(&tree), 0);
	good_layer(&tree, leading_out);
	assert_contents(&tree, "abs", "1");
	assert_contents(&tree, "tmp/ne-emu-evil", "2");
	assert_int_not_equal(access("/tmp/ne-emu-evil", F_OK), 0);

	fd = memfd_create("tar", MFD_CLOEXEC);
	memset(name, 'x', sizeof(name));
	assert_int_equal(write_full(fd, name, sizeof(name)), 0);
	assert_true(unpack_layer(&tree, fd, 0, UINT64_MAX, &error) < 0);
	close(fd);
	tree_exit(&tree);
}

/* Every truncation of a compressed layer, and many changed bytes. */
static void test_damaged_archives(void **state)
{
	static const struct entry entries[] = {
		FOLDER("a"), REG("a/b", "some text"), SYM("l", "a/b"), HARD("h", "a/b"), {}
	};
	static const int filters[] = { ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP,
				       ARCHIVE_FILTER_ZSTD };
	struct error error = {};
	uint8_t *bytes;
	struct tree tree;

	srandom(2);
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		__cleanup_fd int fd = write_tar(entries, filters[i]);
		size_t size = lseek(fd, 0, SEEK_END);

		assert_int_equal(tree_init(&tree), 0);
		assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), 0);
		assert_contents(&tree, "h", "some text");
		tree_exit(&tree);
		bytes = malloc(size);
		for (size_t n = 0; n < 300; n++) {
			assert_int_equal(pread(fd, bytes, size, 0), size);
			assert_int_equal(tree_init(&tree), 0);
			(void)unpack_layer(&tree, fd, 0, random() % size, &error);
			tree_exit(&tree);
			__cleanup_fd int copy = memfd_create("tar", MFD_CLOEXEC);
			bytes[random() % MIN(size, 3000)] = random();
			assert_int_equal(write_full(copy, bytes, size), 0);
			assert_int_equal(tree_init(&tree), 0);
			(void)unpack_layer(&tree, copy, 0, UINT64_MAX, &error);
			tree_exit(&tree);
		}
		free(bytes);
	}
}

/* 5 bytes at 4096 of a file of 100000 bytes; the rest is not in the archive. */
static int write_sparse_tar(void)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);
	__cleanup_free char *data = calloc(1, 100000);
	struct archive *archive = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	assert_non_null(data);
	memcpy(data + 4096, "bytes", 5);
	archive_write_set_format_pax(archive);
	assert_int_equal(archive_write_open_fd(archive, fd), ARCHIVE_OK);
	archive_entry_set_pathname(entry, "s");
	archive_entry_set_mode(entry, S_IFREG | 0644);
	archive_entry_set_size(entry, 100000);
	archive_entry_sparse_add_entry(entry, 4096, 5);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(archive, data, 100000), 100000);
	archive_entry_free(entry);
	assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
	assert_true(lseek(fd, 0, SEEK_END) < 40000);
	return fd;
}

static void test_sparse_file(void **state)
{
	__cleanup_fd int fd = write_sparse_tar();
	struct error error = {};
	struct tree tree;
	char *data;
	size_t size;

	assert_int_equal(tree_init(&tree), 0);
	assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), 0);
	assert_int_equal(tree_read(&tree, tree_find(&tree, "s", false), MIB, &data, &size), 0);
	assert_int_equal(size, 100000);
	assert_memory_equal(data + 4095, "\0bytes", 7);
	for (size_t i = 0; i < size; i++)
		assert_true(!data[i] || (i >= 4096 && i < 4101));
	free(data);
	tree_exit(&tree);
}

/* A sparse file as written by GNU tar: a hole of @hole bytes, then 512 bytes of data. */
static int write_hole_tar(uint64_t hole)
{
	uint8_t blocks[4 * 512] = { "s" };
	char *header = (char *)blocks;
	int fd = memfd_create("tar", MFD_CLOEXEC);
	unsigned int sum = 0;

	memset(blocks + 512, 'd', 512);
	memcpy(header + 100, "0000644\0" "0000000\0" "0000000\0" "00000001000", 36);
	memcpy(header + 136, "00000000000\0        S", 21);
	memcpy(header + 257, "ustar  ", 8);
	/* Binary numbers: the top bit marks them. */
	for (int i = 0; i < 8; i++) {
		blocks[386 + 4 + i] = hole >> 8 * (7 - i);
		blocks[483 + 4 + i] = (hole + 512) >> 8 * (7 - i);
	}
	blocks[386] = blocks[483] = 0x80;
	memcpy(header + 398, "00000001000", 12);
	for (int i = 0; i < 512; i++)
		sum += blocks[i];
	snprintf(header + 148, 7, "%06o", sum);
	assert_int_equal(write_full(fd, blocks, sizeof(blocks)), 0);
	return fd;
}

static uint64_t disk_use(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_blocks * 512;
}

/* Make a tree with limits; 0 means the default. */
static void limited_tree(struct tree *tree, uint64_t size, uint64_t names)
{
	assert_int_equal(tree_init(tree), 0);
	tree->limits.size = size ?: tree->limits.size;
	tree->limits.names = names ?: tree->limits.names;
}

static void test_holes(void **state)
{
	__cleanup_fd int gib = write_hole_tar(GIB);
	__cleanup_fd int tib = write_hole_tar(KIB * GIB);
	struct error error = {};
	struct tree tree;

	limited_tree(&tree, 0, 0);
	assert_int_equal(unpack_layer(&tree, gib, 0, UINT64_MAX, &error), 0);
	assert_int_equal(tree_find(&tree, "s", false)->file->size, GIB + 512);
	assert_true(disk_use(tree.fd) < MIB);
	assert_int_equal(unpack_layer(&tree, tib, 0, UINT64_MAX, &error), -EFBIG);
	expect_text(error.text, "bytes, but ramdisks hold files below 4 GiB; split it");
	assert_true(disk_use(tree.fd) < MIB);
	tree_exit(&tree);

	/* A hole counts with the size it is read as, also after the last data. */
	limited_tree(&tree, GIB + 511, 0);
	assert_int_equal(unpack_layer(&tree, gib, 0, UINT64_MAX, &error), -EFBIG);
	expect_text(error.text, "s: with it, contents have more than 1024 MiB");
	expect_text(error.text, "--max-size");
	tree_exit(&tree);
	limited_tree(&tree, GIB + 512, 0);
	assert_int_equal(unpack_layer(&tree, gib, 0, UINT64_MAX, &error), 0);
	tree_exit(&tree);
}

/* Also where no archive has given the size before. */
static void test_room(void **state)
{
	struct tree_node *node;
	struct tree tree;

	limited_tree(&tree, 10, 0);
	assert_int_equal(tree_put(&tree, "a", 0644, "12345", 5), 0);
	assert_int_equal(tree_put(&tree, "b", 0644, "123456", 6), -EFBIG);
	node = tree_find(&tree, "b", false);
	assert_int_equal(node->file->size, 0);
	assert_int_equal(tree_file_skip(&tree, node, 6), -EFBIG);
	assert_int_equal(tree_file_skip(&tree, node, UINT64_MAX), -EFBIG);
	assert_int_equal(tree_file_skip(&tree, node, 4), 0);
	assert_int_equal(tree_file_write(&tree, node, "1", 1), 0);
	assert_int_equal(tree_file_write(&tree, node, "1", 1), -EFBIG);
	tree_exit(&tree);
}

/* Write @mib MiB of zeros as @name, compressed. */
static int write_bomb(const char *name, size_t mib, int filter)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);
	__cleanup_free uint8_t *zeros = calloc(1, MIB);
	struct archive *archive = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	archive_write_set_format_ustar(archive);
	assert_int_equal(archive_write_add_filter(archive, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_open_fd(archive, fd), ARCHIVE_OK);
	archive_entry_set_pathname(entry, name);
	archive_entry_set_mode(entry, S_IFREG | 0644);
	archive_entry_set_size(entry, mib * MIB);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	for (size_t i = 0; i < mib; i++)
		assert_int_equal(archive_write_data(archive, zeros, MIB), MIB);
	archive_entry_free(entry);
	assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
	return fd;
}

static void test_bombs(void **state)
{
	static const int filters[] = { ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_XZ,
				       ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_BZIP2 };
	struct error error = {};
	struct tree tree;

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		__cleanup_fd int fd = write_bomb("zeros", 4, filters[i]);

		limited_tree(&tree, 4 * MIB - 1, 0);
		assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), -EFBIG);
		expect_text(error.text, "zeros: with it, contents have more than 3 MiB");
		assert_int_equal(disk_use(tree.fd), 0);
		tree_exit(&tree);
		limited_tree(&tree, 4 * MIB, 0);
		assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), 0);
		/* Layers count together. */
		assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), -EFBIG);
		tree_exit(&tree);
	}
}

/* Content that is not kept only costs time. */
static void test_endless_archive(void **state)
{
	__cleanup_fd int fd = write_bomb(".wh.zeros", 192, ARCHIVE_FILTER_GZIP);
	struct error error = {};
	struct tree tree;

	limited_tree(&tree, MIB, 16);
	assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), -EFBIG);
	expect_text(error.text, "far more in the archive than may be unpacked");
	tree_exit(&tree);
	limited_tree(&tree, 192 * MIB, 16);
	assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), 0);
	/* The bytes read count for the next layer, too. */
	assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), -EFBIG);
	tree_exit(&tree);
}

static void test_too_many_names(void **state)
{
	static const struct entry four[] = { REG("a/b/c", ""), REG("d", ""), {} };
	char dots[4001], target[PATH_MAX + 1], text[601];
	const struct entry detour[] = { SYM("l", dots), REG("l/f", ""), {} };
	const struct entry far[] = { SYM("l", target), {} };
	const struct entry texts[] = { SYM("a", text), SYM("b", text), {} };
	struct error error = {};
	struct tree tree;

	limited_tree(&tree, 0, 3);
	assert_int_equal(layer(&tree, four, &error), -E2BIG);
	expect_text(error.text, "d: with it, there are more than 3 names");
	expect_text(error.text, "--max-files");
	tree_exit(&tree);
	limited_tree(&tree, 0, 4);
	good_layer(&tree, four);
	tree_exit(&tree);

	/* 2000 names on the way to one. */
	for (size_t i = 0; i < sizeof(dots) - 1; i++)
		dots[i] = i % 2 ? '/' : '.';
	dots[sizeof(dots) - 1] = 0;
	limited_tree(&tree, 0, 31);
	assert_int_equal(layer(&tree, detour, &error), -E2BIG);
	tree_exit(&tree);
	limited_tree(&tree, 0, 32);
	good_layer(&tree, detour);
	tree_exit(&tree);

	/* The kernel allows no longer targets, and their sizes add up. */
	memset(target, 'a', PATH_MAX);
	target[PATH_MAX] = 0;
	limited_tree(&tree, 0, 0);
	assert_int_equal(layer(&tree, far, &error), -ENAMETOOLONG);
	target[PATH_MAX - 1] = 0;
	good_layer(&tree, far);
	tree_exit(&tree);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	limited_tree(&tree, 0, 4);
	assert_int_equal(layer(&tree, texts, &error), -E2BIG);
	tree_exit(&tree);
	limited_tree(&tree, 0, 5);
	good_layer(&tree, texts);
	tree_exit(&tree);
}

/* Some functions recurse into each subdirectory. */
static void test_depth(void **state)
{
	char path[2 * 1025];
	struct tree_node *node;
	struct tree tree;

	for (size_t i = 0; i < sizeof(path) - 1; i++)
		path[i] = i % 2 ? '/' : 'a';
	path[sizeof(path) - 1] = 0;
	assert_int_equal(tree_init(&tree), 0);
	assert_int_equal(tree_add(&tree, path, S_IFDIR | 0755, &node), -ENAMETOOLONG);
	path[sizeof(path) - 3] = 0;
	assert_int_equal(tree_add(&tree, path, S_IFDIR | 0755, &node), 0);
	assert_int_equal(node->depth, 1024);
	tree_exit(&tree);
}

#define MANY	300000

static clock_t time_to_add(bool falling)
{
	clock_t start = clock();
	struct tree_node *node;
	struct tree tree;
	char name[20];

	assert_int_equal(tree_init(&tree), 0);
	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "d/%06u", falling ? MANY - 1 - i : i);
		if (tree_add(&tree, name, S_IFREG | 0644, &node))
			fail_msg("%s", name);
	}
	assert_int_equal(tree_find(&tree, "d", false)->count, MANY);
	tree_exit(&tree);
	return clock() - start;
}

/* The order of names in an archive must not matter. */
static void test_falling_order(void **state)
{
	clock_t rising = time_to_add(false);

	assert_in_range(time_to_add(true), 0, 4 * rising);
}

/* Nor may it matter how often a layer repeats an entry. */
static void test_many_marks(void **state)
{
	struct tree_node *node, *folder;
	struct tree tree;
	char name[20];
	clock_t start = clock(), added;

	assert_int_equal(tree_init(&tree), 0);
	tree.layer = 1;
	for (unsigned int i = 0; i < MANY / 10; i++) {
		snprintf(name, sizeof(name), "d/%06u", i);
		assert_int_equal(tree_add(&tree, name, S_IFREG | 0644, &node), 0);
	}
	added = clock() - start;
	folder = tree_find(&tree, "d", false);
	start = clock();
	for (unsigned int i = 0; i < MANY / 10; i++)
		assert_int_equal(tree_hide_children(&tree, folder), 0);
	assert_in_range(clock() - start, 0, 4 * added);
	assert_int_equal(folder->count, MANY / 10);
	tree.layer = 2;
	assert_int_equal(tree_hide_children(&tree, folder), 0);
	assert_int_equal(folder->count, 0);
	tree_exit(&tree);
}

/* Errors show names that would control a terminal, but escaped. */
static void test_clean_reasons(void **state)
{
	static const struct entry entries[] = { REG("../\033[31mevil\n", "x"), {} };

	assert_refused(entries, "../\\x1b[31mevil\\x0a: a path above the root");
}

static void test_folder(void **state)
{
	struct error error = {};
	char path[ROOT_PATH_SIZE], other[ROOT_PATH_SIZE];
	struct temp_dir dir;
	struct tree tree;

	fake_root_create(&dir);
	fake_root_put(&dir, "/r/bin/a", "one");
	fake_root_path(&dir, "/r/bin/a", path);
	fake_root_path(&dir, "/r/bin/b", other);
	assert_int_equal(link(path, other), 0);
	fake_root_path(&dir, "/r/l", path);
	assert_int_equal(symlink("/etc", path), 0);
	fake_root_path(&dir, "/r", path);
	assert_int_equal(tree_init(&tree), 0);
	if (unpack_folder(&tree, path, &error))
		fail_msg("%s", error.text);
	assert_contents(&tree, "bin/a", "one");
	assert_ptr_equal(tree_find(&tree, "bin/a", false)->file,
			 tree_find(&tree, "bin/b", false)->file);
	assert_string_equal(tree_find(&tree, "l", false)->target, "/etc");
	assert_int_equal(tree_find(&tree, "l", false)->count, 0);
	assert_int_equal(unpack_folder(&tree, "/nonexistent", &error), -ENOENT);
	assert_int_equal(unpack_folder(&tree, "/dev/null", &error), -ENOTDIR);
	tree_exit(&tree);
	fake_root_remove(&dir);
}

static bool is_outside(int fd)
{
	struct error error = {};
	struct tree tree;
	bool outside;

	assert_int_equal(tree_init(&tree), 0);
	assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), 0);
	assert_contents(&tree, "a", "contents");
	outside = tree_find(&tree, "a", true)->file->outside;
	tree_exit(&tree);
	return outside;
}

/* Contents are copied only if they are compressed, or if other users can change the archive. */
static void test_in_place(void **state)
{
	static const struct entry entries[] = { REG("a", "contents"), REG("b", ""), {} };
	__cleanup_fd int plain = write_tar(entries, ARCHIVE_FILTER_NONE);
	__cleanup_fd int packed = write_tar(entries, ARCHIVE_FILTER_GZIP);
	char path[] = "/tmp/ne-emu-test-XXXXXX";
	__cleanup_fd int named = mkstemp(path);
	char buf[8192];
	ssize_t n;

	assert_true(is_outside(plain));
	assert_false(is_outside(packed));

	assert_return_code(named, errno);
	assert_int_equal(lseek(plain, 0, SEEK_SET), 0);
	while ((n = read(plain, buf, sizeof(buf))) > 0)
		assert_int_equal(write_full(named, buf, n), 0);
	assert_true(is_outside(named));
	assert_int_equal(fchmod(named, 0660), 0);
	assert_false(is_outside(named));
	assert_int_equal(fchmod(named, 0600), 0);
	if (!geteuid()) {
		assert_int_equal(fchown(named, 1, 1), 0);
		assert_false(is_outside(named));
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_whiteouts),
		cmocka_unit_test(test_replacements),
		cmocka_unit_test(test_hostile_archives),
		cmocka_unit_test(test_damaged_archives),
		cmocka_unit_test(test_sparse_file),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_endless_archive),
		cmocka_unit_test(test_too_many_names),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_falling_order),
		cmocka_unit_test(test_many_marks),
		cmocka_unit_test(test_clean_reasons),
		cmocka_unit_test(test_folder),
	};

	return cmocka_run_group_tests_name("pack_layer", tests, NULL, NULL);
}
