// SPDX-License-Identifier: Apache-2.0
/* Layers, whiteouts, hostile archives, users, and the ramdisks they become. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "fake_root.h"
#include "pack/application.h"
#include "pack/cpio.h"
#include "pack/store.h"
#include "pack/unpack.h"
#include "pack/users.h"

#include <archive.h>
#include <archive_entry.h>
#include <limits.h>
#include <locale.h>
#include <openssl/evp.h>
#include <sys/sysmacros.h>
#include <time.h>

/* One entry of a tar archive; a list ends with one without name. */
struct entry {
	const char *name;
	mode_t mode;
	const char *data;	/* of a file; target of a link */
	unsigned int uid;
	unsigned int gid;
	bool hard;
};

#define FOLDER(n)		{ n, S_IFDIR | 0755, NULL, 0, 0, false }
#define REG(n, d)	{ n, S_IFREG | 0644, d, 0, 0, false }
#define SYM(n, t)	{ n, S_IFLNK | 0777, t, 0, 0, false }
#define HARD(n, t)	{ n, S_IFREG | 0644, t, 0, 0, true }

static int write_tar(const struct entry *entries, int filter)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);
	struct archive *archive = archive_write_new();

	/* Only for writing: readers must not need it. */
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	archive_write_set_format_pax_restricted(archive);
	assert_int_equal(archive_write_add_filter(archive, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_open_fd(archive, fd), ARCHIVE_OK);
	for (; entries->name; entries++) {
		struct archive_entry *entry = archive_entry_new();
		size_t size = S_ISREG(entries->mode) && !entries->hard ? strlen(entries->data) : 0;

		archive_entry_set_pathname(entry, entries->name);
		archive_entry_set_mode(entry, entries->mode);
		archive_entry_set_uid(entry, entries->uid);
		archive_entry_set_gid(entry, entries->gid);
		archive_entry_set_mtime(entry, 1700000000, 0);
		archive_entry_set_size(entry, size);
		if (S_ISCHR(entries->mode))
			archive_entry_set_rdev(entry, makedev(5, 1));
		if (entries->hard)
			archive_entry_set_hardlink(entry, entries->data);
		else if (S_ISLNK(entries->mode))
			archive_entry_set_symlink(entry, entries->data);
		assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
		if (size)
			assert_int_equal(archive_write_data(archive, entries->data, size), size);
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
	assert_non_null(setlocale(LC_CTYPE, "C"));
	return fd;
}

static int layer(struct tree *tree, const struct entry *entries, struct pack_error *error)
{
	__cleanup_fd int fd = write_tar(entries, ARCHIVE_FILTER_NONE);

	return unpack_layer(tree, fd, 0, UINT64_MAX, error);
}

static void good_layer(struct tree *tree, const struct entry *entries)
{
	struct pack_error error = {};

	if (layer(tree, entries, &error))
		fail_msg("%s", error.text);
}

static void assert_contents(struct tree *tree, const char *path, const char *text)
{
	struct tree_node *node = tree_find(tree, path, true);
	char *have;
	size_t size;

	if (!node)
		fail_msg("%s is not there", path);
	assert_int_equal(tree_read(tree, node, 4096, &have, &size), 0);
	assert_string_equal(have, text);
	free(have);
}

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
	/* The opaque mark comes last: what the layer itself brought must stay. */
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
	assert_contents(&tree, "usr/lib/m", "2");	/* through the link, in here */
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
	struct pack_error error = {};
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
	struct pack_error error = {};
	char name[5000];
	struct entry deep[] = { REG(name, "x"), {} };
	struct tree tree;
	int fd;

	assert_refused(up, "../evil: a path with \"..\"");
	assert_refused(up_inside, "a path with \"..\"");
	assert_refused(below_file, "f/g: lies below what is no folder");
	assert_refused(circle, "a/x: Too many levels");
	assert_refused(self, "a/x: Too many levels");
	assert_refused(no_target, "hard link to /etc/passwd, which is not there");
	assert_refused(folder_link, "hard link to d, which is not there");
	assert_refused(own_link, "hard link to itself");
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 2 ? '/' : 'a';
	name[sizeof(name) - 1] = 0;
	assert_refused(deep, "File name too long");

	/* Absolute names and links out of it stay inside. */
	assert_int_equal(tree_init(&tree), 0);
	good_layer(&tree, (struct entry[]){ SYM("out", "/../../tmp"), REG("/abs", "1"),
					    REG("out/ne-emu-evil", "2"), {} });
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

/* Every truncation of a compressed layer, and many wrong bytes. */
static void test_damaged_archives(void **state)
{
	static const struct entry entries[] = {
		FOLDER("a"), REG("a/b", "some text"), SYM("l", "a/b"), HARD("h", "a/b"), {}
	};
	static const int filters[] = { ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP,
				       ARCHIVE_FILTER_ZSTD };
	struct pack_error error = {};
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
	struct pack_error error = {};
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

/* One member as GNU tar writes sparse files: a hole of @hole bytes, then 512 of data. */
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
	/* Binary numbers: a bit in front says so. */
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

/* A tree with limits; the defaults where they are 0. */
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
	struct pack_error error = {};
	struct tree tree;

	limited_tree(&tree, 0, 0);
	assert_int_equal(unpack_layer(&tree, gib, 0, UINT64_MAX, &error), 0);
	assert_int_equal(tree_find(&tree, "s", false)->file->size, GIB + 512);
	assert_true(disk_use(tree.fd) < MIB);
	assert_int_equal(unpack_layer(&tree, tib, 0, UINT64_MAX, &error), -EFBIG);
	expect_text(error.text, "s: with it, contents have more than 8192 MiB");
	expect_text(error.text, "--max-size");
	assert_true(disk_use(tree.fd) < MIB);
	tree_exit(&tree);

	/* A hole counts like what it is read as, also behind the last data. */
	limited_tree(&tree, GIB + 511, 0);
	assert_int_equal(unpack_layer(&tree, gib, 0, UINT64_MAX, &error), -EFBIG);
	tree_exit(&tree);
	limited_tree(&tree, GIB + 512, 0);
	assert_int_equal(unpack_layer(&tree, gib, 0, UINT64_MAX, &error), 0);
	tree_exit(&tree);
}

/* Also where no archive has told the size before. */
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

/* @mib MiB of zeros under @name, compressed. */
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
	struct pack_error error = {};
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
		/* Layers add up. */
		assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), -EFBIG);
		tree_exit(&tree);
	}
}

