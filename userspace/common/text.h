/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clean up text that a guest, an image or a peer chose, for terminals, the
 * journal and JSON.
 *
 * A clean text is valid UTF-8 without control characters and without those that
 * break or reorder a line. What is not clean is shown byte by byte as "\x1b".
 * Backslashes stay as they are, so cleaning a clean text changes nothing.
 */

#ifndef NE_EMU_COMMON_TEXT_H
#define NE_EMU_COMMON_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/**
 * text_char() - the size of the UTF-8 character that @text begins with
 * @text: need not end with 0
 * @len: readable bytes at @text
 *
 * Return: 1 to 4 bytes, or 0: none, or not all of it.
 */
size_t text_char(const char *text, size_t len);

/**
 * text_clean() - a clean copy of @text
 * @to: ends with 0 afterwards; room for @size bytes, at least 1
 * @size: room at @to in bytes
 * @text: need not end with 0
 * @len: bytes of @text, zeros included
 *
 * What does not fit is cut off in front of a character or an escaped one.
 *
 * Return: @to.
 */
char *text_clean(char *to, size_t size, const char *text, size_t len);

/**
 * text_vformat() - print into a buffer, and clean the whole of it
 * @to: the buffer; ends with 0 afterwards
 * @size: room at @to in bytes, at least 1
 * @fmt: as for vprintf()
 * @args: as for vprintf()
 *
 * Return: @to.
 */
__attribute__((format(printf, 3, 0)))
char *text_vformat(char *to, size_t size, const char *fmt, va_list args);

/**
 * text_print() - print @text clean, however long it is
 * @file: where it is printed
 * @text: need not end with 0
 * @len: length of @text in bytes
 * @keep: control characters that are printed as they are: "", "\n\t", ...
 */
void text_print(FILE *file, const char *text, size_t len, const char *keep);

#endif
