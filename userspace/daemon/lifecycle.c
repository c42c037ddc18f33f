// SPDX-License-Identifier: Apache-2.0
/* Apply enclave state changes reported by the kernel. */

#include "daemon/supervisor.h"

#include "common/guest_status.h"
#include "common/heartbeat.h"
#include "common/log.h"
#include "daemon/exit_file.h"
#include "daemon/folder_private.h"
#include "daemon/oom.h"
#include "daemon/vmm_record.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/nitro_enclaves.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* How long a VMM may run after the end of its enclave; the kernel kills it after 5 s. */
#define VMM_GRACE_NS		(8 * NSEC_PER_SEC)
#define HEARTBEAT_WAIT_NS	(HEARTBEAT_WAIT * NSEC_PER_SEC)

static struct vmm *lifecycle_find_vmm(struct supervisor *s, uint64_t slot_uid)
{
	struct vmm *vmm;

	TAILQ_FOREACH(vmm, &s->vmms, node)
		if (vmm->slot_uid == slot_uid && !vmm->given_up)
			return vmm;
	return NULL;
}

bool lifecycle_is_known(uint64_t slot_uid, void *arg)
{
	struct supervisor *s = arg;

	return enclave_table_find(&s->enclaves, slot_uid);
}

void lifecycle_prune(struct supervisor *s)
{
	int removed = folder_prune(&s->logs);

	if (removed < 0)
		log_warn("cannot remove old log directories: %s", strerror(-removed));
	else if (removed)
		log_debug("removed %d old log directories", removed);
}

/* Convert a past CLOCK_BOOTTIME to CLOCK_REALTIME; 0 stays 0. */
static int64_t lifecycle_real_ns(const struct supervisor *s, uint64_t boot_ns)
{
	struct instant now = s->now();

	return boot_ns ? now.real_ns - (now.boot_ns - (int64_t)boot_ns) : 0;
}

static void lifecycle_record(struct supervisor *s, const struct enclave *enclave)
{
	struct exit_record record = {
		.enclave = &enclave->info,
		.closed = enclave->closed,
		.started_ns = lifecycle_real_ns(s, enclave->info.started_ns),
		.ended_ns = enclave->ended_ns,
		.vmm_pid = enclave->vmm_pid,
		.vmm_ended = enclave->vmm_ended,
		.vmm_code = enclave->vmm_code,
		.vmm_status = enclave->vmm_status,
	};
	int err = exit_file_write(&s->logs, &record);

	if (err)
		log_enclave(LOG_WARNING, enclave->info.slot_uid, "cannot record its end: %s",
			    strerror(-err));
}

/*
 * A client holds the heartbeat's address from before the start until the heartbeat
 * arrives. If another enclave has been started since, no client waits for this one.
 */
static bool lifecycle_heartbeat_awaited(struct supervisor *s, const struct enclave *enclave)
{
	int64_t age_ns = s->now().boot_ns - (int64_t)enclave->info.started_ns;
	const struct enclave *other;

	TAILQ_FOREACH(other, &s->enclaves.list, node)
		if (other->info.started_ns > enclave->info.started_ns)
			return false;
	return enclave->info.started_ns && age_ns < HEARTBEAT_WAIT_NS;
}

static void lifecycle_running(struct supervisor *s, struct enclave *enclave, bool is_new)
{
	const struct ne_nl_enclave *info = &enclave->info;

	enclave->was_started = true;
	log_enclave(LOG_INFO, info->slot_uid, "%s, CID %" PRIu32 ", %" PRIu64 " MiB, %zu CPUs%s",
		    is_new ? "already running, adopted" : "started", info->cid,
		    info->mem_size >> 20, info->nr_vcpus, info->flags ? ", debug mode" : "");
	if (is_new)
		attestor_adopt(&s->attestor, info->slot_uid, ne_nl_owner(info),
			       info->flags & NE_ENCLAVE_DEBUG_MODE,
			       s->now().real_ns / NSEC_PER_SEC);
}

