// SPDX-License-Identifier: Apache-2.0
/* Everything that is known about an enclave, whether it runs or has ended. */

#include "cli/enclave/view.h"

#include "cli/enclave/log_list.h"
#include "cli/host/json_in.h"
#include "common/clock.h"
#include "common/paths.h"
#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <linux/nitro_enclaves.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* How long to wait for a record after the end, and how often to look. */
#define RECORD_MS	3000
#define RECORD_STEP_US	20000
/* In another network namespace than the initial one there are no events, so look, too. */
#define LOOK_AGAIN_MS	500

static const char *image_member(const struct view *view, const char *key)
{
	return view->image ? json_in_str(view->image, key) : "";
}

/* What is in files beside the record; all of it may be missing. */
static void read_files(struct view *view)
{
	char path[SYS_PATH_SIZE];

	if (!state_enclave_name(view->id.owner, view->id.uid, view->name))
		*view->name = 0;
	(void)json_in_load(logs_path(path, &view->id, NE_EMU_IMAGE_FILE), &view->image);
	snprintf(view->booted, sizeof(view->booted), "%s", image_member(view, "booted"));
}

void view_live(struct view *view, const struct ne_nl_enclave *enclave)
{
	int64_t now = clock_ns(CLOCK_BOOTTIME), started = enclave->started_ns;
	char path[SYS_PATH_SIZE];

	*view = (struct view){
		.enclave = *enclave,
		.id = { .uid = enclave->slot_uid, .owner = ne_nl_owner(enclave) },
		.outcome = outcome_of(enclave),
	};
	read_files(view);
	view->paused = enclave->state == NE_EMU_ENCLAVE_STATE_RUNNING &&
		!access(logs_path(path, &view->id, NE_EMU_PAUSED_FILE), F_OK);
	if (!started)
		return;
	date_format(clock_ns(CLOCK_REALTIME) - (now - started), view->started);
	view->uptime_s = MAX(now - started, 0) / NSEC_PER_SEC;
}

static uint64_t seconds_between(const char *from, const char *to)
{
	int64_t start, end;

	return date_parse(from, 0, &start) || date_parse(to, 0, &end) || end < start ? 0 :
		(end - start) / NSEC_PER_SEC;
}

int view_ended(struct view *view, const struct logs_id *id)
{
	struct json_t *record = logs_load_exit(id);
	size_t count;

	if (!record)
		return -ENOENT;
	*view = (struct view){
		.enclave = {
			.slot_uid = id->uid,
			.flags = json_in_u64(record, "flags"),
			.mem_size = json_in_u64(record, "mem_size"),
			.cid = json_in_u64(record, "cid"),
			.state = NE_EMU_ENCLAVE_STATE_FREED,
			.owner_uid = id->owner,
			.vcpus = json_in_u32_list(record, "vcpus", &count),
			.backend_fd = -1,
		},
		.id = *id,
		.outcome = logs_outcome(record),
		.record = record,
	};
	view->enclave.nr_vcpus = count;
	snprintf(view->started, sizeof(view->started), "%s", json_in_str(record, "started"));
	snprintf(view->ended, sizeof(view->ended), "%s", json_in_str(record, "ended"));
	view->uptime_s = seconds_between(view->started, view->ended);
	read_files(view);
	return 0;
}

void view_done(struct view *view)
{
	ne_nl_enclave_done(&view->enclave);
	json_in_free(&view->record);
	json_in_free(&view->image);
}

void view_list_free(struct view_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		view_done(&list->views[i]);
	free(list->views);
	*list = (struct view_list){};
}

static bool is_live(const struct ne_nl_enclave *live, size_t count, uint64_t slot_uid)
{
	for (size_t i = 0; i < count; i++)
		if (live[i].slot_uid == slot_uid)
			return true;
	return false;
}

int view_list_read(struct view_list *ret, bool all, struct error *error)
{
	__cleanup(log_list_free) struct log_list logs = {};
	struct ne_nl_enclave *live;
	struct error ignored;
	struct ne_nl *nl;
	size_t count;
	int err;

	*ret = (struct view_list){};
	err = state_open(&nl, error);
	if (err)
		return err;
	err = state_list(nl, &live, &count, error);
	ne_nl_close(nl);
	if (err)
		return err;
	if (all)
		(void)log_list_read(&logs, &ignored);
	ret->views = calloc(count + logs.count + 1, sizeof(*ret->views));
	if (!ret->views) {
		ne_nl_list_free(live, count);
		return error_set(error, -ENOMEM, "out of memory");
	}
	for (size_t i = logs.count; i > 0; i--) {
		const struct logs_id *id = &logs.entries[i - 1];

		if (!is_live(live, count, id->uid) && !view_ended(&ret->views[ret->count], id))
			ret->count++;
	}
	for (size_t i = 0; i < count; i++)
		view_live(&ret->views[ret->count++], &live[i]);
	free(live);	/* the views have the contents */
	return 0;
}

