// SPDX-License-Identifier: Apache-2.0
/* The signature section with its certificate, and COSE_Sign1 with a valid key. */

#include "fuzz.h"

#include "eif/cose.h"
#include "eif/signature.h"

#include <openssl/ec.h>
#include <openssl/evp.h>

static const uint8_t pcr0[EIF_PCR_SIZE];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static EVP_PKEY *key;
	struct error error = {};
	struct eif_signature signature;
	enum eif_verdict verdict;

	if (!key)
		key = EVP_EC_gen("P-384");
	must(!eif_cose_verify(key, data, size, pcr0, &verdict));
	must(verdict != EIF_VERDICT_GOOD);	/* the private key is not known */

	if (eif_signature_open(data, size, &signature, &error)) {
		must(*error.text);
		return 0;
	}
	must(signature.entries && signature.certificate);
	must(!eif_signature_verify(&signature, pcr0, 1700000000, &verdict));
	eif_signature_close(&signature);
	return 0;
}
