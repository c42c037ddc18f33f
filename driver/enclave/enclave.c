// SPDX-License-Identifier: GPL-2.0-only
/*
 * Enclaves: their lifetime and their states, INIT -> RUNNING -> STOPPED, and FREED from
 * any of them with the last close of the fd.
 */

#include <linux/cred.h>
#include <linux/ktime.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "ne_emu.h"
#include "trace.h"

static struct ne_enclave *ne_enclave_alloc(void)
{
	struct ne_enclave *enclave;

	enclave = kzalloc(sizeof(*enclave), GFP_KERNEL_ACCOUNT);
	if (!enclave)
		return NULL;
	if (!zalloc_cpumask_var(&enclave->claimed, GFP_KERNEL_ACCOUNT))
		goto err_enclave;
	if (!zalloc_cpumask_var(&enclave->vcpus, GFP_KERNEL_ACCOUNT))
		goto err_claimed;
	enclave->vcpu_ids = kcalloc(nr_cpu_ids, sizeof(*enclave->vcpu_ids), GFP_KERNEL_ACCOUNT);
	if (!enclave->vcpu_ids)
		goto err_vcpus;

	kref_init(&enclave->ref);
	mutex_init(&enclave->lock);
	spin_lock_init(&enclave->info_lock);
	init_waitqueue_head(&enclave->wait);
	ne_mem_init(&enclave->mem);

	enclave->state = NE_EMU_ENCLAVE_STATE_INIT;
	enclave->owner_uid = current_euid();
	enclave->owner_net = current->nsproxy->net_ns->net_cookie;
	enclave->owner_pid = get_task_pid(current, PIDTYPE_TGID);
	enclave->mm = current->mm;
	mmgrab(enclave->mm);
	return enclave;

err_vcpus:
	free_cpumask_var(enclave->vcpus);
err_claimed:
	free_cpumask_var(enclave->claimed);
err_enclave:
	kfree(enclave);
	return NULL;
}

static void ne_enclave_free(struct kref *ref)
{
	struct ne_enclave *enclave = container_of(ref, struct ne_enclave, ref);

	mmdrop(enclave->mm);
	put_pid(enclave->owner_pid);
	kfree(enclave->vcpu_ids);
	free_cpumask_var(enclave->vcpus);
	free_cpumask_var(enclave->claimed);
	kfree(enclave);
}

/**
 * ne_enclave_put() - drop a reference
 * @enclave: the enclave; ne_enclave_release() has returned its memory and CPUs
 */
void ne_enclave_put(struct ne_enclave *enclave)
{
	kref_put(&enclave->ref, ne_enclave_free);
}

/**
 * ne_enclave_create() - create an enclave in state INIT
 *
 * Charges the quota and reserves a place in the registry; the caller publishes the
 * enclave, or undoes this with ne_enclave_unregister() and ne_enclave_put().
 *
 * Context: Process context under ne_registry_lock.
 * Return: the enclave with one reference, or an ERR_PTR: -ENOMEM,
 * -NE_ERR_NO_CPUS_AVAIL_IN_POOL (every core is claimed, or the pool is not set) or
 * -EBUSY (too many enclaves).
 */
struct ne_enclave *ne_enclave_create(void)
{
	kuid_t user = ne_quota_user();
	struct ne_enclave *enclave;
	int rc;

	lockdep_assert_held(&ne_registry_lock);

	if (!ne_pool_has_cpus())
		return ERR_PTR(-NE_ERR_NO_CPUS_AVAIL_IN_POOL);

	rc = ne_quota_charge(user);
	if (rc)
		return ERR_PTR(rc);

	enclave = ne_enclave_alloc();
	if (!enclave) {
		rc = -ENOMEM;
		goto err_quota;
	}
	enclave->quota_user = user;
	enclave->numa_node = ne_pool_numa_node();
	rc = ne_registry_reserve(enclave);
	if (rc)
		goto err_enclave;
	return enclave;

err_enclave:
	ne_enclave_put(enclave);
err_quota:
	ne_quota_uncharge(user);
	return ERR_PTR(rc);
}

