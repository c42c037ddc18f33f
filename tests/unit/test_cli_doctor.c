// SPDX-License-Identifier: Apache-2.0
/* "ne-emu doctor", "logs" and the names of enclaves, on fake machines. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ca/cert.h"
#include "cli/commands.h"
#include "cli/enclave/logs.h"
#include "cli/enclave/state.h"
#include "command/command.h"
#include "fake_root.h"

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static json_t *parse(const struct command_result *result)
{
	json_t *root = json_loads(result->out, 0, NULL);

	if (!root)
		fail_msg("no JSON: %s", result->out);
	return root;
}

/* Text of the first finding of a check with this status, or "". */
static const char *finding(const json_t *root, const char *check, const char *status)
{
	json_t *list = json_object_get(root, "Findings");
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
		if (!strcmp(json_string_value(json_object_get(entry, "Check")), check) &&
		    !strcmp(json_string_value(json_object_get(entry, "Status")), status))
			return json_string_value(json_object_get(entry, "Text"));
	return "";
}

/* The finding with this id, or NULL. */
static const json_t *problem(const json_t *root, const char *id)
{
	json_t *list = json_object_get(root, "Findings");
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		const char *have = json_string_value(json_object_get(entry, "Id"));

		if (have && !strcmp(have, id))
			return entry;
	}
	return NULL;
}

/* doctor finds this; @command and @text are parts of what it says, NULL: any. */
static void expect_problem(const char *id, const char *status, const char *command,
			   const char *text)
{
	struct command_result result;
	const json_t *found;
	json_t *json;

	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	found = problem(json, id);
	if (!found)
		fail_msg("no %s in %s", id, result.out);
	assert_string_equal(json_string_value(json_object_get(found, "Status")), status);
	if (command && !*command)
		assert_true(json_is_null(json_object_get(found, "Command")));
	else if (command)
		expect_text(json_string_value(json_object_get(found, "Command")), command);
	if (text)
		expect_text(json_string_value(json_object_get(found, "Text")), text);
	json_decref(json);
	/* The text names the id, too. */
	run_command(&result, &cmd_doctor, "doctor", NULL);
	expect_text(result.out, id);
}

static void expect_none(const char *id)
{
	struct command_result result;
	json_t *json;

	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	if (problem(json, id))
		fail_msg("%s in %s", id, result.out);
	json_decref(json);
}

static bool left_out(const json_t *root, const char *check)
{
	json_t *list = json_object_get(root, "NotChecked");
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
		if (!strcmp(json_string_value(entry), check))
			return true;
	return false;
}

/* On a machine with nothing, causes have results, and what follows from them is named. */
static void test_empty_machine(void **state)
{
	static const char *const consequences[] = {
		"device", "daemon", "vmm", "logs", "vsock", "cpu-pool", "huge-pages",
	};
	struct command_result result;
	struct temp_dir root;
	json_t *json;

	fake_root_create(&root);
	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	json = parse(&result);
	assert_true(json_is_integer(json_object_get(json, "FormatVersion")));
	assert_true(json_is_false(json_object_get(json, "Ok")));
	assert_non_null(problem(json, "kvm-firmware"));
	assert_non_null(problem(json, "module-not-installed"));
	assert_string_not_equal(finding(json, "cpus", "warning"), "");
	for (size_t i = 0; i < ARRAY_SIZE(consequences); i++) {
		assert_string_equal(finding(json, consequences[i], "error"), "");
		assert_true(left_out(json, consequences[i]));
	}
	assert_false(left_out(json, "module"));
	json_decref(json);
	run_command(&result, &cmd_doctor, "doctor", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.out, "error    module       nitro_enclaves_emu is not installed for this "
		    "kernel");
	expect_text(result.out, " [module-not-installed]\n");
	expect_text(result.out, "not checked before that is solved: ");
	fake_root_remove(&root);
}

/* A lock on the file of the supervisor, as the kernel shows it. */
static void put_daemon(const struct temp_dir *root)
{
	char path[ROOT_PATH_SIZE], locks[256];
	struct stat st;

	fake_root_put(root, "/run/ne-emu/ne-emud.lock", "");
	assert_int_equal(stat(fake_root_path(root, "/run/ne-emu/ne-emud.lock", path), &st), 0);
	snprintf(locks, sizeof(locks),
		 "1: POSIX  ADVISORY  WRITE 9 00:01:1 0 EOF\n"
		 "2: FLOCK  ADVISORY  WRITE 4242 %02x:%02x:%llu 0 EOF\n",
		 (unsigned int)(st.st_dev >> 8 & 0xfff), (unsigned int)(st.st_dev & 0xff),
		 (unsigned long long)st.st_ino);
	fake_root_put(root, "/proc/locks", locks);
}

/* The modules are loaded, and the supervisor runs. */
static void make_loaded(struct temp_dir *root)
{
	fake_root_create(root);
	fake_root_put(root, "/sys/module/nitro_enclaves_emu/version", NE_EMU_VERSION "\n");
	fake_root_put(root, "/sys/module/ne_emu_vsock/initstate", "live\n");
	put_daemon(root);
}

#define SIBLINGS	"/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list"
#define PAGES		"/sys/kernel/mm/hugepages/hugepages-2048kB/"

/* Everything that a file can stand for: two cores of two threads, 64 MiB. */
static void make_good(struct temp_dir *root)
{
	char path[128];

	make_loaded(root);
	fake_root_put(root, "/proc/cpuinfo", "flags\t\t: fpu svm\n");
	fake_root_put(root, "/sys/module/nitro_enclaves/parameters/ne_cpus", "2-3\n\n");
	fake_root_put(root, "/dev/nitro_enclaves", "");
	fake_root_put(root, "/sys/devices/system/cpu/online", "0-3\n");
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), SIBLINGS, i);
		fake_root_put(root, path, i < 2 ? "0-1\n" : "2-3\n");
	}
	fake_root_put(root, PAGES "free_hugepages", "32\n");
	fake_root_put(root, PAGES "nr_hugepages", "40\n");
	fake_root_put(root, "/proc/meminfo", "MemAvailable:    1000000 kB\n");
}

