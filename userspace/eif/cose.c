// SPDX-License-Identifier: Apache-2.0
/* COSE_Sign1 structures over PCR0, which sign an image. */

#include "eif/cose.h"

#include "common/cbor.h"
#include "cose/sign1.h"

#include <errno.h>
#include <string.h>

#define PAYLOAD_MAX	200

/* The signed payload: register 0 and its value, as an array of numbers. */
static struct nsm_bytes write_payload(const uint8_t *pcr0, uint8_t payload[PAYLOAD_MAX])
{
	struct emu_cbor_writer writer = { .buf = payload, .size = PAYLOAD_MAX };

	emu_cbor_put_map(&writer, 2);
	emu_cbor_put_text(&writer, "register_index");
	emu_cbor_put_uint(&writer, 0);
	emu_cbor_put_text(&writer, "register_value");
	emu_cbor_put_array(&writer, EIF_PCR_SIZE);
	for (size_t i = 0; i < EIF_PCR_SIZE; i++)
		emu_cbor_put_uint(&writer, pcr0[i]);
	return (struct nsm_bytes){ .data = payload, .len = writer.used };
}

/* AWS does not write the tag that COSE allows, so refuse it. */
static bool read_message(const uint8_t *cose, size_t size, const struct cose_algorithm *algorithm,
			 struct cose_sign1 *ret)
{
	return algorithm && !cose_sign1_decode(cose, size, ret) && !ret->tagged &&
	       !ret->unprotected && ret->algorithm == algorithm->number;
}

int eif_cose_verify(struct evp_pkey_st *key, const uint8_t *cose, size_t size,
		    const uint8_t *pcr0, enum eif_verdict *ret)
{
	const struct cose_algorithm *algorithm = cose_algorithm_of(key);
	uint8_t buf[PAYLOAD_MAX];
	struct nsm_bytes payload = write_payload(pcr0, buf);
	struct cose_sign1 message;
	bool good;
	int err;

	*ret = EIF_VERDICT_BAD_COSE;
	if (!read_message(cose, size, algorithm, &message))
		return 0;
	err = cose_sign1_verify(&message, key, algorithm->md(), &good);
	if (err)
		return err;
	if (!good)
		*ret = EIF_VERDICT_BAD_SIGNATURE;
	else if (message.payload.len != payload.len ||
		 memcmp(message.payload.data, payload.data, payload.len))
		*ret = EIF_VERDICT_OTHER_IMAGE;
	else
		*ret = EIF_VERDICT_GOOD;
	return 0;
}

int eif_cose_sign(struct evp_pkey_st *key, const uint8_t *pcr0, uint8_t ret[EIF_COSE_MAX],
		  size_t *ret_size)
{
	const struct cose_algorithm *algorithm = cose_algorithm_of(key);
	uint8_t buf[PAYLOAD_MAX];
	struct cose_sign1 message = { .payload = write_payload(pcr0, buf) };
	struct cose_signer *signer;
	int err;

	if (!algorithm)
		return -EINVAL;
	message.algorithm = algorithm->number;
	err = cose_signer_create(key, algorithm->md(), &signer);
	if (err)
		return err;
	err = cose_sign1_encode(&message, signer, ret, EIF_COSE_MAX, ret_size);
	cose_signer_destroy(signer);
	return err;
}
