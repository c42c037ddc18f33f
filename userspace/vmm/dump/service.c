// SPDX-License-Identifier: Apache-2.0
/* The service "dump": stop the guest, stream its memory, let it go on. */

#include "vmm/dump/service.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/arch/arch.h"
#include "vmm/dump/core.h"
#include "vmm/services.h"

#include <errno.h>
#include <string.h>

#define OPTION_CRASH	"crash"
/* How long a crashed enclave waits for a client that takes nothing. */
#define CRASH_IDLE_MS	30000

/**
 * struct dump - a session
 * @watcher: waits for the guest to stand
 * @waits: for a crash; the guest runs
 * @holds: the guest is held for this dump
 * @core: what is sent; begun if @core.notes.data is set
 * @items: number of items that were sent
 * @item: the next one
 */
struct dump {
	struct session *session;
	struct pause_watcher watcher;
	bool waits;
	bool holds;
	struct core core;
	uint64_t items;
	uint8_t item[CORE_ITEM_MAX];
};

static int begin_core(struct dump *dump, struct error *error)
{
	const struct vmm *vmm = service_vmm(dump->session);
	int err = core_init(&dump->core, &vmm->memory, vmm->nr_vcpus * arch_vcpu_notes_size());

	if (err)
		return error_set(error, err, "out of memory");
	for (size_t i = 0; !err && i < vmm->nr_vcpus; i++)
		err = arch_vcpu_notes(vmm->vcpus[i].fd, i, &dump->core.notes);
	return err ? error_set(error, err, "cannot read the registers: %s", strerror(-err)) : 0;
}

/* The guest goes on as soon as all has been read, even if the client has not got it yet. */
static void release_guest(struct dump *dump)
{
	if (dump->holds)
		pause_drop(&service_vmm(dump->session)->pause, PAUSE_DUMP);
	dump->holds = false;
}

static void handle_stands(void *arg)
{
	struct dump *dump = arg;
	struct error error;

	if (!dump->holds || dump->core.notes.data)
		return;
	if (begin_core(dump, &error)) {
		session_finish(dump->session, &error);
		release_guest(dump);
		return;
	}
	session_want_room(dump->session);
}

static void hold_guest(struct dump *dump)
{
	dump->waits = false;
	dump->holds = true;
	pause_take(&service_vmm(dump->session)->pause, PAUSE_DUMP);
}

/* One item at a time, so that the loop serves others in between. */
static void dump_room(struct session *session)
{
	struct dump *dump = session->state;
	size_t len;

	if (!dump->holds || !dump->core.notes.data)
		return;
	if (session_room(session) < sizeof(dump->item)) {
		session_want_room(session);
		return;
	}
	len = core_next(&dump->core, dump->item);
	if (len) {
		dump->items++;
		(void)session_send(session, dump->item, len);	/* there is room */
		session_want_room(session);
		return;
	}
	session_finish(session, NULL);
	release_guest(dump);
}

/* The only dump that waits for a crash or, without @waits, that holds the guest; NULL: none. */
static struct dump *find_dump(const struct vmm *vmm, bool waits)
{
	for (size_t i = 0; i < SESSION_LINES; i++) {
		const struct session *session = &vmm->sessions.list[i];
		struct dump *dump = session->service == &dump_service ? session->state : NULL;

		if (dump && (waits ? dump->waits : dump->holds))
			return dump;
	}
	return NULL;
}

bool dump_waits(const struct vmm *vmm)
{
	return find_dump(vmm, true);
}

static int check_options(const struct vmm *vmm, const char *options, struct error *error)
{
	if (*options && strcmp(options, OPTION_CRASH))
		return error_set(error, -EINVAL, "the VMM of this enclave is of another version");
	if (*options && dump_waits(vmm))
		return error_set(error, -EBUSY, "somebody waits for a crash already");
	if (!*options && pause_holds(&vmm->pause, PAUSE_DUMP))
		return error_set(error, -EBUSY, "another dump is being taken");
	return 0;
}

static int dump_open(struct session *session, const char *options, struct error *error)
{
	struct vmm *vmm = service_vmm(session);
	int err = check_options(vmm, options, error);
	struct dump *dump;

	if (err)
		return err;
	dump = calloc(1, sizeof(*dump));
	if (!dump)
		return error_set(error, -ENOMEM, "out of memory");
	dump->session = session;
	dump->watcher = (struct pause_watcher){ .stands = handle_stands, .arg = dump };
	dump->waits = *options;
	session->state = dump;
	pause_watch(&vmm->pause, &dump->watcher);
	if (!dump->waits)
		hold_guest(dump);
	else if (vmm->options->held & VMM_HELD_DUMP && !find_dump(vmm, false))
		pause_drop(&vmm->pause, PAUSE_DUMP);	/* taken at the start, see dump_waits() */
	return 0;
}

static void dump_close(struct session *session)
{
	struct dump *dump = session->state;

	release_guest(dump);
	pause_unwatch(&service_vmm(session)->pause, &dump->watcher);
	core_exit(&dump->core);
	free(dump);
}

void dump_crashed(struct vmm *vmm)
{
	struct dump *dump = find_dump(vmm, true);
	int64_t deadline = clock_ms() + CRASH_IDLE_MS;
	uint64_t items = 0;

	if (!dump)
		return;
	log_info("the guest has crashed: its memory is kept for a dump");
	/* Its event stays. */
	loop_del(&vmm->loop, &vmm->ended);
	vmm->loop.stop = false;
	hold_guest(dump);
	while (!vmm->loop.stop && clock_ms() < deadline &&
	       !loop_run_once(&vmm->loop, MAX(deadline - clock_ms(), 0))) {
		dump = find_dump(vmm, false);
		if (!dump)
			return;
		if (dump->items != items)
			deadline = clock_ms() + CRASH_IDLE_MS;
		items = dump->items;
	}
	log_warn("there is no dump, or only a part of it");
}

const struct session_service dump_service = {
	.name = "dump",
	.open = dump_open,
	.room = dump_room,
	.close = dump_close,
};
