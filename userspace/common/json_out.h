/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON documents, written value by value. A failure sticks until
 * json_out_print(), so that only its result needs a look.
 */

#ifndef NE_EMU_COMMON_JSON_OUT_H
#define NE_EMU_COMMON_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_OUT_DEPTH	8

struct json_t;

/** struct json_out - a document being written; initialise with {} */
struct json_out {
	struct json_t *open[JSON_OUT_DEPTH];	/* innermost last; [0] is the root */
	unsigned int depth;
	int error;				/* negative errno */
};

/* @key is the name inside an object, and NULL inside an array and for the root. */
void json_out_object(struct json_out *out, const char *key);
void json_out_array(struct json_out *out, const char *key);
/** json_out_end() - close the innermost object or array; the root stays open */
void json_out_end(struct json_out *out);

/** json_out_str() - NULL gives null; what is not UTF-8 becomes a clean text, see common/text.h */
void json_out_str(struct json_out *out, const char *key, const char *value);
/** json_out_strn() - the same with @len bytes, zeros included */
void json_out_strn(struct json_out *out, const char *key, const char *value, size_t len);
void json_out_u64(struct json_out *out, const char *key, uint64_t value);
void json_out_bool(struct json_out *out, const char *key, bool value);
void json_out_null(struct json_out *out, const char *key);
/** json_out_hex() - bytes as a string of lower-case hexadecimal digits */
void json_out_hex(struct json_out *out, const char *key, const uint8_t *bytes, size_t size);
/**
 * json_out_text() - a value given as JSON text
 * @out: the document
 * @key: name of the member
 * @text: one JSON value; need not end with 0
 * @size: length of @text in bytes
 *
 * Return: 0, or -EINVAL and nothing is written: the text is not JSON.
 */
int json_out_text(struct json_out *out, const char *key, const char *text, size_t size);

/** json_out_json() - a copy of a value that was parsed; NULL gives null */
void json_out_json(struct json_out *out, const char *key, struct json_t *value);

/**
 * json_out_print() - print the document with a newline and free it
 * @out: the document
 * @file: where it is printed
 * @indent: spaces per level; 0: one line
 *
 * In ASCII: other characters, some of which act on a terminal, are escaped.
 *
 * Return: 0 or the first error.
 */
int json_out_print(struct json_out *out, FILE *file, unsigned int indent);

/** json_out_take() - the document as one line of text the caller frees; NULL on error */
char *json_out_take(struct json_out *out);

/** json_out_free() - give the document up; also after json_out_print() */
void json_out_free(struct json_out *out);

#endif