/* Contents that nobody keeps cost time alone. */
static void test_endless_archive(void **state)
{
	__cleanup_fd int fd = write_bomb(".wh.zeros", 192, ARCHIVE_FILTER_GZIP);
	struct pack_error error = {};
	struct tree tree;

	limited_tree(&tree, MIB, 16);
	assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), -EFBIG);
	expect_text(error.text, "far more in the archive than may be unpacked");
	tree_exit(&tree);
	limited_tree(&tree, 192 * MIB, 16);
	assert_int_equal(unpack_layer(&tree, fd, 0, UINT64_MAX, &error), 0);
	/* What it read counts for the next layer. */
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
	struct pack_error error = {};
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

	/* No kernel makes longer targets; and those that it makes add up. */
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

/* Some functions call themselves for each folder in a folder. */
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

/* The order in which an archive has its names must not matter. */
static void test_falling_order(void **state)
{
	clock_t rising = time_to_add(false);

	assert_in_range(time_to_add(true), 0, 4 * rising);
}

/* Nor may it matter how often one layer says the same. */
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

/* Names that would act on a terminal are told, but cannot. */
static void test_clean_reasons(void **state)
{
	static const struct entry entries[] = { REG("../\033[31mevil\n", "x"), {} };

	assert_refused(entries, "../\\x1b[31mevil\\x0a: a path with \"..\"");
}

