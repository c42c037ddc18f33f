// SPDX-License-Identifier: Apache-2.0
/* The service "pause": let the guest stand still, or go on. */

#include "vmm/pause_service.h"

#include "common/pause.h"
#include "common/util.h"
#include "vmm/services.h"

#include <errno.h>
#include <string.h>

/* A client that waits until the guest stands. */
struct waiting {
	struct session *session;
	struct pause_watcher watcher;
};

static void handle_stands(void *arg)
{
	const struct waiting *waiting = arg;

	session_finish(waiting->session, NULL);
}

static int pause_guest(struct session *session, struct error *error)
{
	struct vmm *vmm = service_vmm(session);
	struct waiting *waiting = calloc(1, sizeof(*waiting));

	if (!waiting)
		return error_set(error, -ENOMEM, "out of memory");
	waiting->session = session;
	waiting->watcher = (struct pause_watcher){ .stands = handle_stands, .arg = waiting };
	session->state = waiting;
	pause_watch(&vmm->pause, &waiting->watcher);
	pause_take(&vmm->pause, PAUSE_USER);
	return 0;
}

static int pause_open(struct session *session, const char *options, struct error *error)
{
	if (!strcmp(options, PAUSE_ON))
		return pause_guest(session, error);
	if (strcmp(options, PAUSE_OFF))
		return error_set(error, -EINVAL, "the VMM of this enclave is of another version");
	pause_drop(&service_vmm(session)->pause, PAUSE_USER);
	session_finish(session, NULL);
	return 0;
}

static void pause_close(struct session *session)
{
	struct waiting *waiting = session->state;

	if (waiting)
		pause_unwatch(&service_vmm(session)->pause, &waiting->watcher);
	free(waiting);
}

const struct session_service pause_service = {
	.name = PAUSE_SERVICE,
	.open = pause_open,
	.close = pause_close,
};
