// SPDX-License-Identifier: Apache-2.0
/* Output files are complete or missing; nothing is destroyed or left behind. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "command/file.h"
#include "fake_root.h"

#include <dirent.h>
#include <endian.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define OTHER_UID	1000

/* The file system does not support O_TMPFILE. */
static bool no_tmpfile;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return __real_open(path, flags, mode);
}

static int setup(void **state)
{
	struct temp_dir *dir = calloc(1, sizeof(*dir));

	fake_root_create(dir);
	no_tmpfile = false;
	umask(022);
	*state = dir;
	return 0;
}

static int teardown(void **state)
{
	fake_root_remove(*state);
	free(*state);
	return 0;
}

/* The number of names in the directory. */
static size_t count_names(const struct temp_dir *dir)
{
	DIR *folder = opendir(dir->path);
	size_t count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count - 2;	/* "." and ".." */
}

static void put_with(const struct temp_dir *dir, const char *name, const char *text, mode_t mode)
{
	char path[ROOT_PATH_SIZE];

	fake_root_put(dir, name, text);
	assert_int_equal(chmod(fake_root_path(dir, name, path), mode), 0);
}

static struct stat stat_of(const struct temp_dir *dir, const char *name)
{
	char path[ROOT_PATH_SIZE];
	struct stat st;

	assert_int_equal(lstat(fake_root_path(dir, name, path), &st), 0);
	return st;
}

static int write_file(const char *path, const char *text, struct error *error)
{
	struct file_new file;
	int r;

	r = file_new_open(&file, path, error);
	if (!r)
		r = write_full(file.fd, text, strlen(text));
	if (!r)
		r = file_new_commit(&file, error);
	file_new_abort(&file);
	return r;
}

static void good_write(const struct temp_dir *dir, const char *name, const char *text)
{
	char path[ROOT_PATH_SIZE];
	struct error error = {};

	if (write_file(fake_root_path(dir, name, path), text, &error))
		fail_msg("%s", error.text);
}

static void test_new(void **state)
{
	char path[ROOT_PATH_SIZE], folder[ROOT_PATH_SIZE];
	struct temp_dir *dir = *state;
	struct error error = {};

	for (int i = 0; i < 2; i++) {
		no_tmpfile = i;
		good_write(dir, "/new", "text");
		fake_root_expect(dir, "/new", "text");
		assert_int_equal(stat_of(dir, "/new").st_mode, S_IFREG | 0644);
		umask(077);
		good_write(dir, "/private", "text");
		umask(022);
		assert_int_equal(stat_of(dir, "/private").st_mode, S_IFREG | 0600);
		assert_int_equal(count_names(dir), 2);
		assert_int_equal(unlink(fake_root_path(dir, "/new", path)), 0);
		assert_int_equal(unlink(fake_root_path(dir, "/private", path)), 0);
	}
	/* A name without a directory. */
	assert_non_null(getcwd(folder, sizeof(folder)));
	assert_int_equal(chdir(dir->path), 0);
	assert_int_equal(write_file("here", "text", &error), 0);
	assert_int_equal(chdir(folder), 0);
	fake_root_expect(dir, "/here", "text");

	assert_int_equal(write_file("/nonexistent/x", "text", &error), -ENOENT);
	assert_string_equal(error.text, "cannot write /nonexistent/x: No such file or directory");
	assert_int_equal(write_file(dir->path, "text", &error), -EISDIR);
}

