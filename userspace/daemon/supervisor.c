// SPDX-License-Identifier: Apache-2.0
/*
 * The supervisor: one loop over notifications, VMMs, signals and control clients.
 *
 * ne-emud is one process with one thread. supervisor_run() waits for events and handles
 * each without blocking on another process; work that could take long (accepting requests,
 * issuing certificates) is done in limited portions.
 *
 * Starts: the kernel announces a start request ("ready"). supervisor_accept() fetches it
 * with the backend fd, supervisor_serve() opens what the VMM needs (start.c) and spawns it
 * (vmm_process.c). The VMM answers the kernel itself, through the backend fd, so nothing
 * here waits for it. If the start fails before, supervisor_refuse() answers instead.
 *
 * Ends: the kernel announces each change of an enclave's state, and a pidfd becomes
 * readable when a VMM exits. lifecycle.c combines both, writes exit.json, and sets the time
 * after which a VMM is killed that outlives its enclave.
 *
 * Restarts: VMMs keep running without a supervisor. A new one lists the enclaves, adopts
 * the VMMs that are recorded in the run directory (vmm_record.c), and cleans up after those
 * that ended in between. It does the same listing when notifications were lost.
 */

#include "daemon/supervisor.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/sd.h"
#include "common/util.h"
#include "daemon/oom.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/nitro_enclaves.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Maximum number of events from one epoll_wait(). */
#define EVENTS_MAX	16
/* Start requests accepted in one go, so that other work is not delayed. */
#define ACCEPT_MAX		16
/* Failures in a row after which accepting waits for the next notification. */
#define ACCEPT_FAILURES_MAX	64

