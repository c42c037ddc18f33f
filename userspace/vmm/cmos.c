// SPDX-License-Identifier: Apache-2.0
/* MC146818 clock, read only: the time for guests that do not use kvmclock. */

#include "vmm/cmos.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#define INDEX_MASK	0x7f	/* the top bit masks NMIs */
#define REG_SECONDS	0x00
#define REG_MINUTES	0x02
#define REG_HOURS	0x04
#define REG_WEEKDAY	0x06
#define REG_DAY		0x07
#define REG_MONTH	0x08
#define REG_YEAR	0x09
#define REG_B		0x0b
#define REG_D		0x0d
#define REG_CENTURY	0x32

#define REG_B_24_HOURS	0x02
#define REG_D_VALID	0x80

static uint8_t to_bcd(int value)
{
	return value / 10 << 4 | value % 10;
}

/* Never reports "update in progress", for the end of which guests would wait. */
static uint8_t cmos_read_register(const struct cmos *cmos, uint8_t index)
{
	time_t now = time(NULL) + cmos->skew_s;
	struct tm tm;

	if (!gmtime_r(&now, &tm))
		return 0;
	switch (index) {
	case REG_SECONDS:
		return to_bcd(tm.tm_sec);
	case REG_MINUTES:
		return to_bcd(tm.tm_min);
	case REG_HOURS:
		return to_bcd(tm.tm_hour);
	case REG_WEEKDAY:
		return to_bcd(tm.tm_wday + 1);
	case REG_DAY:
		return to_bcd(tm.tm_mday);
	case REG_MONTH:
		return to_bcd(tm.tm_mon + 1);
	case REG_YEAR:
		return to_bcd(tm.tm_year % 100);
	case REG_CENTURY:
		return to_bcd((tm.tm_year + 1900) / 100);
	case REG_B:
		return REG_B_24_HOURS;
	case REG_D:
		return REG_D_VALID;
	default:
		return 0;
	}
}

static void cmos_read(void *device, uint64_t offset, void *data, size_t len)
{
	struct cmos *cmos = device;

	memset(data, 0xff, len);
	if (offset == 1)
		*(uint8_t *)data = cmos_read_register(cmos, atomic_load(&cmos->index));
}

static void cmos_write(void *device, uint64_t offset, const void *data, size_t len)
{
	struct cmos *cmos = device;

	(void)len;
	if (offset == 0)
		atomic_store(&cmos->index, *(const uint8_t *)data & INDEX_MASK);
}

const struct bus_ops cmos_ops = {
	.read = cmos_read,
	.write = cmos_write,
};
