// SPDX-License-Identifier: Apache-2.0
/* One client of the agent: what it asks for first decides what this process does. */

#include "guest/agent/session.h"

#include "guest/agent/files.h"
#include "guest/agent/relay.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_SIZE	512
#define NUMBER_SIZE	4
/* As of "ne-emu exec" for its own failures. */
#define CODE_FAILED	125

static size_t write_failure(char *to, unsigned int code, const char *fmt, va_list args)
{
	int len;

	agent_put_u32(to, code);
	len = vsnprintf(to + NUMBER_SIZE, TEXT_SIZE, fmt, args);
	return NUMBER_SIZE + (len < TEXT_SIZE ? len : TEXT_SIZE - 1);
}

__attribute__((format(printf, 3, 4)))
static size_t format_failure(char *to, unsigned int code, const char *fmt, ...)
{
	va_list args;
	size_t len;

	va_start(args, fmt);
	len = write_failure(to, code, fmt, args);
	va_end(args);
	return len;
}

void session_refuse(int fd, const char *why)
{
	static struct agent_link link;
	char text[NUMBER_SIZE + TEXT_SIZE];
	size_t len = format_failure(text, CODE_FAILED, "%s", why);

	agent_link_init(&link, fd);
	if (!agent_link_put(&link, AGENT_FAILED, text, len))
		(void)agent_link_flush(&link);	/* it is closed in any case */
}

void session_fail(struct agent_link *link, unsigned int code, const char *fmt, ...)
{
	char text[NUMBER_SIZE + TEXT_SIZE];
	va_list args;
	size_t len;

	va_start(args, fmt);
	len = write_failure(text, code, fmt, args);
	va_end(args);
	(void)agent_link_send(link, AGENT_FAILED, text, len, SESSION_WAIT_MS);
	_exit(1);
}

static void run_command(struct agent_link *link, const struct agent_frame *frame,
			const struct command *command)
{
	static uint8_t contents[AGENT_CONTENTS_MAX];
	static struct agent_strings strings;
	struct agent_exec exec;

	/* The link needs its buffer for what follows. */
	memcpy(contents, frame->data, frame->len);
	if (agent_exec_read(contents, frame->len, &strings, &exec))
		session_fail(link, CODE_FAILED, "malformed request");
	relay_run(link, &exec, command);
}

static void copy_files(struct agent_link *link, const struct agent_frame *frame)
{
	static char contents[AGENT_CONTENTS_MAX];
	const char *path, *name;

	memcpy(contents, frame->data, frame->len);
	if (agent_pair_read(contents, frame->len, &path, &name))
		session_fail(link, CODE_FAILED, "malformed request");
	if (frame->type == AGENT_GET)
		files_send(link, path);
	else
		files_receive(link, path, name);
}

void session_run(int fd, const struct command *command)
{
	static struct agent_link link;
	struct agent_frame frame;

	agent_link_init(&link, fd);
	if (agent_link_send(&link, AGENT_READY, NULL, 0, SESSION_WAIT_MS) ||
	    agent_link_wait(&link, &frame, SESSION_WAIT_MS))
		_exit(1);
	switch (frame.type) {
	case AGENT_EXEC:
		run_command(&link, &frame, command);
		break;
	case AGENT_GET:
	case AGENT_PUT:
		copy_files(&link, &frame);
		break;
	default:
		session_fail(&link, CODE_FAILED, "this agent does not know the request");
	}
	_exit(0);
}
