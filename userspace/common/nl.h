/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and notifications of the ne-emu netlink family. Only nl*.c use libnl. */

#ifndef NE_EMU_COMMON_NL_H
#define NE_EMU_COMMON_NL_H

#include <linux/ne_emu_netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NE_NL_TEXT_SIZE		120
#define NE_NL_NO_OWNER		UINT32_MAX

/**
 * struct ne_nl_enclave - an enclave as reported by the kernel
 * @slot_uid: identifies the enclave
 * @flags: NE_ENCLAVE_* of the start request
 * @mem_size: memory of the enclave, bytes
 * @image_offset: offset of the image in that memory, bytes
 * @started_ns: start time, CLOCK_BOOTTIME, nanoseconds; 0 before the start
 * @cid: vsock CID; 0 before the start
 * @state: enum ne_emu_enclave_state
 * @exit_reason: enum ne_emu_exit_reason
 * @guest_status: how its program ended, see common/guest_status.h; 0: not known, or not
 *	reported to this user
 * @owner_pid: process that owns it; 0 if the kernel does not report it
 * @owner_uid: user who created it; NE_NL_NO_OWNER if the kernel does not report it
 * @vcpus: host CPUs in the order in which they were added
 * @nr_vcpus: entries of @vcpus
 * @backend_fd: set by ne_nl_accept(), otherwise -1; ne_nl_enclave_done() closes it
 * @exit_text: explanation of @exit_reason, or ""; clean, see common/text.h
 */
struct ne_nl_enclave {
	uint64_t slot_uid;
	uint64_t flags;
	uint64_t mem_size;
	uint64_t image_offset;
	uint64_t started_ns;
	uint32_t cid;
	uint32_t state;
	uint32_t exit_reason;
	uint32_t guest_status;
	uint32_t owner_pid;
	uint32_t owner_uid;
	uint32_t *vcpus;
	size_t nr_vcpus;
	int backend_fd;
	char exit_text[NE_NL_TEXT_SIZE];
};

/**
 * struct ne_nl_pool - the CPU pool as reported by the kernel
 * @cpus: CPU numbers, ascending; empty if the pool is not set
 * @nr_cpus: entries of @cpus
 * @claimed: CPUs that enclaves use, ascending
 * @nr_claimed: entries of @claimed
 * @node: NUMA node of the CPUs; -1 if the pool is not set
 */
struct ne_nl_pool {
	uint32_t *cpus;
	size_t nr_cpus;
	uint32_t *claimed;
	size_t nr_claimed;
	int node;
};

struct ne_nl;

/**
 * ne_nl_open() - connect to the family
 * @ret_nl: the connection; the caller closes it with ne_nl_close()
 *
 * Return: 0, -ENOENT (no such family: the module is not loaded), or another
 * negative errno.
 */
int ne_nl_open(struct ne_nl **ret_nl);
/** ne_nl_close() - close a connection; @nl may be NULL */
void ne_nl_close(struct ne_nl *nl);

/*
 * The requests below return 0, the negative errno of the kernel, -EBADMSG (invalid reply)
 * or -ENOMEM.
 */

/**
 * ne_nl_enclave_get() - get one enclave
 * @nl: an open connection
 * @slot_uid: the enclave
 * @ret: filled on success; the caller releases it with ne_nl_enclave_done()
 *
 * Return: as above; -ENOENT: there is no such enclave.
 */
int ne_nl_enclave_get(struct ne_nl *nl, uint64_t slot_uid, struct ne_nl_enclave *ret);

/**
 * ne_nl_enclave_list() - get all enclaves, oldest first
 * @nl: an open connection
 * @ret: array; the caller releases it with ne_nl_list_free()
 * @ret_count: entries of *@ret
 *
 * Return: as above; -EAGAIN: enclaves came and went during each of several attempts.
 */
int ne_nl_enclave_list(struct ne_nl *nl, struct ne_nl_enclave **ret, size_t *ret_count);

/**
 * ne_nl_enclave_stop() - ask the VMM of an enclave to end it
 * @nl: an open connection
 * @slot_uid: the enclave
 *
 * Return: as above; -ENOENT: there is no such enclave; -ENOTCONN: it is not running;
 * -EPERM: it belongs to another user.
 */
