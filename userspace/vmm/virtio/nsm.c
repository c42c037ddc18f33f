// SPDX-License-Identifier: Apache-2.0
/* Nitro Security Module device (virtio id 33): requests to the model in nsm/. */

#include "vmm/virtio/nsm.h"

#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <string.h>

/* A request is one chain and its response the next. */
#define CHAINS		2

/* A response with an error is a map of one entry, {"Error": ...}. */
static bool is_error(const uint8_t *response, size_t len)
{
	static const uint8_t start[] = { 0xa1, 0x65, 'E', 'r', 'r', 'o', 'r' };

	return len >= sizeof(start) && !memcmp(response, start, sizeof(start));
}

/* Return: 0 or -EPROTO. */
static int nsm_answer(struct nsm_device *device, struct virtqueue *queue)
{
	struct virtqueue_chain in = { .iov = device->in_iov };
	struct virtqueue_chain out = { .iov = device->out_iov };
	size_t request_len, response_cap, response_len;

	if (virtqueue_peek(queue, 0, &in) || virtqueue_peek(queue, 1, &out) ||
	    in.nr_write || out.nr_read)
		return -EPROTO;

	request_len = MIN(in.read_size, sizeof(device->request));
	virtqueue_chain_read(&in, device->request, request_len);
	if (trace_wanted(device->mmio.trace, TRACE_NSM) &&
	    device->faults.fate == NSM_FATE_PENDING)
		device->begin_ns = clock_ns(CLOCK_MONOTONIC);
	nsm_faults_judge(&device->faults, device->request, request_len);
	if (nsm_faults_busy(&device->faults))
		return 0;
	response_cap = MIN(out.write_size, sizeof(device->response));
	response_len = nsm_faults_answer(&device->faults, device->response, response_cap);
	if (!response_len)
		response_len = nsm_request(device->nsm, device->request, request_len,
					   device->response, response_cap);
	virtqueue_chain_write(&out, device->response, response_len);
	device->requests++;
	device->errors += is_error(device->response, response_len);
	if (trace_wanted(device->mmio.trace, TRACE_NSM))
		trace_request(device->mmio.trace, device->request, request_len, device->response,
			      response_len, clock_ns(CLOCK_MONOTONIC) - device->begin_ns);

	virtqueue_take(queue, CHAINS);
	virtqueue_put_used(queue, in.head, 0);
	virtqueue_put_used(queue, out.head, response_len);
	/* The driver expects both with one interrupt. */
	virtio_mmio_publish(&device->mmio, 0);
	return 0;
}

static void nsm_queue(struct virtio_mmio *mmio, unsigned int index)
{
	struct nsm_device *device = container_of(mmio, struct nsm_device, mmio);
	struct virtqueue *queue = &mmio->queues[index];
	int n = virtqueue_available(queue);

	if ((n >= 0 && n < CHAINS) || nsm_faults_busy(&device->faults))
		return;
	marks_set(device->marks, MARK_NSM);
	if (n < 0 || nsm_answer(device, queue))
		virtio_mmio_break(mmio, "bad request queue");
	/* One request at a time: it may take a signature, and other sources wait. */
	else if (n >= 2 * CHAINS && !nsm_faults_busy(&device->faults))
		virtio_mmio_again(mmio, index);
}

static void nsm_reset(struct virtio_mmio *mmio)
{
	struct nsm_device *device = container_of(mmio, struct nsm_device, mmio);

	/* A reset of the device does not reset the NSM: its PCRs stay as they are. */
	nsm_faults_reset(&device->faults);
}

/* A request that a fault has delayed gets its answer. */
static void nsm_waited(void *arg, uint32_t events)
{
	struct nsm_device *device = arg;

	(void)events;
	pthread_mutex_lock(&device->mmio.lock);
	nsm_faults_expired(&device->faults);
	virtio_mmio_again(&device->mmio, 0);
	pthread_mutex_unlock(&device->mmio.lock);
}

static const struct virtio_device_ops nsm_ops = {
	.queue = nsm_queue,
	.reset = nsm_reset,
};

int nsm_device_create(const struct guest_memory *memory, struct loop *loop, int irq_fd,
		      struct nsm *nsm, struct faults *faults, struct nsm_device **ret_device)
{
	struct nsm_device *device = calloc(1, sizeof(*device));
	int err;

	if (!device)
		return -ENOMEM;
	device->nsm = nsm;
	device->mmio.ops = &nsm_ops;
	device->mmio.id = VIRTIO_ID_NITRO_SEC_MOD;
	device->mmio.nr_queues = 1;
	err = virtio_mmio_init(&device->mmio, memory, loop, NSM_QUEUE_SIZE, irq_fd);
	if (!err) {
		err = nsm_faults_init(&device->faults, faults, loop, nsm_waited, device);
		if (err)
			virtio_mmio_exit(&device->mmio);
	}
	if (err) {
		free(device);
		return err;
	}
	*ret_device = device;
	return 0;
}

void nsm_device_destroy(struct nsm_device *device)
{
	if (!device)
		return;
	nsm_faults_exit(&device->faults, device->mmio.loop);
	virtio_mmio_exit(&device->mmio);
	free(device);
}
