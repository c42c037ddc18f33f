// SPDX-License-Identifier: Apache-2.0
/* P: ne_cpus as a file, on the emulator and on the in-tree driver. */

#include "ne_env.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY		65534
#define OTHERS		"/sys/module/nitro_enclaves/parameters"

static int negative_errno(long rc)
{
	return rc < 0 ? -errno : rc;
}

static int open_pool(struct ne_test *t, int flags)
{
	int fd = open(NE_POOL, flags | O_CLOEXEC);

	REQUIRE(t, fd >= 0);
	return fd;
}

static void p01_file(struct ne_test *t)
{
	struct stat st;

	REQUIRE(t, !stat(NE_POOL, &st));
	CHECK_EQ(t, st.st_mode, S_IFREG | 0644);
	CHECK_EQ(t, st.st_uid, 0);
	CHECK_EQ(t, st.st_gid, 0);
	CHECK_EQ(t, st.st_size, 4096);
	REQUIRE(t, !stat(OTHERS, &st));
	CHECK_EQ(t, st.st_mode, S_IFDIR | 0755);
}

/* Reads at an offset, in pieces and repeated return the same text. */
static void p02_reads(struct ne_test *t)
{
	struct ne_env *env = t->env;
	size_t len = strlen(env->list);
	char buf[128] = "";
	int fd;

	REQUIRE_EQ(t, ne_pool_set(env->list), 0);
	fd = open_pool(t, O_RDONLY);
	CHECK_EQ(t, read(fd, buf, 2), 2);
	CHECK_EQ(t, read(fd, buf + 2, sizeof(buf) - 3), len - 1);
	CHECK(t, !strncmp(buf, env->list, len) && !strcmp(buf + len, "\n"));
	CHECK_EQ(t, read(fd, buf, sizeof(buf)), 0);
	CHECK_EQ(t, pread(fd, buf, sizeof(buf), 1), len);
	CHECK(t, !strncmp(buf, env->list + 1, len - 1));
	CHECK_EQ(t, lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(t, read(fd, buf, sizeof(buf)), len + 1);
}

/* Every write() sets a new list, at any file position. */
static void p02_writes(struct ne_test *t)
{
	struct ne_env *env = t->env;
	size_t len = strlen(env->list);
	char buf[128] = "";
	int fd = open_pool(t, O_RDWR | O_TRUNC);

	CHECK_EQ(t, write(fd, env->list, len), len);
	CHECK_EQ(t, negative_errno(write(fd, "abc", 3)), -EINVAL);
	CHECK_EQ(t, pread(fd, buf, sizeof(buf), 0), 1);
	CHECK_EQ(t, write(fd, env->list, len), len);
	CHECK_EQ(t, negative_errno(pwrite(fd, env->list, len, 7)), len);
	CHECK_EQ(t, pread(fd, buf, sizeof(buf) - 1, 0), len + 1);
	CHECK(t, !strncmp(buf, env->list, len));
}

static void p09_other_user(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char buf[128];
	pid_t pid;

	REQUIRE_EQ(t, ne_pool_set(env->list), 0);
	/* Its values come first: they are compared in order. */
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(1);
		CHECK_EQ(t, ne_pool_set(env->list), -EACCES);
		CHECK_EQ(t, ne_read_file(NE_POOL, buf, sizeof(buf)), strlen(env->list) + 1);
		fflush(stdout);
		_exit(0);
	}
	ne_wait_child(t, pid);
}

/* A descriptor opened by root does not give its user root's rights. */
static void p09_passed_descriptor(struct ne_test *t)
{
	struct ne_env *env = t->env;
	size_t len = strlen(env->list);
	int fd = open_pool(t, O_RDWR);
	pid_t pid;

	/* Its values come first: they are compared in order. */
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(1);
		CHECK_EQ(t, negative_errno(write(fd, env->list, len)), -EPERM);
		fflush(stdout);
		_exit(0);
	}
	ne_wait_child(t, pid);
	CHECK_EQ(t, write(fd, env->list, len), len);
}

/* The kernel passes at most one page of a write. */
static void p10_more_than_a_page(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char text[5000], buf[16];

	memset(text, ',', sizeof(text));
	memcpy(text, env->list, strlen(env->list));
	CHECK_EQ(t, ne_write_file(NE_POOL, text, sizeof(text)), -ENOSPC);
	CHECK_EQ(t, ne_read_file(NE_POOL, buf, sizeof(buf)), 1);
}

static void p12_open_at_unload(struct ne_test *t)
{
	struct ne_env *env = t->env;
	int fd = open_pool(t, O_RDWR);
	char byte;

	REQUIRE_EQ(t, ne_env_unload(env), 0);
	CHECK_EQ(t, negative_errno(pread(fd, &byte, 1, 0)), -ENODEV);
	CHECK_EQ(t, negative_errno(write(fd, "2", 1)), -ENODEV);
	REQUIRE_EQ(t, ne_env_load(env, NULL), 0);
	CHECK_EQ(t, negative_errno(pread(fd, &byte, 1, 0)), -ENODEV);
}

static const struct ne_case cases[] = {
	{ "P01 kind, owner and mode of the file", p01_file, 0 },
	{ "P02 reads in pieces", p02_reads, 0 },
	{ "P02 several writes to one descriptor", p02_writes, 0 },
	{ "P09 another user: EACCES, but may read", p09_other_user, 0 },
	{ "P09 another user with root's descriptor: EPERM", p09_passed_descriptor, 0 },
	{ "P10 more than a page: ENOSPC", p10_more_than_a_page, 0 },
	{ "P12 open while the module is unloaded: ENODEV", p12_open_at_unload, 60 },
};

int main(int argc, char **argv)
{
	return ne_pool_main(cases, ARRAY_SIZE(cases), argc, argv);
}