static void test_good_parts(void **state)
{
	struct command_result result;
	struct temp_dir root;
	json_t *json;

	make_good(&root);
	fake_root_put(&root, "/sys/module/nitro_enclaves_emu/version", "1.2\n");
	fake_root_put(&root, "/sys/module/vhost_vsock/initstate", "live\n");
	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	assert_string_equal(finding(json, "kvm", "error"),
			    "/dev/kvm is missing although the CPU can virtualize");
	assert_string_equal(finding(json, "module", "warning"), "nitro_enclaves_emu 1.2 is loaded, "
			    "but the programs have version " NE_EMU_VERSION);
	assert_string_equal(finding(json, "cpu-pool", "ok"), "2 CPUs: 2-3");
	assert_string_equal(finding(json, "cpus", "ok"), "2 CPUs can be used for enclaves, in "
			    "whole cores of 2 threads: ask for multiples of 2");
	assert_string_equal(finding(json, "huge-pages", "ok"), "node 0: free are 32 of 40 pages "
			    "of 2 MiB");
	assert_string_equal(finding(json, "huge-pages", "error"), "");
	assert_non_null(problem(json, "daemon-socket"));
	assert_non_null(problem(json, "vhost-vsock"));
	json_decref(json);

	fake_root_put(&root, "/sys/module/nitro_enclaves_emu/version", NE_EMU_VERSION "\n");
	fake_root_put(&root, "/proc/sys/net/vsock/g2h_fallback", "1\n");
	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	assert_string_not_equal(finding(json, "vhost-vsock", "ok"), "");
	assert_string_equal(finding(json, "module", "ok"),
			    "nitro_enclaves_emu " NE_EMU_VERSION " is loaded");
	json_decref(json);
	fake_root_remove(&root);
}

/* A file below the directory of the running kernel's modules. */
static void put_modules(const struct temp_dir *root, const char *name, const char *text)
{
	struct utsname uts;
	char path[200];

	assert_int_equal(uname(&uts), 0);
	snprintf(path, sizeof(path), "/lib/modules/%.60s/%s", uts.release, name);
	fake_root_put(root, path, text);
}

/* A program that prints this. */
static void put_program(const struct temp_dir *root, const char *path, const char *text)
{
	char script[1024], name[ROOT_PATH_SIZE];

	snprintf(script, sizeof(script), "#!/bin/sh\ncat <<'END'\n%s\nEND\n", text);
	fake_root_put(root, path, script);
	assert_int_equal(chmod(fake_root_path(root, path, name), 0755), 0);
}

static bool kernel_is_supported(void)
{
	unsigned int major, minor;
	struct utsname uts;

	assert_int_equal(uname(&uts), 0);
	assert_int_equal(sscanf(uts.release, "%u.%u", &major, &minor), 2);
	return (major == 6 && minor >= 12) || (major == 7 && minor <= 3);
}

#define DKMS	"/var/lib/dkms/nitro-enclaves-emu/0.1.0/"

/* Why the module is not there, each with what helps. */
static void test_module(void **state)
{
	struct temp_dir root;

	fake_root_create(&root);
	put_modules(&root, "modules.dep", "updates/nitro-enclaves_emux.ko:\n"
		    "kernel/x/nitro_enclaves_emu/y.ko:\n");
	if (!kernel_is_supported()) {
		expect_problem("module-kernel", "error", "", "is not made for this kernel");
		fake_root_remove(&root);
		return;
	}
	expect_problem("module-not-installed", "error", "", NULL);
	fake_root_put(&root, DKMS "source/dkms.conf", "");
	expect_problem("module-headers", "error", "", "headers are not installed");
	fake_root_put(&root, "/usr/bin/apt-get", "");
	expect_problem("module-headers", "error", "sudo apt-get install linux-headers-", NULL);
	put_modules(&root, "build/Makefile", "");
	put_program(&root, "/usr/sbin/dkms", "nitro-enclaves-emu/0.1.0: added");
	expect_problem("module-not-built", "error", "sudo dkms autoinstall -k ", NULL);
	fake_root_put(&root, DKMS "build/make.log", "CC x.o\nx.c:1:1: error: unknown type\n"
		      "make: *** [x] Error 2\nend\n");
	expect_problem("module-build", "error", "sudo dkms autoinstall -k ",
		       "make: *** [x] Error 2");
	put_modules(&root, "modules.dep", "updates/dkms/nitro_enclaves_emu.ko.xz: a.ko\n");
	expect_problem("module-not-loaded", "error", "sudo modprobe nitro_enclaves_emu", NULL);
	/* Secure Boot. */
	put_program(&root, "/usr/sbin/modinfo", "");
	fake_root_put(&root, "/sys/kernel/security/lockdown", "[none] integrity\n");
	expect_problem("module-not-loaded", "error", NULL, NULL);
	fake_root_put(&root, "/sys/kernel/security/lockdown", "none [integrity]\n");
	expect_problem("module-unsigned", "error", "", NULL);
	put_program(&root, "/usr/sbin/modinfo", "Debian Secure Boot Signer");
	expect_problem("module-not-loaded", "error", NULL, NULL);
	fake_root_remove(&root);
}

