// SPDX-License-Identifier: Apache-2.0
/* Log directories of enclaves: who may read them, removal of old ones. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/paths.h"
#include "common/util.h"
#include "daemon/folder.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
	struct temp_dir dir;
	struct log_root root;
};

static int setup(void **state)
{
	struct fixture *f = test_malloc(sizeof(*f));

	temp_dir_create(&f->dir);
	assert_int_equal(log_root_open(&f->root, f->dir.path), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	log_root_close(&f->root);
	temp_dir_remove(&f->dir);
	test_free(f);
	return 0;
}

static bool exists(struct fixture *f, const char *name)
{
	return faccessat(f->root.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static mode_t mode_of(struct fixture *f, const char *name)
{
	struct stat st;

	assert_return_code(fstatat(f->root.fd, name, &st, AT_SYMLINK_NOFOLLOW), errno);
	return st.st_mode & 07777;
}

/* Owners; this machine need not have these users. */
#define ALICE	2001
#define BOB	2002

/* Make a directory with a log of @size bytes, last changed @age seconds ago. */
static void make_log(struct fixture *f, uid_t owner, uint64_t slot_uid, time_t age, off_t size)
{
	struct timespec times[2] = { { .tv_sec = 1700000000 - age },
				     { .tv_sec = 1700000000 - age } };
	int folder, file;

	assert_int_equal(folder_open(&f->root, owner, slot_uid, &folder), 0);
	assert_int_equal(folder_create_file(folder, NE_EMU_CONSOLE_LOG, &file), 0);
	assert_return_code(ftruncate(file, size), errno);
	assert_return_code(futimens(folder, times), errno);
	fd_close(&file);
	fd_close(&folder);
}

static void make_folder(struct fixture *f, uint64_t slot_uid, time_t age)
{
	make_log(f, geteuid(), slot_uid, age, 0);
}

static const char *path_of(uid_t owner, uint64_t slot_uid)
{
	static char path[64];

	snprintf(path, sizeof(path), "%" PRIu32 "/%016" PRIx64, owner, slot_uid);
	return path;
}

static bool kept(struct fixture *f, uid_t owner, uint64_t slot_uid)
{
	return exists(f, path_of(owner, slot_uid));
}

static void test_access_rights(void **state)
{
	mode_t mask = umask(0077);
	struct fixture *f = *state;
	char path[64];

	make_folder(f, 0xabc, 0);
	umask(mask);
	snprintf(path, sizeof(path), "%" PRIu32, geteuid());
	assert_int_equal(mode_of(f, path), 0710);
	assert_int_equal(mode_of(f, path_of(geteuid(), 0xabc)), 0700);
	snprintf(path, sizeof(path), "%s/console.log", path_of(geteuid(), 0xabc));
	assert_int_equal(mode_of(f, path), 0644);
}

