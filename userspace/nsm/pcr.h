/* SPDX-License-Identifier: Apache-2.0 */
/* Platform configuration registers: 32 values that can only be extended by hashing. */

#ifndef NE_EMU_NSM_PCR_H
#define NE_EMU_NSM_PCR_H

#include "common/nsm_control.h"
#include "nsm/nsm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** struct pcr_bank - @locked: bit n is set if PCR n can no longer change */
struct pcr_bank {
	uint8_t values[NSM_PCRS][NSM_PCR_SIZE];
	uint32_t locked;
};

/**
 * pcr_extended() - compute the new value of a register: the hash of its value and the data
 * @data: at most NSM_REQUEST_MAX bytes
 * @ret_value: receives NSM_PCR_SIZE bytes; may be @value
 *
 * Return: 0 or -EIO (the crypto library failed).
 */
int pcr_extended(const uint8_t *value, const struct nsm_bytes *data, uint8_t *ret_value);

static inline bool pcr_locked(const struct pcr_bank *bank, unsigned int index)
{
	return bank->locked & (1U << index);
}

/** pcr_below() - Return: bits of the registers 0 to @range - 1; @range is at most NSM_PCRS */
static inline uint32_t pcr_below(unsigned int range)
{
	return (1ULL << range) - 1;
}

#endif
