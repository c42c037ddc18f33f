// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: checks of the machine: limits, KVM and CPUs. */

#include "cli/doctor/doctor.h"

#include "cli/host/kmod.h"
#include "cli/host/sysfs.h"
#include "cli/host/topology.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/major.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

/* Descriptors that "ne-emu run" has open at once. */
#define FILES_MIN	9
#define FILES_ADVICE	1024
/* Numbers that do not change, of linux/major.h and the kernel's linux/miscdevice.h. */
#define KVM_MINOR	232

void doctor_check_limits(struct doctor *doctor)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= FILES_MIN) {
		doctor_ok(doctor, "this process may open enough files");
		return;
	}
	doctor_error(doctor, "limit-open-files", "this process may open only %llu files (ulimit "
		     "-n)", (unsigned long long)limit.rlim_cur);
	if (limit.rlim_max >= FILES_MIN)
		doctor_command(doctor, "ulimit -n %llu",
			       MIN((unsigned long long)limit.rlim_max, FILES_ADVICE));
	else
		doctor_advice(doctor, "log in again, or raise the limit as root: ulimit -n %d",
			      FILES_ADVICE);
}

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

/* The CPU can virtualize, so only the device or a module is missing. */
static void no_kvm_device(struct doctor *doctor)
{
	const char *module = cpu_has("vmx") ? "kvm_intel" : "kvm_amd";

	if (doctor_in_container()) {
		doctor_warning(doctor, "kvm-not-visible", "%s cannot be seen from this container; "
			       "ne-emud needs it on the host", KVM_PATH);
		return;
	}
	if (sys_exists("/sys/class/misc/kvm")) {
		doctor_error(doctor, "kvm-device-missing", "%s is missing although KVM is loaded",
			     KVM_PATH);
		doctor_command(doctor, "sudo rm -f %s && sudo mknod -m 660 %s c %d %d", KVM_PATH,
			       KVM_PATH, MISC_MAJOR, KVM_MINOR);
		return;
	}
	doctor_error(doctor, "kvm-not-loaded", "%s is missing although the CPU can virtualize",
		     KVM_PATH);
	if (kmod_find(module) != KMOD_MISSING)
		doctor_command(doctor, "sudo modprobe %s", module);
	else
		doctor_advice(doctor, "boot a kernel that has the module %s", module);
}

static void no_kvm(struct doctor *doctor)
{
	if (cpu_has("vmx") || cpu_has("svm")) {
		no_kvm_device(doctor);
	} else if (cpu_has("hypervisor")) {
		doctor_error(doctor, "kvm-nested-off", "this is a virtual machine without nested "
			     "virtualization");
		doctor_advice(doctor, "enable nested virtualization in the hypervisor below "
			      "(QEMU: -cpu host; cloud: an instance type that has it)");
	} else {
		doctor_error(doctor, "kvm-firmware", "%s is missing and the CPU does not report "
			     "virtualization", KVM_PATH);
		doctor_advice(doctor, "enable virtualization (VT-x, AMD-V) in the firmware setup");
	}
}

/* On some machines the device exists, but cannot create a VM. */
static void try_kvm(struct doctor *doctor, int fd)
{
	__cleanup_fd int vm = -1;
	int version = ioctl(fd, KVM_GET_API_VERSION, 0);

	if (version == KVM_API_VERSION)
		vm = ioctl(fd, KVM_CREATE_VM, 0);
	if (vm >= 0) {
		doctor_ok(doctor, "%s works", KVM_PATH);
		return;
	}
	doctor_error(doctor, "kvm-broken", "%s cannot create a virtual machine: %s", KVM_PATH,
		     strerror(errno));
	doctor_advice(doctor, "\"sudo dmesg | grep -i kvm\" shows the reason");
}

void doctor_check_kvm(struct doctor *doctor)
{
	char path[SYS_PATH_SIZE];
	__cleanup_fd int fd = open(sys_path(path, KVM_PATH), O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		try_kvm(doctor, fd);
	else if (errno == EACCES || errno == EPERM)	/* only ne-emud opens it */
		doctor_ok(doctor, "%s exists (only ne-emud needs access to it)", KVM_PATH);
	else
		no_kvm(doctor);
}

void doctor_check_nested(struct doctor *doctor)
{
	if (cpu_has("hypervisor"))
		doctor_warning(doctor, "kvm-nested", "this is a virtual machine: enclaves run "
			       "nested and therefore slower");
}

void doctor_check_cpus(struct doctor *doctor)
{
	__cleanup(topology_free) struct topology topology = {};
	size_t threads = 1, usable = 0;

	if (topology_read(&topology)) {
		doctor_warning(doctor, "cpus-unreadable", "cannot read the CPU topology");
		return;
	}
	for (size_t i = 0; i < topology.nr_cores; i++) {
		threads = MAX(threads, topology.cores[i].nr_cpus);
		if (!topology_has_cpu(&topology.cores[i], 0))
			usable += topology.cores[i].nr_cpus;
	}
	if (!usable) {
		doctor_error(doctor, "cpus-too-few", "the only core is that of CPU 0, which "
			     "belongs to the host");
		doctor_advice(doctor, "give the machine more CPUs, or bring those back that are "
			      "offline");
	} else if (threads > 1) {
		doctor_ok(doctor, "%zu CPUs can be used for enclaves, in whole cores of %zu "
			  "threads: ask for multiples of %zu", usable, threads, threads);
	} else {
		doctor_ok(doctor, "%zu CPUs can be used for enclaves", usable);
	}
}
