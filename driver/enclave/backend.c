// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backends: a start request that waits for the supervisor, and then the VMM that runs
 * the enclave. The VMM's access to the memory is in backend_fd.c.
 */

#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "ne_emu.h"

/*
 * How long NE_START_ENCLAVE waits. Without a listener it still waits for a short time:
 * a supervisor that is starting up will find the request in the queue.
 */
#define NE_ACCEPT_NO_LISTENER	(3 * HZ)
#define NE_ACCEPT_TIMEOUT	(30 * HZ)
#define NE_DONE_TIMEOUT		(30 * HZ)

/* How long a VMM may take to exit and to pass the rest of its output to console readers. */
#define NE_KILL_DELAY		(5 * HZ)

/* Start requests that wait for the supervisor, oldest first. */
static struct {
	spinlock_t lock;	/* protects the list and the nodes in it */
	struct list_head list;
} ne_backend_queue = {
	.lock = __SPIN_LOCK_UNLOCKED(ne_backend_queue.lock),
	.list = LIST_HEAD_INIT(ne_backend_queue.list),
};

static void ne_backend_kill_work(struct work_struct *work)
{
	struct ne_backend *backend = container_of(to_delayed_work(work), struct ne_backend,
						  kill_work);
	struct pid *vmm;

	spin_lock(&backend->lock);
	vmm = get_pid(backend->vmm);
	spin_unlock(&backend->lock);

	if (vmm)
		kill_pid(vmm, SIGKILL, 1);
	put_pid(vmm);
}

/**
 * ne_backend_create() - create a start request
 * @enclave: the enclave, locked, with memory and vCPUs
 * @cid: vsock CID of the enclave
 * @flags: start flags
 *
 * Return: the request with one reference, or ERR_PTR(-ENOMEM).
 */
struct ne_backend *ne_backend_create(struct ne_enclave *enclave, u32 cid, u64 flags)
{
	struct ne_backend *backend;

	lockdep_assert_held(&enclave->lock);

	backend = kzalloc(sizeof(*backend), GFP_KERNEL_ACCOUNT);
	if (!backend)
		return ERR_PTR(-ENOMEM);
	backend->vcpu_ids = kmemdup_array(enclave->vcpu_ids, enclave->nr_vcpus,
					  sizeof(*enclave->vcpu_ids), GFP_KERNEL_ACCOUNT);
	if (!backend->vcpu_ids)
		goto err_backend;
	backend->segs = ne_mem_flatten(enclave);
	if (!backend->segs)
		goto err_vcpu_ids;
	backend->nr_segs = enclave->mem.nr_segs;

	kref_init(&backend->ref);
	INIT_LIST_HEAD(&backend->queue_node);
	init_waitqueue_head(&backend->wait);
	spin_lock_init(&backend->lock);
	init_rwsem(&backend->map_lock);
	INIT_DELAYED_WORK(&backend->kill_work, ne_backend_kill_work);

	kref_get(&enclave->ref);
	backend->enclave = enclave;
	backend->cid = cid;
	backend->flags = flags;
	backend->mem_size = enclave->mem.size;
	backend->nr_vcpus = enclave->nr_vcpus;
	backend->state = NE_BACKEND_WAITING;
	return backend;

err_vcpu_ids:
	kfree(backend->vcpu_ids);
err_backend:
	kfree(backend);
	return ERR_PTR(-ENOMEM);
}

static void ne_backend_free(struct kref *ref)
{
	struct ne_backend *backend = container_of(ref, struct ne_backend, ref);

	iput(backend->inode);
	kvfree(backend->segs);
	kfree(backend->vcpu_ids);
	ne_enclave_put(backend->enclave);
	kfree(backend);
}

/**
 * ne_backend_put() - drop a reference
 * @backend: the backend
 */
void ne_backend_put(struct ne_backend *backend)
{
	kref_put(&backend->ref, ne_backend_free);
}

static void ne_backend_enqueue(struct ne_backend *backend)
{
	kref_get(&backend->ref);
	spin_lock(&ne_backend_queue.lock);
	list_add_tail(&backend->queue_node, &ne_backend_queue.list);
	spin_unlock(&ne_backend_queue.lock);
}

