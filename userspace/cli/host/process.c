// SPDX-License-Identifier: Apache-2.0
/* Run another program and read what it prints. */

#include "cli/host/process.h"

#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* How much of standard error is kept; what comes later replaces it. */
#define MESSAGE_SIZE	4096
#define PIECE_SIZE	(64 * KIB)

/** struct output - what a program prints; @used bytes at @data, limited to @max */
struct output {
	char *data;
	size_t used;
	size_t max;
	bool discard;
};

/* Read what is there. Return: 1, 0 at the end, or a negative errno. */
static int output_read(struct output *output, int fd)
{
	char *data = realloc(output->data, output->used + PIECE_SIZE + 1);
	ssize_t n;

	if (!data)
		return -ENOMEM;
	output->data = data;
	n = read(fd, data + output->used, PIECE_SIZE);
	if (n <= 0)
		return n && errno != EINTR ? -errno : n < 0;
	if (!output->discard)
		output->used += n;
	return output->used > output->max ? -EFBIG : 1;
}

/* Keep the end of the messages. */
static int message_read(char message[MESSAGE_SIZE], size_t *used, int fd)
{
	ssize_t n;

	if (*used > MESSAGE_SIZE / 2) {
		memmove(message, message + *used - MESSAGE_SIZE / 4, MESSAGE_SIZE / 4);
		*used = MESSAGE_SIZE / 4;
	}
	n = read(fd, message + *used, MESSAGE_SIZE - 1 - *used);
	if (n <= 0)
		return n && errno != EINTR ? -errno : n < 0;
	*used += n;
	return 1;
}

/* Read both streams to their ends, so that the program never waits for us. */
static int read_both(int out, int err_fd, struct output *output, char message[MESSAGE_SIZE],
		     size_t *message_used)
{
	struct pollfd fds[2] = { { .fd = out, .events = POLLIN },
				 { .fd = err_fd, .events = POLLIN } };

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		int more;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents) {
			more = output_read(output, out);
			if (more < 0)
				return more;
			fds[0].fd = more ? out : -1;
		}
		if (fds[1].revents) {
			more = message_read(message, message_used, err_fd);
			fds[1].fd = more > 0 ? err_fd : -1;
		}
	}
	return 0;
}

static int spawn(const char *const argv[], int out, int err_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return -err;
	err = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) ?:
		posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) ?:
		posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO) ?:
		posix_spawnp(ret_pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

/* The last line that is not empty. */
static void set_message(const char *program, char *message, size_t used, struct error *error)
{
	char text[ERROR_TEXT_SIZE];
	char *line;

	while (used && (message[used - 1] == '\n' || message[used - 1] == '\r'))
		used--;
	message[used] = 0;
	line = strrchr(message, '\n');
	line = line ? line + 1 : message;
	(void)error_set(error, -EREMOTEIO, "%s: %s", program,
			*line ? text_clean(text, sizeof(text), line, strlen(line)) :
			"failed without a message");
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EREMOTEIO;
}

int process_read(const char *const argv[], size_t max, char **ret, size_t *ret_size,
		 struct error *error)
{
	struct output output = { .max = max, .discard = !ret };
	__cleanup_fd int out = -1, out_write = -1, messages = -1, messages_write = -1;
	char message[MESSAGE_SIZE];
	int fds[2], err, status;
	size_t used = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return error_set(error, -errno, "%s: %s", argv[0], strerror(errno));
	out = fds[0];
	out_write = fds[1];
	if (pipe2(fds, O_CLOEXEC))
		return error_set(error, -errno, "%s: %s", argv[0], strerror(errno));
	messages = fds[0];
	messages_write = fds[1];
	err = spawn(argv, out_write, messages_write, &pid);
	if (err)
		return error_set(error, err, "%s: %s", argv[0], strerror(-err));
	fd_close(&out_write);
	fd_close(&messages_write);
	err = read_both(out, messages, &output, message, &used);
	/* A program that still prints ends now. */
	fd_close(&out);
	fd_close(&messages);
	status = wait_for(pid);
	if (err)
		(void)error_set(error, err, "%s: its output: %s", argv[0], strerror(-err));
	else if (status)
		set_message(argv[0], message, used, error);
	err = err ? err : status;
	if (!err && ret) {
		output.data[output.used] = 0;	/* allocated by the read that found the end */
		*ret = output.data;
		*ret_size = output.used;
	} else {
		free(output.data);
	}
	return err;
}
