// SPDX-License-Identifier: Apache-2.0
/* Finding the VMM that an earlier supervisor has started, and no other process. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "daemon/vmm_record.h"
#include "temp_dir.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UID	0x0193000000010000ULL

struct state {
	struct temp_dir dir;
	struct vmm vmm;		/* a process that does nothing */
};

static int setup(void **state)
{
	struct state *s = test_calloc(1, sizeof(*s));

	temp_dir_create(&s->dir);
	s->vmm.pid = fork();
	assert_return_code(s->vmm.pid, errno);
	if (!s->vmm.pid) {
		pause();
		_exit(0);
	}
	s->vmm.pidfd = pidfd_open(s->vmm.pid, 0);
	assert_return_code(s->vmm.pidfd, errno);
	*state = s;
	return 0;
}

static void end_process(struct state *s)
{
	(void)kill(s->vmm.pid, SIGKILL);
	(void)waitpid(s->vmm.pid, NULL, 0);
}

static int teardown(void **state)
{
	struct state *s = *state;

	end_process(s);
	fd_close(&s->vmm.pidfd);
	temp_dir_remove(&s->dir);
	test_free(s);
	return 0;
}

static void write_note(struct state *s)
{
	int err = vmm_record_write(s->dir.path, &s->vmm);

	if (err == -EOPNOTSUPP)
		skip();		/* Linux before 6.9 */
	assert_int_equal(err, 0);
}

static void write_text(struct state *s, const char *text)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/vmm", s->dir.path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void test_found(void **state)
{
	struct state *s = *state;
	struct vmm_end end;
	struct vmm *vmm;

	assert_int_equal(vmm_record_find(s->dir.path, UID, &vmm), -ENOENT);
	write_note(s);
	assert_int_equal(vmm_record_find(s->dir.path, UID, &vmm), 0);
	assert_int_equal(vmm->pid, s->vmm.pid);
	assert_true(vmm->slot_uid == UID);
	assert_true(vmm->adopted);
	assert_int_equal(vmm->kill_ns, 0);

	/* It can be killed and its end is noticed, even if it is not a child. */
	assert_int_equal(vmm_reap(vmm, &end), -EAGAIN);
	assert_int_equal(vmm_kill(vmm), 0);
	assert_int_equal(poll(&(struct pollfd){ .fd = vmm->pidfd, .events = POLLIN }, 1, 30000),
			 1);
	assert_int_equal(vmm_reap(vmm, &end), 0);
	assert_int_equal(end.code, 0);
	vmm_free(vmm);

	vmm_record_remove(s->dir.path);
	assert_int_equal(vmm_record_find(s->dir.path, UID, &vmm), -ENOENT);
}

static void test_ended(void **state)
{
	struct state *s = *state;
	struct vmm *vmm;

	write_note(s);
	end_process(s);
	assert_int_equal(vmm_record_find(s->dir.path, UID, &vmm), -ESRCH);
}

/* The process id now belongs to another process. */
static void test_number_used_again(void **state)
{
	struct state *s = *state;
	struct stat st;
	char text[64];
	struct vmm *vmm;

	write_note(s);
	assert_return_code(fstat(s->vmm.pidfd, &st), errno);
	snprintf(text, sizeof(text), "%d %" PRIu64 "\n", (int)getpid(), (uint64_t)st.st_ino);
	write_text(s, text);
	assert_int_equal(vmm_record_find(s->dir.path, UID, &vmm), -ESRCH);
	snprintf(text, sizeof(text), "%d %" PRIu64 "\n", (int)s->vmm.pid,
		 (uint64_t)st.st_ino + 1);
	write_text(s, text);
	assert_int_equal(vmm_record_find(s->dir.path, UID, &vmm), -ESRCH);
	/* The correct record again. */
	snprintf(text, sizeof(text), "%d %" PRIu64 "\n", (int)s->vmm.pid, (uint64_t)st.st_ino);
	write_text(s, text);
	assert_int_equal(vmm_record_find(s->dir.path, UID, &vmm), 0);
	vmm_free(vmm);
}

static void test_malformed(void **state)
{
	static const char *const texts[] = { "", "\n", "12\n", "x 12\n", "0 12\n", "-1 12\n" };
	struct state *s = *state;
	struct vmm *vmm;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		write_text(s, texts[i]);
		assert_int_equal(vmm_record_find(s->dir.path, UID, &vmm), -EBADMSG);
	}
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_found),
		TEST(test_ended),
		TEST(test_number_used_again),
		TEST(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