static void ne_backend_dequeue(struct ne_backend *backend)
{
	bool queued;

	spin_lock(&ne_backend_queue.lock);
	queued = !list_empty(&backend->queue_node);
	list_del_init(&backend->queue_node);
	spin_unlock(&ne_backend_queue.lock);
	if (queued)
		ne_backend_put(backend);
}

static enum ne_backend_state ne_backend_state(struct ne_backend *backend)
{
	enum ne_backend_state state;

	spin_lock(&backend->lock);
	state = backend->state;
	spin_unlock(&backend->lock);
	return state;
}

/*
 * Determine the outcome of a start after waiting. A request without an answer is given
 * up. @waited: result of the last wait: 0 for a timeout, negative for a signal.
 */
static int ne_backend_result(struct ne_backend *backend, long waited, bool listener)
{
	const char *text = NULL;
	int rc = 0;

	spin_lock(&backend->lock);
	switch (backend->state) {
	case NE_BACKEND_DONE:
		break;
	case NE_BACKEND_FAILED:
		rc = -(int)backend->error;
		break;
	case NE_BACKEND_WAITING:
		text = listener ? "the supervisor ne-emud does not accept start requests" :
				  "the supervisor is not running: start ne-emud";
		rc = listener ? -ETIMEDOUT : -ENODEV;
		break;
	case NE_BACKEND_ACCEPTED:
		text = "the VMM did not get ready in time";
		rc = -ETIMEDOUT;
		break;
	case NE_BACKEND_STOPPED:
		rc = -ECONNRESET;
		break;
	}
	if (text && waited < 0) {
		text = "interrupted by a fatal signal";
		rc = -EINTR;
	}
	if (text) {
		strscpy(backend->text, text);
		backend->state = NE_BACKEND_STOPPED;
	}
	spin_unlock(&backend->lock);
	return rc;
}

/* Withdraw a request that nobody has accepted. Return: true if it was withdrawn. */
static bool ne_backend_give_up(struct ne_backend *backend, const char *text)
{
	bool waiting;

	spin_lock(&backend->lock);
	waiting = backend->state == NE_BACKEND_WAITING;
	if (waiting) {
		strscpy(backend->text, text, sizeof(backend->text));
		backend->state = NE_BACKEND_STOPPED;
	}
	spin_unlock(&backend->lock);
	return waiting;
}

/**
 * ne_backend_start() - queue a start request and wait until the VMM is ready
 * @backend: from ne_backend_create()
 *
 * Only a fatal signal interrupts the wait: clients of the AWS driver never see EINTR.
 *
 * Context: Process context, sleeps.
 * Return: 0, -ENODEV (no supervisor), -ETIMEDOUT, -EINTR, -ENOMEM, -ECONNRESET (the VMM
 * went away), or the errno that the backend answered. @backend->text has the reason.
 */
int ne_backend_start(struct ne_backend *backend)
{
	bool listener;
	long waited;
	int rc;

	ne_backend_enqueue(backend);
	rc = ne_notify_ready(backend->enclave->slot_uid);
	if (rc == -ENOMEM && ne_backend_give_up(backend, "no memory to call the supervisor")) {
		ne_backend_dequeue(backend);
		return rc;
	}
	listener = !rc;

	waited = wait_event_killable_timeout(backend->wait,
					     ne_backend_state(backend) != NE_BACKEND_WAITING,
					     listener ? NE_ACCEPT_TIMEOUT :
							NE_ACCEPT_NO_LISTENER);
	if (waited > 0)
		waited = wait_event_killable_timeout(backend->wait,
						     ne_backend_state(backend) !=
							NE_BACKEND_ACCEPTED,
						     NE_DONE_TIMEOUT);
	ne_backend_dequeue(backend);
	return ne_backend_result(backend, waited, listener);
}

/**
 * ne_backend_go() - notify the VMM that the enclave is RUNNING
 * @backend: the backend of the enclave
 */
void ne_backend_go(struct ne_backend *backend)
{
	spin_lock(&backend->lock);
	backend->go = true;
	spin_unlock(&backend->lock);
	wake_up_all(&backend->wait);
}