static void test_module_in_container(void **state)
{
	char path[ROOT_PATH_SIZE];
	struct temp_dir root;

	fake_root_create(&root);
	fake_root_put(&root, "/proc/self/ns/net", "");
	assert_int_equal(symlink("pid:[4026532000]",
				 fake_root_path(&root, "/proc/self/ns/pid", path)), 0);
	expect_problem("module-not-loaded", "error", "", NULL);
	fake_root_put(&root, "/proc/cpuinfo", "flags\t: vmx\n");
	expect_problem("kvm-not-visible", "warning", "", NULL);
	fake_root_put(&root, "/sys/module/nitro_enclaves_emu/version", NE_EMU_VERSION "\n");
	expect_problem("device-missing", "error", "", NULL);
	/* No error: it may run on the host. */
	expect_problem("daemon-not-visible", "warning", "", NULL);
	/* The directory of the host is here, and nobody has the lock. */
	fake_root_put(&root, "/run/ne-emu/ne-emud.lock", "");
	expect_problem("daemon-stopped", "error", NULL, NULL);
	fake_root_remove(&root);
}

static void test_kvm(void **state)
{
	struct temp_dir root;

	fake_root_create(&root);
	fake_root_put(&root, "/proc/cpuinfo", "flags\t: fpu hypervisor\n");
	expect_problem("kvm-nested-off", "error", "", NULL);
	fake_root_put(&root, "/proc/cpuinfo", "flags\t: fpu vmx\n");
	expect_problem("kvm-not-loaded", "error", "sudo modprobe kvm_intel", NULL);
	put_modules(&root, "modules.dep", "kernel/arch/x86/kvm/kvm-amd.ko.xz:\n");
	expect_problem("kvm-not-loaded", "error", "", NULL);
	fake_root_put(&root, "/proc/cpuinfo", "flags\t: fpu svm\n");
	expect_problem("kvm-not-loaded", "error", "sudo modprobe kvm_amd", NULL);
	fake_root_mkdir(&root, "/sys/class/misc/kvm");
	expect_problem("kvm-device-missing", "error", "mknod -m 660 /dev/kvm c 10 232", NULL);
	fake_root_remove(&root);
}

/* Each state of the unit, and the end of its journal. */
static void test_daemon(void **state)
{
	struct temp_dir root;
	char path[ROOT_PATH_SIZE];

	make_good(&root);
	fake_root_put(&root, "/proc/locks", "");
	expect_problem("daemon-stopped", "error", "ne-emud > /var/log/ne-emud.log", NULL);
	fake_root_mkdir(&root, "/run/systemd/system");
	expect_problem("daemon-stopped", "error", "sudo systemctl start ne-emud", NULL);
	put_program(&root, "/usr/bin/systemctl", "LoadState=masked\nActiveState=inactive");
	expect_problem("daemon-masked", "error", "sudo systemctl unmask ne-emud", NULL);
	put_program(&root, "/usr/bin/systemctl", "LoadState=not-found\nActiveState=inactive");
	expect_problem("daemon-unit-missing", "error", "daemon-reload", NULL);
	put_program(&root, "/usr/bin/systemctl", "LoadState=loaded\nActiveState=failed\n"
		    "Result=exit-code\nInvocationID=abc");
	expect_problem("daemon-failed", "error", "reset-failed", "ne-emud has failed (exit-code)");
	put_program(&root, "/usr/bin/journalctl", "one\nlast \033[31mline");
	expect_problem("daemon-failed", "error", NULL, "its journal ends with: last \\x1b[31mline");

	fake_root_put(&root, "/proc/77/comm", "ne-emud\n");
	expect_problem("daemon-foreign", "warning", "sudo kill 77 && ", NULL);
	expect_none("daemon-failed");
	assert_int_equal(unlink(fake_root_path(&root, "/proc/77/comm", path)), 0);

	/* The configuration is the cause. */
	fake_root_put(&root, "/etc/ne-emu/ne-emud.conf", "# a\n[attestation]\nregon = x\n");
	expect_problem("config-invalid", "error", "sudo sed -i '3s/^/#/' /etc/ne-emu/ne-emud.conf",
		       "ne-emud does not start: /etc/ne-emu/ne-emud.conf:3: regon: no such "
		       "setting");
	expect_none("daemon-failed");
	put_daemon(&root);
	expect_problem("config-invalid", "warning", NULL, "ne-emud will not start again: ");
	fake_root_put(&root, "/etc/ne-emu/ne-emud.conf", "[attestation]\n");
	expect_none("config-invalid");
	fake_root_remove(&root);
}

/* A supervisor that does not answer: @listener accepts nothing. */
static int listen_without_answer(const struct temp_dir *root)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	fake_root_path(root, "/run/ne-emu/ne-emud.sock", address.sun_path);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 16), 0);
	return listener;
}

static void test_frozen_daemon(void **state)
{
	struct command_result result;
	struct temp_dir root;
	int listener;
	json_t *json;

	make_good(&root);
	listener = listen_without_answer(&root);
	fake_root_put(&root, "/proc/4242/cgroup", "0::/a.slice/ne-emud.service\n");
	fake_root_put(&root, "/sys/fs/cgroup/a.slice/cgroup.freeze", "1\n");
	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	assert_string_equal(json_string_value(json_object_get(problem(json, "daemon-frozen"),
							      "Command")),
			    "echo 0 | sudo tee /sys/fs/cgroup/a.slice/cgroup.freeze");
	assert_true(left_out(json, "logs"));
	json_decref(json);
	fake_root_put(&root, "/sys/fs/cgroup/a.slice/cgroup.freeze", "0\n");
	fake_root_put(&root, "/proc/4242/status", "Name:\tne-emud\nState:\tT (stopped)\n");
	run_command(&result, &cmd_doctor, "doctor", NULL);
	expect_text(result.out, "-> sudo kill -CONT 4242\n");
	assert_int_equal(result.code, COMMAND_FAILED);
	close(listener);
	fake_root_remove(&root);
}