/**
 * ne_enclave_unregister() - undo ne_enclave_create() except for the reference
 * @enclave: the enclave; ne_registry_find() no longer returns it
 *
 * Context: Process context under ne_registry_lock.
 */
void ne_enclave_unregister(struct ne_enclave *enclave)
{
	lockdep_assert_held(&ne_registry_lock);
	ne_registry_remove(enclave);
	ne_quota_uncharge(enclave->quota_user);
}

/**
 * ne_enclave_check_init() - check that an enclave is in state INIT
 * @enclave: the enclave, locked
 *
 * Return: 0 or -NE_ERR_NOT_IN_INIT_STATE.
 */
int ne_enclave_check_init(struct ne_enclave *enclave)
{
	lockdep_assert_held(&enclave->lock);
	return enclave->state == NE_EMU_ENCLAVE_STATE_INIT ? 0 : -NE_ERR_NOT_IN_INIT_STATE;
}

/* The checks of the AWS driver before a start, in its order. */
static int ne_enclave_check_resources(struct ne_enclave *enclave)
{
	lockdep_assert_held(&enclave->lock);

	if (list_empty(&enclave->mem.regions))
		return -NE_ERR_NO_MEM_REGIONS_ADDED;
	if (enclave->mem.size < NE_ENCLAVE_MEM_MIN_SIZE)
		return -NE_ERR_ENCLAVE_MEM_MIN_SIZE;
	if (!enclave->nr_vcpus)
		return -NE_ERR_NO_VCPUS_ADDED;
	if (!cpumask_equal(enclave->claimed, enclave->vcpus))
		return -NE_ERR_FULL_CORES_NOT_USED;
	return 0;
}

/* A CPU may have gone offline since it was added. The AWS driver keeps its pool offline. */
static int ne_enclave_check_online(struct ne_enclave *enclave)
{
	unsigned int cpu;

	for_each_cpu(cpu, enclave->vcpus) {
		if (cpu_online(cpu))
			continue;
		spin_lock(&enclave->info_lock);
		scnprintf(enclave->exit_text, sizeof(enclave->exit_text),
			  "CPU %u is offline", cpu);
		spin_unlock(&enclave->info_lock);
		return -ENXIO;
	}
	return 0;
}

/* Report a new state to tracing and listeners. @enclave is locked, or unregistered. */
static void ne_enclave_announce(struct ne_enclave *enclave)
{
	trace_ne_emu_state(enclave);
	ne_notify_enclave(enclave);
}

/* Keep the reason of a failed start for enclave-get; the caller sees only the errno. */
static void ne_enclave_note_failure(struct ne_enclave *enclave, struct ne_backend *backend)
{
	char text[NE_EMU_STATUS_TEXT_SIZE];

	lockdep_assert_held(&enclave->lock);

	spin_lock(&backend->lock);
	strscpy(text, backend->text);
	spin_unlock(&backend->lock);

	spin_lock(&enclave->info_lock);
	strscpy(enclave->exit_text, text);
	spin_unlock(&enclave->info_lock);
}

static void ne_enclave_set_running(struct ne_enclave *enclave, struct ne_backend *backend)
{
	lockdep_assert_held(&enclave->lock);

	spin_lock(&enclave->info_lock);
	enclave->state = NE_EMU_ENCLAVE_STATE_RUNNING;
	enclave->flags = backend->flags;
	enclave->cid = backend->cid;
	enclave->started_ns = ktime_get_boottime_ns();
	enclave->exit_text[0] = '\0';
	spin_unlock(&enclave->info_lock);
}

/**
 * ne_enclave_start() - have a backend run the enclave
 * @enclave: in state INIT, locked; stays in INIT on failure
 * @info: valid flags and CID; receives the CID in use
 *
 * The image is not checked here: a bad one ends the enclave later, as on EC2.
 *
 * Context: Process context, sleeps until the backend answers.
 * Return: 0, or one of these, negative: NE_ERR_NO_MEM_REGIONS_ADDED,
 * NE_ERR_ENCLAVE_MEM_MIN_SIZE, NE_ERR_NO_VCPUS_ADDED, NE_ERR_FULL_CORES_NOT_USED, ENXIO
 * (a CPU is offline), EADDRINUSE (another enclave has the CID), ENOMEM, and errors of
 * ne_backend_start().
 */
