/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between "ne-emu exec" and "ne-emu cp" and the agent in a debug enclave; see
 * Documentation/agent.rst. Both the host's programs and the guest's init are built with this,
 * so it needs nothing but the C library.
 */

#ifndef NE_EMU_COMMON_AGENT_H
#define NE_EMU_COMMON_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* vsock port of the agent. Its bytes are "ne" and 1. */
#define AGENT_PORT		0x6e650001U
/* What a client sends first: this, and the key. */
#define AGENT_MAGIC		"NEEMUAG1"
#define AGENT_MAGIC_SIZE	8
#define AGENT_KEY_SIZE		32
#define AGENT_HELLO_SIZE	(AGENT_MAGIC_SIZE + AGENT_KEY_SIZE)

/* A frame is a head, two numbers of 32 bits, least significant byte first, and contents. */
#define AGENT_HEAD_SIZE		8
#define AGENT_CONTENTS_MAX	65536
#define AGENT_FRAME_MAX		(AGENT_HEAD_SIZE + AGENT_CONTENTS_MAX)
/* Bytes of standard input on the way, which the agent can store. */
#define AGENT_WINDOW		65536
/* Most arguments and variables of a command together. */
#define AGENT_STRINGS_MAX	2048

enum agent_type {
	/* From the client. */
	AGENT_EXEC	= 1,	/* run a command: struct agent_exec */
	AGENT_STDIN	= 2,	/* bytes; none: the end */
	AGENT_SIZE	= 3,	/* rows and columns of the terminal, two numbers of 32 bits */
	AGENT_SIGNAL	= 4,	/* number of a signal for the command */
	AGENT_GET	= 5,	/* send a file: its path */
	AGENT_PUT	= 6,	/* store a file: its path, and its name if that is a directory */

	/* From the agent. */
	AGENT_READY	= 16,	/* the client has proved itself */
	AGENT_STDOUT	= 17,	/* bytes */
	AGENT_STDERR	= 18,	/* bytes */
	AGENT_TAKEN	= 19,	/* number of bytes of standard input that the command has got */
	AGENT_EXIT	= 20,	/* the status of wait(2); the last frame */
	AGENT_FAILED	= 21,	/* exit code and text; the last frame */

	/* Of files, from the one who has them. */
	AGENT_ENTRY	= 32,	/* struct agent_entry; the contents of a file follow */
	AGENT_DATA	= 33,	/* bytes of a file */
	AGENT_END	= 34,	/* all is sent; from the receiver: all is stored */
};

/** struct agent_frame - a frame; @data: contents, in the buffer it was read from */
struct agent_frame {
	enum agent_type type;
	size_t len;
	const uint8_t *data;
};

/**
 * agent_frame_parse() - find a frame at the start of a buffer
 * @data: what has been received
 * @len: bytes at @data
 * @ret: set if there is a whole frame
 *
 * Return: bytes of the frame; 0: it is not complete yet; -EPROTO: no frame of this protocol.
 */
ssize_t agent_frame_parse(const void *data, size_t len, struct agent_frame *ret);

/** agent_put_head() - write the head of a frame; @to has AGENT_HEAD_SIZE bytes */
void agent_put_head(void *to, enum agent_type type, uint32_t len);

/** agent_put_u32() - write a number; @to has 4 bytes */
void agent_put_u32(void *to, uint32_t value);
/** agent_get_u32() - read a number of 4 bytes */
uint32_t agent_get_u32(const void *from);

/**
 * struct agent_exec - a command
 * @terminal: give it a terminal
 * @input: it reads standard input
 * @rows, @columns: size of the terminal
 * @user: "user[:group]"; "": that of the image's program
 * @workdir: working directory; "": that of the image's program
 * @args: the command, @nr_args strings
 * @env: variables in addition to those of the image's program, @nr_env strings
 */
struct agent_exec {
	bool terminal;
	bool input;
	uint32_t rows;
	uint32_t columns;
	const char *user;
	const char *workdir;
	const char *const *args;
	size_t nr_args;
	const char *const *env;
	size_t nr_env;
};

/**
 * agent_exec_write() - write the contents of a frame
 * @exec: the command
 * @to: buffer of AGENT_CONTENTS_MAX bytes
 *
 * Return: bytes, or -E2BIG.
 */
ssize_t agent_exec_write(const struct agent_exec *exec, void *to);

/** struct agent_strings - room for the strings of one command, and a NULL after each list */
struct agent_strings {
	const char *list[AGENT_STRINGS_MAX + 2];
};

/**
 * agent_exec_read() - read the contents of a frame
 * @data: the contents; the strings of @ret point into it
 * @len: bytes at @data
 * @strings: receives the lists, each of which ends with NULL
 * @ret: set on success only; has at least one argument
 *
 * Return: 0 or -EPROTO.
 */
int agent_exec_read(const void *data, size_t len, struct agent_strings *strings,
		    struct agent_exec *ret);

/**
 * struct agent_entry - a file, directory or symbolic link
 * @mode: as of stat(2); only these three types
 * @size: bytes of a file; 0 otherwise
 * @mtime: time of its last change, seconds since 1970
 * @name: path below what is copied; "": that itself
 * @target: of a symbolic link; "" otherwise
 */
struct agent_entry {
	uint32_t mode;
	uint64_t size;
	int64_t mtime;
	const char *name;
	const char *target;
};

/** agent_entry_write() - as agent_exec_write() */
ssize_t agent_entry_write(const struct agent_entry *entry, void *to);

/**
 * agent_entry_read() - read the contents of a frame
 * @data: the contents; the strings of @ret point into it
 * @len: bytes at @data
 * @ret: set on success only. Its @name does not begin with a slash and has no component that
 *	is empty, "." or ".."
 *
 * Return: 0 or -EPROTO.
 */
int agent_entry_read(const void *data, size_t len, struct agent_entry *ret);

/**
 * agent_pair_write() - write two strings, as the contents of AGENT_PUT
 *
 * Return: bytes, or -E2BIG.
 */
ssize_t agent_pair_write(const char *first, const char *second, void *to);
/** agent_pair_read() - read them; they point into @data. Return: 0 or -EPROTO */
int agent_pair_read(const void *data, size_t len, const char **ret_first,
		    const char **ret_second);

/** agent_key_equal() - compare two keys in a time that does not depend on them */
bool agent_key_equal(const uint8_t *a, const uint8_t *b);

#endif
