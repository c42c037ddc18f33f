// SPDX-License-Identifier: GPL-2.0-only
/*
 * Enclaves: the list of them, their lifetime and their states
 * (INIT -> RUNNING -> STOPPED, and gone with the last close).
 */

#include <linux/cred.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "ne_emu.h"
#include "trace.h"

/*
 * All enclaves with an fd, oldest first. The lock also makes "no enclave exists"
 * and "the CPU pool changes" exclude each other.
 */
static struct {
	struct mutex lock;	/* of all fields */
	struct list_head list;
	u64 last_slot_uid;
} ne_enclaves = {
	.lock = __MUTEX_INITIALIZER(ne_enclaves.lock),
	.list = LIST_HEAD_INIT(ne_enclaves.list),
};

/** ne_enclaves_lock() - lock the list of enclaves */
void ne_enclaves_lock(void)
{
	mutex_lock(&ne_enclaves.lock);
}

/** ne_enclaves_unlock() - unlock the list of enclaves */
void ne_enclaves_unlock(void)
{
	mutex_unlock(&ne_enclaves.lock);
}

/** ne_enclaves_assert_held() - tell lockdep that the list must be locked */
void ne_enclaves_assert_held(void)
{
	lockdep_assert_held(&ne_enclaves.lock);
}

/** ne_enclaves_empty() - true without any enclave fd; the list is locked */
bool ne_enclaves_empty(void)
{
	lockdep_assert_held(&ne_enclaves.lock);
	return list_empty(&ne_enclaves.list);
}

/*
 * As on EC2: 48 bits of Unix time in ms, then 16 random bits. Strictly rising, so
 * that it is unique and orders the list.
 */
static u64 ne_slot_uid_new(void)
{
	u64 uid;

	lockdep_assert_held(&ne_enclaves.lock);

	uid = (u64)ktime_to_ms(ktime_get_real()) << 16 | get_random_u16();
	ne_enclaves.last_slot_uid = max(uid, ne_enclaves.last_slot_uid + 1);
	return ne_enclaves.last_slot_uid;
}

/**
 * ne_enclave_create() - make an enclave in state INIT, not yet in the list
 *
 * Context: Process context, list locked.
 * Return: the enclave with one reference, or an ERR_PTR: -ENOMEM or
 * -NE_ERR_NO_CPUS_AVAIL_IN_POOL (every core is claimed, or the pool is not set).
 */
struct ne_enclave *ne_enclave_create(void)
{
	struct ne_enclave *enclave;

	lockdep_assert_held(&ne_enclaves.lock);

	if (!ne_pool_has_cpus())
		return ERR_PTR(-NE_ERR_NO_CPUS_AVAIL_IN_POOL);

	enclave = kzalloc(sizeof(*enclave), GFP_KERNEL_ACCOUNT);
	if (!enclave)
		return ERR_PTR(-ENOMEM);

	if (!zalloc_cpumask_var(&enclave->claimed, GFP_KERNEL_ACCOUNT))
		goto err_enclave;
	if (!zalloc_cpumask_var(&enclave->vcpus, GFP_KERNEL_ACCOUNT))
		goto err_claimed;
	enclave->vcpu_ids = kcalloc(nr_cpu_ids, sizeof(*enclave->vcpu_ids), GFP_KERNEL_ACCOUNT);
	if (!enclave->vcpu_ids)
		goto err_vcpus;

	kref_init(&enclave->ref);
	INIT_LIST_HEAD(&enclave->node);
	mutex_init(&enclave->lock);
	spin_lock_init(&enclave->info_lock);
	init_waitqueue_head(&enclave->wait);
	ne_mem_init(&enclave->mem);

	enclave->slot_uid = ne_slot_uid_new();
	enclave->numa_node = ne_pool_numa_node();
	enclave->state = NE_EMU_ENCLAVE_STATE_INIT;
	enclave->owner_uid = current_euid();
	enclave->owner_pid = task_tgid_nr(current);
	enclave->mm = current->mm;
	mmgrab(enclave->mm);
	return enclave;

err_vcpus:
	free_cpumask_var(enclave->vcpus);
err_claimed:
	free_cpumask_var(enclave->claimed);
err_enclave:
	kfree(enclave);
	return ERR_PTR(-ENOMEM);
}

/** ne_enclave_publish() - put a new enclave into the list, which is locked */
void ne_enclave_publish(struct ne_enclave *enclave)
{
	lockdep_assert_held(&ne_enclaves.lock);
	list_add_tail(&enclave->node, &ne_enclaves.list);
}

static void ne_enclave_free(struct kref *ref)
{
	struct ne_enclave *enclave = container_of(ref, struct ne_enclave, ref);

	mmdrop(enclave->mm);
	kfree(enclave->vcpu_ids);
	free_cpumask_var(enclave->vcpus);
	free_cpumask_var(enclave->claimed);
	kfree(enclave);
}

/** ne_enclave_get() - take a reference */
void ne_enclave_get(struct ne_enclave *enclave)
{
	kref_get(&enclave->ref);
}

