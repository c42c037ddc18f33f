// SPDX-License-Identifier: Apache-2.0
/* Send requests to ne-emud. */

#include "cli/enclave/daemon_client.h"

#include "cli/host/sysfs.h"
#include "command/progress.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

/* More than all settings together. */
#define ANSWER_MAX	65536
#define WAIT_SECONDS	10

static int fail_connect(struct error *error, const char *path, int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ECONNREFUSED:
		return error_set(error, -errnum, "ne-emud is not running: sudo systemctl start "
				 "ne-emud");
	case EACCES:
		return error_set(error, -errnum, "only root and members of group ne may use %s",
				 path);
	case EAGAIN:	/* too many clients wait already */
		return error_set(error, -errnum, "ne-emud does not answer in time");
	default:
		return error_set(error, -errnum, "%s: %s", path, strerror(errnum));
	}
}

static int connect_daemon(unsigned int seconds, int *ret_fd, struct error *error)
{
	const struct timeval wait = { .tv_sec = seconds };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	__cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char path[SYS_PATH_SIZE];

	sys_path(path, NE_EMU_RUN_DIR "/" NE_EMU_CONTROL_SOCKET);
	if (strlen(path) >= sizeof(address.sun_path))
		return fail_connect(error, path, ENAMETOOLONG);
	strcpy(address.sun_path, path);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return fail_connect(error, path, errno);
	*ret_fd = fd_steal(&fd);
	return 0;
}

/* Receive an answer, and what goes with it if @fds is not NULL. Return: length, or -1 with errno */
static ssize_t receive(int fd, char *text, int fds[2])
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = { text, ANSWER_MAX };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *head;
	ssize_t len;

	if (!fds)
		return recv(fd, text, ANSWER_MAX, 0);
	fds[0] = fds[1] = -1;
	len = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	head = len < 0 ? NULL : CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(2 * sizeof(int)))
		memcpy(fds, CMSG_DATA(head), 2 * sizeof(int));
	return len;
}

static int exchange(int fd, const char *request, json_t **ret_answer, int fds[2],
		    struct error *error)
{
	__cleanup_free char *text = malloc(ANSWER_MAX);
	ssize_t len;
	int errnum;

	if (!text)
		return error_set(error, -ENOMEM, "out of memory");
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return error_set(error, -errno, "cannot send a request to ne-emud: %s",
				 strerror(errno));
	progress_begin("waiting for ne-emud");
	len = receive(fd, text, fds);
	errnum = errno;
	progress_end();
	if (len < 0)
		return error_set(error, -errnum, "ne-emud does not answer%s%s",
				 errnum == EAGAIN ? "" : ": ",
				 errnum == EAGAIN ? " in time" : strerror(errnum));
	*ret_answer = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(*ret_answer)) {
		json_decref(*ret_answer);
		return error_set(error, -EPROTO, "ne-emud closed the connection: it serves only "
				 "root and members of group ne");
	}
	return 0;
}

static int check_answer(json_t *answer, struct error *error)
{
	const char *reason = json_string_value(json_object_get(answer, "error"));

	if (json_is_true(json_object_get(answer, "ok")))
		return 0;
	return error_set(error, -EPROTO, "%s", reason ? reason :
			 "ne-emud refused the request without a reason");
}

static int request_within(unsigned int seconds, json_t *request, json_t **ret_answer,
			  int fds[2], struct error *error)
{
	__cleanup_free char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	__cleanup_fd int fd = -1;
	int err;

	json_decref(request);
	if (!text)
		return error_set(error, -ENOMEM, "out of memory, or a text is not valid UTF-8");
	err = connect_daemon(seconds, &fd, error);
	if (!err)
		err = exchange(fd, text, ret_answer, fds, error);
	if (err)
		return err;
	err = check_answer(*ret_answer, error);
	if (err)
		json_decref(*ret_answer);
	return err;
}

int daemon_request(json_t *request, json_t **ret_answer, struct error *error)
{
	return request_within(WAIT_SECONDS, request, ret_answer, NULL, error);
}

int daemon_request_within(unsigned int seconds, json_t *request, json_t **ret_answer,
			  struct error *error)
{
	return request_within(seconds, request, ret_answer, NULL, error);
}

int daemon_request_fds(json_t *request, json_t **ret_answer, int ret_fds[2],
		       struct error *error)
{
	int err;

	ret_fds[0] = ret_fds[1] = -1;
	err = request_within(WAIT_SECONDS, request, ret_answer, ret_fds, error);
	if (!err && ret_fds[0] >= 0 && ret_fds[1] >= 0)
		return 0;
	fd_close(&ret_fds[0]);
	fd_close(&ret_fds[1]);
	if (err)
		return err;
	json_decref(*ret_answer);
	return error_set(error, -EPROTO, "ne-emud did not connect us with the enclave");
}