int ne_enclave_start(struct ne_enclave *enclave, struct ne_enclave_start_info *info)
{
	struct ne_backend *backend;
	ktime_t asked;
	u32 cid;
	int rc;

	lockdep_assert_held(&enclave->lock);

	rc = ne_enclave_check_resources(enclave);
	if (!rc)
		rc = ne_enclave_check_online(enclave);
	if (rc)
		return rc;

	rc = ne_cid_alloc(info->enclave_cid, &cid);
	if (rc)
		return rc;

	backend = ne_backend_create(enclave, cid, info->flags);
	if (IS_ERR(backend)) {
		rc = PTR_ERR(backend);
		goto err_cid;
	}

	asked = ktime_get();
	rc = ne_backend_start(backend);
	trace_ne_emu_start(enclave->slot_uid, cid, -rc, ktime_us_delta(ktime_get(), asked));
	if (rc)
		goto err_backend;

	enclave->backend = backend;
	ne_enclave_set_running(enclave, backend);
	ne_enclave_announce(enclave);
	ne_backend_go(backend);

	info->enclave_cid = cid;
	return 0;

err_backend:
	ne_enclave_note_failure(enclave, backend);
	ne_backend_hangup(backend);
	ne_backend_revoke(backend);
	ne_backend_put(backend);
err_cid:
	ne_cid_free(cid);
	return rc;
}

/**
 * ne_enclave_ended() - move an enclave from RUNNING to STOPPED
 * @enclave: the enclave
 * @backend: the backend that reports the end, or NULL to stop the enclave
 * @reason: reason for enclave-get
 * @guest_status: end of the program, valid, as in struct ne_emu_backend_status
 * @text: reason as text, for enclave-get
 *
 * From then on poll() reports EPOLLHUP. The enclave keeps its resources until release.
 *
 * Context: Process context; waits for an ioctl in progress.
 * Return: 0, or -ENOTCONN if the enclave is not running with @backend.
 */
int ne_enclave_ended(struct ne_enclave *enclave, struct ne_backend *backend,
		     enum ne_emu_exit_reason reason, u32 guest_status, const char *text)
{
	guard(mutex)(&enclave->lock);
	if (enclave->state != NE_EMU_ENCLAVE_STATE_RUNNING ||
	    (backend && enclave->backend != backend))
		return -ENOTCONN;

	spin_lock(&enclave->info_lock);
	enclave->state = NE_EMU_ENCLAVE_STATE_STOPPED;
	enclave->exit_reason = reason;
	enclave->guest_status = guest_status;
	strscpy(enclave->exit_text, text, sizeof(enclave->exit_text));
	spin_unlock(&enclave->info_lock);

	WRITE_ONCE(enclave->hup, true);
	wake_up_interruptible(&enclave->wait);

	ne_backend_hangup(enclave->backend);
	ne_enclave_announce(enclave);
	return 0;
}

/**
 * ne_enclave_release() - stop an enclave and free its resources
 * @enclave: the enclave; drops the reference of its file
 *
 * Called on the last close of the fd. When this returns, CPUs, pages and CID are free,
 * no matter what the VMM does.
 *
 * Context: Process context of the task that closes the fd, which may be exiting and have
 * no mm.
 */
void ne_enclave_release(struct ne_enclave *enclave)
{
	struct ne_backend *backend;

	mutex_lock(&enclave->lock);
	backend = enclave->backend;
	enclave->backend = NULL;
	if (backend) {
		ne_backend_hangup(backend);
		ne_backend_revoke(backend);
		ne_backend_put(backend);
		ne_cid_free(enclave->cid);
	}
	ne_mem_release(enclave);

	spin_lock(&enclave->info_lock);
	enclave->state = NE_EMU_ENCLAVE_STATE_FREED;
	spin_unlock(&enclave->info_lock);
	mutex_unlock(&enclave->lock);

	mutex_lock(&ne_registry_lock);
	ne_pool_return(enclave->claimed);
	ne_enclave_unregister(enclave);
	mutex_unlock(&ne_registry_lock);

	ne_enclave_announce(enclave);
	ne_enclave_put(enclave);
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/enclave_kunit.c"
#endif
