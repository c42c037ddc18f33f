// SPDX-License-Identifier: Apache-2.0
/* Clean up untrusted text for terminals, the journal and JSON. */

#include "common/text.h"

#include "common/util.h"

#include <stdint.h>
#include <string.h>

#define UTF8_MAX	4	/* bytes of a character */
#define ESCAPE_LEN	4	/* "\x1b" */
#define PIECE_SIZE	(UTF8_MAX * ESCAPE_LEN + 1)

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t text_char(const char *text, size_t len)
{
	static const struct {
		uint8_t first, last;		/* range of the first byte */
		uint8_t second, second_last;	/* range of the second */
		uint8_t len;
	} forms[] = {
		{ 0x00, 0x7f, 0, 0, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const uint8_t *at = (const uint8_t *)text;

	for (size_t i = 0; len && i < ARRAY_SIZE(forms); i++) {
		if (at[0] < forms[i].first || at[0] > forms[i].last)
			continue;
		if (forms[i].len > len)
			return 0;
		if (forms[i].len > 1 &&
		    (at[1] < forms[i].second || at[1] > forms[i].second_last))
			return 0;
		for (size_t n = 2; n < forms[i].len; n++)
			if ((at[n] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

static uint32_t code_point(const char *text, size_t len)
{
	static const uint8_t first_mask[] = { [1] = 0x7f, [2] = 0x1f, [3] = 0x0f, [4] = 0x07 };
	uint32_t code = (uint8_t)text[0] & first_mask[len];

	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((uint8_t)text[i] & 0x3f);
	return code;
}

/* Does this character control the terminal or the line instead of being shown? */
static bool is_control(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x0000, 0x001f },	/* C0 */
		{ 0x007f, 0x009f },	/* DEL and C1 */
		{ 0x2028, 0x2029 },	/* separators of lines and paragraphs */
		/* Marks of the direction of writing: */
		{ 0x061c, 0x061c },
		{ 0x200e, 0x200f },
		{ 0x202a, 0x202e },
		{ 0x2066, 0x2069 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* Clean the first character of @text. Return: its size in @text, bytes. */
static size_t clean_piece(const char *text, size_t len, const char *keep, char piece[PIECE_SIZE])
{
	size_t used = text_char(text, len);
	char *end = piece;

	if (used && (!is_control(code_point(text, used)) ||
		     (used == 1 && *text && strchr(keep, *text)))) {
		memcpy(piece, text, used);
		piece[used] = 0;
		return used;
	}
	used = MAX(used, 1);
	for (size_t i = 0; i < used; i++)
		end += sprintf(end, "\\x%02x", (uint8_t)text[i]);
	return used;
}

char *text_clean(char *to, size_t size, const char *text, size_t len)
{
	char piece[PIECE_SIZE];
	size_t done = 0;

	while (len) {
		size_t used = clean_piece(text, len, "", piece);
		size_t piece_len = strlen(piece);

		if (piece_len >= size - done)
			break;
		memcpy(to + done, piece, piece_len);
		done += piece_len;
		text += used;
		len -= used;
	}
	to[done] = 0;
	return to;
}

char *text_shorten(char *to, size_t size, const char *text)
{
	static const char more[] = "...";
	size_t room = size - sizeof(more), len = 0;
	size_t step, text_len = strlen(text);

	if (text_len < size)
		return memcpy(to, text, text_len + 1);
	/* A single long word is cut, but not within a character. */
	while ((step = text_char(text + len, text_len - len)) && len + step <= room)
		len += step;
	for (size_t i = len + 1; i-- > 1;)
		if (text[i] == ' ') {
			len = i;
			break;
		}
	memcpy(to, text, len);
	memcpy(to + len, more, sizeof(more));
	return to;
}

char *text_vformat(char *to, size_t size, const char *fmt, va_list args)
{
	__cleanup_free char *text = NULL;

	*to = 0;
	if (vasprintf(&text, fmt, args) < 0) {
		text = NULL;	/* out of memory: return "" */
		return to;
	}
	return text_clean(to, size, text, strlen(text));
}

void text_print(FILE *file, const char *text, size_t len, const char *keep)
{
	char piece[PIECE_SIZE];

	while (len) {
		size_t used = clean_piece(text, len, keep, piece);

		fputs(piece, file);
		text += used;
		len -= used;
	}
}
