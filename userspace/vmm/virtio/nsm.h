/* SPDX-License-Identifier: Apache-2.0 */
/* Nitro Security Module device (virtio id 33): requests to the model in nsm/. */

#ifndef NE_EMU_VMM_VIRTIO_NSM_H
#define NE_EMU_VMM_VIRTIO_NSM_H

#include "nsm/nsm.h"
#include "vmm/virtio/mmio.h"

#include <stdint.h>

#define NSM_QUEUE_SIZE	8

/**
 * struct nsm_device - one request and its response at a time
 * @nsm: borrowed; keeps its state when the driver resets the device
 * @in_iov: scratch, as all below: the buffers of the request
 * @out_iov: those of the response
 * @request: one byte more than allowed tells "too large"
 */
struct nsm_device {
	struct virtio_mmio mmio;
	struct nsm *nsm;
	struct iovec in_iov[NSM_QUEUE_SIZE];
	struct iovec out_iov[NSM_QUEUE_SIZE];
	uint8_t request[NSM_REQUEST_MAX + 1];
	uint8_t response[NSM_RESPONSE_MAX];
};

/** nsm_device_create() - 0 or a negative errno */
int nsm_device_create(const struct guest_memory *memory, struct loop *loop, int irq_fd,
		      struct nsm *nsm, struct nsm_device **ret_device);
void nsm_device_destroy(struct nsm_device *device);

#endif