/* @what: the object that the event is about, whose address identifies the kind of event */
static int supervisor_watch(struct supervisor *s, int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int supervisor_watch_vmm(struct supervisor *s, struct vmm *vmm)
{
	return supervisor_watch(s, vmm->pidfd, vmm);
}

static void supervisor_step_abort(struct supervisor *s)
{
	int err = heartbeat_abort_step(&s->abort);

	if (err == -EAGAIN)
		return;
	log_debug("CID %" PRIu32 ": heartbeat aborted on its behalf: %s", s->abort.cid,
		  strerror(-err));
	fd_close(&s->abort.fd);		/* also removes it from epoll */
}

/* Only the client of the last start waits for a heartbeat, so one abort is enough. */
static void supervisor_cancel_abort(struct supervisor *s)
{
	if (s->abort.fd < 0)
		return;
	heartbeat_abort_cancel(&s->abort);
	fd_close(&s->abort.fd);
}

static void supervisor_abort_heartbeat(struct supervisor *s, uint32_t cid)
{
	struct error error;
	int err, fd;

	supervisor_cancel_abort(s);
	if (start_open_channel(s->start.vsock_path, cid, 0, &fd, &error)) {
		log_debug("CID %" PRIu32 ": cannot abort its heartbeat: %s", cid, error.text);
		return;
	}
	heartbeat_abort_begin(&s->abort, fd, cid);
	err = supervisor_watch(s, fd, &s->abort);
	if (err) {
		log_debug("CID %" PRIu32 ": cannot abort its heartbeat: %s", cid, strerror(-err));
		supervisor_cancel_abort(s);
		return;
	}
	supervisor_step_abort(s);
}

void supervisor_init(struct supervisor *s, const struct start_config *start,
		     struct log_root *logs, const struct supervisor_paths *paths,
		     const struct lab_settings *defaults)
{
	*s = (struct supervisor){
		.start = *start,
		.logs = *logs,
		.partition = { .group_fd = -1, .threads_fd = -1 },
		.now = instant_now,
		.abort_heartbeat = supervisor_abort_heartbeat,
		.abort.fd = -1,
		.epoll_fd = -1,
		.signal_fd = -1,
		.oom_kills = oom_kills(""),
	};
	logs->fd = -1;
	s->logs.live = lifecycle_is_known;
	s->logs.live_arg = s;
	enclave_table_init(&s->enclaves);
	TAILQ_INIT(&s->vmms);
	attestor_init(&s->attestor, paths->run_dir, paths->state_dir, defaults);
	control_init(&s->control);
}

void supervisor_exit(struct supervisor *s)
{
	struct vmm *vmm;

	while ((vmm = TAILQ_FIRST(&s->vmms))) {
		TAILQ_REMOVE(&s->vmms, vmm, node);
		vmm_free(vmm);
	}
	enclave_table_exit(&s->enclaves);
	supervisor_cancel_abort(s);
	control_exit(&s->control);
	attestor_exit(&s->attestor);
	fd_close(&s->signal_fd);
	fd_close(&s->epoll_fd);
	ne_nl_close(s->nl);
	partition_exit(&s->partition);
	log_root_close(&s->logs);
}

static void supervisor_fail(struct supervisor *s, int err)
{
	s->stop = true;
	s->err = err;
}

static int supervisor_block_signals(struct supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? -errno : 0;
}

static void supervisor_sync_pool(struct supervisor *s)
{
	__cleanup(ne_nl_pool_done) struct ne_nl_pool pool = { .node = -1 };
	bool in_use = enclave_table_count(&s->enclaves, NE_EMU_ENCLAVE_STATE_RUNNING);
	int err;

	err = ne_nl_pool_get(s->nl, &pool);
	if (err)
		log_debug("cannot read the CPU pool: %s", strerror(-err));
	else
		partition_sync(&s->partition, pool.cpus, pool.nr_cpus, in_use);
}

static void supervisor_refuse(struct supervisor *s, const struct ne_nl_enclave *request,
			      int err, const struct error *error)
{
	log_enclave(LOG_ERR, request->slot_uid, "not started: %s", error->text);
	err = start_refuse(request->backend_fd, err, error);
	if (err && err != -ESTALE)
		log_enclave(LOG_WARNING, request->slot_uid, "cannot refuse the start: %s",
			    strerror(-err));
}

static int64_t supervisor_seconds(const struct supervisor *s)
{
	return s->now().real_ns / NSEC_PER_SEC;
}

static int supervisor_no_memory(struct error *error)
{
	return error_set(error, -ENOMEM, "the host has no memory left");
}

static int supervisor_start(struct supervisor *s, const struct ne_nl_enclave *request,
			    struct vmm **ret_vmm, struct error *error)
{
	bool debug = request->flags & NE_ENCLAVE_DEBUG_MODE;
	unsigned int held;
	const struct lab_settings *settings;
	__cleanup(session_fds_close) struct session_fds sessions = SESSION_FDS_NONE;
	__cleanup_fd int control_fd = -1;
	struct start_module module;

	if (lifecycle_starting(s, request))
		return supervisor_no_memory(error);
	held = holds_take(&s->holds, request->slot_uid, ne_nl_owner(request));
	settings = attestor_prepare(&s->attestor, request->slot_uid, ne_nl_owner(request), debug,
				    &control_fd);
	if (!settings)
		return supervisor_no_memory(error);
	attestor_open_lines(&s->attestor, request->slot_uid, &sessions);
	module = (struct start_module){
		.instance_id = settings->place.instance_id,
		.control_fd = control_fd,
		.sessions = sessions,
		/* A debugger shows contents, a trace does not. */
		.held = debug || settings->look_inside ? held : held & HOLD_TRACE,
		.start_error = settings->faults.faults[FAULT_START_ERROR].value,
	};
	return start_vmm(&s->start, &s->logs, request, &module, s->partition.threads_fd,
			 ret_vmm, error);
}

static void supervisor_serve(struct supervisor *s, const struct ne_nl_enclave *request)
{
	struct error error;
	struct vmm *vmm;
	int err;

	log_enclave(LOG_DEBUG, request->slot_uid, "start request, CID %" PRIu32, request->cid);
	/* The kernel dissolves the partition when all its CPUs go offline. */
	supervisor_sync_pool(s);
	/* The new enclave may reuse the CID, and no client waits for an earlier heartbeat. */
	supervisor_cancel_abort(s);
	err = supervisor_start(s, request, &vmm, &error);
	if (!err && supervisor_watch_vmm(s, vmm)) {
		vmm_abort(vmm);		/* we would not notice its end */
		err = supervisor_no_memory(&error);
	}
	if (err) {
		supervisor_refuse(s, request, err, &error);
		return;
	}
	lifecycle_vmm_started(s, vmm);
	/* Issue the identity while the VMM sets up its VM. */
	attestor_started(&s->attestor, request->slot_uid, supervisor_seconds(s));
}

/* Return: 0, or a negative errno if there is nothing more to accept now. */
static int supervisor_accept_one(struct supervisor *s)
{
	struct ne_nl_enclave request;
	int err = ne_nl_accept(s->nl, &request);

	if (!err) {
		s->accept_failures = 0;
		supervisor_serve(s, &request);
		ne_nl_enclave_done(&request);
		return 0;
	}
	if (err == -EAGAIN)
		return err;
	if (err == -ENOENT || err == -EPERM) {
		supervisor_fail(s, err);
		return err;
	}
	/* The kernel has failed that request; the next one may succeed. */
	log_err("cannot accept a start request: %s", strerror(-err));
	return ++s->accept_failures < ACCEPT_FAILURES_MAX ? 0 : err;
}

static void supervisor_accept(struct supervisor *s)
{
	s->accept_more = false;
	for (int i = 0; i < ACCEPT_MAX; i++)
		if (supervisor_accept_one(s)) {
			s->accept_failures = 0;
			return;
		}
	s->accept_more = true;
}

static int supervisor_sync(struct supervisor *s)
{
	struct ne_nl_enclave *list;
	size_t count;
	int err;

	err = ne_nl_enclave_list(s->nl, &list, &count);
	if (err == -ENOENT) {
		supervisor_fail(s, err);
	} else if (err) {
		log_err("cannot list the enclaves: %s", strerror(-err));
	} else {
		lifecycle_sync(s, list, count);
		ne_nl_list_free(list, count);
	}
	return err;
}

struct notification_ctx {
	struct supervisor *s;
	bool ready;
	bool pool_changed;
};

static void supervisor_on_notification(int cmd, const struct ne_nl_enclave *info, void *arg)
{
	struct notification_ctx *ctx = arg;

	if (cmd == NE_EMU_CMD_READY)
		ctx->ready = true;
	else if (cmd == NE_EMU_CMD_POOL_NTF)
		ctx->pool_changed = true;
	else
		lifecycle_notice(ctx->s, info);
}

static void supervisor_read_notifications(struct supervisor *s)
{
	struct notification_ctx ctx = { .s = s };
	int err;

	err = ne_nl_event_read(s->nl, supervisor_on_notification, &ctx);
	if (err == -ENOBUFS) {
		log_warn("notifications were lost, listing all enclaves again");
		(void)supervisor_sync(s);	/* logs a failure */
		ctx.ready = true;
		ctx.pool_changed = true;
	} else if (err) {
		supervisor_fail(s, err);
	}
	if (ctx.pool_changed && !s->stop)
		supervisor_sync_pool(s);
	s->accept_more |= ctx.ready;
}

static void supervisor_reap(struct supervisor *s, struct vmm *vmm)
{
	struct vmm_end end;
	int err;

	/* The kernel reported why the enclave ended before its VMM exited: read that first. */
	supervisor_read_notifications(s);

	err = vmm_reap(vmm, &end);
	if (err == -EAGAIN)
		return;
	if (err) {
		log_err("cannot wait for process %d: %s", (int)vmm->pid, strerror(-err));
		end = (struct vmm_end){ .code = CLD_KILLED };
	}
	lifecycle_vmm_ended(s, vmm, &end);	/* closes the pidfd, which removes it from epoll */
}

static void supervisor_on_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	log_info("stopped by SIG%s; enclaves keep running", sigabbrev_np(info.ssi_signo));
	s->stop = true;
}

