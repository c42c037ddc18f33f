/* SPDX-License-Identifier: Apache-2.0 */
/* The one pass over all bytes of an image: its CRC, and what EC2 measures. */

#ifndef NE_EMU_EIF_CONTENTS_H
#define NE_EMU_EIF_CONTENTS_H

#include "eif/eif.h"

/**
 * eif_contents_read() - compute CRC-32 and, unless @ret_pcrs is NULL, PCR0 to PCR2
 * @eif: only base, nr_sections and sections are used
 * @threads: a second thread may help
 * @ret_crc: the CRC
 * @ret_pcrs: the registers, or NULL
 *
 * Return: 0, -ENOMEM or -EIO (the crypto library failed).
 */
int eif_contents_read(const struct eif *eif, bool threads, uint32_t *ret_crc,
		      struct eif_pcrs *ret_pcrs);

#endif
