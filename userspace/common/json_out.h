/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write JSON documents value by value. json_out_print() and json_out_take() report the first
 * failure of any function, so only their result needs to be checked.
 */

#ifndef NE_EMU_COMMON_JSON_OUT_H
#define NE_EMU_COMMON_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_OUT_DEPTH	8
/* Value of "FormatVersion". */
#define JSON_OUT_FORMAT	1

struct json_t;

/** struct json_out - a document under construction; initialize it with {} */
struct json_out {
	struct json_t *open[JSON_OUT_DEPTH];	/* innermost last; [0] is the root */
	unsigned int depth;
	int error;				/* negative errno */
};

/*
 * In the functions below, @key is the name of a member of an object, and NULL for an entry
 * of an array and for the root.
 */

/** json_out_object() - begin an object */
void json_out_object(struct json_out *out, const char *key);
/**
 * json_out_document() - begin an object that a script may get on its own
 *
 * This is the root, or an entry of a list at the root. It begins with "FormatVersion", which
 * changes when a member changes its meaning or disappears.
 */
void json_out_document(struct json_out *out);
/** json_out_array() - begin an array */
void json_out_array(struct json_out *out, const char *key);
/** json_out_end() - close the innermost object or array; the root stays open */
void json_out_end(struct json_out *out);

/** json_out_str() - add a string, cleaned as of common/text.h; null if @value is NULL */
void json_out_str(struct json_out *out, const char *key, const char *value);
/** json_out_strn() - the same for @len bytes, which may include NULs */
void json_out_strn(struct json_out *out, const char *key, const char *value, size_t len);
/** json_out_u64() - add a number, which must not exceed INT64_MAX */
void json_out_u64(struct json_out *out, const char *key, uint64_t value);
/** json_out_bool() - add true or false */
void json_out_bool(struct json_out *out, const char *key, bool value);
/** json_out_null() - add null */
void json_out_null(struct json_out *out, const char *key);
/** json_out_hex() - add @size bytes as a string of lower-case hexadecimal digits */
void json_out_hex(struct json_out *out, const char *key, const uint8_t *bytes, size_t size);
/**
 * json_out_text() - add a value that is given as JSON text
 * @out: the document
 * @key: name of the member, or NULL
 * @text: a JSON value; need not end with a NUL
 * @size: length of @text in bytes
 *
 * Return: 0, or -EINVAL (@text is not JSON; nothing was added).
 */
int json_out_text(struct json_out *out, const char *key, const char *text, size_t size);

/** json_out_json() - add a reference to a parsed value; null if @value is NULL */
void json_out_json(struct json_out *out, const char *key, struct json_t *value);

/**
 * json_out_print() - print the document with a newline and free it
 * @out: the document
 * @file: stream to print to
 * @indent: spaces per level; 0: print one line
 *
 * The output is ASCII. All other characters are escaped, because a terminal acts on some.
 *
 * Return: 0, or the first error as a negative errno.
 */
int json_out_print(struct json_out *out, FILE *file, unsigned int indent);

/** json_out_take() - free the document and return it as one line; NULL on error */
char *json_out_take(struct json_out *out);

/** json_out_free() - free the document; does nothing after json_out_print() */
void json_out_free(struct json_out *out);

#endif
