/* SPDX-License-Identifier: Apache-2.0 */
/* Read and print images, for all "ne-emu eif" commands. */

#ifndef NE_EMU_CLI_EIF_SHOW_H
#define NE_EMU_CLI_EIF_SHOW_H

#include "command/terminal.h"
#include "common/json_out.h"
#include "eif/eif.h"
#include "eif/signature.h"

#include <stdio.h>

/**
 * struct eif_file - a mapped image file
 * @data: the mapping; NULL if there is none
 * @size: of the mapping, bytes
 * @eif: the parsed image; points into @data
 * @pcrs: its measurements
 */
struct eif_file {
	void *data;
	size_t size;
	struct eif eif;
	struct eif_pcrs pcrs;
};

/**
 * eif_file_map() - map, check and measure an image
 * @fd: open file; not needed afterwards
 * @flags: EIF_PARSE_*
 * @ret: filled on success; the caller releases it with eif_file_unmap()
 * @error: set with -EBADMSG only
 *
 * Return: 0, -EBADMSG (not a valid image) or the errno of fstat() or mmap().
 */
int eif_file_map(int fd, unsigned int flags, struct eif_file *ret, struct error *error);
/** eif_file_open() - eif_file_map() for a path; sets the message on every failure */
int eif_file_open(const char *path, unsigned int flags, struct eif_file *ret,
		  struct error *error);
/** eif_file_unmap() - release an image; does nothing if it is not mapped */
void eif_file_unmap(struct eif_file *file);

/* An image determines PCR0, PCR1, PCR2 and, if it is signed, PCR8. */
#define EIF_REGISTERS	4

/** eif_registers() - number of registers that this image determines */
static inline size_t eif_registers(const struct eif_pcrs *pcrs)
{
	return pcrs->has_pcr8 ? EIF_REGISTERS : EIF_REGISTERS - 1;
}

/** eif_register_name() - name of the @i-th of these registers, from 0 */
const char *eif_register_name(size_t i);
/** eif_register() - value of the @i-th register; zeros for PCR8 without a signature */
const uint8_t *eif_register(const struct eif_pcrs *pcrs, size_t i);

/** eif_show_arch() - "x86_64" or "aarch64" */
const char *eif_show_arch(uint16_t flags);
/** eif_show_pcr() - print a register as one line */
void eif_show_pcr(FILE *to, const char *name, const uint8_t *pcr);
/** eif_show_pcrs() - print the registers that this image determines */
void eif_show_pcrs(FILE *to, const struct eif_pcrs *pcrs);
/** eif_show_measurements() - add the member "Measurements" in the format of nitro-cli */
void eif_show_measurements(struct json_out *out, const struct eif_pcrs *pcrs);
/** eif_show_warning() - take one EIF_WARN_* bit with a text from *@warnings; NULL: none left */
const char *eif_show_warning(unsigned int *warnings);

/* The message about an image whose signature was replaced by AWS's library. */
#define EIF_SHOW_SIGNED_TWICE	"the file header has an old size of the signature section " \
				"(signed twice by AWS's library?): \"ne-emu eif sign\" " \
				"replaces the signature"

/* The message about an image whose signature holds a private key. */
#define EIF_SHOW_PRIVATE_KEY	"the image holds a private key, which everybody who has the " \
				"image can read: replace the key, and sign with a file that " \
				"holds only the certificate"

/** eif_show_certificate() - add the member "SigningCertificate" in the format of nitro-cli */
void eif_show_certificate(struct json_out *out, const struct eif_signature *signature);
/** eif_print_certificate() - print the same as text on stdout */
void eif_print_certificate(const struct eif_signature *signature);

#endif
