/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private interface of nitro_enclaves_emu: the objects, their locks, and the
 * functions of each file. main.c describes how they work together.
 *
 * Lock order: ne_registry_lock (mutex) and ne_enclave.lock (mutex) are outermost and
 * never held together; ne_pool.lock (mutex) and ne_backend.map_lock (rwsem) nest inside
 * them. Page faults take ne_backend.map_lock inside the mmap lock of the VMM. The
 * spinlocks ne_enclave.info_lock, ne_backend.lock and ne_backend_queue.lock are
 * innermost and never nested in each other.
 */

#ifndef NE_EMU_H
#define NE_EMU_H

#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nitro_enclaves.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/ne_emu_netlink.h>
#include <uapi/linux/nitro_enclaves_emu.h>

struct genl_info;
struct ne_backend;
struct sk_buff;
struct sock;

/* Limits of the AWS driver (its source): bytes. */
#define NE_MEM_REGION_ALIGN	(2UL << 20)
#define NE_MEM_REGION_MAX_SIZE	(512UL << 30)
#define NE_ENCLAVE_MEM_MIN_SIZE	(64UL << 20)

/* Size of the stored ne_cpus string with its NUL, as in the AWS driver. */
#define NE_CPUS_SIZE		512

/**
 * struct ne_mem_seg - one donated huge page
 * @offset: start of the page in the enclave's memory, bytes
 * @size: bytes
 * @page: head page, referenced
 */
struct ne_mem_seg {
	u64 offset;
	u64 size;
	struct page *page;
};

/**
 * struct ne_mem_region - memory donated by one NE_SET_USER_MEMORY_REGION call
 * @node: link in &struct ne_mem.regions, in call order
 * @userspace_addr: start in the caller's address space
 * @memory_size: requested bytes; the last page may extend beyond them
 * @nr_segs: number of @segs
 * @segs: the pages, in ascending address order
 */
struct ne_mem_region {
	struct list_head node;
	u64 userspace_addr;
	u64 memory_size;
	unsigned int nr_segs;
	struct ne_mem_seg segs[] __counted_by(nr_segs);
};

/**
 * struct ne_mem - memory of an enclave, protected by &struct ne_enclave.lock
 * @regions: list of &struct ne_mem_region
 * @nr_phys: number of physically contiguous ranges; ranges merge only within a call
 * @nr_segs: huge pages in all regions
 * @size: bytes in all regions
 */
struct ne_mem {
	struct list_head regions;
	unsigned int nr_phys;
	unsigned int nr_segs;
	u64 size;
};

/**
 * struct ne_enclave - one enclave, from NE_CREATE_VM to the last close
 * @ref: held by the enclave file and by a backend
 * @slot_uid: identity, never 0; constant
 * @numa_node: NUMA node that its memory must come from; constant
 * @mm: address space of the creator, mmgrab()ed and only compared; constant
 * @owner_uid: effective user id of the creator; constant
 * @owner_net: cookie of the network namespace of the creator; constant
 * @owner_pid: thread group of the creator, referenced; constant
 * @quota_user: user whose quota it is charged to; constant
 * @lock: serializes ioctls, end and release
 * @claimed: CPUs of the cores claimed from the pool; @lock
 * @vcpus: CPUs added as vCPUs, a subset of @claimed; @lock
 * @mem: donated memory; @lock
 * @backend: backend from a successful start until release, else NULL; @lock
 * @info_lock: lets readers of the fields below avoid @lock; writers hold both
 * @state: INIT, RUNNING, STOPPED or FREED
 * @flags: start flags, valid from RUNNING on
 * @cid: vsock CID, 0 before the start
 * @mem_size: copy of @mem.size
 * @nr_vcpus: number of @vcpu_ids in use
 * @vcpu_ids: CPUs in the order in which they were added; nr_cpu_ids elements
 * @exit_reason: why it ended
 * @exit_text: why it ended, or why the last start failed, as text
 * @guest_status: how its program ended, see struct ne_emu_backend_status; 0: not known
 * @started_ns: CLOCK_BOOTTIME of the start, ns
 * @wait: pollers of the enclave fd
 * @hup: poll() reports EPOLLHUP from now on; written once, read without a lock
 */
struct ne_enclave {
	struct kref ref;
	u64 slot_uid;
	int numa_node;
	struct mm_struct *mm;
	kuid_t owner_uid;
	u64 owner_net;
	struct pid *owner_pid;
	kuid_t quota_user;

	struct mutex lock;		/* ioctls, end, release */
	cpumask_var_t claimed;
	cpumask_var_t vcpus;
	struct ne_mem mem;
	struct ne_backend *backend;

