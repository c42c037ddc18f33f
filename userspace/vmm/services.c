// SPDX-License-Identifier: Apache-2.0
/* The table of services. */

#include "vmm/services.h"

#include "vmm/dump/service.h"
#include "vmm/gdb/service.h"
#include "vmm/pause_service.h"
#include "vmm/trace/service.h"

const struct session_service *const services[] = {
	&dump_service,
	&gdb_service,
	&pause_service,
	&stats_service,
	&trace_service,
	NULL,
};