static void supervisor_control(struct supervisor *s)
{
	const struct control_host host = {
		.attestor = &s->attestor, .logs = &s->logs, .start = &s->start,
		.holds = &s->holds,
		.now = supervisor_seconds(s),
	};

	control_dispatch(&s->control, &host);
}

static void supervisor_dispatch(struct supervisor *s, void *what)
{
	if (what == s->nl)
		supervisor_read_notifications(s);
	else if (what == &s->signal_fd)
		supervisor_on_signal(s);
	else if (what == &s->abort)
		supervisor_step_abort(s);
	else if (what == &s->control)
		supervisor_control(s);
	else
		supervisor_reap(s, what);
}

static void supervisor_kill_overdue(struct supervisor *s)
{
	int64_t now = s->now().boot_ns;
	struct vmm *vmm;
	int err;

	TAILQ_FOREACH(vmm, &s->vmms, node) {
		if (!vmm->kill_ns || vmm->kill_ns > now)
			continue;
		vmm->kill_ns = 0;
		err = vmm_kill(vmm);
		log_enclave(LOG_WARNING, vmm->slot_uid,
			    "VMM %d did not exit in time, killed%s%s", (int)vmm->pid,
			    err ? ": " : "", err ? strerror(-err) : "");
	}
}

/* Issue the identities that are due. Return: nanoseconds until the next is, or -1. */
static int64_t supervisor_attest(struct supervisor *s)
{
	int64_t left = attestor_run(&s->attestor, supervisor_seconds(s));

	return left < 0 ? -1 : left * NSEC_PER_SEC;
}

