// SPDX-License-Identifier: Apache-2.0
/*
 * A fault for the test build of the VMM (Makefile): the NSM device returns the two buffers
 * of a request in reversed order if the request has TRIGGER_SIZE bytes. The installed VMM
 * does not contain it.
 */

#include "vmm/virtio/virtqueue.h"

/* The size of the largest request that the guest's driver accepts. */
#define TRIGGER_SIZE	4096
#define NO_HEAD		(-1)

/* Head of the request that this thread is answering. */
static _Thread_local int trigger_head = NO_HEAD;
static _Thread_local bool held;

void __real_virtqueue_chain_read(const struct virtqueue_chain *chain, void *buf, size_t len);
void __real_virtqueue_put_used(struct virtqueue *queue, uint16_t head, uint32_t written);
void __wrap_virtqueue_chain_read(const struct virtqueue_chain *chain, void *buf, size_t len);
void __wrap_virtqueue_put_used(struct virtqueue *queue, uint16_t head, uint32_t written);

/* The queues of vsock are larger. */
static bool is_nsm_queue(const struct virtqueue *queue)
{
	return queue->max_size < VIRTQUEUE_SIZE_MAX;
}

void __wrap_virtqueue_chain_read(const struct virtqueue_chain *chain, void *buf, size_t len)
{
	if (chain->read_size == TRIGGER_SIZE && !chain->nr_write)
		trigger_head = chain->head;
	__real_virtqueue_chain_read(chain, buf, len);
}

void __wrap_virtqueue_put_used(struct virtqueue *queue, uint16_t head, uint32_t written)
{
	if (!is_nsm_queue(queue)) {
		__real_virtqueue_put_used(queue, head, written);
		return;
	}
	if (head == trigger_head) {
		held = true;
		return;
	}
	__real_virtqueue_put_used(queue, head, written);
	if (held)
		__real_virtqueue_put_used(queue, trigger_head, 0);
	held = false;
	trigger_head = NO_HEAD;
}
