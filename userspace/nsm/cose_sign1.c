// SPDX-License-Identifier: Apache-2.0
/* COSE_Sign1 (RFC 9052): a payload with one signature. */

#include "nsm/cose_sign1.h"

#include "common/util.h"
#include "nsm/cbor.h"

#include <errno.h>

/* Header parameter "alg". */
#define HEADER_ALG	1
/* {1: alg} with its byte string head, and Sig_structure without the payload. */
#define PROTECTED_MAX	16
#define STRUCTURE_MAX	64

static size_t encode_protected(uint64_t algorithm, uint8_t *buf, size_t size)
{
	struct nsm_cbor_writer writer = { .buf = buf, .size = size };

	nsm_cbor_put_map(&writer, 1);
	nsm_cbor_put_uint(&writer, HEADER_ALG);
	nsm_cbor_put_negative(&writer, algorithm);
	return writer.used;
}

/* RFC 9052, 4.4: ["Signature1", protected header, no external data, payload]. */
static int hash_structure(const struct cose_sign1 *message, const struct nsm_bytes *header,
			  uint8_t *ret_hash)
{
	uint8_t structure[STRUCTURE_MAX];
	struct nsm_cbor_writer writer = { .buf = structure, .size = sizeof(structure) };
	struct nsm_bytes pieces[2];

	nsm_cbor_put_array(&writer, 4);
	nsm_cbor_put_text(&writer, "Signature1");
	nsm_cbor_put_data(&writer, header->data, header->len);
	nsm_cbor_put_data(&writer, NULL, 0);
	nsm_cbor_put_bytes_head(&writer, message->payload.len);
	pieces[0] = (struct nsm_bytes){ .data = structure, .len = writer.used };
	pieces[1] = message->payload;
	return writer.overflow ? -EMSGSIZE : sha384(pieces, ARRAY_SIZE(pieces), ret_hash);
}

int cose_sign1_encode(const struct cose_sign1 *message, struct signer *signer, uint8_t *buf,
		      size_t size, size_t *ret_len)
{
	struct nsm_cbor_writer writer = { .buf = buf, .size = size };
	uint8_t protected[PROTECTED_MAX], hash[SHA384_SIZE];
	struct nsm_bytes header = { .data = protected };
	uint8_t *signature;
	int err;

	header.len = encode_protected(message->algorithm, protected, sizeof(protected));
	if (message->tagged)
		nsm_cbor_put_tag(&writer, COSE_TAG_SIGN1);
	nsm_cbor_put_array(&writer, 4);
	nsm_cbor_put_data(&writer, header.data, header.len);
	nsm_cbor_put_map(&writer, 0);
	nsm_cbor_put_data(&writer, message->payload.data, message->payload.len);
	signature = nsm_cbor_put_bytes(&writer, signer_size(signer));
	if (writer.overflow)
		return -EMSGSIZE;
	err = hash_structure(message, &header, hash);
	if (!err)
		err = signer_sign(signer, hash, sizeof(hash), signature);
	if (err)
		return err;
	*ret_len = writer.used;
	return 0;
}