int ne_nl_enclave_stop(struct ne_nl *nl, uint64_t slot_uid);

/**
 * ne_nl_accept() - accept the oldest pending start request
 * @nl: an open connection
 * @ret: filled on success; the caller releases it with ne_nl_enclave_done()
 *
 * Return: as above; -EAGAIN: there is no request; -EPERM: the caller does not have
 * CAP_SYS_ADMIN in the initial user namespace, or is not in the initial network namespace.
 */
int ne_nl_accept(struct ne_nl *nl, struct ne_nl_enclave *ret);

/**
 * ne_nl_pool_get() - get the CPU pool
 * @nl: an open connection
 * @ret: filled on success; the caller releases it with ne_nl_pool_done()
 *
 * Return: as above.
 */
int ne_nl_pool_get(struct ne_nl *nl, struct ne_nl_pool *ret);
/** ne_nl_pool_done() - free what a pool holds */
void ne_nl_pool_done(struct ne_nl_pool *pool);

/** ne_nl_owner() - user who may access what belongs to an enclave; root may, too */
static inline uint32_t ne_nl_owner(const struct ne_nl_enclave *enclave)
{
	return enclave->owner_uid == NE_NL_NO_OWNER ? 0 : enclave->owner_uid;
}

/** ne_nl_enclave_done() - free what an enclave holds, and close its backend fd */
void ne_nl_enclave_done(struct ne_nl_enclave *enclave);
/** ne_nl_list_free() - free the @count enclaves of a list, and the list */
void ne_nl_list_free(struct ne_nl_enclave *list, size_t count);

/**
 * ne_nl_parse() - parse the attributes of a message about an enclave
 * @attrs: first attribute, 4-byte aligned
 * @len: bytes of all attributes
 * @ret: filled on success; the caller releases it with ne_nl_enclave_done()
 *
 * Unknown attributes are ignored. "slot-uid" is required.
 *
 * Return: 0, -EBADMSG (truncated, an attribute of a wrong size, or no slot uid) or -ENOMEM.
 * On failure, a backend fd among the attributes is closed.
 */
int ne_nl_parse(const void *attrs, size_t len, struct ne_nl_enclave *ret);

/** ne_nl_parse_pool() - the same for the CPU pool; 0, -EBADMSG or -ENOMEM */
int ne_nl_parse_pool(const void *attrs, size_t len, struct ne_nl_pool *ret);

/**
 * typedef ne_nl_event_fn - called for each notification
 * @cmd: NE_EMU_CMD_READY, NE_EMU_CMD_ENCLAVE_NTF or NE_EMU_CMD_POOL_NTF
 * @enclave: the enclave it is about; NULL for NE_EMU_CMD_POOL_NTF, see ne_nl_pool_get()
 * @arg: argument of ne_nl_event_read()
 */
typedef void (*ne_nl_event_fn)(int cmd, const struct ne_nl_enclave *enclave, void *arg);

/**
 * ne_nl_subscribe() - open a second socket, for notifications
 * @nl: an open connection
 * @groups: NULL-terminated list of NE_EMU_MCGRP_* names
 *
 * Return: 0 or a negative errno, among them -EALREADY (called before) and -EPERM (a group
 * needs CAP_SYS_ADMIN).
 */
int ne_nl_subscribe(struct ne_nl *nl, const char *const *groups);

/** ne_nl_event_fd() - descriptor to poll for POLLIN; -1 before ne_nl_subscribe() */
int ne_nl_event_fd(const struct ne_nl *nl);

/**
 * ne_nl_event_read() - deliver pending notifications, without blocking
 * @nl: a connection that has subscribed
 * @fn: called for each notification
 * @arg: passed on to @fn
 *
 * The number per call is limited, so poll again.
 *
 * Return: 0; -ENOBUFS (notifications were lost, so the caller has to query everything
 * again); -ENOENT (the module was unloaded, so there will be no more notifications); or
 * another negative errno.
 */
int ne_nl_event_read(struct ne_nl *nl, ne_nl_event_fn fn, void *arg);

/** ne_nl_state_name() - name as in the specification; "unknown" for newer values */
const char *ne_nl_state_name(uint32_t state);
/** ne_nl_exit_reason_name() - name as in the specification; "unknown" for newer values */
const char *ne_nl_exit_reason_name(uint32_t reason);

#endif