static void assert_user(struct tree *tree, const char *user, const char *expected)
{
	struct pack_error error = {};
	char *text;

	if (users_resolve(tree, user, &text, &error))
		fail_msg("%s: %s", user, error.text);
	assert_string_equal(text, expected);
	free(text);
}

static void test_users(void **state)
{
	static const char passwd[] = "root:x:0:0::/:/bin/sh\napp:x:1000:100:App:/:/bin/sh\n";
	static const char group[] = "root:x:0:\nusers:x:100:app\naudio:x:29:app,root\nvideo:x:44:x";
	struct pack_error error = {};
	struct tree tree;
	char *text;

	assert_int_equal(tree_init(&tree), 0);
	assert_user(&tree, "12", "12\n0\n");
	assert_user(&tree, "12:34", "12\n34\n");
	assert_int_equal(users_resolve(&tree, "app", &text, &error), -ENOENT);
	expect_text(error.text, "user \"app\" is not in the image's /etc/passwd");
	assert_int_equal(tree_put(&tree, "etc/passwd", 0644, passwd, strlen(passwd)), 0);
	assert_int_equal(tree_put(&tree, "etc/group", 0644, group, strlen(group)), 0);
	assert_user(&tree, "app", "1000\n100\n29\n");
	assert_user(&tree, "1000", "1000\n100\n29\n");
	assert_user(&tree, "app:video", "1000\n44\n");
	assert_user(&tree, "app:5", "1000\n5\n");
	assert_user(&tree, "root", "0\n0\n29\n");
	assert_user(&tree, ":video", "0\n44\n");
	assert_int_equal(users_resolve(&tree, "app:none", &text, &error), -ENOENT);
	assert_int_equal(users_resolve(&tree, "4294967295", &text, &error), -ENOENT);
	tree_exit(&tree);
}

/* Entries of a ramdisk as cpio's own reader sees them, in one line each. */
static void list_ramdisk(int fd, char *text, size_t size)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	size_t used = 0;
	int r;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	archive_read_support_format_cpio(archive);
	assert_int_equal(archive_read_open_fd(archive, fd, 4096), ARCHIVE_OK);
	while ((r = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
		char data[100] = "";

		assert_true(archive_read_data(archive, data, sizeof(data) - 1) >= 0);
		for (char *c = data; *c; c++)
			*c = *c == '\n' ? '|' : *c;
		used += snprintf(text + used, size - used, "%s %o %u:%u %ld %s%s\n",
				 archive_entry_pathname(entry), archive_entry_mode(entry),
				 (unsigned int)archive_entry_uid(entry),
				 (unsigned int)archive_entry_gid(entry),
				 (long)archive_entry_mtime(entry),
				 archive_entry_symlink(entry) ?: data,
				 archive_entry_hardlink(entry) ? " (link)" : "");
		assert_true(used < size);
	}
	assert_int_equal(r, ARCHIVE_EOF);
	archive_read_free(archive);
}