/* CPUs of the pool that are offline, or that the supervisor may not use. */
static void test_pool(void **state)
{
	struct temp_dir root;
	char path[128];

	make_good(&root);
	fake_root_put(&root, "/sys/devices/system/cpu/online", "0-2\n");
	snprintf(path, sizeof(path), SIBLINGS, 2);
	fake_root_put(&root, path, "2\n");
	expect_problem("pool-offline", "error", "for cpu in 3; do echo 1 | sudo tee ", NULL);
	fake_root_put(&root, path, "2-3\n");
	fake_root_put(&root, "/sys/devices/system/cpu/online", "0-3\n");
	fake_root_put(&root, "/proc/4242/status", "Cpus_allowed:\t3\nCpus_allowed_list:\t0-2\n");
	expect_problem("pool-cpuset", "warning", "AllowedCPUs=", "vCPUs do not run on these of the "
		       "pool: 3");
	fake_root_put(&root, "/proc/4242/status", "x\nCpus_allowed_list:\t0-3\n");
	expect_problem("pool-not-isolated", "warning", "", "ne-emud has not isolated CPUs 2-3");

	/* What the command asks for is what the machine has. */
	fake_root_put(&root, "/sys/module/nitro_enclaves/parameters/ne_cpus", "\n");
	expect_problem("pool-empty", "error", "sudo ne-emu setup --cpus 2", NULL);
	fake_root_put(&root, PAGES "free_hugepages", "0\n");
	expect_problem("pool-empty", "error", "sudo ne-emu setup --memory 512 --cpus 2", NULL);
	expect_none("huge-pages-missing");
	fake_root_put(&root, "/proc/meminfo", "MemAvailable:    200000 kB\n");
	expect_problem("pool-empty", "error", "sudo ne-emu setup --memory 128 --cpus 2", NULL);
	fake_root_put(&root, "/proc/meminfo", "MemAvailable:    60000 kB\n");
	expect_problem("pool-empty", "error", "", NULL);
	fake_root_remove(&root);
}

static void test_memory(void **state)
{
	struct temp_dir root;

	make_good(&root);
	fake_root_put(&root, PAGES "free_hugepages", "31\n");
	expect_problem("huge-pages-missing", "error", "sudo ne-emu setup --memory 512", "only 62 "
		       "MiB");
	fake_root_put(&root, PAGES "nr_overcommit_hugepages", "1\n");
	expect_none("huge-pages-missing");
	fake_root_put(&root, PAGES "resv_hugepages", "1\n");
	expect_problem("huge-pages-missing", "error", NULL, NULL);
	fake_root_put(&root, PAGES "resv_hugepages", "0\n");

	fake_root_put(&root, "/proc/self/cgroup", "0::/x\n");
	fake_root_put(&root, "/sys/fs/cgroup/x/hugetlb.2MB.max", "67108864\n");
	fake_root_put(&root, "/sys/fs/cgroup/x/hugetlb.2MB.current", "0\n");
	expect_none("huge-pages-cgroup");
	fake_root_put(&root, "/sys/fs/cgroup/x/hugetlb.2MB.current", "2097152\n");
	expect_problem("huge-pages-cgroup", "error",
		       "echo max | sudo tee /sys/fs/cgroup/x/hugetlb.2MB.max", NULL);
	fake_root_put(&root, "/proc/self/cgroup", "");

	fake_root_put(&root, "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1\n");
	expect_none("huge-pages-large");
	fake_root_put(&root, PAGES "free_hugepages", "0\n");
	expect_problem("huge-pages-large", "warning", "", NULL);

	fake_root_put(&root, "/proc/zoneinfo", "Node 0, zone   Normal\n        managed  1000\n"
		      "Node 0, zone  Movable\n        managed  0\n");
	expect_none("huge-pages-movable");
	fake_root_put(&root, "/proc/zoneinfo", "Node 0, zone   Normal\n        managed  1000\n"
		      "Node 1, zone  Movable\n        present  9\n        managed  512\n");
	expect_problem("huge-pages-movable", "warning", "", "2 MiB of this machine");
	fake_root_remove(&root);
}

static void test_vsock(void **state)
{
	char path[ROOT_PATH_SIZE];
	struct temp_dir root;

	make_good(&root);
	fake_root_put(&root, "/proc/sys/net/vsock/ns_mode", "local\n");
	expect_problem("vsock-namespace", "error", "", NULL);
	fake_root_put(&root, "/proc/sys/net/vsock/ns_mode", "global\n");
	expect_none("vsock-namespace");
	assert_int_equal(unlink(fake_root_path(&root, "/sys/module/ne_emu_vsock/initstate",
					       path)), 0);
	*strrchr(path, '/') = 0;
	assert_int_equal(rmdir(path), 0);
	expect_problem("vsock-not-loaded", "error", "sudo modprobe ne_emu_vsock", NULL);
	put_modules(&root, "modules.builtin", "kernel/net/vmw_vsock/hv_sock.ko\n");
	expect_problem("vsock-built-in", "error", "", "hv_sock");
	put_modules(&root, "modules.builtin", "");
	fake_root_put(&root, "/sys/module/hv_sock/initstate", "live\n");
	expect_problem("vsock-other-transport", "error",
		       "sudo modprobe -r hv_sock && sudo modprobe ne_emu_vsock", NULL);
	expect_none("vsock-not-loaded");
	fake_root_remove(&root);
}