/* Open @path as @uid in group @gid. Return: 0 or an errno. */
static int open_as(const char *root, uid_t uid, gid_t gid, const char *path, int flags)
{
	char full[160];
	int status;
	pid_t pid;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	pid = fork();
	assert_return_code(pid, errno);
	if (!pid) {
		if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
			_exit(255);
		_exit(open(full, flags) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

/* Owner, other member of the group, stranger. */
static void test_owner_reads(void **state)
{
	struct fixture *f = *state;
	gid_t member = f->root.gid == (gid_t)-1 ? 0 : f->root.gid;
	char console[64];

	if (geteuid())
		skip();		/* only root can change its user */
	assert_return_code(chmod(f->dir.path, 0750), errno);
	assert_return_code(chown(f->dir.path, -1, member), errno);
	make_log(f, ALICE, 1, 0, 5);
	snprintf(console, sizeof(console), "%s/console.log", path_of(ALICE, 1));

	assert_int_equal(open_as(f->dir.path, ALICE, member, "2001", O_RDONLY), 0);
	assert_int_equal(open_as(f->dir.path, ALICE, member, path_of(ALICE, 1), O_RDONLY), 0);
	assert_int_equal(open_as(f->dir.path, ALICE, member, console, O_RDONLY), 0);
	assert_int_equal(open_as(f->dir.path, ALICE, member, console, O_WRONLY), EACCES);
	assert_int_equal(open_as(f->dir.path, ALICE, member, "2001", O_WRONLY | O_TMPFILE),
			 EACCES);
	assert_int_equal(open_as(f->dir.path, ALICE, member, path_of(ALICE, 1),
				 O_WRONLY | O_TMPFILE), EACCES);

	/* Other members of the group can only see that it exists. */
	assert_int_equal(open_as(f->dir.path, BOB, member, path_of(ALICE, 1), O_PATH), 0);
	assert_int_equal(open_as(f->dir.path, BOB, member, path_of(ALICE, 2), O_PATH), ENOENT);
	assert_int_equal(open_as(f->dir.path, BOB, member, "2001", O_RDONLY), EACCES);
	assert_int_equal(open_as(f->dir.path, BOB, member, path_of(ALICE, 1), O_RDONLY), EACCES);
	assert_int_equal(open_as(f->dir.path, BOB, member, console, O_PATH), EACCES);

	assert_int_equal(open_as(f->dir.path, BOB, BOB, "2001", O_PATH), EACCES);
}

/* A user without access does not get it with the next enclave. */
static void test_owners_do_not_mix(void **state)
{
	struct fixture *f = *state;

	if (geteuid())
		skip();
	make_log(f, ALICE, 1, 0, 0);
	make_log(f, BOB, 2, 0, 0);
	make_log(f, ALICE, 3, 0, 0);
	assert_return_code(chmod(f->dir.path, 0755), errno);
	assert_int_equal(open_as(f->dir.path, ALICE, ALICE, path_of(ALICE, 3), O_RDONLY), 0);
	assert_int_equal(open_as(f->dir.path, BOB, BOB, path_of(BOB, 2), O_RDONLY), 0);
	assert_int_equal(open_as(f->dir.path, BOB, BOB, path_of(ALICE, 3), O_RDONLY), EACCES);
	assert_int_equal(open_as(f->dir.path, ALICE, ALICE, path_of(BOB, 2), O_RDONLY), EACCES);
}

static void test_root_is_created(void **state)
{
	struct fixture *f = *state;
	struct log_root root;
	char path[64];

	snprintf(path, sizeof(path), "%s/sub", f->dir.path);
	assert_int_equal(log_root_open(&root, path), 0);
	log_root_close(&root);
	assert_int_equal(mode_of(f, "sub"), 0750);

	snprintf(path, sizeof(path), "%s/no/sub", f->dir.path);
	assert_int_equal(log_root_open(&root, path), -ENOENT);
	assert_int_equal(log_root_open(&root, "/dev/null"), -ENOTDIR);
}

/* The layout of version 0.1.0: side by side, readable by the whole group. */
static void test_flat_folders_become_roots(void **state)
{
	struct fixture *f = *state;
	struct log_root root;

	assert_return_code(mkdirat(f->root.fd, "0193000000010000", 0750), errno);
	assert_return_code(mkdirat(f->root.fd, "0193000000010000/x", 0750), errno);
	assert_return_code(mkdirat(f->root.fd, "other", 0750), errno);
	assert_return_code(symlinkat("other", f->root.fd, "0193000000020000"), errno);
	assert_int_equal(log_root_open(&root, f->dir.path), 0);
	log_root_close(&root);
	assert_false(exists(f, "0193000000010000"));
	assert_int_equal(mode_of(f, "0/0193000000010000"), 0700);
	assert_true(exists(f, "0/0193000000010000/x"));
	assert_true(exists(f, "other"));
	assert_true(exists(f, "0193000000020000"));
}

static void test_file_is_emptied(void **state)
{
	struct fixture *f = *state;
	int folder, file;
	struct stat st;

	assert_int_equal(folder_open(&f->root, geteuid(), 1, &folder), 0);
	assert_int_equal(folder_create_file(folder, NE_EMU_CONSOLE_LOG, &file), 0);
	assert_int_equal(write(file, "old", 3), 3);
	fd_close(&file);
	assert_int_equal(folder_create_file(folder, NE_EMU_CONSOLE_LOG, &file), 0);
	assert_return_code(fstat(file, &st), errno);
	assert_int_equal(st.st_size, 0);
	fd_close(&file);
	fd_close(&folder);
}

static void test_links_are_not_followed(void **state)
{
	struct fixture *f = *state;
	int folder, file;

	make_folder(f, 3, 0);
	assert_return_code(symlinkat("/tmp", f->root.fd, path_of(geteuid(), 1)), errno);
	assert_int_equal(folder_open(&f->root, geteuid(), 1, &folder), -ENOTDIR);
	assert_int_equal(folder_remove(&f->root, geteuid(), 1), -ENOTDIR);
	assert_return_code(symlinkat(f->dir.path, f->root.fd, "2001"), errno);
	assert_int_equal(folder_open(&f->root, ALICE, 1, &folder), -ENOTDIR);

	assert_int_equal(folder_open(&f->root, geteuid(), 2, &folder), 0);
	assert_return_code(symlinkat("/dev/null", folder, NE_EMU_CONSOLE_LOG), errno);
	assert_int_equal(folder_create_file(folder, NE_EMU_CONSOLE_LOG, &file), -ELOOP);
	fd_close(&folder);
}

static void test_remove(void **state)
{
	uid_t me = geteuid();
	struct fixture *f = *state;
	char path[64];

	make_folder(f, 1, 0);
	assert_int_equal(folder_remove(&f->root, me, 1), 0);
	assert_false(kept(f, me, 1));
	assert_int_equal(folder_remove(&f->root, me, 1), 0);
	snprintf(path, sizeof(path), "%" PRIu32, me);
	assert_false(exists(f, path));		/* removed with its last entry */

	make_folder(f, 2, 0);
	snprintf(path, sizeof(path), "%s/mine", path_of(me, 2));
	assert_return_code(mkdirat(f->root.fd, path, 0700), errno);
	assert_int_equal(folder_remove(&f->root, me, 2), -ENOTEMPTY);
	assert_true(exists(f, path));
}

static bool is_three(uint64_t slot_uid, void *arg)
{
	return slot_uid == 3;
}

/* The newest FOLDER_KEEP of an owner stay, as do those of live enclaves. */
static void test_prune(void **state)
{
	uid_t me = geteuid();
	struct fixture *f = *state;

	f->root.live = is_three;
	make_folder(f, 3, 5000);		/* live */
	make_folder(f, 1, 4000);
	make_folder(f, 2, 3000);
	for (uint64_t i = 0; i < FOLDER_KEEP - 2; i++)
		make_folder(f, 100 + i, 1000 - i);
	assert_return_code(mkdirat(f->root.fd, "other", 0700), errno);
	assert_return_code(mkdirat(f->root.fd, "007", 0700), errno);

	assert_int_equal(folder_prune(&f->root), 0);
	make_folder(f, 4, 0);
	assert_int_equal(folder_prune(&f->root), 1);
	assert_true(kept(f, me, 3));
	assert_false(kept(f, me, 1));
	assert_true(kept(f, me, 2));
	assert_true(kept(f, me, 4));
	assert_true(exists(f, "other"));
	assert_true(exists(f, "007"));
}

static void test_prune_same_age(void **state)
{
	uid_t me = geteuid();
	struct fixture *f = *state;

	/* Slot uids increase with time. */
	for (uint64_t i = 0; i < FOLDER_KEEP + 2; i++)
		make_folder(f, 0x10 + i, 10);
	assert_int_equal(folder_prune(&f->root), 2);
	assert_false(kept(f, me, 0x10));
	assert_false(kept(f, me, 0x11));
	assert_true(kept(f, me, 0x12));
}

/* Any number of Bob's failed starts do not evict Alice's logs, however old those are. */
static void test_nobody_evicts_others(void **state)
{
	struct fixture *f = *state;

	if (geteuid())
		skip();
	for (uint64_t i = 0; i < 3; i++)
		make_log(f, ALICE, 0x10 + i, 9000, MIB);
	for (uint64_t i = 0; i < 3 * FOLDER_KEEP; i++)
		make_log(f, BOB, 0x1000 + i, 1000 - i, MIB);
	assert_int_equal(folder_prune(&f->root), 2 * FOLDER_KEEP);
	for (uint64_t i = 0; i < 3; i++)
		assert_true(kept(f, ALICE, 0x10 + i));
	assert_false(kept(f, BOB, 0x1000 + 2 * FOLDER_KEEP - 1));
	assert_true(kept(f, BOB, 0x1000 + 2 * FOLDER_KEEP));
}

/* Too many in all: remove the oldest of the owner with the most. */
static void test_prune_all(void **state)
{
	struct fixture *f = *state;
	uid_t owner = 3000;
	size_t made = 0;

	if (geteuid())
		skip();
	make_log(f, ALICE, 1, 9000, 0);
	for (made = 1; made < FOLDER_KEEP_ALL + 5; made++) {
		make_log(f, owner, made, 5000 - made, 0);
		if (made % 60 == 0)
			owner++;
	}
	assert_int_equal(folder_prune(&f->root), 5);
	assert_true(kept(f, ALICE, 1));
	assert_int_equal(folder_prune(&f->root), 0);
}

/* Too many bytes: remove the oldest non-empty log of the owner with the most bytes. */
static void test_console_limit(void **state)
{
	struct fixture *f = *state;

	if (geteuid())
		skip();
	f->root.consoles_max = 200 * MIB;
	make_log(f, ALICE, 1, 900, 60 * MIB);	/* the oldest, but Alice has less than Bob */
	make_log(f, BOB, 2, 800, 0);		/* nothing to gain */
	make_log(f, BOB, 4, 700, 50 * MIB);
	make_log(f, BOB, 5, 600, 50 * MIB);
	assert_int_equal(folder_prune(&f->root), 0);
	make_log(f, BOB, 6, 500, 41 * MIB);
	assert_int_equal(folder_prune(&f->root), 1);
	assert_false(kept(f, BOB, 4));
	assert_true(kept(f, BOB, 2));
	assert_true(kept(f, BOB, 5));
	assert_true(kept(f, ALICE, 1));
}

/* A live enclave counts with its maximum log size, and so does a new one. */
static void test_room_for_a_console(void **state)
{
	struct fixture *f = *state;

	if (geteuid())
		skip();
	f->root.live = is_three;
	f->root.consoles_max = 3 * NE_EMU_CONSOLE_LOG_MAX;
	make_log(f, ALICE, 3, 0, 1);		/* live: counts as full */
	make_log(f, BOB, 1, 900, NE_EMU_CONSOLE_LOG_MAX);
	make_log(f, BOB, 2, 800, 1);

	/* Half of three is one and a half. */
	assert_int_equal(folder_make_room(&f->root, ALICE, 4), -EDQUOT);
	assert_true(kept(f, BOB, 1));
	/* The next start replaces Alice's own log. */
	assert_int_equal(folder_make_room(&f->root, ALICE, 3), 0);
	assert_int_equal(folder_make_room(&f->root, BOB, 4), 0);
	assert_false(kept(f, BOB, 1));
	assert_true(kept(f, BOB, 2));
	f->root.consoles_max = 2 * NE_EMU_CONSOLE_LOG_MAX - 1;
	assert_int_equal(folder_make_room(&f->root, BOB, 4), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_access_rights, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owners_do_not_mix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_root_is_created, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flat_folders_become_roots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_is_emptied, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prune, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prune_same_age, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_evicts_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prune_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_console_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room_for_a_console, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