static void lifecycle_ended(struct supervisor *s, struct enclave *enclave, bool is_new)
{
	const struct ne_nl_enclave *info = &enclave->info;
	const char *reason = ne_nl_exit_reason_name(info->exit_reason);
	char program[GUEST_STATUS_TEXT_SIZE];

	enclave->ended_ns = s->now().real_ns;
	if (enclave->closed)
		log_enclave(LOG_INFO, info->slot_uid, "closed by its owner");
	else if (info->guest_status)
		log_enclave(LOG_INFO, info->slot_uid, "ended, %s: %s; %s", reason,
			    info->exit_text, guest_status_text(info->guest_status, program));
	else
		log_enclave(info->exit_reason == NE_EMU_EXIT_REASON_LOST ? LOG_WARNING : LOG_INFO,
			    info->slot_uid, "ended, %s: %s", reason, info->exit_text);

	attestor_forget(&s->attestor, info->slot_uid);
	/* Keep the record of an earlier supervisor, which knew more about the end. */
	if (!is_new || !folder_has_exit_file(&s->logs, ne_nl_owner(info), info->slot_uid))
		lifecycle_record(s, enclave);
	lifecycle_prune(s);
}

static void lifecycle_stopped(struct supervisor *s, struct enclave *enclave, bool is_new)
{
	enclave->was_started = true;
	lifecycle_ended(s, enclave, is_new);

	/* A VMM that exited normally has released the client itself. */
	if (!is_new && enclave->info.exit_reason == NE_EMU_EXIT_REASON_LOST &&
	    lifecycle_heartbeat_awaited(s, enclave))
		s->abort_heartbeat(s, enclave->info.cid);
}

/* May free @enclave. */
static void lifecycle_freed(struct supervisor *s, struct enclave *enclave)
{
	struct vmm *vmm = lifecycle_find_vmm(s, enclave->info.slot_uid);

	if (!enclave->was_started && !enclave->info.started_ns) {
		/* The enclave never ran: there is nothing to keep. */
		(void)folder_remove(&s->logs, ne_nl_owner(&enclave->info),
				    enclave->info.slot_uid);
		attestor_forget(&s->attestor, enclave->info.slot_uid);
	} else if (!enclave->ended_ns) {
		enclave->closed = enclave->info.exit_reason == NE_EMU_EXIT_REASON_NONE;
		lifecycle_ended(s, enclave, false);
	}
	log_enclave(LOG_DEBUG, enclave->info.slot_uid, "released");

	if (vmm)
		vmm->kill_ns = s->now().boot_ns + VMM_GRACE_NS;
	else
		enclave_table_del(&s->enclaves, enclave);
}

static void lifecycle_changed(struct supervisor *s, struct enclave *enclave, bool is_new)
{
	switch ((enum ne_emu_enclave_state)enclave->info.state) {
	case NE_EMU_ENCLAVE_STATE_INIT:
		break;
	case NE_EMU_ENCLAVE_STATE_RUNNING:
		lifecycle_running(s, enclave, is_new);
		break;
	case NE_EMU_ENCLAVE_STATE_STOPPED:
		lifecycle_stopped(s, enclave, is_new);
		break;
	case NE_EMU_ENCLAVE_STATE_FREED:
		lifecycle_freed(s, enclave);
		break;
	}
}

/* Remove the record of a VMM, and the enclave's directory, which is then empty. */
static void lifecycle_forget_vmm(struct supervisor *s, uint64_t slot_uid)
{
	char folder[PATH_MAX];

	if (attestor_folder(&s->attestor, slot_uid, folder, sizeof(folder)))
		return;
	vmm_record_remove(folder);
	(void)rmdir(folder);
}

/* Return: the running VMM that an earlier supervisor has started, or NULL. */
static struct vmm *lifecycle_adopt_vmm(struct supervisor *s, uint64_t slot_uid)
{
	char folder[PATH_MAX];
	struct vmm *vmm;
	int err;