/* A process that is killed while it writes leaves no file. */
static void test_killed(void **state)
{
	char path[ROOT_PATH_SIZE];
	struct temp_dir *dir = *state;
	struct error error = {};
	int status;

	put_with(dir, "/old", "old", 0644);
	for (int i = 0; i < 2; i++) {
		pid_t child = fork();

		if (!child) {
			struct file_new file;

			if (file_new_open(&file, fake_root_path(dir, i ? "/old" : "/new", path),
					  &error) || write_full(file.fd, "text", 4))
				_exit(1);
			raise(SIGKILL);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	assert_int_equal(count_names(dir), 1);
	fake_root_expect(dir, "/old", "old");
}

static void test_replace(void **state)
{
	static const mode_t modes[] = { 0600, 0640, 0444, 0666 };
	char path[ROOT_PATH_SIZE], text[10];
	struct temp_dir *dir = *state;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(modes); i++) {
		mode_t mode = modes[i / 2];

		no_tmpfile = i % 2;
		put_with(dir, "/f", "old", mode);
		__cleanup_fd int old = open(fake_root_path(dir, "/f", path), O_RDONLY | O_CLOEXEC);
		good_write(dir, "/f", "new");
		fake_root_expect(dir, "/f", "new");
		assert_int_equal(stat_of(dir, "/f").st_mode, S_IFREG | mode);
		/* A process that has the old file open reads all of it. */
		read_file(old, text, sizeof(text));
		assert_string_equal(text, "old");
		assert_int_equal(count_names(dir), 1);
		assert_int_equal(unlink(path), 0);
	}
	/* Only permissions are kept, not the set-user-ID bit: the content is not that program. */
	put_with(dir, "/f", "old", 04755);
	good_write(dir, "/f", "new");
	assert_int_equal(stat_of(dir, "/f").st_mode, S_IFREG | 0755);
}

__attribute__((noreturn))
static void skip_because(const char *error)
{
	print_message("# %s\n", error);
	skip();
	abort();
}

/* Give the directory to another user, or skip. */
static void need_users(const struct temp_dir *dir)
{
	if (chown(dir->path, OTHER_UID, OTHER_UID))
		skip_because("only root can give a file to another user");
}

static void test_owner(void **state)
{
	char path[ROOT_PATH_SIZE];
	struct temp_dir *dir = *state;

	need_users(dir);
	put_with(dir, "/f", "old", 0600);
	assert_int_equal(chown(fake_root_path(dir, "/f", path), OTHER_UID, 2000), 0);
	good_write(dir, "/f", "new");
	assert_int_equal(stat_of(dir, "/f").st_uid, OTHER_UID);
	assert_int_equal(stat_of(dir, "/f").st_gid, 2000);
	assert_int_equal(stat_of(dir, "/f").st_mode, S_IFREG | 0600);
}

/* Run @test as another user. Return: false if it fails. */
static bool as_other_user(bool (*test)(const struct temp_dir *dir), const struct temp_dir *dir)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(setgroups(0, NULL) || setresgid(OTHER_UID, OTHER_UID, OTHER_UID) ||
		      setresuid(OTHER_UID, OTHER_UID, OTHER_UID) || !test(dir));
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool replace_f(const struct temp_dir *dir)
{
	char path[ROOT_PATH_SIZE];
	struct error error = {};

	snprintf(path, sizeof(path), "%s/f", dir->path);
	return !write_file(path, "new", &error);
}

/* Owner and group cannot be kept, so the new group does not get the old group's rights. */
static void test_foreign_group(void **state)
{
	struct temp_dir *dir = *state;

	need_users(dir);
	put_with(dir, "/f", "old", 0664);
	assert_true(as_other_user(replace_f, dir));
	fake_root_expect(dir, "/f", "new");
	assert_int_equal(stat_of(dir, "/f").st_uid, OTHER_UID);
	assert_int_equal(stat_of(dir, "/f").st_mode, S_IFREG | 0604);
}

/* The kernel's format of the extended attribute: version 2, then entries. */
struct acl {
	uint32_t version;
	struct {
		uint16_t tag;
		uint16_t permissions;
		uint32_t id;
	} entries[5];
};

#define ENTRY(tag, permissions, id)	{ htole16(tag), htole16(permissions), htole32(id) }

/* A named user may read the file, the owning group may not; the mode shows the mask. */
static void test_acl(void **state)
{
	const struct acl acl = { htole32(2), {
		ENTRY(0x01, 6, UINT32_MAX), ENTRY(0x02, 4, OTHER_UID), ENTRY(0x04, 0, UINT32_MAX),
		ENTRY(0x10, 4, UINT32_MAX), ENTRY(0x20, 0, UINT32_MAX),
	} };
	char path[ROOT_PATH_SIZE];
	struct temp_dir *dir = *state;
	struct acl have = {};

	put_with(dir, "/f", "old", 0600);
	fake_root_path(dir, "/f", path);
	if (setxattr(path, "system.posix_acl_access", &acl, sizeof(acl), 0))
		skip_because("this file system has no access control lists");
	good_write(dir, "/f", "new");
	assert_int_equal(getxattr(path, "system.posix_acl_access", &have, sizeof(have)),
			 sizeof(have));
	assert_memory_equal(&have, &acl, sizeof(acl));
	assert_int_equal(stat_of(dir, "/f").st_mode, S_IFREG | 0640);

	/* Nor does it inherit an ACL from its directory if the old file had none. */
	assert_int_equal(setxattr(dir->path, "system.posix_acl_default", &acl, sizeof(acl), 0), 0);
	assert_int_equal(removexattr(path, "system.posix_acl_access"), 0);
	assert_int_equal(chmod(path, 0640), 0);
	good_write(dir, "/f", "new");
	assert_int_equal(getxattr(path, "system.posix_acl_access", &have, sizeof(have)), -1);
	assert_int_equal(stat_of(dir, "/f").st_mode, S_IFREG | 0640);
}

static void test_links(void **state)
{
	char path[ROOT_PATH_SIZE], text[100];
	struct temp_dir *dir = *state;
	struct error error = {};

	put_with(dir, "/folder/f", "old", 0600);
	assert_int_equal(symlink("folder/f", fake_root_path(dir, "/link", path)), 0);
	assert_int_equal(symlink("link", fake_root_path(dir, "/second", path)), 0);
	good_write(dir, "/second", "new");
	fake_root_expect(dir, "/folder/f", "new");
	assert_int_equal(stat_of(dir, "/folder/f").st_mode, S_IFREG | 0600);
	assert_true(S_ISLNK(stat_of(dir, "/link").st_mode));
	assert_true(S_ISLNK(stat_of(dir, "/second").st_mode));
	assert_int_equal(count_names(dir), 3);

	assert_int_equal(symlink("nothing", fake_root_path(dir, "/dangling", path)), 0);
	assert_int_equal(write_file(path, "x", &error), -ENOLINK);
	expect_text(error.text, "/dangling is a dangling symbolic link: remove it");
	assert_int_equal(readlink(path, text, sizeof(text)), strlen("nothing"));
	assert_int_equal(count_names(dir), 4);
}

/* A reader gets all the data, and the pipe stays. */
static void test_fifo(void **state)
{
	char path[ROOT_PATH_SIZE], text[10];
	struct temp_dir *dir = *state;

	assert_int_equal(mkfifo(fake_root_path(dir, "/fifo", path), 0600), 0);
	__cleanup_fd int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	good_write(dir, "/fifo", "text");
	assert_int_equal(read_full(reader, text, sizeof(text)), 4);
	assert_memory_equal(text, "text", 4);
	assert_true(S_ISFIFO(stat_of(dir, "/fifo").st_mode));
}

static void test_device(void **state)
{
	char path[ROOT_PATH_SIZE];
	struct temp_dir *dir = *state;
	struct stat null;

	/* Through a link, so that /dev/null survives if the name is replaced. */
	assert_int_equal(symlink("/dev/null", fake_root_path(dir, "/null", path)), 0);
	good_write(dir, "/null", "text");
	assert_true(S_ISLNK(stat_of(dir, "/null").st_mode));
	assert_int_equal(stat("/dev/null", &null), 0);
	assert_true(S_ISCHR(null.st_mode));
	assert_int_equal(unlink(path), 0);
	if (mknod(path, S_IFCHR | 0600, null.st_rdev))
		return;		/* not in this sandbox */
	good_write(dir, "/null", "text");
	assert_true(S_ISCHR(stat_of(dir, "/null").st_mode));
}

static void test_terminal(void **state)
{
	__cleanup_fd int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct error error = {};
	char name[100];
	FILE *stream;

	if (terminal < 0 || grantpt(terminal) || unlockpt(terminal) ||
	    ptsname_r(terminal, name, sizeof(name)))
		skip_because("there are no terminals here");
	assert_int_equal(write_file(name, "x", &error), -ENOTTY);
	expect_text(error.text, "is a terminal, and an image is not text");
	assert_int_equal(file_stream_open(name, &stream, &error), -ENOTTY);
}

static void test_stdout(void **state)
{
	char cwd[ROOT_PATH_SIZE], text[ROOT_TEXT_SIZE];
	struct temp_dir *dir = *state;
	struct error error = {};
	struct file_new file;
	int saved, out, r;
	FILE *report;

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(dir->path), 0);
	fflush(stdout);
	saved = redirect_stream(STDOUT_FILENO, &out);
	r = file_new_open(&file, "-", &error) ?: write_full(file.fd, "text", 4);
	report = file_new_report(&file);
	r = r ?: file_new_commit(&file, &error);
	file_new_abort(&file);
	restore_stream(STDOUT_FILENO, saved, out, text);
	assert_int_equal(r, 0);
	assert_string_equal(text, "text");
	assert_ptr_equal(report, stderr);
	assert_int_equal(count_names(dir), 0);

	assert_int_equal(file_new_open(&file, "f", &error), 0);
	assert_ptr_equal(file_new_report(&file), stdout);
	file_new_abort(&file);
	assert_int_equal(count_names(dir), 0);
	assert_int_equal(chdir(cwd), 0);
}