static void test_open_files(void **state)
{
	struct rlimit saved, few;
	struct temp_dir root;

	make_good(&root);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	few = (struct rlimit){ 8, saved.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	expect_problem("limit-open-files", "error", "ulimit -n ", NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
	fake_root_remove(&root);
}

/* A supervisor that gives this answer, until it is killed. */
static pid_t serve_answer(const struct temp_dir *root, const char *answer)
{
	char path[ROOT_PATH_SIZE];
	int client, listener;
	pid_t pid;

	(void)unlink(fake_root_path(root, "/run/ne-emu/ne-emud.sock", path));
	listener = listen_without_answer(root);
	pid = fork();
	assert_true(pid >= 0);
	while (!pid) {
		char request[256];

		client = accept(listener, NULL, NULL);
		if (client < 0 || recv(client, request, sizeof(request), 0) < 0 ||
		    send(client, answer, strlen(answer), 0) < 0)
			_exit(1);
		close(client);
	}
	close(listener);
	return pid;
}

static void stop_serving(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#define ANSWER(members)	"{\"ok\": true, \"version\": \"" NE_EMU_VERSION "\", " members "}"

/* What the supervisor says of itself. */
static void test_service(void **state)
{
	static const struct {
		const char *answer, *id, *status, *command, *text;
	} cases[] = {
		{ "{\"ok\": true, \"error\": null}", "daemon-version", "warning", NULL,
		  "an earlier version" },
		{ ANSWER("\"vmm\": {\"path\": \"/x/vmm\", \"errno\": 13}"), "vmm-not-executable",
		  "error", "sudo chmod 755 /x/vmm", NULL },
		{ ANSWER("\"vmm\": {\"path\": \"/x/vmm\", \"errno\": 2}"), "vmm-missing", "error",
		  "", "/x/vmm: No such file" },
		{ ANSWER("\"logs\": {\"path\": \"/l\", \"errno\": 28}"), "logs-full", "warning", "",
		  "/l has no space left" },
		{ ANSWER("\"logs\": {\"path\": \"/l\", \"errno\": 30}"), "logs-read-only",
		  "warning", "remount,rw", NULL },
		{ ANSWER("\"logs\": {\"path\": \"/l\", \"errno\": 13}"), "logs-unwritable",
		  "warning", "sudo install -d -o root -g ne -m 750 /var/log/ne-emu", NULL },
		{ ANSWER("\"run\": {\"path\": \"/r\", \"errno\": 28}"), "run-full", "warning", "",
		  "/r has no space left" },
		{ ANSWER("\"run\": {\"path\": \"/r\", \"errno\": 13}"), "run-unwritable",
		  "warning", NULL, NULL },
		{ ANSWER("\"error\": \"other users have access to /c (mode 0755): chmod 700 it\", "
			 "\"state_dir\": \"/c\""), "attestation-private", "warning",
		  "sudo chmod 700 /c", NULL },
		{ ANSWER("\"error\": \"a full disk\""), "attestation-root", "warning", "",
		  "no certificates: a full disk" },
	};
	struct temp_dir root;

	make_good(&root);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		pid_t pid = serve_answer(&root, cases[i].answer);

		expect_problem(cases[i].id, cases[i].status, cases[i].command, cases[i].text);
		stop_serving(pid);
	}
	fake_root_remove(&root);
}

/* KVM is there for us, and not for the supervisor. */
static void test_kvm_access(void **state)
{
	struct temp_dir root;
	pid_t pid;

	make_good(&root);
	fake_root_put(&root, "/dev/kvm", "");
	pid = serve_answer(&root, ANSWER("\"kvm\": {\"path\": \"/dev/kvm\", \"errno\": 13}"));
	/* A file is not a device: that is the cause. */
	expect_problem("kvm-broken", "error", "", NULL);
	expect_none("kvm-forbidden");
	stop_serving(pid);
	fake_root_remove(&root);
}

static void put_root_certificate(const struct temp_dir *root, int64_t begin, int64_t end)
{
	static const struct ca_rdn name[] = { { NID_commonName, "x" }, {} };
	const struct ca_cert_spec spec = {
		.subject = name, .serial = (const uint8_t *)"1", .serial_len = 1,
		.not_before = begin, .not_after = end, .pathlen = CA_PATHLEN_NONE,
		.key_usage = "critical,keyCertSign", .extensions = "BK",
	};
	EVP_PKEY *key = EVP_EC_gen("P-384");
	X509 *cert = ca_cert_make(&spec, key, NULL);
	char *pem = cert ? ca_cert_pem(cert) : NULL;

	assert_non_null(pem);
	fake_root_put(root, "/run/ne-emu/root.pem", pem);
	free(pem);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void test_clock(void **state)
{
	struct temp_dir root;
	int64_t now = time(NULL);
	pid_t pid;

	make_good(&root);
	pid = serve_answer(&root, ANSWER("\"root_sha256\": \"ab\", \"error\": null"));
	put_root_certificate(&root, now - 1000, now + 1000);
	expect_none("attestation-clock");
	expect_none("attestation-expired");
	put_root_certificate(&root, now + 500, now + 1000);
	expect_problem("attestation-clock", "warning", "sudo ne-emu-ca rotate", NULL);
	put_root_certificate(&root, now - 1000, now - 500);
	expect_problem("attestation-expired", "warning", "sudo ne-emu-ca rotate", NULL);
	stop_serving(pid);
	fake_root_remove(&root);
}

#define ISOLATED	"/sys/fs/cgroup/cpuset.cpus.isolated"
#define TOLD		"/run/ne-emu/isolation"

static void expect_isolation(const char *status, const char *text, bool isolated)
{
	struct command_result result;
	json_t *json, *pool;

	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	expect_text(finding(json, "isolation", status), text);
	pool = json_object_get(json, "CPUPool");
	assert_int_equal(json_is_true(json_object_get(pool, "Isolated")), isolated);
	assert_int_equal(json_is_null(json_object_get(pool, "NotIsolatedBecause")), isolated);
	assert_int_equal(json_integer_value(json_object_get(pool, "NumberOfCPUs")), 4);
	assert_int_equal(json_integer_value(json_object_get(pool, "NumaNode")), 1);
	assert_true(json_is_null(json_object_get(pool, "ClaimedCPUIDs")));
	json_decref(json);
}

/* CPUs count as isolated if ne-emud reports it and the kernel confirms it. */
static void test_isolation(void **state)
{
	struct temp_dir root;

	make_loaded(&root);
	fake_root_put(&root, "/sys/module/nitro_enclaves/parameters/ne_cpus", "6,7,2-3\n");
	fake_root_mkdir(&root, "/sys/devices/system/cpu/cpu2/node1");
	expect_isolation("warning", "is it running?", false);
	fake_root_put(&root, ISOLATED, "1-3,6-9\n");
	expect_isolation("warning", "is it running?", false);
	fake_root_put(&root, TOLD, "2-3\n\n");		/* of an earlier pool */
	expect_isolation("warning", "is it running?", false);
	fake_root_put(&root, TOLD, "2-3,6-7\n\n");
	expect_isolation("ok", "only enclaves run on CPUs 2-3,6-7", true);
	fake_root_put(&root, TOLD, "2-3,6-7\nno cgroup v2 here\n");
	expect_isolation("warning", "no cgroup v2 here", false);
	fake_root_put(&root, TOLD, "2-3,6-7\n\n");
	fake_root_put(&root, ISOLATED, "2-3,6\n");
	expect_isolation("warning", "the kernel has undone it", false);
	fake_root_remove(&root);
}

static void put_channel(const struct temp_dir *root, unsigned int pid, unsigned int fd,
			const char *target, const char *info)
{
	char name[64], path[ROOT_PATH_SIZE];

	snprintf(name, sizeof(name), "/proc/%u/fd/%u", pid, fd);
	assert_int_equal(symlink(target, fake_root_path(root, name, path)), 0);
	snprintf(name, sizeof(name), "/proc/%u/fdinfo/%u", pid, fd);
	fake_root_put(root, name, info);
}

/* Counters of channels: only of live VMMs, and only of their channels. */
static void test_vsock_packets(void **state)
{
	static const char bad[] = "pos:\t0\nstate:\tlive\ncid:\t666\nmalformed:\t1\n";
	struct command_result result;
	struct temp_dir root;
	json_t *json;

	make_loaded(&root);
	fake_root_put(&root, "/proc/40/comm", "ne-emu-vmm\n");
	put_channel(&root, 40, 3, "/dev/ne_emu_vsock",
		    "pos:\t0\nstate:\tlive\ncid:\t16\nconsole:\t0\nqueued:\t8192\n"
		    "dropped:\t7\nmalformed:\t18446744073709551615\n");
	put_channel(&root, 40, 4, "/dev/ne_emu_vsock",
		    "state:\tlive\ncid:\t17\nconsole:\t1\ndropped:\t0\nmalformed:\t2\n");
	put_channel(&root, 40, 5, "/dev/ne_emu_vsock",
		    "state:\tgone\nqueued:\t1\ndropped:\t5\nmalformed:\t5\n");
	put_channel(&root, 40, 9, "/dev/ne_emu_vsock",
		    "state:\tlive\ncid:\t18\nconsole:\t0\nqueued:\t5\ndropped:\t3\nmalformed:\t0\n");
	put_channel(&root, 40, 10, "/dev/ne_emu_vsock",
		    "state:\tlive\ncid:\t19\nconsole:\t0\nqueued:\t5\ndropped:\t0\nmalformed:\t0\n");
	put_channel(&root, 40, 6, "/dev/ne_emu_vsock2", bad);
	put_channel(&root, 40, 7, "/dev/ne_emu_vsoc", bad);
	put_channel(&root, 40, 8, "/dev/ne_emu_vsock", "");
	fake_root_put(&root, "/proc/41/comm", "ne-emu-vmm2\n");
	put_channel(&root, 41, 3, "/dev/ne_emu_vsock", bad);
	run_command(&result, &cmd_doctor, "doctor", NULL);
	expect_text(result.out, "CID 16 sent 18446744073709551615 malformed packets");
	expect_text(result.out, "7 packets to CID 16 were dropped; 8192 are waiting");
	expect_text(result.out, "the console of CID 17 sent 2 malformed packets");
	expect_text(result.out, "3 packets to CID 18 were dropped; 5 are waiting");
	assert_null(strstr(result.out, "CID 18 sent"));
	assert_null(strstr(result.out, "CID 17 were dropped"));
	assert_null(strstr(result.out, "CID 19"));
	assert_null(strstr(result.out, "666"));
	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	expect_text(finding(json, "vsock-packets", "warning"), " packets");
	json_decref(json);
	fake_root_remove(&root);
}

/* Huge pages must be on the node of the pool. */
static void test_nodes(void **state)
{
	static const struct {
		const char *pages[2];	/* free on node 0 and 1 */
		const char *fail;
	} cases[] = {
		{ { "32\n", "0\n" }, "" },
		{ { "0\n", "32\n" }, "the free huge pages are not on node 0, where the CPU "
				      "pool is" },
		{ { "31\n", "32\n" }, "the free huge pages are not on node 0, where the CPU "
				      "pool is" },
		{ { "32\n", "32\n" }, "" },
		{ { "31\n", "31\n" }, "only 62 MiB of huge pages are free; an enclave needs at "
				      "least 64 MiB" },
	};
	struct command_result result;
	struct temp_dir root;
	char path[100];
	json_t *json;

	make_loaded(&root);
	fake_root_put(&root, "/sys/module/nitro_enclaves/parameters/ne_cpus", "2\n");
	fake_root_put(&root, "/sys/devices/system/cpu/cpu2/node0/x", "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int node = 0; node < 2; node++) {
			snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/hugepages/"
				 "hugepages-2048kB/free_hugepages", node);
			fake_root_put(&root, path, cases[i].pages[node]);
		}
		run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
		json = parse(&result);
		assert_string_equal(finding(json, "huge-pages", "error"), cases[i].fail);
		json_decref(json);
	}
	fake_root_remove(&root);
}

static void test_aws_driver(void **state)
{
	struct command_result result;
	struct temp_dir root;
	json_t *json;

	fake_root_create(&root);
	fake_root_put(&root, "/sys/module/nitro_enclaves/initstate", "live\n");
	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	expect_text(finding(json, "module", "error"), "the emulator cannot be loaded with it");
	json_decref(json);
	fake_root_put(&root, "/dev/nitro_enclaves", "");
	run_command(&result, &cmd_doctor, "doctor", "--json", NULL);
	json = parse(&result);
	expect_text(finding(json, "module", "ok"), "real enclave host");
	json_decref(json);
	fake_root_remove(&root);
}

static void test_ids(void **state)
{
	static const struct {
		const char *name;
		uint64_t uid;
		uint32_t cid;
	} cases[] = {
		{ "16", 0, 16 },
		{ "4294967295", 0, 4294967295 },
		{ "enc017d91012b842240", 0x017d91012b842240, 0 },
		{ "enc17d91012b842240", 0x017d91012b842240, 0 },
		{ "017d91012b842240", 0x017d91012b842240, 0 },
		{ "i-09eb1f8c065b7f2e8-enc017d91012b842240", 0x017d91012b842240, 0 },
	};
	static const char *const bad[] = {
		"", "0", "x", "4294967296", "enc", "enc0", "encx", "-1", "017d91012b84224",
		"017d91012b84224g", "enc017d91012b8422400",
	};
	char id[STATE_ID_SIZE];
	uint64_t uid;
	uint32_t cid;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(state_parse_id(cases[i].name, &uid, &cid), 0);
		assert_true(uid == cases[i].uid);
		assert_int_equal(cid, cases[i].cid);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(state_parse_id(bad[i], &uid, &cid), -EINVAL);
	assert_string_equal(state_id(0x017d91012b842240, id), "enc017d91012b842240");
}

#define OLD	"/var/log/ne-emu/1000/017d91012b842240"
#define NEW	"/var/log/ne-emu/0/017d91012b842241"

static void test_logs(void **state)
{
	struct command_result result;
	struct temp_dir root;
	json_t *json;

	fake_root_create(&root);
	run_command(&result, &cmd_logs, "logs", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.err, "no enclave has been started yet");
	fake_root_put(&root, OLD "/console.log", "old console\n");
	fake_root_put(&root, OLD "/exit.json", "{\"cid\": 16, \"ended\": \"then\", "
		      "\"reason\": \"guest-reset\", \"text\": \"the guest reset\"}\n");
	fake_root_put(&root, NEW "/console.log", "new console\n");
	fake_root_put(&root, "/var/log/ne-emu/other", "");

	run_command(&result, &cmd_logs, "logs", NULL);
	assert_int_equal(result.code, COMMAND_OK);
	assert_string_equal(result.out, "new console\n");
	expect_text(result.err, "has not ended");
	run_command(&result, &cmd_logs, "logs", "enc017d91012b842240", NULL);
	assert_string_equal(result.out, "old console\n");
	assert_string_equal(result.err, "enc017d91012b842240: ended then, guest-reset: "
			    "the guest reset\n");
	run_command(&result, &cmd_logs, "logs", "16", NULL);
	assert_string_equal(result.out, "old console\n");
	run_command(&result, &cmd_logs, "logs", "17", NULL);
	assert_int_equal(result.code, COMMAND_FAILED);
	expect_text(result.err, "there are no logs of 17");

	run_command(&result, &cmd_logs, "logs", "--json", NULL);
	json = parse(&result);
	assert_int_equal(json_array_size(json), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(json, 0),
							    "OwnerUID")), 0);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(json, 1),
							    "OwnerUID")), 1000);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json, 1),
							      "ExitReason")), "guest-reset");
	assert_true(json_is_null(json_object_get(json_array_get(json, 1), "ExitCode")));
	json_decref(json);
	run_command(&result, &cmd_logs, "logs", "--list", "16", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	fake_root_remove(&root);
}

