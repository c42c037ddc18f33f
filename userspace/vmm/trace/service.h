/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service "trace": what it sends are lines of JSON, each an object. The options of a session
 * are the kinds that it wants, separated by commas; "": all.
 */

#ifndef NE_EMU_VMM_TRACE_SERVICE_H
#define NE_EMU_VMM_TRACE_SERVICE_H

#include "vmm/session.h"
#include "vmm/trace/trace.h"

extern const struct session_service trace_service;

/** trace_client_open() - begin a session; 0 or a negative errno */
int trace_client_open(struct trace *trace, struct session *session, const char *options,
		      struct error *error);
/** trace_client_close() - end it */
void trace_client_close(struct trace *trace, struct session *session);
/** trace_send() - send the events that are in the ring to the clients */
void trace_send(struct trace *trace);
/** trace_send_lost() - tell a client that now has room how many events it has not got */
void trace_send_lost(struct session *session);

#endif
