// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: checks of the machine: KVM, huge pages and CPUs. */

#include "cli/doctor/doctor.h"

#include "cli/host/hugepages.h"
#include "cli/host/sysfs.h"
#include "cli/host/topology.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

/* NE_START_ENCLAVE refuses enclaves with less. */
#define MEMORY_MIN	(64 * MIB)
#define NODES_MAX	64

/* Is @flag in the first "flags" line of /proc/cpuinfo (x86)? */
static bool cpu_has(const char *flag)
{
	char path[SYS_PATH_SIZE], word[32];
	__cleanup_free char *line = NULL;
	__cleanup_file FILE *file = fopen(sys_path(path, "/proc/cpuinfo"), "re");
	size_t size = 0;

	snprintf(word, sizeof(word), " %s ", flag);
	while (file && getline(&line, &size, file) > 0) {
		char *end;

		if (strncmp(line, "flags", 5))
			continue;
		end = strchr(line, '\n');
		if (end)
			*end = ' ';
		return strstr(line, word);
	}
	return false;
}

static void no_kvm(struct doctor *doctor)
{
	if (cpu_has("vmx") || cpu_has("svm"))
		doctor_add(doctor, "kvm", DOCTOR_FAIL,
			   cpu_has("vmx") ? "sudo modprobe kvm_intel" : "sudo modprobe kvm_amd",
			   "%s is missing although the CPU can virtualize", KVM_PATH);
	else if (cpu_has("hypervisor"))
		doctor_add(doctor, "kvm", DOCTOR_FAIL, "enable nested virtualization in the "
			   "hypervisor below (QEMU: -cpu host; cloud: an instance type that has "
			   "it)",
			   "this is a virtual machine without nested virtualization");
	else
		doctor_add(doctor, "kvm", DOCTOR_FAIL, "enable virtualization (VT-x, AMD-V) in "
			   "the firmware setup", "%s is missing and the CPU does not report "
			   "virtualization", KVM_PATH);
}

/* On some machines the device exists, but cannot create a VM. */
static void try_kvm(struct doctor *doctor, int fd)
{
	__cleanup_fd int vm = -1;
	int version = ioctl(fd, KVM_GET_API_VERSION, 0);

	if (version == KVM_API_VERSION)
		vm = ioctl(fd, KVM_CREATE_VM, 0);
	if (vm < 0)
		doctor_add(doctor, "kvm", DOCTOR_FAIL, "see the kernel log", "%s cannot create a "
			   "virtual machine: %s", KVM_PATH, strerror(errno));
	else
		doctor_add(doctor, "kvm", DOCTOR_OK, NULL, "%s works", KVM_PATH);
}

void doctor_check_kvm(struct doctor *doctor)
{
	char path[SYS_PATH_SIZE];
	__cleanup_fd int fd = open(sys_path(path, KVM_PATH), O_RDWR | O_CLOEXEC);
	int error = errno;

	if (fd >= 0)
		try_kvm(doctor, fd);
	else if (error == ENOENT)
		no_kvm(doctor);
	else if (error == EACCES || error == EPERM)	/* only ne-emud opens it */
		doctor_add(doctor, "kvm", DOCTOR_OK, NULL, "%s exists (only ne-emud needs access "
			   "to it)", KVM_PATH);
	else
		doctor_add(doctor, "kvm", DOCTOR_FAIL, "sudo modprobe kvm_intel or kvm_amd; see "
			   "the kernel log", "cannot open %s: %s", KVM_PATH, strerror(error));
	if (cpu_has("hypervisor"))
		doctor_add(doctor, "nested", DOCTOR_WARN, NULL, "this is a virtual machine: "
			   "enclaves run nested and therefore slower");
}

/* Add a finding for each page size with free pages. Return: free bytes of the node. */
static uint64_t check_node(struct doctor *doctor, int node)
{
	struct huge_sizes sizes;
	uint64_t free = 0;

	huge_sizes_read(node, &sizes);
	for (size_t i = 0; i < sizes.count; i++) {
		const struct huge_size *s = &sizes.list[i];

		free += s->free * s->size;
		if (s->free)
			doctor_add(doctor, "huge-pages", DOCTOR_OK, NULL, "node %d: %" PRIu64
				   " free pages of %llu MiB", MAX(node, 0), s->free,
				   s->size / MIB);
	}
	return free;
}

void doctor_check_huge_pages(struct doctor *doctor)
{
	static const char fix[] = "sudo ne-emu setup --memory 512 --cpus 2";
	__cleanup_free uint32_t *cpus = NULL;
	uint64_t most = 0, here = 0;
	size_t count = 0;
	int pool = -1;

	if (!sys_pool_cpus(&cpus, &count) && count)
		pool = sys_cpu_node(cpus[0]);
	if (!sys_exists("/sys/devices/system/node/node0/hugepages"))
		most = check_node(doctor, -1);
	for (int node = 0; node < NODES_MAX; node++) {
		uint64_t free;

		if (!sys_exists("/sys/devices/system/node/node%d/hugepages", node))
			continue;
		free = check_node(doctor, node);
		most = MAX(most, free);
		if (node == pool)
			here = free;
	}
	if (most < MEMORY_MIN)
		doctor_add(doctor, "huge-pages", DOCTOR_FAIL, fix, "only %llu MiB of huge pages "
			   "are free; an enclave needs at least 64 MiB", most / MIB);
	else if (pool >= 0 && here < MEMORY_MIN && sys_exists("/sys/devices/system/node/node1"))
		doctor_add(doctor, "huge-pages", DOCTOR_FAIL, fix, "the free huge pages are not on "
			   "node %d, where the CPU pool is", pool);
}

void doctor_check_cpus(struct doctor *doctor)
{
	__cleanup(topology_free) struct topology topology = {};
	size_t threads = 1, usable = 0;

	if (topology_read(&topology)) {
		doctor_add(doctor, "cpus", DOCTOR_WARN, NULL, "cannot read the CPU topology");
		return;
	}
	for (size_t i = 0; i < topology.nr_cores; i++) {
		threads = MAX(threads, topology.cores[i].nr_cpus);
		if (!topology_has_cpu(&topology.cores[i], 0))
			usable += topology.cores[i].nr_cpus;
	}
	if (!usable)
		doctor_add(doctor, "cpus", DOCTOR_FAIL, "give the machine more CPUs", "the only "
			   "core is that of CPU 0, which belongs to the host");
	else if (threads > 1)
		doctor_add(doctor, "cpus", DOCTOR_OK, NULL, "%zu CPUs can be used for enclaves, in "
			   "whole cores of %zu threads: ask for multiples of %zu", usable, threads,
			   threads);
	else
		doctor_add(doctor, "cpus", DOCTOR_OK, NULL, "%zu CPUs can be used for enclaves",
			   usable);
}
