// SPDX-License-Identifier: Apache-2.0
/* Messages between "ne-emu exec" and "ne-emu cp" and the agent in a debug enclave. */

#include "common/agent.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define EXEC_TERMINAL	1U
#define EXEC_INPUT	2U
#define NUMBER_SIZE	4
/* A terminal has fewer rows and columns. */
#define SIZE_MAX_CELLS	65535

/* Contents of a frame that are read or written; @bad: they do not fit, or are cut. */
struct cursor {
	char *at;
	size_t left;
	bool bad;
};

void agent_put_u32(void *to, uint32_t value)
{
	uint8_t *bytes = to;

	for (int i = 0; i < NUMBER_SIZE; i++)
		bytes[i] = value >> (8 * i);
}

uint32_t agent_get_u32(const void *from)
{
	const uint8_t *bytes = from;
	uint32_t value = 0;

	for (int i = 0; i < NUMBER_SIZE; i++)
		value |= (uint32_t)bytes[i] << (8 * i);
	return value;
}

void agent_put_head(void *to, enum agent_type type, uint32_t len)
{
	agent_put_u32(to, type);
	agent_put_u32((char *)to + NUMBER_SIZE, len);
}

static bool is_type(uint32_t type)
{
	return (type >= AGENT_EXEC && type <= AGENT_PUT) ||
	       (type >= AGENT_READY && type <= AGENT_FAILED) ||
	       (type >= AGENT_ENTRY && type <= AGENT_END);
}

ssize_t agent_frame_parse(const void *data, size_t len, struct agent_frame *ret)
{
	uint32_t type, size;

	if (len < AGENT_HEAD_SIZE)
		return 0;
	type = agent_get_u32(data);
	size = agent_get_u32((const char *)data + NUMBER_SIZE);
	if (!is_type(type) || size > AGENT_CONTENTS_MAX)
		return -EPROTO;
	if (len - AGENT_HEAD_SIZE < size)
		return 0;
	*ret = (struct agent_frame){
		.type = type, .len = size, .data = (const uint8_t *)data + AGENT_HEAD_SIZE,
	};
	return AGENT_HEAD_SIZE + size;
}

static void put_number(struct cursor *cursor, uint32_t value)
{
	if (cursor->bad || cursor->left < NUMBER_SIZE) {
		cursor->bad = true;
		return;
	}
	agent_put_u32(cursor->at, value);
	cursor->at += NUMBER_SIZE;
	cursor->left -= NUMBER_SIZE;
}

static void put_string(struct cursor *cursor, const char *text)
{
	size_t size = strlen(text) + 1;

	if (cursor->bad || size > cursor->left) {
		cursor->bad = true;
		return;
	}
	memcpy(cursor->at, text, size);
	cursor->at += size;
	cursor->left -= size;
}

static ssize_t cursor_written(const struct cursor *cursor)
{
	return cursor->bad ? -E2BIG : (ssize_t)(AGENT_CONTENTS_MAX - cursor->left);
}

static uint32_t get_number(struct cursor *cursor)
{
	uint32_t value;

	if (cursor->left < NUMBER_SIZE) {
		cursor->bad = true;
		return 0;
	}
	value = agent_get_u32(cursor->at);
	cursor->at += NUMBER_SIZE;
	cursor->left -= NUMBER_SIZE;
	return value;
}

static const char *get_string(struct cursor *cursor)
{
	const char *text = cursor->at;
	const char *end = memchr(text, 0, cursor->left);

	if (cursor->bad || !end) {
		cursor->bad = true;
		return "";
	}
	cursor->left -= end + 1 - text;
	cursor->at += end + 1 - text;
	return text;
}

/* Nothing may follow what has been read. */
static bool is_done(const struct cursor *cursor)
{
	return !cursor->bad && !cursor->left;
}

ssize_t agent_exec_write(const struct agent_exec *exec, void *to)
{
	struct cursor cursor = { .at = to, .left = AGENT_CONTENTS_MAX };

	if (exec->nr_args + exec->nr_env > AGENT_STRINGS_MAX)
		return -E2BIG;
	put_number(&cursor, (exec->terminal ? EXEC_TERMINAL : 0) | (exec->input ? EXEC_INPUT : 0));
	put_number(&cursor, exec->rows);
	put_number(&cursor, exec->columns);
	put_number(&cursor, exec->nr_args);
	put_number(&cursor, exec->nr_env);
	put_string(&cursor, exec->user);
	put_string(&cursor, exec->workdir);
	for (size_t i = 0; i < exec->nr_args; i++)
		put_string(&cursor, exec->args[i]);
	for (size_t i = 0; i < exec->nr_env; i++)
		put_string(&cursor, exec->env[i]);
	return cursor_written(&cursor);
}