	err = attestor_folder(&s->attestor, slot_uid, folder, sizeof(folder));
	if (!err)
		err = vmm_record_find(folder, slot_uid, &vmm);
	if (err) {
		if (err != -ENOENT && err != -ESRCH)
			log_enclave(LOG_DEBUG, slot_uid, "cannot watch its VMM: %s",
				    strerror(-err));
		return NULL;
	}
	err = supervisor_watch_vmm(s, vmm);
	if (err) {
		log_enclave(LOG_WARNING, slot_uid, "cannot watch its VMM: %s", strerror(-err));
		vmm_free(vmm);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&s->vmms, vmm, node);
	log_enclave(LOG_DEBUG, slot_uid, "VMM %d adopted", (int)vmm->pid);
	return vmm;
}

/* Find the enclave or add it. Return: NULL if out of memory, which is logged. */
static struct enclave *lifecycle_know(struct supervisor *s, uint64_t slot_uid, bool *ret_is_new)
{
	struct enclave *enclave = enclave_table_find(&s->enclaves, slot_uid);
	const struct vmm *vmm;
	int err;

	*ret_is_new = !enclave;
	if (enclave)
		return enclave;
	err = enclave_table_add(&s->enclaves, slot_uid, &enclave);
	if (err) {
		log_enclave(LOG_ERR, slot_uid, "cannot keep track: %s", strerror(-err));
		return NULL;
	}
	vmm = lifecycle_adopt_vmm(s, slot_uid);
	if (vmm)
		enclave->vmm_pid = vmm->pid;
	return enclave;
}

void lifecycle_notice(struct supervisor *s, const struct ne_nl_enclave *info)
{
	struct enclave *enclave;
	uint32_t old_state;
	bool is_new;

	log_enclave(LOG_DEBUG, info->slot_uid, "the kernel reports %s",
		    ne_nl_state_name(info->state));
	if (info->state > NE_EMU_ENCLAVE_STATE_FREED)
		return;		/* unknown state of a newer module */
	if (info->state == NE_EMU_ENCLAVE_STATE_FREED &&
	    !enclave_table_find(&s->enclaves, info->slot_uid))
		return;		/* was never started */

	enclave = lifecycle_know(s, info->slot_uid, &is_new);
	if (!enclave)
		return;
	enclave->seen = true;

	/* States only advance. A list may be newer than notifications that are still queued. */
	old_state = enclave->info.state;
	if (info->state < old_state || (info->state == old_state && !is_new))
		return;
	if (enclave_update(enclave, info)) {
		log_enclave(LOG_ERR, info->slot_uid, "cannot keep track: no memory");
		enclave->info.state = info->state;
	}
	lifecycle_changed(s, enclave, is_new);
}

static void lifecycle_gone(struct supervisor *s, struct enclave *enclave)
{
	if (enclave->info.state == NE_EMU_ENCLAVE_STATE_FREED)
		return;		/* its VMM is still running */
	enclave->info.state = NE_EMU_ENCLAVE_STATE_FREED;
	lifecycle_freed(s, enclave);
}

void lifecycle_sync(struct supervisor *s, const struct ne_nl_enclave *list, size_t count)
{
	struct enclave *enclave, *next;

	TAILQ_FOREACH(enclave, &s->enclaves.list, node)
		enclave->seen = false;
	for (size_t i = 0; i < count; i++)
		lifecycle_notice(s, &list[i]);
	for (enclave = TAILQ_FIRST(&s->enclaves.list); enclave; enclave = next) {
		next = TAILQ_NEXT(enclave, node);
		if (!enclave->seen)
			lifecycle_gone(s, enclave);
	}
}

int lifecycle_starting(struct supervisor *s, const struct ne_nl_enclave *request)
{
	struct enclave *enclave;
	struct vmm *old;
	bool is_new;
	int err;

	enclave = lifecycle_know(s, request->slot_uid, &is_new);
	if (!enclave)
		return -ENOMEM;
	err = enclave_update(enclave, request);
	if (err)
		return err;

	/* A second request means that the start with the old VMM was given up. */
	old = lifecycle_find_vmm(s, request->slot_uid);
	if (old) {
		old->given_up = true;
		old->kill_ns = s->now().boot_ns;
	}
	enclave->vmm_pid = 0;
	enclave->vmm_ended = false;
	return 0;
}

