// SPDX-License-Identifier: Apache-2.0
/*
 * F: make each operation of the kernel that loads or unloads the modules fail once: the
 * first, then the second, and so on. A module that does not load leaves nothing behind,
 * and loads when tried again.
 */

#include "fault.h"
#include "ne_env.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define EMU		"nitro_enclaves_emu"
#define VSOCK		"ne_emu_vsock"

static int load(const char *name, const char *args)
{
	struct utsname uts;
	char path[300];
	int fd, rc;

	uname(&uts);
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/%s.ko", uts.release, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = syscall(SYS_finit_module, fd, args, 0) ? -errno : 0;
	close(fd);
	return rc;
}

static int unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static void check_gone(struct ne_test *t, const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	CHECK_ERR(t, access(path, F_OK) ? -errno : 0, ENOENT);
}

static void all_gone(struct ne_test *t)
{
	/* udev starts ne-emud whenever the device appears. */
	ne_stop_daemon();
	CHECK_EQ(t, NE_COMMAND("systemctl", "-q", "mask", "--runtime", "ne-emud.service"), 0);
	unload(EMU);
	unload(VSOCK);
	check_gone(t, EMU);
	check_gone(t, VSOCK);
}

/* @function: the kernel function that calls our code; failures outside it do not count */
static void load_and_unload(struct ne_test *t, const char *name, const char *args,
			    const char *function)
{
	struct fault f;
	int rc;

	fault_setup(t);
	fault_require(t, function);
	all_gone(t);
	fault_open(t, &f);
	while (fault_next(&f)) {
		fault_arm(&f);
		rc = load(name, args);
		fault_disarm(&f);
		if (FAULT_CHECK(t, &f, rc, ENOMEM, EFAULT, EMFILE, ENFILE, EBUSY)) {
			check_gone(t, name);
			check_gone(t, "nitro_enclaves");
			CHECK_EQ(t, load(name, args), 0);
		}
		CHECK_EQ(t, unload(name), 0);
		check_gone(t, name);
	}
	fault_close(t, &f);
}

static void vsock(struct ne_test *t)
{
	load_and_unload(t, VSOCK, "", "do_init_module");
}

static void emu(struct ne_test *t)
{
	load_and_unload(t, EMU, "", "do_init_module");
}

static void emu_with_pool(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char args[100];

	snprintf(args, sizeof(args), "ne_cpus=%s", env->list);
	load_and_unload(t, EMU, args, "parse_args");
}

/* If a later parameter is refused, a pool that was set before is released. */
static void bad_parameter(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char args[100];

	all_gone(t);
	snprintf(args, sizeof(args), "ne_cpus=%s max_mem_regions=many", env->list);
	CHECK_ERR(t, load(EMU, args), EINVAL);
	check_gone(t, EMU);
	check_gone(t, "nitro_enclaves");
	CHECK_EQ(t, load(EMU, ""), 0);
}

static void unloading(struct ne_test *t)
{
	struct fault f;
	int rc;

	fault_setup(t);
	all_gone(t);
	CHECK_EQ(t, load(VSOCK, ""), 0);
	fault_open(t, &f);
	while (fault_next(&f)) {
		CHECK_EQ(t, load(EMU, ""), 0);
		fault_arm(&f);
		rc = unload(EMU);
		fault_disarm(&f);
		if (FAULT_CHECK(t, &f, rc, ENOMEM, EFAULT))
			CHECK_EQ(t, unload(EMU), 0);
		check_gone(t, EMU);
		check_gone(t, "nitro_enclaves");
	}
	fault_close(t, &f);
}

static void modules_back(struct ne_test *t)
{
	NE_COMMAND("systemctl", "-q", "unmask", "--runtime", "ne-emud.service");
	CHECK_EQ(t, NE_COMMAND("modprobe", EMU), 0);
	/* udev must process hundreds of devices that appeared and disappeared. */
	CHECK_EQ(t, NE_COMMAND("udevadm", "settle", "--timeout=600"), 0);
	CHECK_EQ(t, ne_env_pool_restore(t->env), 0);
}

static const struct ne_case cases[] = {
	{ "F31 vsock", vsock, FAULT_TIMEOUT },
	{ "F32 emu", emu, FAULT_TIMEOUT },
	{ "F33 emu_with_pool", emu_with_pool, FAULT_TIMEOUT },
	{ "F34 bad_parameter", bad_parameter, FAULT_TIMEOUT },
	{ "F35 unloading", unloading, FAULT_TIMEOUT },
};

int main(int argc, char **argv)
{
	struct ne_env env = { .page_need = 0 };
	const struct ne_suite suite = {
		.cases = cases,
		.nr_cases = ARRAY_SIZE(cases),
		.env = &env,
		.setup = ne_env_setup,
		.after = modules_back,
		.teardown = ne_env_teardown,
	};

	return ne_suite_run(&suite, argc, argv);
}