static void put_end(struct temp_dir *root, const char *program)
{
	char text[200];

	snprintf(text, sizeof(text), "{\"cid\": 16, \"ended\": \"then\", \"reason\": "
		 "\"guest-reset\", \"text\": \"the guest reset\", \"program\": %s}\n", program);
	fake_root_put(root, OLD "/exit.json", text);
}

/* Lines with the dates that a VMM writes, and two that it could not date. */
static void test_log_lines(void **state)
{
	static const struct {
		const char *options[3], *shown;
	} cases[] = {
		{ { NULL }, "zero\none\r\n2026-01-31T12:00:00Z fake\n\nlost\nfour\033[1m" },
		{ { "-t" }, "2026-01-31T12:00:00.000Z zero\n2026-01-31T12:00:01.000Z one\r\n"
		  "2026-01-31T12:00:02.000Z 2026-01-31T12:00:00Z fake\n2026-01-31T12:00:02.000Z \n"
		  "lost\n2026-01-31T12:00:04.500Z four\033[1m" },
		{ { "--tail", "2" }, "lost\nfour\033[1m" },
		{ { "-n", "0" }, "" },
		{ { "-n", "99" }, "zero\none\r\n2026-01-31T12:00:00Z fake\n\nlost\nfour\033[1m" },
		{ { "--since", "2026-01-31T12:00:02Z" },
		  "2026-01-31T12:00:00Z fake\n\nlost\nfour\033[1m" },
		{ { "--since", "@1769860804" }, "four\033[1m" },
		{ { "--since", "1s" }, "" },
		{ { "-l", "--since", "2026-01-31T12:00:04.501Z" }, "" },
	};
	struct command_result result;
	struct temp_dir root;

	fake_root_create(&root);
	fake_root_put(&root, OLD "/console.log",
		      "2026-01-31T12:00:00.000Z zero\n2026-01-31T12:00:01.000Z one\r\n"
		      "2026-01-31T12:00:02.000Z 2026-01-31T12:00:00Z fake\n"
		      "2026-01-31T12:00:02.000Z \nlost\n2026-01-31T12:00:04.500Z four\033[1m");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const *options = cases[i].options;

		run_command(&result, &cmd_logs, "logs", options[0], options[1], options[2], NULL);
		assert_int_equal(result.code, COMMAND_OK);
		assert_string_equal(result.out, cases[i].shown);
	}
	put_end(&root, "{\"exit_code\": 7}");
	run_command(&result, &cmd_logs, "logs", "-f", "--tail", "1", NULL);
	assert_string_equal(result.out, "four\033[1m");
	expect_text(result.err, "status 7");
	run_command(&result, &cmd_logs, "logs", "--since", "yesterday", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	run_command(&result, &cmd_logs, "logs", "--list", "-f", NULL);
	assert_int_equal(result.code, COMMAND_USAGE);
	fake_root_remove(&root);
}

