// SPDX-License-Identifier: Apache-2.0
/* Log lines: one per message, for any text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "common/util.h"

#include "temp_dir.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char written[4096];

static void log_text(const char *message)
{
	log_err("%s", message);
}

/* Capture what @log writes to stderr. */
static void capture_of(void (*log)(const char *message), const char *message)
{
	int saved = dup(STDERR_FILENO), fds[2];
	ssize_t len;

	assert_return_code(pipe(fds), errno);
	assert_return_code(dup2(fds[1], STDERR_FILENO), errno);
	log(message);
	assert_return_code(dup2(saved, STDERR_FILENO), errno);
	close(saved);
	close(fds[1]);
	len = read(fds[0], written, sizeof(written) - 1);
	assert_return_code(len, errno);
	written[len] = 0;
	close(fds[0]);
}

static void capture(const char *message)
{
	capture_of(log_text, message);
}

/* A message cannot add a line, change its level or control the terminal. */
static void test_clean(void **state)
{
	unsetenv("JOURNAL_STREAM");
	log_init(LOG_INFO, "enclave");
	capture("plain é");
	assert_string_equal(written, "enclave: plain é\n");
	capture("panic: \33[31mred\r\n<0>forged\xff");
	assert_string_equal(written, "enclave: panic: \\x1b[31mred\\x0d\\x0a<0>forged\\xff\n");

	setenv("JOURNAL_STREAM", "1:2", 1);
	log_init(LOG_INFO, "enclave");
	capture("\n<0>forged");
	assert_string_equal(written, "<3>enclave: \\x0a<0>forged\n");
	unsetenv("JOURNAL_STREAM");
}

/* A line that is too long is cut and still ends with a newline. */
static void test_long(void **state)
{
	static char message[3000];

	log_init(LOG_INFO, NULL);
	memset(message, 'x', sizeof(message) - 1);
	capture(message);
	assert_int_equal(strlen(written), 1023);
	assert_int_equal(written[1022], '\n');
	memset(message, '\n', sizeof(message) - 1);
	capture(message);
	assert_in_range(strlen(written), 1000, 1023);
	assert_ptr_equal(strchr(written, '\n'), written + strlen(written) - 1);
	assert_int_equal((strlen(written) - 1) % 4, 0);
}

/* A socket in place of the journal's. */
static int listen_as_journal(const struct temp_dir *dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_in_range(snprintf(address.sun_path, sizeof(address.sun_path), "%s/journal",
				 dir->path), 1, sizeof(address.sun_path) - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(setenv("NE_EMU_JOURNAL", address.sun_path, 1), 0);
	return fd;
}

/* What systemd sets if stderr leads to the journal: its device and inode. */
static void set_stream(ino_t wrong)
{
	char text[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)(st.st_ino + wrong));
	assert_int_equal(setenv("JOURNAL_STREAM", text, 1), 0);
}

static void expect_datagram(int fd, const char *text)
{
	ssize_t len = recv(fd, written, sizeof(written) - 1, MSG_DONTWAIT);

	assert_return_code(len, errno);
	written[len] = 0;
	assert_string_equal(written, text);
}

static void log_of_enclave(const char *message)
{
	log_enclave(LOG_WARNING, 0x1a22681f2ab3a49, "%s", message);
}

/* Lines of a service have fields, and not its name twice. */
static void test_journal(void **state)
{
	struct temp_dir dir;
	int journal;

	temp_dir_create(&dir);
	journal = listen_as_journal(&dir);
	set_stream(0);
	log_init_service(LOG_INFO, "ne-emud");
	log_of_enclave("ended\nPRIORITY=0");
	expect_datagram(journal, "PRIORITY=4\nSYSLOG_IDENTIFIER=ne-emud\n"
			"ENCLAVE_ID=enc01a22681f2ab3a49\n"
			"MESSAGE=enc01a22681f2ab3a49: ended\\x0aPRIORITY=0\n");
	log_info("ready");
	expect_datagram(journal, "PRIORITY=6\nSYSLOG_IDENTIFIER=ne-emud\nMESSAGE=ready\n");
	errno = ENOENT;
	log_enclave(LOG_INFO, 1, "%m");
	assert_int_equal(errno, ENOENT);
	expect_datagram(journal, "PRIORITY=6\nSYSLOG_IDENTIFIER=ne-emud\n"
			"ENCLAVE_ID=enc0000000000000001\n"
			"MESSAGE=enc0000000000000001: No such file or directory\n");

	/* Nobody reads there any more. */
	close(journal);
	capture_of(log_of_enclave, "ended");
	assert_string_equal(written, "<4>enc01a22681f2ab3a49: ended\n");

	/* The variable is of another process. */
	set_stream(1);
	log_init_service(LOG_INFO, "ne-emud");
	capture_of(log_of_enclave, "ended");
	assert_string_equal(written, "<4>enc01a22681f2ab3a49: ended\n");
	unsetenv("JOURNAL_STREAM");
	log_init_service(LOG_INFO, "ne-emud");
	capture_of(log_of_enclave, "ended");
	assert_string_equal(written, "ne-emud: enc01a22681f2ab3a49: ended\n");
	temp_dir_remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
