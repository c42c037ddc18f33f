// SPDX-License-Identifier: Apache-2.0
/* Explain the error numbers of each step of a start, and suggest a fix. */

#include "cli/enclave/explain.h"

#include "common/util.h"

#include <errno.h>
#include <linux/nitro_enclaves.h>
#include <string.h>

/* Matches every step. */
#define ANY	-1

static const struct {
	int step;
	int error;
	const char *text;
} texts[] = {
	{ STEP_OPEN, ENOENT, "there is no such device; load it with \"sudo modprobe "
	  "nitro_enclaves_emu\"" },
	{ STEP_OPEN, ENXIO, "the device has no driver; load it with \"sudo modprobe "
	  "nitro_enclaves_emu\"" },
	{ STEP_OPEN, ENODEV, "the device has no driver; load it with \"sudo modprobe "
	  "nitro_enclaves_emu\"" },
	{ STEP_OPEN, EACCES, "you may not use it; join the group with \"sudo usermod -aG ne "
	  "$USER\" and log in again" },
	{ STEP_OPEN, EPERM, "you may not use it; a container needs access to the device" },
	{ STEP_CREATE, NE_ERR_NO_CPUS_AVAIL_IN_POOL, "the CPU pool is empty or other enclaves "
	  "use all of it; set it with \"sudo ne-emu setup\" or see \"ne-emu ps\"" },
	{ STEP_CREATE, EBUSY, "you, or all users together, have reached the limit on enclaves; "
	  "see \"ne-emu ps\", and max_enclaves in nitro_enclaves_emu(4)" },
	{ STEP_CPU, NE_ERR_VCPU_ALREADY_USED, "this enclave has that CPU already; name each CPU "
	  "once" },
	{ STEP_CPU, NE_ERR_VCPU_NOT_IN_CPU_POOL, "the CPU is not in the pool, another enclave "
	  "uses its core, or a CPU of the core is offline; \"ne-emu doctor\" shows the pool" },
	{ STEP_CPU, NE_ERR_VCPU_INVALID_CPU_CORE, "the core of the CPU is not in the pool; set the "
	  "pool again with \"sudo ne-emu setup\"" },
	{ STEP_CPU, NE_ERR_INVALID_VCPU, "there is no such CPU" },
	{ STEP_CPU, NE_ERR_NO_CPUS_AVAIL_IN_POOL, "no CPU is left in the pool; ask for fewer, or "
	  "enlarge it with \"sudo ne-emu setup --cpus N\"" },
	{ STEP_MEMORY, NE_ERR_INVALID_MEM_REGION_SIZE, "its size is not a multiple of 2 MiB" },
	{ STEP_MEMORY, NE_ERR_INVALID_MEM_REGION_ADDR, "its address is not in user space" },
	{ STEP_MEMORY, NE_ERR_UNALIGNED_MEM_REGION_ADDR, "its address is not a multiple of 2 MiB" },
	{ STEP_MEMORY, NE_ERR_MEM_REGION_ALREADY_USED, "this enclave has that memory already" },
	{ STEP_MEMORY, NE_ERR_MEM_NOT_HUGE_PAGE, "it does not consist of huge pages" },
	{ STEP_MEMORY, NE_ERR_MEM_DIFFERENT_NUMA_NODE, "its pages are on another NUMA node than "
	  "the CPU pool; reserve some there with \"sudo ne-emu setup\"" },
	{ STEP_MEMORY, NE_ERR_MEM_MAX_REGIONS, "it is in too many pieces; reserve larger huge "
	  "pages (1 GiB), or reserve them soon after boot" },
	{ STEP_MEMORY, NE_ERR_INVALID_PAGE_SIZE, "its page size is not a multiple of 2 MiB" },
	{ STEP_MEMORY, EBUSY, "another enclave holds these pages" },
	{ STEP_MEMORY, ENOMEM, "the kernel has no memory left for it" },
	{ STEP_MEMORY, EFAULT, "its pages are no longer available; reserve more with \"sudo ne-emu "
	  "setup\"" },
	{ STEP_LISTEN, EADDRINUSE, "another start is waiting for its enclave there; try again "
	  "when it is done" },
	{ STEP_LISTEN, EADDRNOTAVAIL, "this machine has no vsock address 3: ne_emu_vsock is not "
	  "loaded, or another transport is loaded instead; see \"ne-emu doctor\"" },
	{ STEP_LISTEN, EAFNOSUPPORT, "this kernel has no vsock; load it with \"sudo modprobe "
	  "ne_emu_vsock\"" },
	{ STEP_LISTEN, EPERM, "this container may not use vsock; its seccomp profile has to allow "
	  "it" },
	{ STEP_LISTEN, ENODEV, "no vsock transport is loaded; load it with \"sudo modprobe "
	  "ne_emu_vsock\"" },
	{ STEP_START, NE_ERR_NO_MEM_REGIONS_ADDED, "the enclave has no memory" },
	{ STEP_START, NE_ERR_NO_VCPUS_ADDED, "the enclave has no CPU" },
	{ STEP_START, NE_ERR_ENCLAVE_MEM_MIN_SIZE, "an enclave needs at least 64 MiB; raise "
	  "--memory" },
	{ STEP_START, NE_ERR_FULL_CORES_NOT_USED, "an enclave takes whole CPU cores with all their "
	  "threads; make --cpus a multiple of the threads per core (usually 2) or name all "
	  "siblings in --cpu-ids" },
	{ STEP_START, NE_ERR_INVALID_ENCLAVE_CID, "this CID is reserved; use one that is at "
	  "least 4 and at least the module's min_cid" },
	{ STEP_START, EADDRINUSE, "an enclave with this CID is running; use another --cid, or "
	  "none" },
	{ STEP_START, ENXIO, "one of its CPUs is offline; bring it back with \"echo 1 > "
	  "/sys/devices/system/cpu/cpuN/online\"" },
	{ STEP_START, ENODEV, "ne-emud is not running; start it with \"sudo systemctl start "
	  "ne-emud\"" },
	{ STEP_START, ETIMEDOUT, "ne-emud did not answer in time; see its log with \"journalctl -u "
	  "ne-emud\"" },
	{ STEP_START, EOPNOTSUPP, "KVM does not work here; see \"ne-emu doctor\"" },
	{ STEP_START, EACCES, "ne-emud may not open a device; see \"journalctl -u ne-emud\"" },
	{ STEP_START, ENETDOWN, "there is no vsock transport; load it with \"sudo modprobe "
	  "ne_emu_vsock\" and see \"ne-emu doctor\"" },
	{ STEP_START, EPROTO, "the versions of the module and ne-emud differ" },
	{ STEP_START, ENOPKG, "the program ne-emu-vmm is not installed" },
	{ STEP_START, ENOEXEC, "the program ne-emu-vmm cannot be executed; see \"journalctl -u "
	  "ne-emud\"" },
	{ STEP_START, ECONNRESET, "the virtual machine monitor crashed; see \"journalctl -u "
	  "ne-emud\"" },
	{ ANY, NE_ERR_NOT_IN_INIT_STATE, "the enclave is not in its initial state" },
	{ ANY, NE_ERR_INVALID_FLAG_VALUE, "the driver does not know these flags" },
	{ ANY, ENOTTY, "the device is not a Nitro Enclaves device" },
	{ ANY, EMFILE, "this process has too many open files; raise the limit with \"ulimit "
	  "-n 1024\"" },
	{ ANY, EIO, "the enclave belongs to another process" },
};

const char *explain_step(enum start_step step)
{
	switch (step) {
	case STEP_OPEN:
		return "cannot open /dev/nitro_enclaves";
	case STEP_CREATE:
		return "cannot create an enclave";
	case STEP_LOAD_INFO:
		return "cannot get the offset of the image";
	case STEP_MEMORY:
		return "cannot add memory to the enclave";
	case STEP_CPU:
		return "cannot add a CPU to the enclave";
	case STEP_LISTEN:
		return "cannot listen on vsock CID 3 port 9000";
	case STEP_START:
		return "cannot start the enclave";
	}
	return "cannot continue";
}

const char *explain_error(enum start_step step, int error)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].error == error &&
		    (texts[i].step == ANY || texts[i].step == (int)step))
			return texts[i].text;
	return strerror(error);
}
