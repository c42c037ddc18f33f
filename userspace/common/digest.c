// SPDX-License-Identifier: Apache-2.0
/* SHA-256 of data that arrives in pieces. */

#include "common/digest.h"

#include "common/util.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#define HASH_SIZE	32
#define READ_SIZE	(256 * KIB)

void digest_begin(struct digest *digest)
{
	digest->context = EVP_MD_CTX_new();
	digest->failed = !digest->context ||
		!EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL);
}

void digest_add(struct digest *digest, const void *data, size_t size)
{
	if (!digest->failed)
		digest->failed = !EVP_DigestUpdate(digest->context, data, size);
}

void digest_add_u64(struct digest *digest, uint64_t value)
{
	digest_add(digest, &value, sizeof(value));
}

void digest_add_text(struct digest *digest, const char *text)
{
	digest_add_u64(digest, text ? strlen(text) : UINT64_MAX);
	if (text)
		digest_add(digest, text, strlen(text));
}

int digest_add_fd(struct digest *digest, int fd, int copy_fd)
{
	__cleanup_free uint8_t *buf = malloc(READ_SIZE);
	int err = 0;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	while (!err && (n = read_full(fd, buf, READ_SIZE)) > 0) {
		digest_add(digest, buf, n);
		if (copy_fd >= 0)
			err = write_full(copy_fd, buf, n);
	}
	return err ? err : MIN(n, 0);
}

int digest_end(struct digest *digest, char ret[DIGEST_TEXT_SIZE])
{
	uint8_t hash[HASH_SIZE];
	int err = digest->context ? -EIO : -ENOMEM;

	if (!digest->failed && EVP_DigestFinal_ex(digest->context, hash, NULL)) {
		hex_encode(hash, HASH_SIZE, ret);
		err = 0;
	}
	EVP_MD_CTX_free(digest->context);
	digest->context = NULL;
	return err;
}
