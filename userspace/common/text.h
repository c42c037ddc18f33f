/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clean text of a guest, an image or a peer for terminals, the journal and JSON.
 *
 * Clean text is valid UTF-8 without control characters and without characters that break or
 * reorder a line. All other bytes are replaced by escapes such as "\x1b". Backslashes are
 * not escaped, so cleaning clean text does not change it.
 */

#ifndef NE_EMU_COMMON_TEXT_H
#define NE_EMU_COMMON_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/**
 * text_char() - length of the UTF-8 character at the start of @text
 * @text: need not end with a NUL
 * @len: length of @text in bytes
 *
 * Return: 1 to 4, or 0 (@text is empty, or starts with an invalid or incomplete character).
 */
size_t text_char(const char *text, size_t len);

/**
 * text_clean() - make a clean copy of @text
 * @to: buffer for the copy, which ends with a NUL
 * @size: size of @to in bytes, at least 1
 * @text: need not end with a NUL
 * @len: length of @text in bytes; NULs are escaped
 *
 * A copy that does not fit is cut, but not within a character or an escape.
 *
 * Return: @to.
 */
char *text_clean(char *to, size_t size, const char *text, size_t len);

/**
 * text_shorten() - copy clean text, in whole words if it does not fit
 * @to: buffer for the copy, which ends with a NUL
 * @size: size of @to in bytes, at least 4
 * @text: clean text
 *
 * Return: @to, which ends with "..." if words are missing.
 */
char *text_shorten(char *to, size_t size, const char *text);

/**
 * text_vformat() - print to a buffer and clean the result
 * @to: buffer for the result, which ends with a NUL
 * @size: size of @to in bytes, at least 1
 * @fmt: as for vprintf()
 * @args: as for vprintf()
 *
 * Return: @to, which holds "" if there is no memory.
 */
__attribute__((format(printf, 3, 0)))
char *text_vformat(char *to, size_t size, const char *fmt, va_list args);

/**
 * text_print() - clean and print a text of any length
 * @file: stream to print to
 * @text: need not end with a NUL
 * @len: length of @text in bytes
 * @keep: control characters that are not escaped, e.g. "" or "\n\t"
 */
void text_print(FILE *file, const char *text, size_t len, const char *keep);

#endif