static void test_logs_program(void **state)
{
	static const struct {
		const char *program, *text;
		int code, sig;		/* -1: null */
	} cases[] = {
		{ "null", "guest-reset: the guest reset", -1, -1 },
		{ "{\"exit_code\": 0}", "guest-reset: the program exited with status 0", 0, -1 },
		{ "{\"exit_code\": 7}", "guest-reset: the program exited with status 7", 7, -1 },
		{ "{\"signal\": 9, \"signal_name\": \"KILL\"}",
		  "guest-reset: the program was killed by signal 9 (KILL)", -1, 9 },
		{ "{\"signal\": 1000}", "guest-reset: the guest reset", -1, -1 },
		{ "[]", "guest-reset: the guest reset", -1, -1 },
	};
	struct command_result result;
	char expected[200];
	struct temp_dir root;

	fake_root_create(&root);
	fake_root_put(&root, OLD "/console.log", "old console\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *json, *code, *sig;

		put_end(&root, cases[i].program);
		run_command(&result, &cmd_logs, "logs", NULL);
		snprintf(expected, sizeof(expected), "enc017d91012b842240: ended then, %s\n",
			 cases[i].text);
		assert_string_equal(result.err, expected);
		run_command(&result, &cmd_logs, "logs", "--list", NULL);
		snprintf(expected, sizeof(expected), "then %s\n", cases[i].text);
		expect_text(result.out, expected);
		run_command(&result, &cmd_logs, "logs", "--json", NULL);
		json = parse(&result);
		code = json_object_get(json_array_get(json, 0), "ExitCode");
		sig = json_object_get(json_array_get(json, 0), "ExitSignal");
		assert_int_equal(json_is_null(code) ? -1 : json_integer_value(code), cases[i].code);
		assert_int_equal(json_is_null(sig) ? -1 : json_integer_value(sig), cases[i].sig);
		json_decref(json);
	}
	fake_root_remove(&root);
}