/**
 * ne_backend_hangup() - ask the VMM to exit, and kill it later if it does not
 * @backend: the backend; may have been hung up before
 */
void ne_backend_hangup(struct ne_backend *backend)
{
	spin_lock(&backend->lock);
	backend->state = NE_BACKEND_STOPPED;
	/* Under the lock: the last close clears vmm and then cancels the work. */
	if (backend->vmm)
		schedule_delayed_work(&backend->kill_work, NE_KILL_DELAY);
	spin_unlock(&backend->lock);

	wake_up_all(&backend->wait);
}

/**
 * ne_backend_revoke() - unmap the memory of the enclave from all processes
 * @backend: the backend; may never have been accepted
 *
 * When this returns, no page of the enclave can be reached or mapped again through the
 * fd, and KVM has dropped its own mappings by MMU notifier.
 */
void ne_backend_revoke(struct ne_backend *backend)
{
	struct ne_mem_seg *segs;
	struct inode *inode;

	down_write(&backend->map_lock);
	segs = backend->segs;
	inode = backend->inode;
	backend->segs = NULL;
	backend->nr_segs = 0;
	up_write(&backend->map_lock);

	if (inode)
		unmap_mapping_range(inode->i_mapping, 0, 0, 1);
	kvfree(segs);
}

/* Return: the oldest request in the queue, with the queue's reference, or NULL. */
static struct ne_backend *ne_backend_dequeue_first(void)
{
	struct ne_backend *backend;

	spin_lock(&ne_backend_queue.lock);
	backend = list_first_entry_or_null(&ne_backend_queue.list, struct ne_backend, queue_node);
	if (backend)
		list_del_init(&backend->queue_node);
	spin_unlock(&ne_backend_queue.lock);
	return backend;
}

/* Return: false if the start has been given up. */
static bool ne_backend_mark_accepted(struct ne_backend *backend)
{
	bool waiting;

	spin_lock(&backend->lock);
	waiting = backend->state == NE_BACKEND_WAITING;
	if (waiting)
		backend->state = NE_BACKEND_ACCEPTED;
	spin_unlock(&backend->lock);
	return waiting;
}

/**
 * ne_backend_accept() - accept the oldest waiting request
 *
 * Return: the request with a reference, or NULL.
 */
struct ne_backend *ne_backend_accept(void)
{
	struct ne_backend *backend;

	while ((backend = ne_backend_dequeue_first())) {
		if (ne_backend_mark_accepted(backend)) {
			wake_up_all(&backend->wait);
			break;
		}
		ne_backend_put(backend);
	}
	return backend;
}

/**
 * ne_backend_fail() - answer an accepted request with an error
 * @backend: the request; if it was answered or given up before, it keeps its outcome
 * @error: positive errno
 * @text: reason, as text
 */
void ne_backend_fail(struct ne_backend *backend, u32 error, const char *text)
{
	spin_lock(&backend->lock);
	if (backend->state == NE_BACKEND_ACCEPTED) {
		backend->state = NE_BACKEND_FAILED;
		backend->error = error;
		strscpy(backend->text, text, sizeof(backend->text));
	}
	spin_unlock(&backend->lock);
	wake_up_all(&backend->wait);
}

/* Copy the text of a status and replace what is not printable. */
static int ne_backend_copy_text(char *to, const struct ne_emu_backend_status *status)
{
	size_t i;

	if (strnlen(status->text, sizeof(status->text)) == sizeof(status->text))
		return -EINVAL;

	for (i = 0; status->text[i]; i++)
		to[i] = isascii(status->text[i]) && isprint(status->text[i]) ?
			status->text[i] : '?';
	to[i] = '\0';
	return 0;
}

/**
 * ne_backend_done() - NE_EMU_BACKEND_DONE
 * @backend: the backend of the file
 * @status: copied from user space
 *
 * Return: 0, -EINVAL, -EALREADY (answered) or -ESTALE (given up).
 */
