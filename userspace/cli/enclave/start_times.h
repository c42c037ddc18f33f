/* SPDX-License-Identifier: Apache-2.0 */
/* When a launcher took which step of a start, for "ne-emu timeline". */

#ifndef NE_EMU_CLI_ENCLAVE_START_TIMES_H
#define NE_EMU_CLI_ENCLAVE_START_TIMES_H

#include <stdint.h>

enum start_time {
	START_TIME_CREATE,	/* NE_CREATE_VM is called */
	START_TIME_CREATED,	/* it has returned */
	START_TIME_FILLED,	/* memory is there, with the image in it */
	START_TIME_DONATED,	/* NE_SET_USER_MEMORY_REGION has returned for all of it */
	START_TIME_CPUS,	/* NE_ADD_VCPU has returned for all CPUs */
	START_TIME_CALL,	/* NE_START_ENCLAVE is called */
	START_TIME_RETURNED,	/* it has returned */
	NR_START_TIMES,
};

/** start_time_name() - name in image.json */
const char *start_time_name(enum start_time time);

#endif
