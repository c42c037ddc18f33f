// SPDX-License-Identifier: Apache-2.0
/* PEM files of certificates, which may also contain texts and keys. */

#include "eif/pem.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

#define BEGIN	"-----BEGIN "
#define END	"-----END "
#define DASHES	"-----"

/** struct text - part of a file, not terminated */
struct text {
	const char *data;
	size_t size;
};

static bool find(const struct text *in, const char *what, struct text *ret)
{
	const char *at = in->size ? memmem(in->data, in->size, what, strlen(what)) : NULL;

	if (at)
		*ret = (struct text){ at, in->data + in->size - at };
	return at;
}

static struct text line_of(const struct text *text)
{
	const char *end = memchr(text->data, '\n', text->size);

	return (struct text){ text->data, end ? (size_t)(end + 1 - text->data) : text->size };
}

static void skip(struct text *text, size_t size)
{
	text->data += size;
	text->size -= size;
}

/* Anywhere in a line: after blanks, it is still a key. */
bool pem_has_private_key(const void *pem, size_t size)
{
	struct text at = { pem, size }, line, key;

	while (find(&at, BEGIN, &at)) {
		line = line_of(&at);
		if (find(&line, "PRIVATE KEY", &key))
			return true;
		skip(&at, strlen(BEGIN));
	}
	return false;
}

/* The names that OpenSSL accepts for a certificate. */
static bool is_certificate(const struct text *line)
{
	static const char *const names[] = {
		BEGIN "CERTIFICATE" DASHES, BEGIN "X509 CERTIFICATE" DASHES,
		BEGIN "TRUSTED CERTIFICATE" DASHES,
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (line->size >= strlen(names[i]) && !memcmp(line->data, names[i],
							      strlen(names[i])))
			return true;
	return false;
}

/* Find the block from @begin to the line that ends it; false: it has no end. */
static bool block_of(const struct text *begin, struct text *ret)
{
	struct text end;

	if (!find(begin, END, &end))
		return false;
	end = line_of(&end);
	*ret = (struct text){ begin->data, end.data + end.size - begin->data };
	return true;
}

int pem_certificates(const char *pem, size_t size, char **ret, size_t *ret_size)
{
	__cleanup_free char *copy = malloc(size + 1);
	struct text at = { pem, size };
	size_t used = 0;

	if (!copy)
		return -ENOMEM;
	while (at.size) {
		struct text block = line_of(&at);

		if (is_certificate(&block) && block_of(&at, &block)) {
			memcpy(copy + used, block.data, block.size);
			used += block.size;
		}
		skip(&at, block.size);
	}
	if (!used)
		return -EBADMSG;
	copy[used] = 0;
	*ret = copy;
	*ret_size = used;
	copy = NULL;
	return 0;
}