static void test_ramdisk(void **state)
{
	static const struct entry entries[] = {
		{ "bin/b", S_IFREG | 04755, "run", 1, 2, false }, HARD("bin/a", "bin/b"),
		SYM("sh", "bin/b"), { "dev/console", S_IFCHR | 0600, NULL, 0, 5, false },
		REG("\xc3\xa4", "umlaut"), {}
	};
	__cleanup_fd int fd = memfd_create("cpio", MFD_CLOEXEC);
	__cleanup_fd int again = memfd_create("cpio", MFD_CLOEXEC);
	struct pack_error error = {};
	struct application app;
	char text[2000];

	assert_int_equal(application_init(&app), 0);
	good_layer(&app.tree, entries);
	assert_int_equal(application_write(&app, fd, &error), -EINVAL);
	expect_text(error.text, "there is no command");
	assert_int_equal(strings_add(&app.command, "/bin/a"), 0);
	assert_int_equal(strings_add(&app.command, "an argument"), 0);
	assert_int_equal(strings_add(&app.env, "A=1"), 0);
	assert_false(application_needs_more(&app));
	app.user = strdup("7:8");
	app.workdir = strdup("/work");
	assert_true(application_needs_more(&app));
	if (application_write(&app, fd, &error))
		fail_msg("%s", error.text);
	list_ramdisk(fd, text, sizeof(text));
	assert_string_equal(text,
			    "cmd 100644 0:0 0 /bin/a|an argument|\n"
			    "env 100644 0:0 0 A=1|\n"
			    "workdir 100644 0:0 0 /work\n"
			    "user 100644 0:0 0 7|8|\n"
			    "rootfs 40755 0:0 0 \n"
			    "rootfs/bin 40755 0:0 0 \n"
			    "rootfs/bin/a 104755 1:2 0 run\n"
			    "rootfs/bin/b 104755 1:2 0  (link)\n"
			    "rootfs/dev 40755 0:0 0 \n"
			    "rootfs/dev/console 20600 0:5 0 \n"
			    "rootfs/proc 40755 0:0 0 \n"
			    "rootfs/run 40755 0:0 0 \n"
			    "rootfs/sh 120777 0:0 0 bin/b\n"
			    "rootfs/sys 40755 0:0 0 \n"
			    "rootfs/tmp 40755 0:0 0 \n"
			    "rootfs/var 40755 0:0 0 \n"
			    "rootfs/work 40755 0:0 0 \n"
			    "rootfs/\xc3\xa4 100644 0:0 0 umlaut\n");
	assert_int_equal(bootstrap_write(again, "/proc/self/exe", "/dev/null", &error), -EINVAL);
	assert_int_equal(strings_add(&app.command, "two\nlines"), 0);
	assert_int_equal(application_write(&app, again, &error), -EINVAL);
	expect_text(error.text, "cmd: item 3 has several lines");
	application_free(&app);
}

static void write_blob(struct temp_dir *dir, const char *hash, const void *data, size_t size)
{
	char path[200];

	snprintf(path, sizeof(path), "/oci/blobs/sha256/%s", hash);
	fake_root_write(dir, path, data, size);
}

static void hash_of(const void *data, size_t size, char *ret)
{
	uint8_t hash[32];

	assert_true(EVP_Digest(data, size, hash, NULL, EVP_sha256(), NULL));
	hex_encode(hash, sizeof(hash), ret);
}

static const char config[] =
	"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Entrypoint\":[\"/run\",\"-x\"],"
	"\"Cmd\":[\"a b\"],\"Env\":[\"PATH=/bin\",\"E=1\"],\"WorkingDir\":\"/w\",\"User\":\"3\"}}";

static size_t make_layer(char *data, size_t room)
{
	static const struct entry entries[] = { REG("run", "#!"), {} };
	__cleanup_fd int fd = write_tar(entries, ARCHIVE_FILTER_GZIP);
	ssize_t n = pread(fd, data, room, 0);

	assert_true(n > 0 && (size_t)n < room);
	return n;
}

static void assert_app(const char *path, const char *tag)
{
	struct pack_error error = {};
	struct application app;

	assert_int_equal(application_init(&app), 0);
	if (application_read_image(&app, path, "amd64", tag, &error))
		fail_msg("%s", error.text);
	assert_contents(&app.tree, "run", "#!");
	assert_int_equal(app.command.count, 3);
	assert_string_equal(app.command.list[0], "/run");
	assert_string_equal(app.command.list[2], "a b");
	assert_int_equal(app.env.count, 2);
	assert_string_equal(app.workdir, "/w");
	assert_string_equal(app.user, "3");
	assert_string_equal(app.name, "app:1");
	expect_text(app.info, "\"Architecture\":\"amd64\"");
	application_free(&app);
}

