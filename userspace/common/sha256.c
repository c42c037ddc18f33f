// SPDX-License-Identifier: Apache-2.0
/* SHA-256 of data that arrives in pieces. */

#include "common/sha256.h"

#include "common/util.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#define HASH_SIZE	32
#define READ_SIZE	(256 * KIB)

void sha256_begin(struct sha256 *hash)
{
	hash->context = EVP_MD_CTX_new();
	hash->failed = !hash->context ||
		!EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL);
}

void sha256_add(struct sha256 *hash, const void *data, size_t size)
{
	if (!hash->failed)
		hash->failed = !EVP_DigestUpdate(hash->context, data, size);
}

void sha256_add_u64(struct sha256 *hash, uint64_t value)
{
	sha256_add(hash, &value, sizeof(value));
}

void sha256_add_text(struct sha256 *hash, const char *text)
{
	sha256_add_u64(hash, text ? strlen(text) : UINT64_MAX);
	if (text)
		sha256_add(hash, text, strlen(text));
}

int sha256_add_fd(struct sha256 *hash, int fd, int copy_fd)
{
	__cleanup_free uint8_t *buf = malloc(READ_SIZE);
	int err = 0;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	while (!err && (n = read_full(fd, buf, READ_SIZE)) > 0) {
		sha256_add(hash, buf, n);
		if (copy_fd >= 0)
			err = write_full(copy_fd, buf, n);
	}
	return err ? err : MIN(n, 0);
}

int sha256_end(struct sha256 *hash, char ret[SHA256_TEXT_SIZE])
{
	uint8_t bytes[HASH_SIZE];
	int err = hash->context ? -EIO : -ENOMEM;

	if (!hash->failed && EVP_DigestFinal_ex(hash->context, bytes, NULL)) {
		hex_encode(bytes, HASH_SIZE, ret);
		err = 0;
	}
	EVP_MD_CTX_free(hash->context);
	hash->context = NULL;
	return err;
}
