// SPDX-License-Identifier: Apache-2.0
/* Names that users give to enclaves. */

#include "common/enclave_name.h"

#include "common/paths.h"

#include <string.h>

#define LETTERS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

const char *enclave_id_digits(const char *text)
{
	const char *hex = strstr(text, "enc");

	/* The module id of attestation documents is "i-...-enc...". */
	if (hex && (hex == text || hex[-1] == '-'))
		return hex + strlen("enc");
	return strlen(text) == ENCLAVE_UID_DIGITS ? text : NULL;
}

static bool is_id(const char *name)
{
	const char *hex = enclave_id_digits(name);

	return hex && strspn(hex, "0123456789abcdefABCDEF") == strlen(hex);
}

/* Words that "ne-emu lab" accepts in place of an enclave. */
static bool is_word(const char *name)
{
	return !strcmp(name, "next") || !strcmp(name, "defaults");
}

bool enclave_name_valid(const char *name)
{
	size_t len = strlen(name);

	return len && len <= NE_EMU_NAME_MAX && strchr(LETTERS, *name) &&
		strspn(name, LETTERS "0123456789_.-") == len && !is_id(name) && !is_word(name);
}