int ne_backend_done(struct ne_backend *backend, const struct ne_emu_backend_status *status)
{
	char text[NE_EMU_STATUS_TEXT_SIZE];
	int rc = 0;

	/* Errnos from ERESTARTSYS up are internal to the kernel. */
	if (status->code >= ERESTARTSYS || status->guest_status ||
	    ne_backend_copy_text(text, status))
		return -EINVAL;

	spin_lock(&backend->lock);
	switch (backend->state) {
	case NE_BACKEND_ACCEPTED:
		backend->state = status->code ? NE_BACKEND_FAILED : NE_BACKEND_DONE;
		backend->error = status->code;
		strscpy(backend->text, text);
		if (!status->code)
			backend->vmm = get_task_pid(current, PIDTYPE_TGID);
		break;
	case NE_BACKEND_STOPPED:
		rc = -ESTALE;
		break;
	case NE_BACKEND_WAITING:
	case NE_BACKEND_DONE:
	case NE_BACKEND_FAILED:
		rc = -EALREADY;
		break;
	}
	spin_unlock(&backend->lock);
	wake_up_all(&backend->wait);
	return rc;
}

static bool ne_backend_reason_is_valid(u32 code)
{
	switch ((enum ne_emu_exit_reason)code) {
	case NE_EMU_EXIT_REASON_GUEST_RESET:
	case NE_EMU_EXIT_REASON_GUEST_SHUTDOWN:
	case NE_EMU_EXIT_REASON_GUEST_HALT:
	case NE_EMU_EXIT_REASON_BAD_IMAGE:
	case NE_EMU_EXIT_REASON_VMM_ERROR:
		return true;
	case NE_EMU_EXIT_REASON_NONE:
	case NE_EMU_EXIT_REASON_LOST:
	case NE_EMU_EXIT_REASON_ADMIN_STOP:
		break;
	}
	return false;
}

static bool ne_backend_guest_status_is_valid(u32 status)
{
	return !status ||
	       (status & ~NE_EMU_GUEST_STATUS_MASK) == NE_EMU_GUEST_STATUS_KNOWN;
}

/*
 * Claim the right to report the end, which only one caller gets.
 * Return: 0, -ENOTCONN (not done yet) or -EALREADY.
 */
static int ne_backend_claim_end(struct ne_backend *backend)
{
	int rc = 0;

	spin_lock(&backend->lock);
	if (backend->state < NE_BACKEND_DONE)
		rc = -ENOTCONN;
	else if (backend->ended || backend->state != NE_BACKEND_DONE)
		rc = -EALREADY;
	else
		backend->ended = true;
	spin_unlock(&backend->lock);
	return rc;
}

/**
 * ne_backend_exit() - NE_EMU_BACKEND_EXIT
 * @backend: the backend of the file
 * @status: copied from user space
 *
 * Return: 0, -EINVAL, -ENOTCONN (not done yet) or -EALREADY (ended, stopped).
 */
int ne_backend_exit(struct ne_backend *backend, const struct ne_emu_backend_status *status)
{
	char text[NE_EMU_STATUS_TEXT_SIZE];
	int rc;

	if (!ne_backend_reason_is_valid(status->code) ||
	    !ne_backend_guest_status_is_valid(status->guest_status) ||
	    ne_backend_copy_text(text, status))
		return -EINVAL;

	rc = ne_backend_claim_end(backend);
	if (rc)
		return rc;
	rc = ne_enclave_ended(backend->enclave, backend, status->code, status->guest_status,
			      text);
	return rc ? -EALREADY : 0;
}

/**
 * ne_backend_closed() - handle the last close of the backend fd
 * @backend: the backend; drops the reference of its file
 *
 * Fails the start or ends the enclave unless the VMM has reported either before.
 */
void ne_backend_closed(struct ne_backend *backend)
{
	struct pid *vmm;

	ne_backend_fail(backend, ECONNRESET, "the VMM went away before it was ready");
	if (!ne_backend_claim_end(backend))
		ne_enclave_ended(backend->enclave, backend, NE_EMU_EXIT_REASON_LOST, 0,
				 "the VMM went away without giving a reason");

	spin_lock(&backend->lock);
	vmm = backend->vmm;
	backend->vmm = NULL;
	spin_unlock(&backend->lock);
	cancel_delayed_work_sync(&backend->kill_work);
	put_pid(vmm);

	ne_backend_put(backend);
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/backend_kunit.c"
#endif