int agent_exec_read(const void *data, size_t len, struct agent_strings *strings,
		    struct agent_exec *ret)
{
	struct cursor cursor = { .at = (char *)data, .left = len };
	uint32_t flags = get_number(&cursor);
	struct agent_exec exec = {
		.terminal = flags & EXEC_TERMINAL,
		.input = flags & EXEC_INPUT,
	};
	const char **next = strings->list;

	exec.rows = get_number(&cursor);
	exec.columns = get_number(&cursor);
	exec.nr_args = get_number(&cursor);
	exec.nr_env = get_number(&cursor);
	if (cursor.bad || flags & ~(EXEC_TERMINAL | EXEC_INPUT) || !exec.nr_args ||
	    exec.nr_args > AGENT_STRINGS_MAX || exec.nr_env > AGENT_STRINGS_MAX - exec.nr_args ||
	    exec.rows > SIZE_MAX_CELLS || exec.columns > SIZE_MAX_CELLS)
		return -EPROTO;
	exec.user = get_string(&cursor);
	exec.workdir = get_string(&cursor);
	exec.args = next;
	for (size_t i = 0; i < exec.nr_args; i++)
		*next++ = get_string(&cursor);
	*next++ = NULL;
	exec.env = next;
	for (size_t i = 0; i < exec.nr_env; i++)
		*next++ = get_string(&cursor);
	*next = NULL;
	if (!is_done(&cursor))
		return -EPROTO;
	*ret = exec;
	return 0;
}

ssize_t agent_entry_write(const struct agent_entry *entry, void *to)
{
	struct cursor cursor = { .at = to, .left = AGENT_CONTENTS_MAX };

	put_number(&cursor, entry->mode);
	put_number(&cursor, entry->size);
	put_number(&cursor, entry->size >> 32);
	put_number(&cursor, entry->mtime);
	put_number(&cursor, (uint64_t)entry->mtime >> 32);
	put_string(&cursor, entry->name);
	put_string(&cursor, entry->target);
	return cursor_written(&cursor);
}

/* A name cannot lead out of the directory below which it is meant. */
static bool is_below(const char *name)
{
	while (*name) {
		size_t len = strcspn(name, "/");

		if (!len || (len == 1 && name[0] == '.') || (len == 2 && !memcmp(name, "..", 2)))
			return false;
		name += len;
		if (*name == '/' && !*++name)
			return false;
	}
	return true;
}

static uint64_t get_long(struct cursor *cursor)
{
	uint64_t low = get_number(cursor);

	return low | (uint64_t)get_number(cursor) << 32;
}

int agent_entry_read(const void *data, size_t len, struct agent_entry *ret)
{
	struct cursor cursor = { .at = (char *)data, .left = len };
	struct agent_entry entry = { .mode = get_number(&cursor) };

	entry.size = get_long(&cursor);
	entry.mtime = get_long(&cursor);
	entry.name = get_string(&cursor);
	entry.target = get_string(&cursor);
	if (!is_done(&cursor) || !is_below(entry.name))
		return -EPROTO;
	if (!S_ISREG(entry.mode) && !S_ISDIR(entry.mode) && !S_ISLNK(entry.mode))
		return -EPROTO;
	if ((entry.size && !S_ISREG(entry.mode)) || !S_ISLNK(entry.mode) != !*entry.target)
		return -EPROTO;
	if (entry.mode & ~(S_IFMT | 07777) || entry.size > INT64_MAX)
		return -EPROTO;
	*ret = entry;
	return 0;
}

ssize_t agent_pair_write(const char *first, const char *second, void *to)
{
	struct cursor cursor = { .at = to, .left = AGENT_CONTENTS_MAX };

	put_string(&cursor, first);
	put_string(&cursor, second);
	return cursor_written(&cursor);
}

int agent_pair_read(const void *data, size_t len, const char **ret_first,
		    const char **ret_second)
{
	struct cursor cursor = { .at = (char *)data, .left = len };
	const char *first = get_string(&cursor), *second = get_string(&cursor);

	if (!is_done(&cursor) || !*first)
		return -EPROTO;
	*ret_first = first;
	*ret_second = second;
	return 0;
}

bool agent_key_equal(const uint8_t *a, const uint8_t *b)
{
	volatile uint8_t difference = 0;

	for (size_t i = 0; i < AGENT_KEY_SIZE; i++)
		difference |= a[i] ^ b[i];
	return !difference;
}
