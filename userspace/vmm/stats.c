// SPDX-License-Identifier: Apache-2.0
/*
 * Service "stats": the enclave's counters, one line each:
 *
 *	GROUP INDEX NAME KIND UNIT VALUE
 *
 * GROUP is vm, vcpu, console, nsm or vsock; INDEX is the number of the vCPU, otherwise 0. KIND is
 * "counter" for what only grows and "gauge" for other values, UNIT is bytes, nanoseconds or none.
 * Those of vm and vcpu are KVM's, with its names, apart from cpu_time, user_..., memory and
 * uptime. A line that is empty ends a set; each byte of the client asks for another one.
 */

#include "vmm/services.h"

#include "common/clock.h"
#include "common/util.h"
#include "vmm/kvm_stats.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/**
 * struct stats - a session
 * @to: the set that is being made
 * @group, @index: first words of its next lines
 * @text: the set that is being sent, @len bytes, of which @sent have been sent; or NULL
 */
struct stats {
	FILE *to;
	const char *group;
	unsigned int index;
	char *text;
	size_t len;
	size_t sent;
};

static void put(struct stats *stats, const char *name, const char *kind, const char *unit,
		uint64_t value)
{
	fprintf(stats->to, "%s %u %s %s %s %" PRIu64 "\n", stats->group, stats->index, name, kind,
		unit, value);
}

static const char *unit_of(const struct kvm_stats_desc *desc)
{
	switch (desc->flags & KVM_STATS_UNIT_MASK) {
	case KVM_STATS_UNIT_BYTES:
		return desc->exponent ? NULL : "bytes";
	case KVM_STATS_UNIT_SECONDS:
		return desc->exponent == -9 ? "nanoseconds" : NULL;
	default:
		return desc->exponent ? NULL : "none";
	}
}

static void put_kvm(void *arg, const char *name, const struct kvm_stats_desc *desc,
		    uint64_t value)
{
	bool grows = (desc->flags & KVM_STATS_TYPE_MASK) == KVM_STATS_TYPE_CUMULATIVE;
	const char *unit = unit_of(desc);

	if (unit)
		put(arg, name, grows ? "counter" : "gauge", unit, value);
}

static void put_vm(struct stats *stats, const struct vmm *vmm)
{
	stats->group = "vm";
	stats->index = 0;
	put(stats, "memory", "gauge", "bytes", vmm->memory.size);
	put(stats, "uptime", "gauge", "nanoseconds", vmm->started_ms ?
	    (clock_ms() - vmm->started_ms) * NSEC_PER_MSEC : 0);
	if (vmm->vm.stats_fd >= 0)
		(void)kvm_stats_read(vmm->vm.stats_fd, put_kvm, stats);
}

static void put_vcpu(struct stats *stats, const struct vcpu *vcpu)
{
	stats->group = "vcpu";
	stats->index = vcpu->index;
	put(stats, "cpu_time", "counter", "nanoseconds", vcpu_cpu_time_ns(vcpu));
	for (int i = 0; i < NR_VCPU_EXITS; i++)
		put(stats, vcpu_exit_name(i), "counter", "none", atomic_load(&vcpu->exits[i]));
	if (vcpu->stats_fd >= 0)
		(void)kvm_stats_read(vcpu->stats_fd, put_kvm, stats);
}

static void put_devices(struct stats *stats, struct vmm *vmm)
{
	const struct vsock_counters *vsock = &vmm->vsock->counters;

	stats->index = 0;
	stats->group = "vsock";
	put(stats, "transmitted_packets", "counter", "none", vsock->tx_packets);
	put(stats, "transmitted", "counter", "bytes", vsock->tx_bytes);
	put(stats, "transmit_stalls", "counter", "none", vsock->tx_stalls);
	put(stats, "received_packets", "counter", "none", vsock->rx_packets);
	put(stats, "received", "counter", "bytes", vsock->rx_bytes);
	put(stats, "receive_stalls", "counter", "none", vsock->rx_stalls);
	stats->group = "nsm";
	put(stats, "requests", "counter", "none", vmm->nsm_device->requests);
	put(stats, "errors", "counter", "none", vmm->nsm_device->errors);
	stats->group = "console";
	put(stats, "output", "counter", "bytes", panic_watch_printed(&vmm->panic_watch));
}

static int make_set(struct stats *stats, struct vmm *vmm)
{
	stats->sent = 0;
	stats->to = open_memstream(&stats->text, &stats->len);
	if (!stats->to)
		return -ENOMEM;
	put_devices(stats, vmm);
	put_vm(stats, vmm);
	for (size_t i = 0; i < vmm->nr_vcpus; i++)
		put_vcpu(stats, &vmm->vcpus[i]);
	fputc('\n', stats->to);
	return fclose(stats->to) ? -ENOMEM : 0;
}

static void send_set(struct session *session)
{
	struct stats *stats = session->state;

	stats->sent += session_send(session, stats->text + stats->sent, stats->len - stats->sent);
	if (stats->sent < stats->len)
		return;
	free(stats->text);
	stats->text = NULL;
}

static void stats_room(struct session *session)
{
	struct stats *stats = session->state;

	if (stats->text)
		send_set(session);
	if (!stats->text)
		session_more(session);
}

static int stats_open(struct session *session, const char *options, struct error *error)
{
	struct stats *stats = calloc(1, sizeof(*stats));

	(void)options;
	if (!stats || make_set(stats, service_vmm(session))) {
		free(stats);
		return error_set(error, -ENOMEM, "out of memory");
	}
	session->state = stats;
	send_set(session);
	return 0;
}

static size_t stats_input(struct session *session, const uint8_t *bytes, size_t len)
{
	struct stats *stats = session->state;
	struct error error;

	(void)bytes;
	if (!len || stats->text)
		return 0;
	if (make_set(stats, service_vmm(session))) {
		(void)error_set(&error, -ENOMEM, "out of memory");
		session_finish(session, &error);
	} else {
		send_set(session);
	}
	return 1;
}

static void stats_close(struct session *session)
{
	struct stats *stats = session->state;

	free(stats->text);
	free(stats);
}

const struct session_service stats_service = {
	.name = "stats",
	.open = stats_open,
	.input = stats_input,
	.room = stats_room,
	.close = stats_close,
};
