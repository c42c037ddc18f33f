// SPDX-License-Identifier: Apache-2.0
/* Read the inputs of "ne-emu attest": documents, roots and expected values. */

#include "cli/attest/input.h"

#include "ca/cert.h"
#include "cli/host/sysfs.h"
#include "command/file.h"
#include "command/terminal.h"
#include "common/paths.h"
#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

/* Room for the hexadecimal digits of a document, which is the longest form, and blanks. */
#define TEXT_MAX	(4 * ATTEST_DOCUMENT_MAX)
#define ROOT_MAX	65536

/* A document begins with an array head or a tag, neither of which is an ASCII character. */
static bool is_cbor(const char *data, size_t len)
{
	return len && ((uint8_t)data[0] & 0x80);
}

static size_t drop_blanks(char *text, size_t len)
{
	size_t left = 0;

	for (size_t i = 0; i < len; i++)
		if (!isspace((unsigned char)text[i]))
			text[left++] = text[i];
	text[left] = 0;
	return left;
}

static int decode_base64(char *text, size_t len, uint8_t **ret, size_t *ret_len)
{
	__cleanup_free uint8_t *data = malloc(len + 1);
	int n;

	if (!data)
		return -ENOMEM;
	/* Accept the URL-safe alphabet, too. */
	for (size_t i = 0; i < len; i++)
		text[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	n = len && !(len % 4) ? EVP_DecodeBlock(data, (unsigned char *)text, len) : -1;
	if (n < 0)
		return -EINVAL;
	/* OpenSSL counts the padding as data. */
	for (size_t i = len; n && i > len - 2 && text[i - 1] == '='; i--)
		n--;
	*ret = data;
	*ret_len = n;
	data = NULL;
	return 0;
}

const char *attest_hex(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
}

static int decode_text(char *text, size_t len, uint8_t **ret, size_t *ret_len)
{
	const char *hex;
	uint8_t *data;

	len = drop_blanks(text, len);
	hex = attest_hex(text);
	if (*hex && !hex[strspn(hex, "0123456789abcdefABCDEF")]) {
		data = malloc(len / 2 + 1);
		if (data && !hex_decode(hex, data, len / 2, ret_len)) {
			*ret = data;
			return 0;
		}
		free(data);
	}
	return decode_base64(text, len, ret, ret_len);
}

int attest_read_document(const char *path, uint8_t **ret, size_t *ret_len)
{
	const char *from = !strcmp(path, "-") ? "/dev/stdin" : path;
	__cleanup_free char *data = NULL;
	size_t len;
	int err;

	err = file_read(from, TEXT_MAX, &data, &len);
	if (err) {
		term_error("%s: %s", path, strerror(-err));
		return err;
	}
	if (is_cbor(data, len)) {
		*ret = (uint8_t *)data;
		*ret_len = len;
		data = NULL;
		return 0;
	}
	err = decode_text(data, len, ret, ret_len);
	if (err)
		term_error("%s is not a document: it is not CBOR, base64 or hexadecimal digits",
			   path);
	return err;
}

int attest_read_root(const char *path, X509 **ret)
{
	__cleanup_free char *data = NULL;
	char own[SYS_PATH_SIZE];
	size_t len;
	int err;

	if (!path)
		path = sys_path(own, NE_EMU_RUN_DIR "/" NE_EMU_ROOT_FILE);
	err = file_read(path, ROOT_MAX, &data, &len);
	if (err) {
		term_error("%s: %s%s", path, strerror(-err), path == own ?
			   ": ne-emud writes this host's root there; --root names another" : "");
		return err;
	}
	*ret = ca_cert_read(data, len);
	if (*ret)
		return 0;
	term_error("%s is not a PEM or DER certificate", path);
	return -EINVAL;
}

static int read_value_file(const char *path, struct nsm_bytes *ret)
{
	char *data;
	int err = file_read(path, ATTEST_DOCUMENT_MAX, &data, &ret->len);

	if (err)
		term_error("%s: %s", path, strerror(-err));
	else
		ret->data = (uint8_t *)data;
	return err;
}

bool attest_is_value(const char *text)
{
	const char *hex = attest_hex(text);
	size_t len = strlen(hex);

	return text[0] == '@' || (!(len % 2) && strspn(hex, "0123456789abcdefABCDEF") == len);
}

int attest_read_value(const char *text, struct nsm_bytes *ret)
{
	const char *hex = attest_hex(text);
	size_t len = strlen(hex);
	uint8_t *data;
	int err;

	if (text[0] == '@')
		return read_value_file(text + 1, ret);
	data = malloc(len + 1);
	err = data ? hex_decode(hex, data, len, &ret->len) : -ENOMEM;
	if (err) {
		free(data);
		term_error("%s: %s", text, strerror(-err));
		return err;
	}
	ret->data = data;
	return 0;
}
