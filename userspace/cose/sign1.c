// SPDX-License-Identifier: Apache-2.0
/* COSE_Sign1 (RFC 9052): a payload with one signature. */

#include "cose/sign1.h"

#include "common/cbor.h"
#include "common/util.h"

#include <errno.h>

#define TAG_SIGN1	18
/* Header parameter "alg". */
#define HEADER_ALG	1
/* Size of {1: alg}, and of the heads in Sig_structure; a longer header is a separate piece. */
#define PROTECTED_MAX	16
#define HEAD_MAX	32

static uint64_t algorithm_of(const struct nsm_bytes *header)
{
	struct emu_cbor_reader reader = { .data = header->data, .left = header->len };
	struct emu_cbor_item map = emu_cbor_read(&reader);
	struct emu_cbor_item key = emu_cbor_read(&reader);
	struct emu_cbor_item value = emu_cbor_read(&reader);

	if (map.kind != EMU_CBOR_MAP || map.value != 1 || key.kind != EMU_CBOR_UINT ||
	    key.value != HEADER_ALG || value.kind != EMU_CBOR_NEGATIVE || reader.left)
		return COSE_ALG_OTHER;
	return value.value;
}

static bool sign1_read_bytes(struct emu_cbor_reader *reader, struct nsm_bytes *ret)
{
	struct emu_cbor_item item = emu_cbor_read(reader);

	*ret = (struct nsm_bytes){ .data = item.data, .len = item.value };
	return item.kind == EMU_CBOR_BYTES;
}

const char *cose_sign1_decode(const void *bytes, size_t len, struct cose_sign1 *ret)
{
	struct emu_cbor_reader reader = { .data = bytes, .left = len };
	struct emu_cbor_item item = emu_cbor_read(&reader);

	*ret = (struct cose_sign1){
		.tagged = item.kind == EMU_CBOR_TAG && item.value == TAG_SIGN1,
	};
	if (ret->tagged)
		item = emu_cbor_read(&reader);
	if (item.kind != EMU_CBOR_ARRAY || item.value != 4)
		return "it is not a COSE_Sign1: not an array of four";
	if (!sign1_read_bytes(&reader, &ret->protected))
		return "the protected header is not a byte string";
	item = emu_cbor_read(&reader);
	if (item.kind != EMU_CBOR_MAP && item.kind != EMU_CBOR_OPEN_MAP)
		return "the unprotected header is not a map";
	ret->unprotected = item.value;
	if (emu_cbor_skip(&reader, &item))
		return "the unprotected header is malformed";
	if (!sign1_read_bytes(&reader, &ret->payload))
		return "the payload is not a byte string";
	if (!sign1_read_bytes(&reader, &ret->signature))
		return "the signature is not a byte string";
	if (reader.left)
		return "something follows its end";
	ret->algorithm = algorithm_of(&ret->protected);
	return NULL;
}

/*
 * RFC 9052, 4.4: ["Signature1", protected header, no external data, payload]. The third
 * piece is what lies between the header and the payload.
 */
#define NR_PIECES	4

struct structure {
	uint8_t head[HEAD_MAX];
	uint8_t middle[HEAD_MAX];
	struct nsm_bytes pieces[NR_PIECES];
};

static void make_structure(const struct nsm_bytes *header, const struct nsm_bytes *payload,
			   struct structure *ret)
{
	struct emu_cbor_writer head = { .buf = ret->head, .size = sizeof(ret->head) };
	struct emu_cbor_writer middle = { .buf = ret->middle, .size = sizeof(ret->middle) };

	emu_cbor_put_array(&head, 4);
	emu_cbor_put_text(&head, "Signature1");
	emu_cbor_put_bytes_head(&head, header->len);
	emu_cbor_put_data(&middle, NULL, 0);
	emu_cbor_put_bytes_head(&middle, payload->len);
	ret->pieces[0] = (struct nsm_bytes){ ret->head, head.used };
	ret->pieces[1] = *header;
	ret->pieces[2] = (struct nsm_bytes){ ret->middle, middle.used };
	ret->pieces[3] = *payload;
}

int cose_sign1_verify(const struct cose_sign1 *message, EVP_PKEY *key, const EVP_MD *md,
		      bool *ret_good)
{
	struct structure structure;

	make_structure(&message->protected, &message->payload, &structure);
	return cose_ecdsa_verify(key, md, structure.pieces, NR_PIECES, &message->signature,
				 ret_good);
}

static size_t encode_protected(uint64_t algorithm, uint8_t buf[PROTECTED_MAX])
{
	struct emu_cbor_writer writer = { .buf = buf, .size = PROTECTED_MAX };

	emu_cbor_put_map(&writer, 1);
	emu_cbor_put_uint(&writer, HEADER_ALG);
	emu_cbor_put_negative(&writer, algorithm);
	return writer.used;
}

int cose_sign1_encode(const struct cose_sign1 *message, struct cose_signer *signer,
		      uint8_t *buf, size_t size, size_t *ret_len)
{
	struct emu_cbor_writer writer = { .buf = buf, .size = size };
	uint8_t protected[PROTECTED_MAX];
	struct nsm_bytes header = { .data = protected };
	struct structure structure;
	uint8_t *signature;
	int err;

	header.len = encode_protected(message->algorithm, protected);
	if (message->tagged)
		emu_cbor_put_tag(&writer, TAG_SIGN1);
	emu_cbor_put_array(&writer, 4);
	emu_cbor_put_data(&writer, header.data, header.len);
	emu_cbor_put_map(&writer, 0);
	emu_cbor_put_data(&writer, message->payload.data, message->payload.len);
	signature = emu_cbor_put_bytes(&writer, cose_signer_size(signer));
	if (writer.overflow)
		return -EMSGSIZE;
	make_structure(&header, &message->payload, &structure);
	err = cose_signer_sign(signer, structure.pieces, NR_PIECES, signature);
	if (err)
		return err;
	*ret_len = writer.used;
	return 0;
}
