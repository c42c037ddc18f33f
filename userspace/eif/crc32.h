/* SPDX-License-Identifier: Apache-2.0 */
/* The images' CRC-32, which is zlib's, at the speed of the memory. */

#ifndef NE_EMU_EIF_CRC32_H
#define NE_EMU_EIF_CRC32_H

#include <stddef.h>
#include <stdint.h>

/** eif_crc32() - CRC-32 of more data; begin with @crc 0 */
uint32_t eif_crc32(uint32_t crc, const void *data, size_t size);

#endif