	spinlock_t info_lock;		/* protects the fields below for readers */
	enum ne_emu_enclave_state state;
	u64 flags;
	u32 cid;
	u64 mem_size;
	unsigned int nr_vcpus;
	u32 *vcpu_ids;
	enum ne_emu_exit_reason exit_reason;
	char exit_text[NE_EMU_STATUS_TEXT_SIZE];
	u32 guest_status;
	u64 started_ns;

	wait_queue_head_t wait;
	bool hup;
};

/**
 * enum ne_backend_state - progress of a start request
 * @NE_BACKEND_WAITING: queued, not accepted yet
 * @NE_BACKEND_ACCEPTED: the supervisor has the backend fd
 * @NE_BACKEND_DONE: the VMM is ready
 * @NE_BACKEND_FAILED: refused, or the fd was closed before the answer
 * @NE_BACKEND_STOPPED: given up by the start, or the enclave ended or was released
 */
enum ne_backend_state {
	NE_BACKEND_WAITING,
	NE_BACKEND_ACCEPTED,
	NE_BACKEND_DONE,
	NE_BACKEND_FAILED,
	NE_BACKEND_STOPPED,
};

/**
 * struct ne_backend - a start request, and later the VMM that serves it
 * @ref: held by the enclave, the queue and the backend file
 * @enclave: the enclave, referenced; constant
 * @cid: vsock CID; constant
 * @flags: start flags; constant
 * @mem_size: bytes of donated memory; constant
 * @nr_vcpus: number of @vcpu_ids; constant
 * @vcpu_ids: host CPUs; constant
 * @queue_node: link in the queue of waiting requests; ne_backend_queue.lock
 * @wait: waiters: NE_START_ENCLAVE and pollers of the backend fd
 * @lock: protects the fields below, down to @vmm
 * @state: see enum ne_backend_state
 * @error: positive errno, for NE_BACKEND_FAILED
 * @go: the enclave is RUNNING
 * @ended: the end has been reported
 * @text: why the start failed
 * @vmm: process to kill if it outlives the enclave, or NULL
 * @map_lock: protects @segs, @nr_segs and @inode; page faults take it for reading
 * @segs: donated pages in address order; NULL once the release has begun
 * @nr_segs: number of @segs
 * @inode: inode of the backend file, referenced, used to unmap the memory; NULL before
 *	accept
 * @kill_work: kills @vmm after a grace period
 */
struct ne_backend {
	struct kref ref;
	struct ne_enclave *enclave;
	u32 cid;
	u64 flags;
	u64 mem_size;
	unsigned int nr_vcpus;
	u32 *vcpu_ids;

	struct list_head queue_node;
	wait_queue_head_t wait;

	spinlock_t lock;		/* protects the fields down to @vmm */
	enum ne_backend_state state;
	u32 error;
	bool go;
	bool ended;
	char text[NE_EMU_STATUS_TEXT_SIZE];
	struct pid *vmm;

	struct rw_semaphore map_lock;
	struct ne_mem_seg *segs;
	unsigned int nr_segs;
	struct inode *inode;
	struct delayed_work kill_work;
};

/**
 * struct ne_view - what a reader may see of an enclave besides the public attributes
 * @text: show the text of the end or of a failed start
 * @owner: show @pid and @uid
 * @pid: PID of the creator in the reader's PID namespace, 0 if not visible there
 * @uid: user id of the creator in the reader's user namespace
 */
struct ne_view {
	bool text;
	bool owner;
	pid_t pid;
	uid_t uid;
};

/* main.c */
extern unsigned int ne_max_mem_regions;
extern unsigned int ne_max_enclaves;
extern unsigned int ne_max_enclaves_per_user;
extern unsigned int ne_min_cid;

/* misc_dev.c */
int ne_misc_dev_init(void);
void ne_misc_dev_exit(void);

/* registry.c */
extern struct mutex ne_registry_lock;
bool ne_registry_empty(void);
int ne_registry_reserve(struct ne_enclave *enclave);
void ne_registry_publish(struct ne_enclave *enclave);
void ne_registry_remove(struct ne_enclave *enclave);
struct ne_enclave *ne_registry_find(u64 slot_uid);
struct ne_enclave *ne_registry_next(u64 slot_uid);

