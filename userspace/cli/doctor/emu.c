// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: checks of the modules, the device, ne-emud and the CPU pool. */

#include "cli/doctor/doctor.h"

#include "cli/enclave/pool.h"
#include "cli/enclave/state.h"
#include "cli/host/sysfs.h"
#include "common/paths.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/nitro_enclaves_emu.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

#define LOAD_FIX	"sudo modprobe nitro_enclaves_emu"

/* Our module has a directory of the AWS driver's name too, but with parameters only. */
static bool aws_driver_loaded(void)
{
	return sys_exists("/sys/module/nitro_enclaves/initstate");
}

static void check_signing(struct doctor *doctor)
{
	char text[SYS_TEXT_SIZE];

	if (!sys_read(text, "/sys/module/module/parameters/sig_enforce") && !strcmp(text, "Y"))
		doctor_add(doctor, "signing", DOCTOR_WARN, "sign the modules with a key that this "
			   "machine trusts (mokutil), or turn off Secure Boot", "the kernel only "
			   "loads signed modules");
}

/* After an upgrade, the old module stays loaded until somebody reloads it. */
static void check_version(struct doctor *doctor)
{
	char version[SYS_TEXT_SIZE] = "";

	(void)sys_read(version, NE_EMU_MODULE_PATH "/version");
	if (strcmp(version, NE_EMU_VERSION))
		doctor_add(doctor, "module", DOCTOR_WARN, "end all enclaves, then sudo modprobe -r "
			   "nitro_enclaves_emu && " LOAD_FIX, "nitro_enclaves_emu %.32s is "
			   "loaded, but the programs have version %s", version, NE_EMU_VERSION);
	else
		doctor_add(doctor, "module", DOCTOR_OK, NULL, "nitro_enclaves_emu %.32s is loaded",
			   version);
}

void doctor_check_module(struct doctor *doctor)
{
	if (state_emulated()) {
		check_version(doctor);
		return;
	}
	if (aws_driver_loaded() && sys_exists(NE_DEVICE_PATH)) {
		doctor_add(doctor, "module", DOCTOR_OK, NULL, "the AWS driver is loaded: this is a "
			   "real enclave host, the emulator is not needed");
		return;
	}
	if (aws_driver_loaded()) {
		doctor_add(doctor, "module", DOCTOR_FAIL, "sudo modprobe -r nitro_enclaves && "
			   LOAD_FIX, "the AWS driver nitro_enclaves is loaded; it has no device "
			   "here, and the emulator cannot be loaded with it");
		return;
	}
	doctor_add(doctor, "module", DOCTOR_FAIL, LOAD_FIX, "nitro_enclaves_emu is not loaded");
	check_signing(doctor);
}

void doctor_check_device(struct doctor *doctor)
{
	char path[SYS_PATH_SIZE];
	struct group *group;
	struct stat st;

	if (stat(sys_path(path, NE_DEVICE_PATH), &st)) {
		doctor_add(doctor, "device", DOCTOR_FAIL, LOAD_FIX, "%s: %s", NE_DEVICE_PATH,
			   strerror(errno));
		return;
	}
	if (access(path, R_OK)) {
		group = getgrgid(st.st_gid);
		doctor_add(doctor, "device", DOCTOR_FAIL, "sudo usermod -aG ne $USER, then log in "
			   "again", "this user may not open %s; members of group %s may",
			   NE_DEVICE_PATH,
			   group ? group->gr_name : "unknown");
		return;
	}
	group = getgrnam("ne");
	if (!group || group->gr_gid != st.st_gid)
		doctor_add(doctor, "device", DOCTOR_WARN, "install the udev rule and create the "
			   "group ne, then reload the module", "%s does not belong to group ne: "
			   "only root can use it", NE_DEVICE_PATH);
	else
		doctor_add(doctor, "device", DOCTOR_OK, NULL, "this user may open %s",
			   NE_DEVICE_PATH);
}

void doctor_check_daemon(struct doctor *doctor)
{
	static const char fix[] = "sudo systemctl start ne-emud";
	uint64_t pid = state_daemon_pid();

	if (pid)
		doctor_add(doctor, "daemon", DOCTOR_OK, NULL, "ne-emud runs (process %" PRIu64 ")",
			   pid);
	else
		doctor_add(doctor, "daemon", DOCTOR_FAIL, fix, "ne-emud is not running, so "
			   "enclaves cannot be started");
}

static void check_isolation(struct doctor *doctor, const struct pool *pool)
{
	if (pool->isolated)
		doctor_add(doctor, "isolation", DOCTOR_OK, NULL, "only enclaves run on CPUs %.80s",
			   pool->list);
	else
		doctor_add(doctor, "isolation", DOCTOR_WARN, "see ISOLATION in ne-emud(8)",
			   "other programs may run on the pool's CPUs: %s", pool->reason.text);
}

