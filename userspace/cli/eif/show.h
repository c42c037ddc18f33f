/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and printing of images, shared by "ne-emu eif" commands. */

#ifndef NE_EMU_CLI_EIF_SHOW_H
#define NE_EMU_CLI_EIF_SHOW_H

#include "command/terminal.h"
#include "common/json_out.h"
#include "eif/eif.h"
#include "eif/signature.h"

#include <stdio.h>

/**
 * struct eif_file - an image file, mapped
 * @eif: valid when eif_file_map() returned 0, as is @pcrs
 */
struct eif_file {
	void *data;
	size_t size;
	struct eif eif;
	struct eif_pcrs pcrs;
};

/**
 * eif_file_map() - map, check and measure what an open file holds
 * @error: filled in with -EBADMSG
 *
 * Return: 0, -EBADMSG (no good image) or the errno of fstat or mmap.
 */
int eif_file_map(int fd, unsigned int flags, struct eif_file *ret, struct error *error);
/** eif_file_open() - the same by name, with a message for all errors */
int eif_file_open(const char *path, unsigned int flags, struct eif_file *ret,
		  struct error *why);
void eif_file_unmap(struct eif_file *file);

/* Registers that images determine: PCR0, PCR1, PCR2 and, if they are signed, PCR8. */
#define EIF_REGISTERS	4

/** eif_registers() - how many of them this image determines */
static inline size_t eif_registers(const struct eif_pcrs *pcrs)
{
	return pcrs->has_pcr8 ? EIF_REGISTERS : EIF_REGISTERS - 1;
}

/** eif_register_name() - of the @i-th of them, from 0 */
const char *eif_register_name(size_t i);
/** eif_register() - its value; zeros for PCR8 without a signature */
const uint8_t *eif_register(const struct eif_pcrs *pcrs, size_t i);

/** eif_show_arch() - "x86_64" or "aarch64" */
const char *eif_show_arch(uint16_t flags);
/** eif_show_pcr() - one register as a line */
void eif_show_pcr(FILE *to, const char *name, const uint8_t *pcr);
void eif_show_pcrs(FILE *to, const struct eif_pcrs *pcrs);
/** eif_show_measurements() - the member "Measurements" as nitro-cli prints it */
void eif_show_measurements(struct json_out *out, const struct eif_pcrs *pcrs);
/** eif_show_warning() - text of the lowest bit of *@warnings, which is cleared; NULL: none */
const char *eif_show_warning(unsigned int *warnings);

/* What is wrong with an image whose signature holds a private key. */
#define EIF_SHOW_PRIVATE_KEY	"the image holds a private key, and so has everybody who has the " \
				"image: replace the key, and sign with a file that holds the " \
				"certificate only"

/** eif_show_certificate() - the member "SigningCertificate" as nitro-cli prints it */
void eif_show_certificate(struct json_out *out, const struct eif_signature *signature);
/** eif_print_certificate() - the same as text */
void eif_print_certificate(const struct eif_signature *signature);

#endif
