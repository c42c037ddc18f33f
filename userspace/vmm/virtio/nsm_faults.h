/* SPDX-License-Identifier: Apache-2.0 */
/* Faults on request of the NSM: requests that wait, and other answers than the right one. */

#ifndef NE_EMU_VMM_VIRTIO_NSM_FAULTS_H
#define NE_EMU_VMM_VIRTIO_NSM_FAULTS_H

#include "vmm/faults.h"
#include "vmm/loop.h"

enum nsm_fate {
	NSM_FATE_PENDING,	/* no request has been looked at */
	NSM_FATE_WAITS,		/* until the timer expires */
	NSM_FATE_HANGS,		/* until a reset */
	NSM_FATE_ANSWER,
};

/**
 * struct nsm_faults - the fate of the request at the head of the queue
 * @faults: borrowed
 * @timer: of a request that waits
 * @error: error to answer with, or 0
 * @no_random: answer GetRandom without a byte
 *
 * The lock of the device protects all but the first two.
 */
struct nsm_faults {
	struct faults *faults;
	struct loop_source timer;
	enum nsm_fate fate;
	unsigned int error;
	bool no_random;
};

/**
 * nsm_faults_init() - prepare the timer
 * @call: called when a request has waited long enough
 * @arg: its argument
 *
 * Return: 0 or a negative errno.
 */
int nsm_faults_init(struct nsm_faults *nsm, struct faults *faults, struct loop *loop,
		    void (*call)(void *arg, uint32_t events), void *arg);
/** nsm_faults_exit() - also allowed if nsm_faults_init() has failed */
void nsm_faults_exit(struct nsm_faults *nsm, struct loop *loop);

/** nsm_faults_expired() - the timer has expired */
void nsm_faults_expired(struct nsm_faults *nsm);
/** nsm_faults_reset() - forget the request: the driver has reset the device */
void nsm_faults_reset(struct nsm_faults *nsm);

/** nsm_faults_busy() - does a request wait or hang? */
static inline bool nsm_faults_busy(const struct nsm_faults *nsm)
{
	return nsm->fate == NSM_FATE_WAITS || nsm->fate == NSM_FATE_HANGS;
}

/** nsm_faults_judge() - decide what happens to a request; may make it wait or hang */
void nsm_faults_judge(struct nsm_faults *nsm, const void *req, size_t req_len);

/**
 * nsm_faults_answer() - give the answer of a fault; ends the request
 * @rsp: receives it
 * @rsp_cap: room at @rsp
 *
 * Return: length of the answer; 0 if there is no fault, or no room for it.
 */
size_t nsm_faults_answer(struct nsm_faults *nsm, void *rsp, size_t rsp_cap);

#endif
