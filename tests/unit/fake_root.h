/* SPDX-License-Identifier: Apache-2.0 */
/* A fake machine below a temporary directory, and commands that run on it. */

#ifndef NE_EMU_TESTS_UNIT_FAKE_ROOT_H
#define NE_EMU_TESTS_UNIT_FAKE_ROOT_H

#include "command/command.h"
#include "common/util.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define ROOT_PATH_SIZE	512
#define ROOT_TEXT_SIZE	16384
#define ROOT_ARGS_MAX	24

/** struct command_result - exit code and output of a command */
struct command_result {
	int code;
	char out[ROOT_TEXT_SIZE];
	char err[ROOT_TEXT_SIZE];
};

static inline void fake_root_create(struct temp_dir *dir)
{
	temp_dir_create(dir);
	assert_int_equal(setenv("NE_EMU_ROOT", dir->path, 1), 0);
	assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
}

static inline void fake_root_remove(struct temp_dir *dir)
{
	temp_dir_remove(dir);
	(void)unsetenv("NE_EMU_ROOT");
}

/** fake_root_path() - real path of @path on the fake machine; makes its directories */
static inline const char *fake_root_path(const struct temp_dir *dir, const char *path, char *buf)
{
	char *slash;

	assert_true(snprintf(buf, ROOT_PATH_SIZE, "%s%s", dir->path, path) < ROOT_PATH_SIZE);
	slash = buf + strlen(dir->path);
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = 0;
		assert_true(!mkdir(buf, 0755) || errno == EEXIST);
		*slash = '/';
	}
	return buf;
}

static inline void fake_root_write(const struct temp_dir *dir, const char *path, const void *data,
				   size_t size)
{
	char buf[ROOT_PATH_SIZE];
	__cleanup_fd int fd = open(fake_root_path(dir, path, buf),
				   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, data, size), 0);
}

static inline void fake_root_put(const struct temp_dir *dir, const char *path, const char *text)
{
	fake_root_write(dir, path, text, strlen(text));
}

static inline void fake_root_mkdir(const struct temp_dir *dir, const char *path)
{
	char buf[ROOT_PATH_SIZE];

	assert_true(!mkdir(fake_root_path(dir, path, buf), 0755) || errno == EEXIST);
}

static inline size_t read_file(int fd, char *text, size_t size)
{
	ssize_t n;

	assert_true(lseek(fd, 0, SEEK_SET) == 0);
	n = read_full(fd, text, size - 1);
	assert_true(n >= 0);
	text[n] = 0;
	return n;
}

static inline void fake_root_expect(const struct temp_dir *dir, const char *path, const char *text)
{
	char buf[ROOT_PATH_SIZE], have[ROOT_TEXT_SIZE];
	__cleanup_fd int fd = open(fake_root_path(dir, path, buf), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	read_file(fd, have, sizeof(have));
	assert_string_equal(have, text);
}

/* Redirect standard stream @number to a file until restore_stream(). */
static inline int redirect_stream(int number, int *ret_file)
{
	int saved = fcntl(number, F_DUPFD_CLOEXEC, 3);

	*ret_file = memfd_create("stream", MFD_CLOEXEC);
	assert_true(saved >= 0 && *ret_file >= 0);
	assert_int_equal(dup2(*ret_file, number), number);
	return saved;
}

static inline void restore_stream(int number, int saved, int file, char *text)
{
	assert_int_equal(dup2(saved, number), number);
	read_file(file, text, ROOT_TEXT_SIZE);
	close(saved);
	close(file);
}

/**
 * run_list() - call a command of ne-emu with a NULL-terminated list of arguments
 */
static inline void run_list(struct command_result *ret, const struct command *command,
			    int argc, char **argv)
{
	int out, err, saved_out, saved_err;

	fflush(stdout);
	saved_out = redirect_stream(STDOUT_FILENO, &out);
	saved_err = redirect_stream(STDERR_FILENO, &err);
	ret->code = command_run(command, "ne-emu", argc, argv);
	fflush(stdout);
	restore_stream(STDOUT_FILENO, saved_out, out, ret->out);
	restore_stream(STDERR_FILENO, saved_err, err, ret->err);
}

/** run_command() - call a command with NULL-terminated arguments */
static inline void run_command(struct command_result *ret, const struct command *command, ...)
{
	char *argv[ROOT_ARGS_MAX + 1];
	va_list args;
	int argc = 0;

	va_start(args, command);
	while ((argv[argc] = va_arg(args, char *)))
		assert_true(++argc < ROOT_ARGS_MAX);
	va_end(args);
	run_list(ret, command, argc, argv);
}

static inline void expect_text(const char *have, const char *text)
{
	if (!strstr(have, text))
		fail_msg("\"%s\" is not in:\n%s", text, have);
}

#endif