#define DATE	"2026-01-31T12:00:00.000Z "

/* The end of a console log, as "run" shows it after a failure. */
static void test_last_lines(void **state)
{
	static const struct {
		const char *log, *shown;
	} cases[] = {
		{ "", "" },
		{ "one", "  one\n" },
		{ "one\r\ntwo\r\n", "  one\n  two\n" },
		{ "0\n1\n\r\n2\n\n3\n", "  1\n  2\n  3\n" },
		{ "0\n1\n2\n3\nunfinished", "  2\n  3\n  unfinished\n" },
		{ DATE "0\n" DATE "1\r\n" DATE "\r\n" DATE "2\n" DATE "\n" DATE "3",
		  "  1\n  2\n  3\n" },
		{ "\n\n\n", "" },
		{ "a\33[2Jb\xff\tc\n", "  a\\x1b[2Jb\\xff\tc\n" },
	};
	const struct logs_id id = { .uid = 0x017d91012b842240, .owner = 1000 };
	struct temp_dir root;
	char *shown, *huge;
	size_t size;
	FILE *file;

	fake_root_create(&root);
	assert_int_equal(logs_print_last(&id, 3, stdout), -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_root_put(&root, OLD "/console.log", cases[i].log);
		file = open_memstream(&shown, &size);
		assert_return_code(logs_print_last(&id, 3, file), 0);
		assert_int_equal(fclose(file), 0);
		assert_string_equal(shown, cases[i].shown);
		free(shown);
	}
	/* Only the end is read, also of a line without an end. */
	huge = malloc(MIB);
	memset(huge, 'x', MIB - 1);
	huge[MIB - 1] = '\0';
	fake_root_put(&root, OLD "/console.log", huge);
	file = open_memstream(&shown, &size);
	assert_int_equal(logs_print_last(&id, 3, file), 1);
	assert_int_equal(fclose(file), 0);
	assert_in_range(size, 1000, 64 * KIB);
	free(shown);
	free(huge);
	fake_root_remove(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logs_program),
		cmocka_unit_test(test_log_lines),
		cmocka_unit_test(test_last_lines),
		cmocka_unit_test(test_empty_machine),
		cmocka_unit_test(test_good_parts),
		cmocka_unit_test(test_module),
		cmocka_unit_test(test_module_in_container),
		cmocka_unit_test(test_kvm),
		cmocka_unit_test(test_daemon),
		cmocka_unit_test(test_frozen_daemon),
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_kvm_access),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_vsock),
		cmocka_unit_test(test_open_files),
		cmocka_unit_test(test_isolation),
		cmocka_unit_test(test_vsock_packets),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_aws_driver),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_logs),
	};

	return cmocka_run_group_tests_name("cli_doctor", tests, NULL, NULL);
}
