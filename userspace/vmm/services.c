// SPDX-License-Identifier: Apache-2.0
/* The table of services. */

#include "vmm/services.h"

const struct session_service *const services[] = {
	&stats_service,
	NULL,
};