/*
 * Return: milliseconds until a VMM has to be killed, an abort has to be given up or
 * @left_ns is over; -1: none of these.
 */
static int supervisor_timeout(const struct supervisor *s, int64_t left_ns)
{
	int64_t now = s->now().boot_ns;
	int64_t first = left_ns < 0 ? INT64_MAX : now + left_ns;
	const struct vmm *vmm;
	int64_t left;

	if (s->accept_more)
		return 0;
	if (s->abort.fd >= 0)
		first = MIN(first, now + (s->abort.deadline_ms - clock_ms()) * NSEC_PER_MSEC);
	TAILQ_FOREACH(vmm, &s->vmms, node)
		if (vmm->kill_ns)
			first = MIN(first, vmm->kill_ns);
	if (first == INT64_MAX)
		return -1;
	left = (first - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
	return MAX(left, 0);
}

static void supervisor_tell_status(struct supervisor *s)
{
	size_t count = enclave_table_count(&s->enclaves, NE_EMU_ENCLAVE_STATE_RUNNING);

	if (count == s->nr_told)
		return;
	s->nr_told = count;
	(void)sd_report("STATUS=%zu enclaves running", count);
}

/* Failures are only logged: enclaves run without the control socket. */
static void supervisor_listen(struct supervisor *s)
{
	struct error error;
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/" NE_EMU_CONTROL_SOCKET, s->attestor.run_dir);
	err = control_open(&s->control, path, FOLDER_GROUP);
	if (!err)
		err = supervisor_watch(s, s->control.epoll_fd, &s->control);
	if (err)
		log_warn("%s: %s; ne-emu lab will not work", path, strerror(-err));
	if (authority_publish(&s->attestor.authority, &error))
		log_err("enclaves cannot attest themselves: %s", error.text);
}

int supervisor_connect(struct supervisor *s)
{
	static const char *const groups[] = {
		NE_EMU_MCGRP_BACKEND, NE_EMU_MCGRP_EVENTS, NULL,
	};
	int err;

	err = ne_nl_open(&s->nl);
	if (!err)
		err = ne_nl_subscribe(s->nl, groups);
	if (err)
		return err;

	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return -errno;
	err = supervisor_block_signals(s);
	if (!err)
		err = supervisor_watch(s, s->signal_fd, &s->signal_fd);
	if (!err)
		err = supervisor_watch(s, ne_nl_event_fd(s->nl), s->nl);
	if (err)
		return err;

	supervisor_listen(s);
	if (!supervisor_sync(s))
		lifecycle_sweep(s);
	lifecycle_prune(s);
	if (!s->err)
		supervisor_sync_pool(s);
	return s->err;
}

int supervisor_run(struct supervisor *s)
{
	struct epoll_event events[EVENTS_MAX];
	int nr;

	s->nr_told = enclave_table_count(&s->enclaves, NE_EMU_ENCLAVE_STATE_RUNNING);
	(void)sd_report("READY=1\nSTATUS=%zu enclaves running", s->nr_told);
	/* Requests from before the subscription are not announced again. */
	s->accept_more = true;

	while (!s->stop) {
		supervisor_kill_overdue(s);
		if (s->abort.fd >= 0 && clock_ms() >= s->abort.deadline_ms)
			supervisor_step_abort(s);
		supervisor_tell_status(s);
		nr = epoll_wait(s->epoll_fd, events, EVENTS_MAX,
				supervisor_timeout(s, supervisor_attest(s)));
		if (nr < 0 && errno != EINTR)
			supervisor_fail(s, -errno);
		for (int i = 0; i < nr && !s->stop; i++)
			supervisor_dispatch(s, events[i].data.ptr);
		if (s->accept_more && !s->stop)
			supervisor_accept(s);
	}

	(void)sd_report("STOPPING=1");
	/* Running enclaves keep the partition, and the next supervisor finds it. */
	if (!enclave_table_count(&s->enclaves, NE_EMU_ENCLAVE_STATE_RUNNING))
		partition_sync(&s->partition, NULL, 0, false);
	return s->err;
}
