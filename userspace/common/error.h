/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error object: a message that accompanies a negative errno.
 *
 * A function that can fail in ways which an errno does not explain takes a struct error as
 * its last parameter, called error, and sets it before it returns the errno:
 *
 *	return error_set(error, -ENOENT, "there is no enclave %s", name);
 *
 * The errno is for programs. The message is for people: what is wrong, where, and how to fix
 * it. Only the function that communicates with the user prints it.
 */

#ifndef NE_EMU_COMMON_ERROR_H
#define NE_EMU_COMMON_ERROR_H

#include <stdarg.h>

/* Bytes; enough for some lines on a terminal with one or two paths. */
#define ERROR_TEXT_SIZE	600

/**
 * struct error - the message
 * @text: clean text on one line, see common/text.h; "" if the errno needs no explanation
 */
struct error {
	char text[ERROR_TEXT_SIZE];
};

/**
 * error_set() - set the message
 * @error: the error, or NULL if the caller needs no message
 * @err: negative errno, or 0
 * @fmt: format, as for printf(). Its arguments may come from a guest, an image or a peer,
 *	because the message is cleaned. They may point into @error, so that a caller can
 *	add to the message of a callee
 * @...: arguments of @fmt
 *
 * A message that is too long is cut at the end of a character.
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
 * error_vset() - error_set() for functions that take a format themselves
 * @error: as for error_set()
 * @err: as for error_set()
 * @fmt: as for error_set()
 * @args: arguments of @fmt
 *
 * Return: @err.
 */
__attribute__((format(printf, 3, 0)))
int error_vset(struct error *error, int err, const char *fmt, va_list args);

#endif