static void assert_no_app(const char *path, const char *arch, const char *tag, const char *text)
{
	struct pack_error error = {};
	struct application app;

	assert_int_equal(application_init(&app), 0);
	assert_true(application_read_image(&app, path, arch, tag, &error) < 0);
	expect_text(error.text, text);
	application_free(&app);
}

static void test_oci_layout(void **state)
{
	char layer_hash[65], config_hash[65], manifest_hash[65], data[4096], manifest[1000];
	char index[1000], path[ROOT_PATH_SIZE];
	struct temp_dir dir;
	size_t size;

	fake_root_create(&dir);
	size = make_layer(data, sizeof(data));
	hash_of(data, size, layer_hash);
	write_blob(&dir, layer_hash, data, size);
	hash_of(config, strlen(config), config_hash);
	write_blob(&dir, config_hash, config, strlen(config));
	snprintf(manifest, sizeof(manifest), "{\"config\":{\"digest\":\"sha256:%s\"},\"layers\":["
		 "{\"digest\":\"sha256:%s\"}]}", config_hash, layer_hash);
	hash_of(manifest, strlen(manifest), manifest_hash);
	write_blob(&dir, manifest_hash, manifest, strlen(manifest));
	snprintf(index, sizeof(index), "{\"manifests\":[{\"digest\":\"sha256:%s\",\"annotations\":"
		 "{\"org.opencontainers.image.ref.name\":\"app:1\"}},{\"digest\":\"sha256:%s\","
		 "\"platform\":{\"os\":\"linux\",\"architecture\":\"s390x\"}}]}", manifest_hash,
		 config_hash);
	fake_root_put(&dir, "/oci/index.json", index);
	fake_root_path(&dir, "/oci", path);
	assert_app(path, NULL);
	assert_app(path, "1");
	assert_app(path, "app:1");
	snprintf(index, sizeof(index), "{\"manifests\":[{\"digest\":\"sha256:%s\",\"annotations\":"
		 "{\"org.opencontainers.image.ref.name\":\"app:1\"}},{\"digest\":\"sha256:%s\","
		 "\"annotations\":{\"org.opencontainers.image.ref.name\":\"app:latest\"}}]}",
		 manifest_hash, manifest_hash);
	fake_root_put(&dir, "/oci/index.json", index);
	assert_app(path, NULL);		/* one image of two names */
	assert_no_app(path, "amd64", "2", "no image of that name for linux/amd64");
	assert_no_app(path, "arm64", NULL, "the image is for amd64, the kernel for arm64");

	/* Two images: the first is as good as the second. */
	snprintf(index, sizeof(index), "{\"manifests\":[{\"digest\":\"sha256:%s\"},"
		 "{\"digest\":\"sha256:%s\"}]}", manifest_hash, config_hash);
	fake_root_put(&dir, "/oci/index.json", index);
	assert_no_app(path, "amd64", NULL, "there are several images for amd64: choose one");
	snprintf(index, sizeof(index), "{\"manifests\":[{\"digest\":\"sha256:%s\",\"annotations\":"
		 "{\"org.opencontainers.image.ref.name\":\"app:1\"}},{\"digest\":\"sha256:%s\","
		 "\"annotations\":{\"org.opencontainers.image.ref.name\":\"app:2\"}}]}",
		 manifest_hash, config_hash);
	fake_root_put(&dir, "/oci/index.json", index);
	assert_no_app(path, "amd64", NULL, "there are several images for amd64: choose one");
	assert_app(path, "1");
	snprintf(index, sizeof(index), "{\"manifests\":[{\"digest\":\"sha256:%s\"}]}",
		 manifest_hash);
	fake_root_put(&dir, "/oci/index.json", index);

	write_blob(&dir, layer_hash, data, size - 1);
	assert_no_app(path, "amd64", NULL, "its contents have the hash");
	fake_root_put(&dir, "/oci/index.json", "{\"manifests\":[{\"digest\":\"sha256:../../../x\"}]}");
	assert_no_app(path, "amd64", NULL, "is no SHA-256");
	fake_root_put(&dir, "/oci/index.json", "{");
	assert_no_app(path, "amd64", NULL, "index.json: line 1");
	fake_root_put(&dir, "/oci/index.json", "[1]");
	assert_no_app(path, "amd64", NULL, "there is no image");
	fake_root_path(&dir, "/none/", path);
	assert_no_app(path, "amd64", NULL, "neither index.json nor manifest.json");
	fake_root_remove(&dir);
}

