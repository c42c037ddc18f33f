/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's side of the driver: raw netlink and backend fds. */

#ifndef NE_BACKEND_H
#define NE_BACKEND_H

#include <linux/ne_emu_netlink.h>
#include <linux/nitro_enclaves_emu.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NE_REQUEST_MAX_VCPUS	16
#define NE_NO_OWNER		UINT32_MAX

/**
 * struct ne_info - an enclave as netlink describes it
 * @owner_pid: 0 if the message does not contain it
 * @owner_uid: NE_NO_OWNER if the message does not contain it
 * @backend_fd: only in the reply to accept, otherwise -1; the caller closes it
 * @has_text: the message contains @exit_text, which may be empty
 * @has_status: the message contains @exit_status
 */
struct ne_info {
	uint64_t slot_uid;
	uint64_t flags;
	uint64_t mem_size;
	uint64_t image_offset;
	uint64_t started_ns;
	uint32_t cid;
	uint32_t state;
	uint32_t exit_reason;
	uint32_t owner_pid;
	uint32_t owner_uid;
	uint32_t vcpus[NE_REQUEST_MAX_VCPUS];
	size_t nr_vcpus;
	int backend_fd;
	bool has_text;
	bool has_status;
	uint32_t exit_status;
	char exit_text[256];
};

/**
 * struct ne_pool_info - the CPU pool as netlink describes it
 * @node: -1 if there is none
 */
struct ne_pool_info {
	uint32_t cpus[NE_REQUEST_MAX_VCPUS];
	size_t nr_cpus;
	uint32_t claimed[NE_REQUEST_MAX_VCPUS];
	size_t nr_claimed;
	int node;
};

/**
 * struct ne_netlink - two sockets of the family
 * @request_fd: for commands
 * @event_fd: member of one multicast group; readable when there is an event
 */
struct ne_netlink {
	int request_fd;
	int event_fd;
	uint16_t family;
	uint32_t group;
	uint32_t seq;
};

/* All of these return 0 or a negative errno. */

/** ne_netlink_open() - find the family and join @group (a NE_EMU_MCGRP_* name) */
int ne_netlink_open(struct ne_netlink *nl, const char *group);
void ne_netlink_close(struct ne_netlink *nl);
/** ne_netlink_event() - get the next event or -ETIMEDOUT; @ret_cmd is a NE_EMU_CMD_* */
int ne_netlink_event(struct ne_netlink *nl, int timeout_ms, int *ret_cmd,
		     struct ne_info *ret_info);
/** ne_netlink_accept() - accept the oldest start request; -EAGAIN if there is none */
int ne_netlink_accept(struct ne_netlink *nl, struct ne_info *ret_info);
/** ne_netlink_wait_accept() - wait for a start request and accept it */
int ne_netlink_wait_accept(struct ne_netlink *nl, int timeout_ms, struct ne_info *ret_info);
int ne_netlink_get(struct ne_netlink *nl, uint64_t slot_uid, struct ne_info *ret_info);
int ne_netlink_pool(struct ne_netlink *nl, struct ne_pool_info *ret_info);
int ne_netlink_stop(struct ne_netlink *nl, uint64_t slot_uid);
/** ne_netlink_dump() - call @fn for each enclave; returns their number or -errno */
int ne_netlink_dump(struct ne_netlink *nl, void (*fn)(const struct ne_info *info, void *arg),
		    void *arg);

int ne_backend_done(int backend_fd, uint32_t code, const char *text);
int ne_backend_exit(int backend_fd, uint32_t reason, const char *text);
/** ne_backend_exit_status() - the same with the status of the enclave's program */
int ne_backend_exit_status(int backend_fd, uint32_t reason, uint32_t guest_status,
			   const char *text);

#endif