const char *view_state(const struct view *view, char *buf)
{
	bool gone = view->enclave.state == NE_EMU_ENCLAVE_STATE_FREED;
	size_t i;

	snprintf(buf, VIEW_STATE_SIZE, "%s", gone ? "terminated" :
		 ne_nl_state_name(view->enclave.state));
	for (i = 0; buf[i]; i++)
		buf[i] = toupper((unsigned char)buf[i]);
	return buf;
}

bool view_has_ended(const struct view *view)
{
	return view->record || view->outcome.reason || *view->outcome.text;
}

bool view_debug(const struct view *view)
{
	return view->enclave.flags & NE_ENCLAVE_DEBUG_MODE;
}

const char *view_image(const struct view *view)
{
	return image_member(view, "image");
}

static void json_text(struct json_out *out, const char *key, const char *text)
{
	json_out_str(out, key, *text ? text : NULL);
}

static void json_number(struct json_out *out, const char *key, uint64_t value, bool known)
{
	if (known)
		json_out_u64(out, key, value);
	else
		json_out_null(out, key);
}

void view_json(struct json_out *out, const struct view *view)
{
	const struct ne_nl_enclave *enclave = &view->enclave;
	char id[STATE_ID_SIZE], state[VIEW_STATE_SIZE];

	json_out_str(out, "EnclaveID", state_id(enclave->slot_uid, id));
	json_text(out, "Name", view->name);
	json_number(out, "ProcessID", enclave->owner_pid, enclave->owner_pid);
	json_number(out, "OwnerUID", enclave->owner_uid, enclave->owner_uid != NE_NL_NO_OWNER);
	json_out_u64(out, "EnclaveCID", enclave->cid);
	state_json_cpus(out, enclave->vcpus, enclave->nr_vcpus);
	json_out_u64(out, "MemoryMiB", enclave->mem_size / MIB);
	json_out_str(out, "State", view_state(view, state));
	json_out_bool(out, "Paused", view->paused);
	json_out_str(out, "Flags", view_debug(view) ? "DEBUG_MODE" : "NONE");
	json_text(out, "StartTime", view->started);
	json_text(out, "BootTime", view->booted);
	json_text(out, "EndTime", view->ended);
	json_out_u64(out, "UptimeSeconds", view->uptime_s);
	json_text(out, "Image", view_image(view));
	outcome_json(out, &view->outcome);
}

int view_find(const struct select *wanted, struct view *ret, struct error *error)
{
	__cleanup(log_list_free) struct log_list logs = {};
	struct ne_nl_enclave enclave;
	struct error ignored;
	struct logs_id id;
	int err;

	err = select_enclave(wanted, &enclave, error);
	if (!err) {
		view_live(ret, &enclave);
		return 0;
	}
	/* Without the emulator there may still be records. */
	if ((!wanted->name && !wanted->latest) || log_list_read(&logs, &ignored) ||
	    log_list_find(&logs, wanted->name, &id, &ignored) || view_ended(ret, &id))
		return err;
	return 0;
}

/* Keep the end, which the kernel forgets as soon as the owner closes the enclave. */
static void note_end(int cmd, const struct ne_nl_enclave *enclave, void *arg)
{
	struct view *view = arg;

	if (enclave && enclave->slot_uid == view->enclave.slot_uid &&
	    enclave->exit_reason != NE_EMU_EXIT_REASON_NONE)
		view->outcome = outcome_of(enclave);
}

/* ne-emud writes the record soon after the end; there is none for users who may not read it. */
static void await_record(struct view *view)
{
	int64_t deadline = clock_ms() + RECORD_MS;
	struct view ended;
	int err;

	while ((err = view_ended(&ended, &view->id)) && clock_ms() < deadline &&
	       logs_readable(&view->id))
		(void)usleep(RECORD_STEP_US);
	if (!err) {
		view_done(view);
		*view = ended;
	} else if (!view->outcome.reason) {
		view->outcome.reason = "closed";
	}
}

int view_wait(struct ne_nl *nl, struct view *view, struct error *error)
{
	while (!view_has_ended(view)) {
		struct pollfd fd = { .fd = ne_nl_event_fd(nl), .events = POLLIN };
		struct ne_nl_enclave now;
		int err = ne_nl_enclave_get(nl, view->enclave.slot_uid, &now);

		if (err == -ENOENT)
			break;
		if (err)
			return error_set(error, err, "cannot wait: %s", strerror(-err));
		note_end(0, &now, view);
		ne_nl_enclave_done(&now);
		if (!view_has_ended(view) && poll(&fd, 1, LOOK_AGAIN_MS) > 0)
			(void)ne_nl_event_read(nl, note_end, view);
	}
	await_record(view);
	return 0;
}
