/* SPDX-License-Identifier: Apache-2.0 */
/* Typed calls of the ne-emu netlink family; nl*.c are the only users of libnl. */

#ifndef NE_EMU_COMMON_NL_H
#define NE_EMU_COMMON_NL_H

#include <linux/ne_emu_netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NE_NL_TEXT_SIZE		120
#define NE_NL_NO_OWNER		UINT32_MAX

/**
 * struct ne_nl_enclave - one enclave as the kernel tells it
 * @slot_uid: identifies the enclave
 * @flags: NE_ENCLAVE_* of the start request
 * @mem_size: memory donated to the enclave, bytes
 * @image_offset: where the image lies in that memory, bytes
 * @started_ns: CLOCK_BOOTTIME, nanoseconds; 0 before a start
 * @cid: its vsock context ID
 * @state: its state
 * @exit_reason: why it ended
 * @owner_pid: 0 if the kernel does not say
 * @owner_uid: who created it; NE_NL_NO_OWNER if the kernel does not say
 * @vcpus: host CPUs in the order they were added, @nr_vcpus of them
 * @nr_vcpus: entries of @vcpus
 * @backend_fd: reply to accept only, otherwise -1; owned by the struct
 * @exit_text: clean, see common/text.h
 */
struct ne_nl_enclave {
	uint64_t slot_uid;
	uint64_t flags;
	uint64_t mem_size;
	uint64_t image_offset;
	uint64_t started_ns;
	uint32_t cid;			/* 0: none yet */
	uint32_t state;			/* enum ne_emu_enclave_state */
	uint32_t exit_reason;		/* enum ne_emu_exit_reason */
	uint32_t owner_pid;
	uint32_t owner_uid;
	uint32_t *vcpus;
	size_t nr_vcpus;
	int backend_fd;
	char exit_text[NE_NL_TEXT_SIZE];
};

/**
 * struct ne_nl_pool - the CPU pool as the kernel tells it
 * @cpus: all CPUs ascending, @nr_cpus of them; none when the pool is not set
 * @nr_cpus: entries of @cpus
 * @claimed: those that enclaves have, ascending, @nr_claimed of them
 * @nr_claimed: entries of @claimed
 * @node: NUMA node of all; -1 when the pool is not set
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
 * @ret_nl: the connection, which ne_nl_close() ends
 *
 * Return: 0, -ENOENT (no such family: the module is not loaded), or another
 * negative errno.
 */
int ne_nl_open(struct ne_nl **ret_nl);
void ne_nl_close(struct ne_nl *nl);

/*
 * Each call returns 0 or the kernel's negative errno. A reply that makes no
 * sense is -EBADMSG; a list that changed again and again meanwhile is -EAGAIN.
 */
int ne_nl_enclave_get(struct ne_nl *nl, uint64_t slot_uid, struct ne_nl_enclave *ret);
/** ne_nl_enclave_list() - all enclaves, oldest first; free with ne_nl_list_free() */
int ne_nl_enclave_list(struct ne_nl *nl, struct ne_nl_enclave **ret, size_t *ret_count);
int ne_nl_enclave_stop(struct ne_nl *nl, uint64_t slot_uid);
/**
 * ne_nl_accept() - oldest waiting start request
 * @nl: an open connection
 * @ret: filled on success; the caller releases it with ne_nl_enclave_done()
 *
 * -EAGAIN without one; -EPERM without CAP_SYS_ADMIN in the initial user namespace, or
 * in another network namespace than the initial one.
 */
int ne_nl_accept(struct ne_nl *nl, struct ne_nl_enclave *ret);

/** ne_nl_pool_get() - the CPU pool; free with ne_nl_pool_done() */
int ne_nl_pool_get(struct ne_nl *nl, struct ne_nl_pool *ret);
void ne_nl_pool_done(struct ne_nl_pool *pool);

/** ne_nl_owner() - who may see and change what belongs to an enclave, besides root */
static inline uint32_t ne_nl_owner(const struct ne_nl_enclave *enclave)
{
	return enclave->owner_uid == NE_NL_NO_OWNER ? 0 : enclave->owner_uid;
}

/** ne_nl_enclave_done() - free what an enclave holds (fd included) */
void ne_nl_enclave_done(struct ne_nl_enclave *enclave);
void ne_nl_list_free(struct ne_nl_enclave *list, size_t count);

/**
 * ne_nl_parse() - the attributes of one message
 * @attrs: first attribute, 4-byte aligned
 * @len: bytes of all attributes
 * @ret: what they say; release with ne_nl_enclave_done()
 *
 * Unknown attributes are passed over. "slot-uid" must be there.
 *
 * Return: 0, -EBADMSG (cut off, wrong size, or no slot uid; a backend fd among
 * the attributes is closed) or -ENOMEM.
 */
int ne_nl_parse(const void *attrs, size_t len, struct ne_nl_enclave *ret);

/** ne_nl_parse_pool() - the same for the CPU pool; -EBADMSG or -ENOMEM */
int ne_nl_parse_pool(const void *attrs, size_t len, struct ne_nl_pool *ret);

/**
 * typedef ne_nl_event_fn - called for each notification
 * @cmd: NE_EMU_CMD_READY, NE_EMU_CMD_ENCLAVE_NTF or NE_EMU_CMD_POOL_NTF
 * @enclave: what it says; NULL for the pool, see ne_nl_pool_get()
 * @arg: what the caller of ne_nl_event_read() gave
 */
typedef void (*ne_nl_event_fn)(int cmd, const struct ne_nl_enclave *enclave, void *arg);

/**
 * ne_nl_subscribe() - a second socket, for notifications; once per @nl
 * @nl: an open connection
 * @groups: NULL-terminated list of NE_EMU_MCGRP_* names
 *
 * Return: 0 or a negative errno (-EPERM: the group needs CAP_SYS_ADMIN).
 */
int ne_nl_subscribe(struct ne_nl *nl, const char *const *groups);
/** ne_nl_event_fd() - descriptor to poll for POLLIN; -1 before ne_nl_subscribe() */
int ne_nl_event_fd(const struct ne_nl *nl);
/**
 * ne_nl_event_read() - deliver what waits, without blocking
 * @nl: a connection that has subscribed
 * @fn: called for each notification
 * @arg: passed on to @fn
 *
 * Not necessarily all of it: poll again.
 *
 * Return: 0; -ENOBUFS when notifications were lost: look at everything again;
 * -ENOENT when the family has gone (the module was unloaded): nothing more will
 * come; or another negative errno.
 */
int ne_nl_event_read(struct ne_nl *nl, ne_nl_event_fn fn, void *arg);

/* Names as in the specification; "unknown" for values of a newer kernel. */
const char *ne_nl_state_name(uint32_t state);
const char *ne_nl_exit_reason_name(uint32_t reason);

#endif
