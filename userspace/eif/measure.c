// SPDX-License-Identifier: Apache-2.0
/* Image measurements: what EC2 extends into PCR0, PCR1 and PCR2. */

#include "eif/eif.h"

#include "common/util.h"

#include <errno.h>
#include <openssl/evp.h>

static void cleanup_md(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

#define __cleanup_md	__cleanup(cleanup_md)

static int md_new(EVP_MD_CTX **ret_ctx)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx)
		return -ENOMEM;
	*ret_ctx = ctx;
	return EVP_DigestInit_ex(ctx, EVP_sha384(), NULL) ? 0 : -EIO;
}

static int md_update(EVP_MD_CTX *ctx, const uint8_t *data, uint64_t size)
{
	return EVP_DigestUpdate(ctx, data, size) ? 0 : -EIO;
}

/* PCR value: the zero register extended once with the hash of the content. */
static int pcr_final(EVP_MD_CTX *content, uint8_t *ret_pcr)
{
	uint8_t extend[2 * EIF_PCR_SIZE] = {};

	if (!EVP_DigestFinal_ex(content, extend + EIF_PCR_SIZE, NULL))
		return -EIO;
	if (!EVP_Digest(extend, sizeof(extend), ret_pcr, NULL, EVP_sha384(), NULL))
		return -EIO;
	return 0;
}

/* The three contents, hashed side by side. */
struct measurement {
	EVP_MD_CTX *all;
	EVP_MD_CTX *boot;
	EVP_MD_CTX *app;
};

/*
 * Contents are in file order. Until the second ramdisk, PCR0's content equals
 * PCR1's, so it is hashed once and the state copied there.
 */
static int measure_sections(const struct eif *eif, struct measurement *m)
{
	unsigned int ramdisks = 0, i;
	bool split = false;
	int r = 0;

	for (i = 0; !r && i < eif->nr_sections; i++) {
		const struct eif_section *section = &eif->sections[i];
		bool app = false;

		switch (section->type) {
		case EIF_SECTION_RAMDISK:
			app = ramdisks++ > 0;
			break;
		case EIF_SECTION_KERNEL:
		case EIF_SECTION_CMDLINE:
			break;
		default:
			continue;
		}
		if (app && !split) {
			if (!EVP_MD_CTX_copy_ex(m->boot, m->all))
				return -EIO;
			split = true;
		}
		r = md_update(m->all, eif->base + section->offset, section->size);
		if (!r && split)
			r = md_update(app ? m->app : m->boot, eif->base + section->offset,
				      section->size);
	}
	if (!r && !split && !EVP_MD_CTX_copy_ex(m->boot, m->all))
		return -EIO;
	return r;
}

int eif_measure(const struct eif *eif, struct eif_pcrs *ret)
{
	__cleanup_md EVP_MD_CTX *all = NULL, *boot = NULL, *app = NULL;
	struct eif_pcrs pcrs;
	int r;

	r = md_new(&all);
	if (!r)
		r = md_new(&boot);
	if (!r)
		r = md_new(&app);
	if (r)
		return r;
	r = measure_sections(eif, &(struct measurement){ all, boot, app });
	if (!r)
		r = pcr_final(all, pcrs.pcr0);
	if (!r)
		r = pcr_final(boot, pcrs.pcr1);
	if (!r)
		r = pcr_final(app, pcrs.pcr2);
	if (!r)
		*ret = pcrs;
	return r;
}
