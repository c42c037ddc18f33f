/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error object: a message for people that travels with a negative errno.
 *
 * A function that can fail in ways which an errno does not explain takes a struct
 * error as its last parameter and fills it in before it returns the errno:
 *
 *	return error_set(error, -ENOENT, "there is no enclave %s", name);
 *
 * The errno is for programs, the message for people: what is wrong, where, and
 * what to do next. Only the function that knows the user prints it.
 */

#ifndef NE_EMU_COMMON_ERROR_H
#define NE_EMU_COMMON_ERROR_H

#include <stdarg.h>

/* A line or two on a terminal, with a path or two in it. */
#define ERROR_TEXT_SIZE	600

/**
 * struct error - the message
 * @text: valid UTF-8 on one line, without control characters (see common/text.h);
 *	"" if the errno says everything
 */
struct error {
	char text[ERROR_TEXT_SIZE];
};

/**
 * error_set() - fill in the message
 * @error: NULL if the caller wants no message
 * @err: negative errno, or 0
 * @fmt: its arguments may come from a guest, an image or a peer, since the result
 *	is cleaned; they may also point into @error, to put something in front of
 *	the message of a callee
 * @...: the arguments of @fmt
 *
 * A message that is too long is cut off in front of a character.
 *
 * Return: @err.
 */
__attribute__((format(printf, 3, 4)))
int error_set(struct error *error, int err, const char *fmt, ...);
#ifdef __clang_analyzer__
/* The analyzer reads one file at a time and does not see that @err is returned. */
#define error_set(error, err, ...) ((void)error_set(error, err, __VA_ARGS__), (err))
#endif
/**
 * error_vset() - error_set() for a function that takes a format itself
 * @error: as above
 * @err: as above
 * @fmt: as above
 * @args: the arguments of @fmt
 *
 * Return: @err.
 */
__attribute__((format(printf, 3, 0)))
int error_vset(struct error *error, int err, const char *fmt, va_list args);

#endif