/* enclave.c */
struct ne_enclave *ne_enclave_create(void);
void ne_enclave_unregister(struct ne_enclave *enclave);
void ne_enclave_put(struct ne_enclave *enclave);
void ne_enclave_release(struct ne_enclave *enclave);
int ne_enclave_check_init(struct ne_enclave *enclave);
int ne_enclave_start(struct ne_enclave *enclave, struct ne_enclave_start_info *info);
int ne_enclave_ended(struct ne_enclave *enclave, struct ne_backend *backend,
		     enum ne_emu_exit_reason reason, u32 guest_status, const char *text);

/* quota.c */
kuid_t ne_quota_user(void);
int ne_quota_charge(kuid_t uid);
void ne_quota_uncharge(kuid_t uid);

/* enclave_fd.c */
struct file *ne_enclave_file_create(struct ne_enclave *enclave);

/* ioctl.c */
long ne_enclave_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* mem_region.c */
void ne_mem_init(struct ne_mem *mem);
int ne_mem_region_add(struct ne_enclave *enclave, const struct ne_user_memory_region *req);
struct ne_mem_seg *ne_mem_flatten(struct ne_enclave *enclave);
void ne_mem_release(struct ne_enclave *enclave);
void ne_mem_exit(void);
unsigned int ne_mem_count_phys(const struct ne_mem_seg *segs, unsigned int nr_segs);

/* vcpu.c */
int ne_vcpu_add(struct ne_enclave *enclave, u32 *vcpu_id);

/* cpu_pool.c */
int ne_pool_set(const char *text);
int ne_pool_get(char *buf);
int ne_pool_snapshot(struct cpumask *cpus, struct cpumask *claimed);
bool ne_pool_has_cpus(void);
int ne_pool_numa_node(void);
unsigned int ne_pool_cpu_limit(void);
int ne_pool_claim_first(struct cpumask *claimed);
int ne_pool_claim_cpu(unsigned int cpu, struct cpumask *claimed);
int ne_pool_next_thread(const struct cpumask *claimed, const struct cpumask *used);
void ne_pool_return(const struct cpumask *claimed);
void ne_pool_exit(void);

/* sysfs.c */
int ne_sysfs_init(void);
void ne_sysfs_exit(void);

/* cid.c */
bool ne_cid_is_valid(u64 cid);
int ne_cid_alloc(u64 requested, u32 *ret_cid);
void ne_cid_free(u32 cid);

/* backend.c */
struct ne_backend *ne_backend_create(struct ne_enclave *enclave, u32 cid, u64 flags);
void ne_backend_put(struct ne_backend *backend);
int ne_backend_start(struct ne_backend *backend);
void ne_backend_go(struct ne_backend *backend);
void ne_backend_hangup(struct ne_backend *backend);
void ne_backend_revoke(struct ne_backend *backend);
struct ne_backend *ne_backend_accept(void);
void ne_backend_fail(struct ne_backend *backend, u32 error, const char *text);
int ne_backend_done(struct ne_backend *backend, const struct ne_emu_backend_status *status);
int ne_backend_exit(struct ne_backend *backend, const struct ne_emu_backend_status *status);
void ne_backend_closed(struct ne_backend *backend);

/* backend_fd.c */
struct file *ne_backend_file_create(struct ne_backend *backend);

/* authority.c */
bool ne_opener_may_control(const struct sock *sk, const struct ne_enclave *enclave);
bool ne_may_control(const struct sock *sk, const struct ne_enclave *enclave);
bool ne_may_accept(const struct sock *sk);
void ne_view_get(const struct sock *sk, const struct ne_enclave *enclave, struct ne_view *view);

/* message.c */
int ne_msg_put_enclave(struct sk_buff *skb, struct ne_enclave *enclave,
		       const struct ne_view *view);
struct sk_buff *ne_msg_enclave(const struct genl_info *info, struct ne_enclave *enclave,
			       const struct ne_view *view);
struct sk_buff *ne_msg_request(const struct genl_info *info, struct ne_backend *backend,
			       int fd);
struct sk_buff *ne_msg_ready(u64 slot_uid);
struct sk_buff *ne_msg_pool(const struct genl_info *info);

/* notify.c */
int ne_notify_ready(u64 slot_uid);
void ne_notify_enclave(struct ne_enclave *enclave);
void ne_notify_pool(void);

/* netlink.c */
int ne_netlink_init(void);
void ne_netlink_exit(void);

/**
 * ne_enclave_check_mm() - check that current is in the creator's address space
 * @enclave: the enclave
 *
 * Return: 0 or -EIO.
 */
static inline int ne_enclave_check_mm(const struct ne_enclave *enclave)
{
	return current->mm == enclave->mm ? 0 : -EIO;
}

#endif /* NE_EMU_H */
