// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: the module, and why it is not loaded. */

#include "cli/doctor/doctor.h"

#include "cli/enclave/state.h"
#include "cli/host/kmod.h"
#include "cli/host/sysfs.h"
#include "common/paths.h"
#include "common/text.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define MODULE		"nitro_enclaves_emu"
#define LOAD		"sudo modprobe " MODULE
#define DKMS_NAME	"nitro-enclaves-emu"
#define DKMS_TREE	"/var/lib/dkms/" DKMS_NAME

/* Our module has a directory of the AWS driver's name too, but with parameters only. */
static bool aws_driver_loaded(void)
{
	return sys_exists("/sys/module/nitro_enclaves/initstate");
}

/* After an upgrade, the old module stays loaded until somebody reloads it. */
static void check_version(struct doctor *doctor)
{
	char version[SYS_TEXT_SIZE] = "";

	(void)sys_read(version, NE_EMU_MODULE_PATH "/version");
	if (!strcmp(version, NE_EMU_VERSION)) {
		doctor_ok(doctor, MODULE " %.32s is loaded", version);
		return;
	}
	doctor_warning(doctor, "module-version", MODULE " %.32s is loaded, but the programs have "
		       "version %s", version, NE_EMU_VERSION);
	doctor_advice(doctor, "end all enclaves (sudo ne-emu stop --all), then reload it");
	doctor_command(doctor, "sudo modprobe -r " MODULE " && " LOAD);
}

static void check_aws_driver(struct doctor *doctor)
{
	if (sys_exists(NE_DEVICE_PATH)) {
		doctor->aws = true;
		doctor_ok(doctor, "the AWS driver is loaded: this is a real enclave host, the "
			  "emulator is not needed");
		return;
	}
	doctor_error(doctor, "module-aws-driver", "the AWS driver nitro_enclaves is loaded; it "
		     "has no device here, and the emulator cannot be loaded with it");
	if (kmod_find("nitro_enclaves") == KMOD_BUILT_IN)
		doctor_advice(doctor, "it is built into this kernel: boot another one");
	else
		doctor_command(doctor, "sudo modprobe -r nitro_enclaves && " LOAD);
}

/* Does the kernel refuse modules without a signature that it knows? */
static bool wants_signature(void)
{
	char text[SYS_TEXT_SIZE];

	if (!sys_read(text, "/sys/module/module/parameters/sig_enforce") && !strcmp(text, "Y"))
		return true;
	return !sys_read(text, "/sys/kernel/security/lockdown") && !strstr(text, "[none]");
}

static bool is_unsigned(void)
{
	__cleanup_free char *signer = doctor_ask("/usr/sbin/modinfo", "-F", "signer", MODULE, NULL);

	return signer && !*signer;
}

static void not_loaded(struct doctor *doctor)
{
	if (doctor_in_container()) {
		doctor_error(doctor, "module-not-loaded", MODULE " is not loaded");
		doctor_advice(doctor, "load it on the host of this container: " LOAD);
		return;
	}
	if (wants_signature() && is_unsigned()) {
		doctor_error(doctor, "module-unsigned", MODULE " has no signature, and this kernel "
			     "loads only modules that are signed (Secure Boot)");
		doctor_advice(doctor, "sign it with a key that this machine trusts: see \"Secure "
			      "Boot\" in install.rst");
		return;
	}
	doctor_error(doctor, "module-not-loaded", MODULE " is not loaded");
	doctor_command(doctor, LOAD);
}

/* The range of BUILD_EXCLUSIVE_KERNEL in dkms.conf. */
static bool kernel_supported(void)
{
	unsigned int major, minor;

	if (sscanf(kmod_release(), "%u.%u", &major, &minor) != 2)
		return true;
	return (major == 6 && minor >= 12) || (major == 7 && minor <= 3);
}

