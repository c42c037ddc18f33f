// SPDX-License-Identifier: Apache-2.0
/* The table of services. */

#include "vmm/services.h"

#include "vmm/gdb/service.h"
#include "vmm/trace/service.h"

const struct session_service *const services[] = {
	&gdb_service,
	&stats_service,
	&trace_service,
	NULL,
};