#define BLOB_SIZE	(16 * MIB)

/* An image of @count layers, all the same; returns how long looking at it took. */
static clock_t time_to_open(struct temp_dir *dir, const char *layer_hash, size_t count, int result)
{
	char config_hash[65], hash[65], path[ROOT_PATH_SIZE], index[200], *manifest;
	struct tree_limits limits = { .size = TREE_SIZE_MAX, .names = TREE_NAMES_MAX };
	struct pack_error error = {};
	struct store store;
	clock_t start;
	size_t size;
	FILE *out = open_memstream(&manifest, &size);

	hash_of(config, strlen(config), config_hash);
	fprintf(out, "{\"config\":{\"digest\":\"sha256:%s\"},\"layers\":[", config_hash);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s{\"digest\":\"sha256:%s\"}", i ? "," : "", layer_hash);
	fprintf(out, "]}");
	fclose(out);
	hash_of(manifest, size, hash);
	write_blob(dir, hash, manifest, size);
	free(manifest);
	snprintf(index, sizeof(index), "{\"manifests\":[{\"digest\":\"sha256:%s\"}]}", hash);
	fake_root_put(dir, "/oci/index.json", index);
	start = clock();
	assert_int_equal(store_open(&store, fake_root_path(dir, "/oci", path), "amd64", NULL,
				    &limits, &error), result);
	if (!result)
		assert_int_equal(store.nr_layers, count);
	store_close(&store);
	return clock() - start;
}

static void test_repeated_layers(void **state)
{
	char config_hash[65], hash[65];
	uint8_t *blob = calloc(1, BLOB_SIZE);
	struct temp_dir dir;
	clock_t once;

	fake_root_create(&dir);
	hash_of(config, strlen(config), config_hash);
	write_blob(&dir, config_hash, config, strlen(config));
	hash_of(blob, BLOB_SIZE, hash);
	write_blob(&dir, hash, blob, BLOB_SIZE);
	once = time_to_open(&dir, hash, 1, 0);
	assert_in_range(time_to_open(&dir, hash, 1024, 0), 0, 10 * once);
	(void)time_to_open(&dir, hash, 1025, -E2BIG);
	free(blob);
	fake_root_remove(&dir);
}

/* What the configuration may and may not hold; an image without layers. */
static void test_configurations(void **state)
{
	static const struct {
		const char *config;
		const char *command;	/* NULL: refused with @text */
		const char *text;
	} cases[] = {
		{ "\"Entrypoint\":[\"a\",\"b\"],\"Cmd\":[\"c\"]", "a b c", NULL },
		{ "\"Entrypoint\":null,\"Cmd\":[\"c\",\"\"]", "c ", NULL },
		{ "\"Entrypoint\":\"/bin/a b\",\"Cmd\":\"c\"", "/bin/a b c", NULL },
		{ "\"Entrypoint\":[]", "", NULL },
		{ "\"Entrypoint\":{}", NULL, "Entrypoint of the image is no list" },
		{ "\"Cmd\":[\"a\",1]", NULL, "Cmd of the image: item 2 is no text" },
		{ "\"Env\":7", NULL, "Env of the image is no list" },
		{ "},\"architecture\":\"\\u001b[31mevil\",\"x\":{", NULL,
		  "the image is for \\x1b[31mevil, the kernel" },
	};
	struct pack_error error = {};
	char text[200], path[ROOT_PATH_SIZE];
	struct application app;
	struct temp_dir dir;

	fake_root_create(&dir);
	fake_root_path(&dir, "/save", path);
	fake_root_put(&dir, "/save/manifest.json", "[{\"Config\":\"c\",\"Layers\":[]}]");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "{\"config\":{%s}}", cases[i].config);
		fake_root_put(&dir, "/save/c", text);
		if (!cases[i].command) {
			assert_no_app(path, "amd64", NULL, cases[i].text);
			continue;
		}
		assert_int_equal(application_init(&app), 0);
		assert_int_equal(application_read_image(&app, path, "amd64", NULL, &error), 0);
		*text = 0;
		for (size_t n = 0; n < app.command.count; n++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 n ? " " : "", app.command.list[n]);
		assert_string_equal(text, cases[i].command);
		application_free(&app);
	}
	fake_root_remove(&dir);
}

