/* SPDX-License-Identifier: Apache-2.0 */
/* What clients can look into an enclave for. Each service has a file of its own. */

#ifndef NE_EMU_VMM_SERVICES_H
#define NE_EMU_VMM_SERVICES_H

#include "vmm/session.h"
#include "vmm/vmm.h"

/* All services; ends with NULL. ne-emud knows their names, too (daemon/control_answer.c). */
extern const struct session_service *const services[];

extern const struct session_service stats_service;

/** service_vmm() - Return: the enclave that a session looks into */
static inline struct vmm *service_vmm(const struct session *session)
{
	return session->sessions->arg;
}

#endif