/* The last line of the compiler's log that has an error. */
static bool read_build_error(const char *version, char *ret, size_t size)
{
	char path[SYS_PATH_SIZE];
	__cleanup_free char *line = NULL;
	__cleanup_file FILE *file = fopen(sys_path(path, DKMS_TREE "/%s/build/make.log", version),
					  "re");
	size_t room = 0;
	bool found = false;

	while (file && getline(&line, &room, file) > 0)
		if (strcasestr(line, "error")) {
			(void)text_clean(ret, size, line, strcspn(line, "\n"));
			found = true;
		}
	return found;
}

static bool find_build_error(char *ret, size_t size)
{
	char path[SYS_PATH_SIZE];
	DIR *dir = opendir(sys_path(path, DKMS_TREE));
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = *entry->d_name != '.' && read_build_error(entry->d_name, ret, size);
	if (dir)
		closedir(dir);
	return found;
}

/* What dkms says about this kernel or, without such a line, about the module. */
static void add_dkms_words(struct doctor *doctor)
{
	__cleanup_free char *status = doctor_ask("/usr/sbin/dkms", "status", DKMS_NAME, NULL);
	char *text = status, *line, *best = NULL;

	while (text && (line = strsep(&text, "\n")))
		if (!best || strstr(line, kmod_release()))
			best = line;
	if (best && *best)
		doctor_advice(doctor, "dkms says \"%.150s\"", best);
}

static void not_built(struct doctor *doctor)
{
	char reason[200];

	if (find_build_error(reason, sizeof(reason))) {
		doctor_error(doctor, "module-build", "dkms could not build " MODULE " for kernel "
			     "%s: %s", kmod_release(), reason);
		doctor_advice(doctor, "the whole log is " DKMS_TREE "/*/build/make.log; when the "
			      "cause is gone, build it again");
	} else {
		doctor_error(doctor, "module-not-built", MODULE " is not built for this kernel, "
			     "%s", kmod_release());
		add_dkms_words(doctor);
	}
	doctor_command(doctor, "sudo dkms autoinstall -k %s && " LOAD, kmod_release());
}

static void no_headers(struct doctor *doctor)
{
	const char *release = kmod_release();

	doctor_error(doctor, "module-headers", MODULE " is not built for this kernel, %s, whose "
		     "headers are not installed", release);
	if (sys_exists("/usr/bin/apt-get"))
		doctor_command(doctor, "sudo apt-get install linux-headers-%s && sudo dkms "
			       "autoinstall -k %s && " LOAD, release, release);
	else if (sys_exists("/usr/bin/dnf"))
		doctor_command(doctor, "sudo dnf install kernel-devel-%s && sudo dkms autoinstall "
			       "-k %s && " LOAD, release, release);
	else
		doctor_advice(doctor, "install the headers of this kernel, then: sudo dkms "
			      "autoinstall && " LOAD);
}

/* The module is not among those of this kernel. */
static void no_module(struct doctor *doctor)
{
	if (!kernel_supported()) {
		doctor_error(doctor, "module-kernel", MODULE " is not made for this kernel, %s",
			     kmod_release());
		doctor_advice(doctor, "boot Linux 6.12 to 7.3");
	} else if (!sys_exists(DKMS_TREE)) {
		doctor_error(doctor, "module-not-installed", MODULE " is not installed for this "
			     "kernel, %s", kmod_release());
		doctor_advice(doctor, "install the package nitro-enclaves-emu-dkms, or in the "
			      "sources: make modules && sudo make modules_install && " LOAD);
	} else if (!sys_exists("/lib/modules/%s/build/Makefile", kmod_release())) {
		no_headers(doctor);
	} else {
		not_built(doctor);
	}
}

void doctor_check_module(struct doctor *doctor)
{
	if (state_emulated())
		check_version(doctor);
	else if (aws_driver_loaded())
		check_aws_driver(doctor);
	else if (kmod_find(MODULE) == KMOD_FILE || doctor_in_container())
		not_loaded(doctor);
	else
		no_module(doctor);
}