static void test_docker_archive(void **state)
{
	static const char manifest[] = "[{\"Config\":\"c.json\",\"RepoTags\":[\"app:1\"],"
		"\"Layers\":[\"l/layer.tar\"]}]";
	static const char two[] = "[{\"Config\":\"c.json\",\"RepoTags\":[\"app:1\"],"
		"\"Layers\":[\"l/layer.tar\"]},{\"Config\":\"c.json\",\"RepoTags\":[\"b:1\"]}]";
	static const char escape[] = "[{\"Config\":\"../../../../etc/passwd\",\"Layers\":[]}]";
	static const struct entry layer_entries[] = { REG("run", "#!"), {} };
	__cleanup_fd int layer_fd = write_tar(layer_entries, ARCHIVE_FILTER_NONE);
	struct entry entries[] = { REG("c.json", config), REG("manifest.json", manifest),
				   SYM("l/layer.tar", "../other/layer.tar"), {} };
	__cleanup_fd int fd = -1;
	struct temp_dir dir;
	char path[ROOT_PATH_SIZE], data[20000];
	ssize_t size;

	fake_root_create(&dir);
	/* As a folder first: the layer holds zeros, and write_tar() takes text. */
	fake_root_put(&dir, "/save/c.json", config);
	fake_root_put(&dir, "/save/manifest.json", manifest);
	size = pread(layer_fd, data, sizeof(data), 0);
	fake_root_write(&dir, "/save/other/layer.tar", data, size);
	fake_root_mkdir(&dir, "/save/l");
	fake_root_path(&dir, "/save/l/layer.tar", path);
	assert_int_equal(symlink("../other/layer.tar", path), 0);
	fake_root_path(&dir, "/save", path);
	assert_app(path, NULL);
	assert_app(path, "app:1");
	assert_no_app(path, "amd64", "pp:1", "no image of that name");
	fake_root_put(&dir, "/save/manifest.json", two);
	assert_no_app(path, "amd64", NULL, "there are several images: choose one with --tag");
	assert_no_app(path, "amd64", "1", "there are several images: choose one with --tag");
	assert_app(path, "app:1");
	fake_root_put(&dir, "/save/manifest.json", escape);
	assert_no_app(path, "amd64", NULL, "\"../../../../etc/passwd\" is missing");

	/* As an archive, without the layer's contents. */
	fd = write_tar(entries, ARCHIVE_FILTER_NONE);
	size = pread(fd, data, sizeof(data), 0);
	fake_root_write(&dir, "/save.tar", data, size);
	fake_root_path(&dir, "/save.tar", path);
	assert_no_app(path, "amd64", NULL, "\"l/layer.tar\" is missing");
	fake_root_remove(&dir);
}

static void test_folder(void **state)
{
	struct pack_error error = {};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_ramdisk),
		cmocka_unit_test(test_oci_layout),
		cmocka_unit_test(test_repeated_layers),
		cmocka_unit_test(test_configurations),
		cmocka_unit_test(test_docker_archive),
		cmocka_unit_test(test_folder),
	};

	return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
