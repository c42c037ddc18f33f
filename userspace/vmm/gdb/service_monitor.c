// SPDX-License-Identifier: Apache-2.0
/* Commands of gdb's "monitor" about the machine. */

#include "common/util.h"
#include "nsm/pcr.h"
#include "vmm/dump/vmcoreinfo.h"
#include "vmm/gdb/service.h"
#include "vmm/vmm.h"

#include <inttypes.h>
#include <linux/virtio_config.h>

static const struct vmm *vmm_of(void *arg)
{
	return ((struct debugger *)arg)->vmm;
}

static void print_info(void *arg, FILE *to)
{
	const struct debugger *debugger = arg;
	const struct vmm_options *options = debugger->vmm->options;

	fprintf(to, "enclave:     enc%016" PRIx64 ", CID %" PRIu32 ", %s\n", options->slot_uid,
		options->cid, vmm_options_debug(options) ? "debug" : "production");
	fprintf(to, "vCPUs:       %u\n", debugger->target.nr_cpus);
	fprintf(to, "memory:      %" PRIu64 " MiB, with a hole from %#llx to %#llx\n",
		(uint64_t)(options->mem_size / MIB), MEMORY_HOLE_START, MEMORY_HOLE_END);
	fprintf(to, "breakpoints: %u in debug registers; others %s\n",
		debugger->target.hardware_max,
		debugger->target.trap_len ? "as instructions" :
		"not on this host, whose KVM does not report them");
}

static void print_nsm(void *arg, FILE *to)
{
	const struct vmm *vmm = vmm_of(arg);

	fprintf(to, "module id: %s\n", vmm->options->module_id);
	fprintf(to, "identity:  %s\n", nsm_has_identity(vmm->nsm) ? "issued" :
		"none yet: documents are refused");
	fprintf(to, "locked:    PCRs %#" PRIx32 " (one bit each)\n", nsm_pcrs(vmm->nsm)->locked);
}

static void print_pcrs(void *arg, FILE *to)
{
	const struct pcr_bank *pcrs = nsm_pcrs(vmm_of(arg)->nsm);
	char text[2 * NSM_PCR_SIZE + 1];

	for (unsigned int i = 0; i < NSM_PCRS; i++) {
		hex_encode(pcrs->values[i], NSM_PCR_SIZE, text);
		fprintf(to, "%2u%c %s\n", i, pcr_locked(pcrs, i) ? '*' : ' ', text);
	}
	fprintf(to, "* locked\n");
}

/* The lock is never held for long, and not by a vCPU that stands. */
static void print_vsock(void *arg, FILE *to)
{
	static const char *const names[] = { "receive", "transmit", "event" };
	struct vsock *vsock = vmm_of(arg)->vsock;
	struct virtio_mmio *mmio = &vsock->mmio;

	pthread_mutex_lock(&mmio->lock);
	fprintf(to, "driver:    %s, status %#x, features %#" PRIx64 "\n",
		mmio->status & VIRTIO_CONFIG_S_DRIVER_OK ? "ready" : "not ready",
		mmio->status, mmio->driver_features);
	fprintf(to, "heartbeat: %s\n", vsock->heartbeat_sent ? "sent" : "not sent yet");
	for (unsigned int i = 0; i < MIN(mmio->nr_queues, ARRAY_SIZE(names)); i++)
		fprintf(to, "%-10s %s, %u entries, next available %u, next used %u\n", names[i],
			mmio->queues[i].ready ? "ready" : "not ready", mmio->queues[i].size,
			mmio->queues[i].next_avail, mmio->queues[i].next_used);
	pthread_mutex_unlock(&mmio->lock);
}

static bool find_vmcoreinfo(const struct guest_memory *memory, struct vmcoreinfo *ret)
{
	for (uint64_t at = 0; at + VMCOREINFO_SIZE <= memory->size; at += VMCOREINFO_SIZE)
		if (vmcoreinfo_take(ret, memory->base + at))
			return true;
	return false;
}

/* How far the kernel has moved itself from where its ELF file says, by its own account. */
static void print_kaslr(void *arg, FILE *to)
{
	struct vmcoreinfo info = {};
	uint64_t offset;

	if (find_vmcoreinfo(&vmm_of(arg)->memory, &info) &&
	    vmcoreinfo_number(&info, "KERNELOFFSET", 16, &offset))
		fprintf(to, "offset %#" PRIx64 "\n", offset);
	else
		fprintf(to, "not known: there is no VMCOREINFO in memory, or not yet\n");
}

const struct gdb_monitor debugger_monitors[] = {
	{ "info", "the machine", print_info },
	{ "nsm", "the NSM", print_nsm },
	{ "vsock", "the vsock device and its queues", print_vsock },
	{ "kaslr", "how far the kernel has moved from its addresses in vmlinux", print_kaslr },
	{ "pcrs", "the platform configuration registers", print_pcrs },
	{}
};
