// SPDX-License-Identifier: Apache-2.0
/* Digests as container images write them. */

#include "pack/digest.h"

#include "common/util.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

int digest_parse(const char *text, struct digest *ret, struct error *error)
{
	static const struct {
		const char *name;
		const EVP_MD *(*md)(void);
	} kinds[] = {
		{ "sha256", EVP_sha256 }, { "sha384", EVP_sha384 }, { "sha512", EVP_sha512 },
	};
	const char *colon = strchr(text, ':');

	for (size_t i = 0; colon && i < ARRAY_SIZE(kinds); i++) {
		const char *name = kinds[i].name;
		struct digest digest = { name, kinds[i].md(), colon + 1 };
		size_t digits = 2 * EVP_MD_get_size(digest.md);

		if (strlen(name) != (size_t)(colon - text) || memcmp(text, name, colon - text))
			continue;
		/* It becomes part of a file name. */
		if (strlen(digest.hex) != digits ||
		    strspn(digest.hex, "0123456789abcdef") != digits)
			return error_set(error, -EBADMSG, "digest \"%.200s\": not %zu lower-case "
					 "hexadecimal digits", text, digits);
		*ret = digest;
		return 0;
	}
	return error_set(error, -EBADMSG, "digest \"%.200s\": not of sha256, sha384 or sha512",
			 text);
}

int digest_finish(EVP_MD_CTX *context, char ret[DIGEST_HEX_SIZE])
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned int size;

	if (!EVP_DigestFinal_ex(context, hash, &size))
		return -EIO;
	hex_encode(hash, size, ret);
	return 0;
}