/** ne_enclave_put() - drop a reference; what users gave is freed by release */
void ne_enclave_put(struct ne_enclave *enclave)
{
	kref_put(&enclave->ref, ne_enclave_free);
}

/**
 * ne_enclave_next() - the enclave after a slot uid in order of creation
 * @slot_uid: 0 for the first
 *
 * Return: the enclave with a reference, or NULL.
 */
struct ne_enclave *ne_enclave_next(u64 slot_uid)
{
	struct ne_enclave *enclave, *found = NULL;

	ne_enclaves_lock();
	list_for_each_entry(enclave, &ne_enclaves.list, node) {
		if (enclave->slot_uid > slot_uid) {
			ne_enclave_get(enclave);
			found = enclave;
			break;
		}
	}
	ne_enclaves_unlock();
	return found;
}

/**
 * ne_enclave_find() - the enclave with a slot uid
 * @slot_uid: any value
 *
 * Return: the enclave with a reference, or NULL.
 */
struct ne_enclave *ne_enclave_find(u64 slot_uid)
{
	struct ne_enclave *enclave;

	if (!slot_uid)
		return NULL;
	enclave = ne_enclave_next(slot_uid - 1);
	if (enclave && enclave->slot_uid != slot_uid) {
		ne_enclave_put(enclave);
		enclave = NULL;
	}
	return enclave;
}

/** ne_enclave_check_init() - 0 in state INIT, else -NE_ERR_NOT_IN_INIT_STATE */
int ne_enclave_check_init(struct ne_enclave *enclave)
{
	lockdep_assert_held(&enclave->lock);
	return enclave->state == NE_EMU_ENCLAVE_STATE_INIT ? 0 : -NE_ERR_NOT_IN_INIT_STATE;
}

/** ne_enclave_check_mm() - 0 in the creator's address space, else -EIO */
int ne_enclave_check_mm(struct ne_enclave *enclave)
{
	return current->mm == enclave->mm ? 0 : -EIO;
}

/* The resources the AWS driver wants before a start, in its order. */
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

/* Unlike those of the AWS driver's pool, a CPU may have gone offline since. */
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

/* The state has changed: tell traces and listeners; under lock or at the very end. */
static void ne_enclave_announce(struct ne_enclave *enclave)
{
	trace_ne_emu_state(enclave);
	ne_netlink_notify(enclave);
}

/* Keep why a start failed; the caller sees only the errno. */
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
 * @info: valid flags and CID; the CID in use is written back
 *
 * The image is not looked at here: a bad one ends the enclave later, as on EC2.
 *
 * Context: Process context, sleeps until the backend answers.
 * Return: 0; NE_ERR_NO_MEM_REGIONS_ADDED, NE_ERR_ENCLAVE_MEM_MIN_SIZE,
 * NE_ERR_NO_VCPUS_ADDED, NE_ERR_FULL_CORES_NOT_USED; ENXIO (a CPU is offline),
 * EADDRINUSE (CID of another enclave), those of ne_backend_start(), ENOMEM; all negative.
 */
int ne_enclave_start(struct ne_enclave *enclave, struct ne_enclave_start_info *info)
{
	struct ne_backend *backend;
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

	rc = ne_backend_start(backend);
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
 * ne_enclave_ended() - a running enclave has ended by itself, or is made to
 * @enclave: the enclave
 * @backend: the backend that says so, or NULL for whichever it has
 * @reason: kept for enclave-get
 * @text: likewise
 *
 * Raises the sticky EPOLLHUP. Resources stay until the release.
 *
 * Context: Process context; waits for an ioctl in progress.
 * Return: 0, or -ENOTCONN when it is not running.
 */
int ne_enclave_ended(struct ne_enclave *enclave, struct ne_backend *backend,
		     enum ne_emu_exit_reason reason, const char *text)
{
	mutex_lock(&enclave->lock);
	if (enclave->state != NE_EMU_ENCLAVE_STATE_RUNNING ||
	    (backend && enclave->backend != backend)) {
		mutex_unlock(&enclave->lock);
		return -ENOTCONN;
	}

	spin_lock(&enclave->info_lock);
	enclave->state = NE_EMU_ENCLAVE_STATE_STOPPED;
	enclave->exit_reason = reason;
	strscpy(enclave->exit_text, text, sizeof(enclave->exit_text));
	spin_unlock(&enclave->info_lock);

	WRITE_ONCE(enclave->hup, true);
	wake_up_interruptible(&enclave->wait);

	ne_backend_hangup(enclave->backend);
	ne_enclave_announce(enclave);
	mutex_unlock(&enclave->lock);
	return 0;
}

/**
 * ne_enclave_release() - the enclave fd is gone: stop it and free everything
 * @enclave: the file's reference is dropped
 *
 * Synchronous: afterwards its CPUs, pages and CID are free, whatever the VMM
 * does. Runs in the closer's context, in an exiting task without mm too.
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

	ne_enclaves_lock();
	ne_pool_return(enclave->claimed);
	list_del(&enclave->node);
	ne_enclaves_unlock();

	ne_enclave_announce(enclave);
	ne_enclave_put(enclave);
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/enclave_kunit.c"
#endif