static void describe_pool(struct doctor *doctor, const struct pool *pool)
{
	char node[32] = "", claimed[48] = "";

	if (pool->node >= 0)
		snprintf(node, sizeof(node), ", NUMA node %d", pool->node);
	if (pool->claims_known)
		snprintf(claimed, sizeof(claimed), ", %zu claimed by enclaves", pool->nr_claimed);
	doctor_add(doctor, "cpu-pool", DOCTOR_OK, NULL, "%zu CPUs: %.80s%s%s", pool->count,
		   pool->list, node, claimed);
	check_isolation(doctor, pool);
}

void doctor_check_pool(struct doctor *doctor)
{
	static const char fix[] = "sudo ne-emu setup --memory 512 --cpus 2";
	__cleanup(pool_free) struct pool pool;
	int err = pool_read(&pool);

	if (err == -ENOENT)
		doctor_add(doctor, "cpu-pool", DOCTOR_FAIL, LOAD_FIX, "%s is missing",
			   NE_CPU_POOL_PATH);
	else if (err)
		doctor_add(doctor, "cpu-pool", DOCTOR_WARN, NULL, "%s: %s", NE_CPU_POOL_PATH,
			   strerror(-err));
	else if (!pool.count)
		doctor_add(doctor, "cpu-pool", DOCTOR_FAIL, fix, "the CPU pool is empty");
	else
		describe_pool(doctor, &pool);
}

/* A guest-to-host transport, judged by its module name, that is loaded instead of ours. */
static const char *other_transport(void)
{
	static const char *const names[] = {
		"vmw_vsock_virtio_transport", "hv_sock", "vmw_vsock_vmci_transport",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (sys_exists("/sys/module/%s", names[i]))
			return names[i];
	return NULL;
}

static void wrong_cid(struct doctor *doctor, uint32_t cid)
{
	const char *other = other_transport();

	if (other)
		doctor_add(doctor, "vsock", DOCTOR_FAIL, "unload it (sudo modprobe -r), then "
			   "sudo modprobe ne_emu_vsock", "the local CID is %d, not 3: transport %s "
			   "is loaded instead of ne_emu_vsock", (int)cid, other);
	else if (!sys_exists("/sys/module/ne_emu_vsock"))
		doctor_add(doctor, "vsock", DOCTOR_FAIL, "sudo modprobe ne_emu_vsock",
			   "ne_emu_vsock is not loaded (the local CID is %d, not 3)", (int)cid);
	else
		doctor_add(doctor, "vsock", DOCTOR_FAIL, "see the kernel log", "the local CID is "
			   "%d, not 3, although ne_emu_vsock is loaded", (int)cid);
}

static void check_vhost(struct doctor *doctor)
{
	if (!sys_exists("/sys/module/vhost_vsock"))
		return;
	if (sys_exists("/proc/sys/net/vsock/g2h_fallback"))
		doctor_add(doctor, "vhost-vsock", DOCTOR_OK, NULL, "vhost_vsock is loaded, which "
			   "does not matter on this kernel");
	else
		doctor_add(doctor, "vhost-vsock", DOCTOR_WARN, "sudo modprobe -r vhost_vsock "
			   "(after stopping virtual machines that use it)", "vhost_vsock is "
			   "loaded: on this kernel it claims connections to enclaves, which then "
			   "fail");
}

void doctor_check_vsock(struct doctor *doctor)
{
	char path[SYS_PATH_SIZE];
	__cleanup_fd int fd = open(sys_path(path, "/dev/vsock"), O_RDONLY | O_CLOEXEC);
	uint32_t cid = VMADDR_CID_ANY;

	if (fd < 0)
		doctor_add(doctor, "vsock", DOCTOR_FAIL, "sudo modprobe ne_emu_vsock",
			   "/dev/vsock: %s", strerror(errno));
	else if (ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid))
		doctor_add(doctor, "vsock", DOCTOR_FAIL, NULL, "cannot read the CID from "
			   "/dev/vsock: %s", strerror(errno));
	else if (cid != NE_EMU_CID_PARENT)
		wrong_cid(doctor, cid);
	else if (!sys_exists("/sys/module/ne_emu_vsock") && !aws_driver_loaded())
		doctor_add(doctor, "vsock", DOCTOR_FAIL, "unload that transport (sudo modprobe "
			   "-r), then sudo modprobe ne_emu_vsock", "the local CID is 3, but "
			   "another transport provides it: this is a virtual machine with that "
			   "CID");
	else
		doctor_add(doctor, "vsock", DOCTOR_OK, NULL, "the local CID is 3");
	check_vhost(doctor);
}