void lifecycle_vmm_started(struct supervisor *s, struct vmm *vmm)
{
	struct enclave *enclave = enclave_table_find(&s->enclaves, vmm->slot_uid);
	char folder[PATH_MAX];
	int err;

	TAILQ_INSERT_TAIL(&s->vmms, vmm, node);
	if (enclave)
		enclave->vmm_pid = vmm->pid;
	err = attestor_folder(&s->attestor, vmm->slot_uid, folder, sizeof(folder));
	if (!err)
		err = vmm_record_write(folder, vmm);
	if (err)
		log_enclave(LOG_DEBUG, vmm->slot_uid, "a later ne-emud cannot find its VMM: %s",
			    strerror(-err));
	log_enclave(LOG_DEBUG, vmm->slot_uid, "VMM is process %d", (int)vmm->pid);
}

/* Was it the kernel, because memory ran out? */
static bool lifecycle_oom_killed(struct supervisor *s, const struct vmm_end *end)
{
	uint64_t before = s->oom_kills;

	if (end->code != CLD_KILLED || end->status != SIGKILL)
		return false;
	s->oom_kills = oom_kills("");
	return s->oom_kills > before;
}

static const char *lifecycle_vmm_cause(struct supervisor *s, const struct vmm_end *end)
{
	if (!end->code || end->code == CLD_EXITED)
		return "see its messages above";
	if (lifecycle_oom_killed(s, end))
		return "the kernel killed it because memory ran out, see \"journalctl -k -g oom\"";
	return strsignal(end->status);
}

static void lifecycle_log_vmm_end(struct supervisor *s, const struct vmm *vmm,
				  const struct vmm_end *end)
{
	bool by_signal = end->code && end->code != CLD_EXITED;

	if (!by_signal && !end->status)
		log_enclave(LOG_DEBUG, vmm->slot_uid, "VMM %d has ended", (int)vmm->pid);
	else
		log_enclave(LOG_WARNING, vmm->slot_uid, "VMM %d ended %s %d (%s)", (int)vmm->pid,
			    by_signal ? "by signal" : "with exit code", end->status,
			    lifecycle_vmm_cause(s, end));
}

void lifecycle_vmm_ended(struct supervisor *s, struct vmm *vmm, const struct vmm_end *end)
{
	struct enclave *enclave = enclave_table_find(&s->enclaves, vmm->slot_uid);

	lifecycle_log_vmm_end(s, vmm, end);
	if (!vmm->given_up)
		lifecycle_forget_vmm(s, vmm->slot_uid);
	if (enclave && !vmm->given_up) {
		enclave->vmm_ended = !vmm->adopted;
		enclave->vmm_code = end->code;
		enclave->vmm_status = end->status;
		if (enclave->ended_ns)
			lifecycle_record(s, enclave);
		if (enclave->info.state == NE_EMU_ENCLAVE_STATE_FREED)
			enclave_table_del(&s->enclaves, enclave);
	}
	TAILQ_REMOVE(&s->vmms, vmm, node);
	vmm_free(vmm);
}

/* Clean up after an enclave that no longer exists. */
static void lifecycle_sweep_folder(struct supervisor *s, uint64_t slot_uid)
{
	struct vmm *vmm;

	if (enclave_table_find(&s->enclaves, slot_uid))
		return;
	log_enclave(LOG_DEBUG, slot_uid, "ended while ne-emud was not running");
	attestor_forget(&s->attestor, slot_uid);
	vmm = lifecycle_adopt_vmm(s, slot_uid);
	if (vmm)
		vmm->kill_ns = s->now().boot_ns + VMM_GRACE_NS;
	else
		lifecycle_forget_vmm(s, slot_uid);
}

void lifecycle_sweep(struct supervisor *s)
{
	DIR *dir = opendir(s->attestor.run_dir);
	struct dirent *entry;
	uint64_t slot_uid;

	while (dir && (entry = readdir(dir)))
		if (!folder_parse_slot(entry->d_name, &slot_uid))
			lifecycle_sweep_folder(s, slot_uid);
	if (dir)
		(void)closedir(dir);
}
