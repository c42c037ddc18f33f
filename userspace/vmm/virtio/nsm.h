/* SPDX-License-Identifier: Apache-2.0 */
/* Nitro Security Module device (virtio id 33): requests to the model in nsm/. */

#ifndef NE_EMU_VMM_VIRTIO_NSM_H
#define NE_EMU_VMM_VIRTIO_NSM_H

#include "common/marks.h"
#include "nsm/nsm.h"
#include "vmm/virtio/mmio.h"
#include "vmm/virtio/nsm_faults.h"

#include <stdint.h>

#define NSM_QUEUE_SIZE	8

/**
 * struct nsm_device - handles one request at a time
 * @nsm: borrowed; keeps its state when the driver resets the device
 * @requests: number of requests so far
 * @errors: number of those that were answered with an error
 * @marks: notes the first request, or NULL
 * @faults: faults on request
 * @begin_ns: CLOCK_MONOTONIC of the request, while requests are traced
 * @in_iov: buffers of the request; scratch, as all fields below
 * @out_iov: buffers of the response
 * @request: has room for one byte more than allowed, to detect longer requests
 */
struct nsm_device {
	struct virtio_mmio mmio;
	struct nsm *nsm;
	uint64_t requests;
	uint64_t errors;
	struct marks *marks;
	struct nsm_faults faults;
	int64_t begin_ns;
	struct iovec in_iov[NSM_QUEUE_SIZE];
	struct iovec out_iov[NSM_QUEUE_SIZE];
	uint8_t request[NSM_REQUEST_MAX + 1];
	uint8_t response[NSM_RESPONSE_MAX];
};

/** nsm_device_create() - create the device; Return: 0 or a negative errno */
int nsm_device_create(const struct guest_memory *memory, struct loop *loop, int irq_fd,
		      struct nsm *nsm, struct faults *faults, struct nsm_device **ret_device);
void nsm_device_destroy(struct nsm_device *device);

#endif
