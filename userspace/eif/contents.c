// SPDX-License-Identifier: Apache-2.0
/* The one pass over all bytes of an image: its CRC and what EC2 measures. */

#include "eif/contents.h"

#include "common/util.h"

#include <errno.h>
#include <libdeflate.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

/* Bytes that are read once and used several times, which must fit in the CPU's cache. */
#define CHUNK_SIZE	(64 * KIB)

static void contents_cleanup_md(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

#define __cleanup_md	__cleanup(contents_cleanup_md)

static int md_new(EVP_MD_CTX **ret_ctx)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx)
		return -ENOMEM;
	*ret_ctx = ctx;
	return EVP_DigestInit_ex(ctx, EVP_sha384(), NULL) ? 0 : -EIO;
}

/* @extend: the zero register, followed by the hash of the contents. */
static int extend_zero(const uint8_t extend[2 * EIF_PCR_SIZE], uint8_t *ret_pcr)
{
	return EVP_Digest(extend, 2 * EIF_PCR_SIZE, ret_pcr, NULL, EVP_sha384(), NULL) ? 0 : -EIO;
}

static int pcr_final(EVP_MD_CTX *content, uint8_t *ret_pcr)
{
	uint8_t extend[2 * EIF_PCR_SIZE] = {};

	if (!EVP_DigestFinal_ex(content, extend + EIF_PCR_SIZE, NULL))
		return -EIO;
	return extend_zero(extend, ret_pcr);
}

int eif_pcr_of_data(const void *data, size_t size, uint8_t ret_pcr[EIF_PCR_SIZE])
{
	uint8_t extend[2 * EIF_PCR_SIZE] = {};

	if (!EVP_Digest(data, size, extend + EIF_PCR_SIZE, NULL, EVP_sha384(), NULL))
		return -EIO;
	return extend_zero(extend, ret_pcr);
}

int eif_pcr_of_text(const char *text, uint8_t ret_pcr[EIF_PCR_SIZE])
{
	static const uint8_t zero[EIF_PCR_SIZE];
	__cleanup_md EVP_MD_CTX *ctx = NULL;
	int err = md_new(&ctx);

	if (err)
		return err;
	return EVP_DigestUpdate(ctx, zero, sizeof(zero)) &&
		EVP_DigestUpdate(ctx, text, strlen(text)) &&
		EVP_DigestFinal_ex(ctx, ret_pcr, NULL) ? 0 : -EIO;
}

/**
 * struct pass - state of the pass
 * @all: hash of the contents of PCR0; NULL: nothing is measured
 * @boot: hash of the contents of PCR1, from the second ramdisk on
 * @app: hash of the contents of PCR2; NULL: another thread computes it
 * @split: @boot is in use; before, the contents of PCR0 and PCR1 are the same
 */
struct pass {
	uint32_t crc;
	EVP_MD_CTX *all;
	EVP_MD_CTX *boot;
	EVP_MD_CTX *app;
	bool split;
};

/* @also: second hash to which the bytes belong, or NULL */
static int read_measured(struct pass *pass, EVP_MD_CTX *also, const uint8_t *data, uint64_t size)
{
	while (size) {
		size_t chunk = MIN(size, CHUNK_SIZE);

		pass->crc = libdeflate_crc32(pass->crc, data, chunk);
		if (!EVP_DigestUpdate(pass->all, data, chunk))
			return -EIO;
		if (also && !EVP_DigestUpdate(also, data, chunk))
			return -EIO;
		data += chunk;
		size -= chunk;
	}
	return 0;
}

static int read_ramdisk(struct pass *pass, unsigned int number, const uint8_t *data, uint64_t size)
{
	if (!number)
		return read_measured(pass, NULL, data, size);
	if (!pass->split && !EVP_MD_CTX_copy_ex(pass->boot, pass->all))
		return -EIO;
	pass->split = true;
	return read_measured(pass, pass->app, data, size);
}

static int read_sections(const struct eif *eif, struct pass *pass)
{
	unsigned int ramdisks = 0, i;
	int err = 0;

	for (i = 0; !err && i < eif->nr_sections; i++) {
		const struct eif_section *section = &eif->sections[i];
		const uint8_t *data = eif->base + section->offset;

		pass->crc = libdeflate_crc32(pass->crc, data - EIF_SECTION_HEADER_SIZE,
					     EIF_SECTION_HEADER_SIZE);
		if (pass->all && section->type == EIF_SECTION_RAMDISK)
			err = read_ramdisk(pass, ramdisks++, data, section->size);
		else if (pass->all && (section->type == EIF_SECTION_KERNEL ||
				       section->type == EIF_SECTION_CMDLINE))
			err = read_measured(pass, pass->split ? pass->boot : NULL, data,
					    section->size);
		else
			pass->crc = libdeflate_crc32(pass->crc, data, section->size);
	}
	return err;
}

/** struct helper - a thread that hashes the contents of PCR2 while the pass goes on */
struct helper {
	pthread_t thread;
	const struct eif *eif;
	EVP_MD_CTX *app;
	bool running;
	bool failed;
};

static void *hash_app(void *arg)
{
	struct helper *helper = arg;
	const struct eif *eif = helper->eif;
	unsigned int ramdisks = 0;

	for (unsigned int i = 0; i < eif->nr_sections; i++) {
		const struct eif_section *section = &eif->sections[i];

		if (section->type == EIF_SECTION_RAMDISK && ramdisks++ &&
		    !EVP_DigestUpdate(helper->app, eif->base + section->offset, section->size))
			helper->failed = true;
	}
	return NULL;
}

/* Without a thread, the pass does it as well. */
static void helper_start(struct helper *helper, struct pass *pass)
{
	helper->app = pass->app;
	helper->running = !pthread_create(&helper->thread, NULL, hash_app, helper);
	if (helper->running)
		pass->app = NULL;
}

/* Return: 0 or -EIO. */
static int helper_join(struct helper *helper)
{
	if (helper->running)
		(void)pthread_join(helper->thread, NULL);
	return helper->failed ? -EIO : 0;
}

int eif_contents_read(const struct eif *eif, bool threads, uint32_t *ret_crc,
		      struct eif_pcrs *ret_pcrs)
{
	__cleanup_md EVP_MD_CTX *all = NULL, *boot = NULL, *app = NULL;
	struct pass pass = { .crc = libdeflate_crc32(0, eif->base, EIF_CRC_OFFSET) };
	struct helper helper = { .eif = eif };
	int err = 0, helper_err;

	if (ret_pcrs) {
		err = md_new(&all);
		if (!err)
			err = md_new(&boot);
		if (!err)
			err = md_new(&app);
		pass.all = all;
		pass.boot = boot;
		pass.app = app;
	}
	if (!err && ret_pcrs && threads)
		helper_start(&helper, &pass);
	if (!err)
		err = read_sections(eif, &pass);
	helper_err = helper_join(&helper);
	err = err ? err : helper_err;
	if (!err && ret_pcrs && !pass.split && !EVP_MD_CTX_copy_ex(boot, all))
		err = -EIO;
	if (!err && ret_pcrs)
		err = pcr_final(all, ret_pcrs->pcr0);
	if (!err && ret_pcrs)
		err = pcr_final(boot, ret_pcrs->pcr1);
	if (!err && ret_pcrs)
		err = pcr_final(app, ret_pcrs->pcr2);
	if (!err)
		*ret_crc = pass.crc;
	return err;
}
