// SPDX-License-Identifier: Apache-2.0
/* Names that users give to enclaves. */

#include "common/enclave_name.h"

#include "common/paths.h"

#include <string.h>

#define LETTERS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* 16 hexadecimal digits, or any after "enc" or "...-enc". */
static bool is_id(const char *name)
{
	const char *hex = strstr(name, "enc");

	if (hex && (hex == name || hex[-1] == '-'))
		hex += strlen("enc");
	else
		hex = strlen(name) == 16 ? name : NULL;
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