static void good_stream(const struct temp_dir *dir, const char *name)
{
	char path[ROOT_PATH_SIZE];
	struct error error = {};
	FILE *stream;

	if (file_stream_open(fake_root_path(dir, name, path), &stream, &error))
		fail_msg("%s", error.text);
	assert_true(fputs("new", stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

static void test_stream(void **state)
{
	char path[ROOT_PATH_SIZE], text[ROOT_TEXT_SIZE];
	struct temp_dir *dir = *state;
	struct error error = {};
	int saved, out, r;
	struct stat st;
	FILE *stream;

	good_stream(dir, "/new");
	assert_int_equal(stat_of(dir, "/new").st_mode, S_IFREG | 0600);
	put_with(dir, "/old", "longer", 0644);
	assert_int_equal(symlink("old", fake_root_path(dir, "/link", path)), 0);
	good_stream(dir, "/link");
	fake_root_expect(dir, "/old", "new");
	assert_int_equal(stat_of(dir, "/old").st_mode, S_IFREG | 0600);
	assert_true(S_ISLNK(stat_of(dir, "/link").st_mode));

	/* The mode of standard output is not changed. */
	saved = redirect_stream(STDOUT_FILENO, &out);
	assert_int_equal(fchmod(out, 0644), 0);
	r = file_stream_open("-", &stream, &error);
	if (!r && (fputs("new", stream) < 0 || fclose(stream)))
		r = -errno;
	assert_int_equal(fstat(out, &st), 0);
	restore_stream(STDOUT_FILENO, saved, out, text);
	assert_int_equal(r, 0);
	assert_string_equal(text, "new");
	assert_int_equal(st.st_mode & 0777, 0644);
}

static bool stream_f_refused(const struct temp_dir *dir)
{
	char path[ROOT_PATH_SIZE];
	struct error error = {};
	FILE *stream;

	snprintf(path, sizeof(path), "%s/f", dir->path);
	return file_stream_open(path, &stream, &error) == -EPERM &&
		strstr(error.text, "belongs to another user");
}

/* The owner of a file can let others read it, so another user's file is refused and kept. */
static void test_foreign_stream(void **state)
{
	struct temp_dir *dir = *state;

	need_users(dir);
	assert_int_equal(chmod(dir->path, 0755), 0);
	put_with(dir, "/f", "old", 0666);
	assert_true(as_other_user(stream_f_refused, dir));
	fake_root_expect(dir, "/f", "old");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_new),
		T(test_killed),
		T(test_replace),
		T(test_owner),
		T(test_foreign_group),
		T(test_acl),
		T(test_links),
		T(test_fifo),
		T(test_device),
		T(test_terminal),
		T(test_stdout),
		T(test_stream),
		T(test_foreign_stream),
	};

	return cmocka_run_group_tests_name("cli_file", tests, NULL, NULL);
}
