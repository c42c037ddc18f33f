// SPDX-License-Identifier: Apache-2.0
/*
 * What ne-emu-vmm gives up. A child isolates itself as the VMM does and makes each attempt;
 * the parent checks the result.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "common/util.h"
#include "vmm/containment.h"
#include "vmm/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/kvm.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST_UID	990
#define TEST_GID	991
/* Exit codes of children that did not reach their attempt. */
#define NOT_ENTERED	100
#define NOT_SEALED	101

/* ASan clears the shadow of a replaced mapping in place instead of mapping it again. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "clear_shadow_mmap_threshold=1073741824";
}

/* Only root can change its user. */
static void enter(void)
{
	bool root = !geteuid();
	int keep[] = { -1 };

	if (containment_enter(root ? TEST_UID : 0, root ? TEST_GID : 0, keep, ARRAY_SIZE(keep)))
		_exit(NOT_ENTERED);
}

static void seal(uint64_t file_size, uint64_t data_size)
{
	const struct containment_limits limits = { file_size, data_size, NULL, 0 };

	if (containment_seal(&limits))
		_exit(NOT_SEALED);
}

/* The sanitizers map more memory than any limit allows. */
static void enter_and_seal(void)
{
	enter();
	seal(RLIM_INFINITY, RLIM_INFINITY);
}

/* Not _exit(), because ASan intercepts it and makes system calls. */
static void leave(int code)
{
	(void)syscall(SYS_exit_group, code);
}

/* Return: the wait status of a child that runs @fn and exits with its result. */
static int child(int (*fn)(const void *arg), const void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		leave(fn(arg));
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void expect_success(int (*fn)(const void *arg), const void *arg)
{
	int status = child(fn, arg);

	if (WIFSIGNALED(status))
		fail_msg("killed by signal %d", WTERMSIG(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/**
 * struct attempt - a system call that must kill the process
 * @memory: a page that stands in for the enclave's memory
 */
struct attempt {
	const char *name;
	const void *memory;
	long number;
	long args[6];
};

static int make_attempt(const void *arg)
{
	const struct attempt *attempt = arg;
	const long *a = attempt->args;
	const struct containment_limits limits = {
		.file_size = RLIM_INFINITY, .data_size = RLIM_INFINITY,
		.memory = attempt->memory, .memory_size = sysconf(_SC_PAGESIZE),
	};

	enter();
	if (containment_seal(&limits))
		_exit(NOT_SEALED);
	(void)syscall(attempt->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return 0;
}

static const char path[] = "/etc/passwd";

#define ATTEMPT(call, ...) \
	{ .name = #call, .memory = memory, .number = SYS_ ## call, .args = { __VA_ARGS__ } }
#define POINTER(p)		((long)(uintptr_t)(p))

static void test_forbidden_calls(void **state)
{
	static char *const argv[] = { "/bin/true", NULL };
	int page = sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	const struct attempt attempts[] = {
		/* Files */
		ATTEMPT(open, POINTER(path), O_RDONLY),
		ATTEMPT(openat, AT_FDCWD, POINTER(path), O_RDONLY),
		ATTEMPT(openat2, AT_FDCWD, POINTER(path)),
		ATTEMPT(creat, POINTER("/tmp/x"), 0600),
		ATTEMPT(unlink, POINTER("/tmp/x")),
		ATTEMPT(rename, POINTER("/tmp/x"), POINTER("/tmp/y")),
		ATTEMPT(mkdir, POINTER("/tmp/x"), 0700),
		ATTEMPT(chmod, POINTER("/tmp/x"), 0700),
		ATTEMPT(statx, AT_FDCWD, POINTER(path)),
		ATTEMPT(getdents64, 0),
		ATTEMPT(readlink, POINTER(path)),
		ATTEMPT(chroot, POINTER("/")),
		ATTEMPT(mount, POINTER("x"), POINTER("/mnt"), POINTER("tmpfs")),
		ATTEMPT(open_by_handle_at, 0),

		/* New descriptors */
		ATTEMPT(dup, 1),
		ATTEMPT(dup3, 1, 9),
		ATTEMPT(fcntl, 1, F_DUPFD, 3),
		ATTEMPT(pipe2, POINTER(memory), 0),
		ATTEMPT(eventfd2, 0, 0),
		ATTEMPT(epoll_create1, 0),
		ATTEMPT(timerfd_create, CLOCK_MONOTONIC, 0),
		ATTEMPT(signalfd4, -1, POINTER(memory), 8, 0),
		ATTEMPT(memfd_create, POINTER("x"), 0),
		ATTEMPT(userfaultfd, 0),
		ATTEMPT(perf_event_open, POINTER(memory), 0, -1, -1, 0),
		ATTEMPT(io_uring_setup, 1, POINTER(memory)),
		ATTEMPT(bpf, 0),
		ATTEMPT(inotify_init1, 0),
		ATTEMPT(recvmsg, 0, POINTER(memory), 0),
		ATTEMPT(pidfd_open, 1, 0),
		ATTEMPT(pidfd_getfd, 0, 0, 0),

		/* Network and other processes */
		ATTEMPT(socket, AF_INET, SOCK_STREAM, 0),
		ATTEMPT(socket, AF_UNIX, SOCK_STREAM, 0),
		ATTEMPT(socket, AF_VSOCK, SOCK_STREAM, 0),
		ATTEMPT(socketpair, AF_UNIX, SOCK_STREAM, 0, POINTER(memory)),
		ATTEMPT(connect, 0, POINTER(memory), 16),
		ATTEMPT(bind, 0, POINTER(memory), 16),
		ATTEMPT(accept4, 0, 0, 0, 0),
		ATTEMPT(sendto, 1, POINTER(path), 1, 0, 0, 0),
		ATTEMPT(sendmsg, 1, POINTER(memory), 0),
		ATTEMPT(kill, getpid(), SIGTERM),
		ATTEMPT(tgkill, getpid(), getpid(), SIGTERM),
		ATTEMPT(rt_sigqueueinfo, getpid(), SIGTERM, POINTER(memory)),
		ATTEMPT(ptrace, PTRACE_TRACEME),
		ATTEMPT(process_vm_readv, getpid()),
		ATTEMPT(process_vm_writev, getpid()),
		ATTEMPT(shmget, IPC_PRIVATE, page, 0600),
		ATTEMPT(keyctl, 0),
		ATTEMPT(sched_setaffinity, getpid(), 8, POINTER(memory)),
		ATTEMPT(sched_setaffinity, 0, 8, POINTER(memory)),

		/* Programs, threads, code */
		ATTEMPT(execve, POINTER(argv[0]), POINTER(argv), 0),
		ATTEMPT(execveat, AT_FDCWD, POINTER(argv[0]), POINTER(argv), 0, 0),
		ATTEMPT(fork),
		ATTEMPT(vfork),
		ATTEMPT(clone, SIGCHLD),
		ATTEMPT(clone3, POINTER(memory), 88),
		ATTEMPT(mmap, 0, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		ATTEMPT(mmap, 0, page, PROT_READ, MAP_PRIVATE, 1, 0),
		/* Memory that no limit counts, and huge pages, which are for enclaves */
		ATTEMPT(mmap, 0, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		ATTEMPT(mmap, POINTER(memory), page, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		ATTEMPT(mmap, POINTER(memory), 2 * page, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0),
		ATTEMPT(mmap, POINTER(memory) + page, page, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0),
		ATTEMPT(mmap, 0, page, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0),
		ATTEMPT(mmap, 0, page, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0),
		ATTEMPT(mmap, 0, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
			-1, 0),
		ATTEMPT(mprotect, POINTER(memory), page, PROT_READ | PROT_EXEC),
		ATTEMPT(pkey_mprotect, POINTER(memory), page, PROT_EXEC, -1),
		ATTEMPT(mlock, POINTER(memory), page),
		ATTEMPT(init_module, POINTER(memory), page, POINTER("")),
		ATTEMPT(kexec_load, 0),

		/* Rights */
		ATTEMPT(setuid, 0),
		ATTEMPT(setresuid, 0, 0, 0),
		ATTEMPT(setgroups, 0, 0),
		ATTEMPT(capset, POINTER(memory), POINTER(memory)),
		ATTEMPT(prctl, PR_SET_DUMPABLE, 1),
		ATTEMPT(prctl, PR_SET_NAME, POINTER("x")),
		ATTEMPT(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN),
		ATTEMPT(seccomp, 0, 0, 0),
		ATTEMPT(prlimit64, 0, RLIMIT_NOFILE, POINTER(memory), 0),
		ATTEMPT(unshare, CLONE_NEWUSER),
		ATTEMPT(setns, 0, 0),
		ATTEMPT(personality, 0),
		ATTEMPT(reboot, 0),

		/* ioctls that build a machine, and those of other devices */
		ATTEMPT(ioctl, 0, KVM_CREATE_VM, 0),
		ATTEMPT(ioctl, 0, KVM_CREATE_VCPU, 0),
		ATTEMPT(ioctl, 0, KVM_SET_USER_MEMORY_REGION, POINTER(memory)),
		ATTEMPT(ioctl, 0, KVM_SET_MSRS, POINTER(memory)),
		ATTEMPT(ioctl, 0, KVM_SET_CPUID2, POINTER(memory)),
		ATTEMPT(ioctl, 0, KVM_SET_VCPU_EVENTS, POINTER(memory)),
		ATTEMPT(ioctl, 0, TIOCSTI, POINTER(memory)),
		ATTEMPT(ioctl, 0, (long)(1UL << 32 | KVM_CREATE_VM), 0),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		int status = child(make_attempt, &attempts[i]);

		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
			continue;
		fail_msg("%zu: %s does not end the process: wait status %#x", i, attempts[i].name,
			 status);
	}
	munmap(memory, page);
}

/* For a debugger: registers and debug registers of a vCPU. No other state can be changed. */
static const unsigned long debugger_ioctls[] = {
	KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS, KVM_SET_SREGS, KVM_GET_XSAVE, KVM_SET_XSAVE,
	KVM_GET_MSRS, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, KVM_SET_GUEST_DEBUG,
};

/* The machine's usual calls still work. */
static int do_allowed(const void *arg)
{
	const int *fds = arg;
	struct pollfd pollfd = { .fd = 0, .events = POLLIN };
	char byte = 1;
	struct iovec iov = { &byte, 1 };
	void *memory;

	assert_int_equal(dup2(fds[0], 0), 0);
	assert_int_equal(dup2(fds[1], 1), 1);
	enter_and_seal();
	if (write(1, &byte, 1) != 1 || poll(&pollfd, 1, 1000) != 1 || read(0, &byte, 1) != 1)
		return 1;
	if (writev(1, &iov, 1) != 1 || read(0, &byte, 1) != 1)
		return 2;
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || mprotect(memory, 4096, PROT_READ) || munmap(memory, 4096))
		return 3;
	if (getrandom(&byte, 1, 0) != 1)
		return 4;
	if (pthread_kill(pthread_self(), 0))
		return 5;
	/* Not forbidden, and refused as usual. */
	for (size_t i = 0; i < ARRAY_SIZE(debugger_ioctls); i++)
		if (ioctl(0, debugger_ioctls[i], 0) != -1 || errno != ENOTTY)
			return 7;
	return ioctl(0, KVM_RUN, 0) == -1 && errno == ENOTTY ? 0 : 6;
}

static void test_allowed_calls(void **state)
{
	int fds[2];

	(void)state;
	assert_return_code(pipe(fds), errno);
	expect_success(do_allowed, fds);
	close(fds[0]);
	close(fds[1]);
}

enum { STARTING, WAITING, SEALED };

static void *open_file(void *arg)
{
	atomic_int *stage = arg;

	atomic_store(stage, WAITING);
	while (atomic_load(stage) != SEALED)
		;
	(void)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
	return NULL;
}

/* A thread that existed before is contained as well. */
static int open_in_thread(const void *arg)
{
	atomic_int stage = STARTING;
	pthread_t thread;

	(void)arg;
	enter();
	if (pthread_create(&thread, NULL, open_file, &stage))
		return NOT_ENTERED;
	/* A new thread first makes system calls that are not on the list. */
	while (atomic_load(&stage) != WAITING)
		;
	seal(RLIM_INFINITY, RLIM_INFINITY);
	atomic_store(&stage, SEALED);
	(void)pthread_join(thread, NULL);
	return 0;
}

static void test_all_threads(void **state)
{
	int status = child(open_in_thread, NULL);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* Exit status: number of the wrong descriptor, or 0. */
static int check_descriptors(const void *arg)
{
	int keep[] = { 14, -1, 10, 12, 12 };

	(void)arg;
	for (int fd = 10; fd < 17; fd++)
		if (dup2(STDERR_FILENO, fd) < 0)
			return NOT_ENTERED;
	if (containment_enter(0, 0, keep, ARRAY_SIZE(keep)))
		return NOT_ENTERED;
	for (int fd = 3; fd < 100; fd++) {
		bool open = fcntl(fd, F_GETFD) >= 0;

		if (open != (fd == 10 || fd == 12 || fd == 14))
			return fd;
	}
	return 0;
}

static void test_descriptors(void **state)
{
	(void)state;
	expect_success(check_descriptors, NULL);
}

static bool has_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(data); i++)
		if (data[i].effective || data[i].permitted || data[i].inheritable)
			return true;
	return false;
}

static int check_rights(const void *arg)
{
	bool root = !geteuid();
	uid_t uid[3];
	gid_t gid[3];

	(void)arg;
	enter();
	if (has_capability())
		return 1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))
		return 2;
	if (!root)
		return 0;
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0))
			return 3;
	if (getresuid(&uid[0], &uid[1], &uid[2]) || getresgid(&gid[0], &gid[1], &gid[2]))
		return 4;
	for (int i = 0; i < 3; i++)
		if (uid[i] != TEST_UID || gid[i] != TEST_GID)
			return 5;
	if (getgroups(0, NULL))
		return 6;
	return setuid(0) == -1 && setgid(0) == -1 && setgroups(0, NULL) == -1 &&
	       chroot("/") == -1 ? 0 : 7;
}

static void test_rights(void **state)
{
	(void)state;
	expect_success(check_rights, NULL);
}

static bool refused(int result)
{
	return result == -1 && (errno == EACCES || errno == EPERM);
}

/* Landlock alone, without the list of system calls. */
static int check_landlock(const void *arg)
{
	int version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			      LANDLOCK_CREATE_RULESET_VERSION);
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd;

	(void)arg;
	enter();
	if (!refused(open(path, O_RDONLY)) || !refused(open("/", O_RDONLY | O_DIRECTORY)) ||
	    !refused(open("/tmp/ne-emu-landlock", O_WRONLY | O_CREAT, 0600)))
		return 1;
	if (!refused(execl("/bin/true", "true", NULL)) || !refused(mkdir("/tmp/ne-emu-ll", 0700)))
		return 2;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (version >= 4 && fd >= 0 &&
	    !refused(connect(fd, (const struct sockaddr *)&address, sizeof(address))))
		return 3;
	return version >= 6 && !refused(kill(getppid(), 0)) ? 4 : 0;
}

static void test_landlock(void **state)
{
	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1)
		skip();
	expect_success(check_landlock, NULL);
}

/* A full file neither kills the process nor loses its content. */
static int fill_file(const void *arg)
{
	int fd = *(const int *)arg;

	enter();
	seal(4, RLIM_INFINITY);
	if (write(fd, "123456", 6) != 4)
		return 1;
	return write(fd, "5", 1) == -1 && errno == EFBIG ? 0 : 2;
}

static void test_file_size(void **state)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct stat st;

	(void)state;
	/* containment_enter() keeps the standard streams. */
	assert_return_code(dup2(fd, 0), errno);
	expect_success(fill_file, &(const int){ 0 });
	assert_return_code(fstat(fd, &st), errno);
	assert_int_equal(st.st_size, 4);
	close(fd);
}

static void read_proc(pid_t pid, const char *name, char text[8192])
{
	char file[64];
	ssize_t len;
	int fd;

	snprintf(file, sizeof(file), "/proc/%d/%s", pid, name);
	fd = open(file, O_RDONLY);
	assert_return_code(fd, errno);
	len = read(fd, text, 8191);
	close(fd);
	assert_true(len > 0);
	text[len] = 0;
}

/* Bytes that count towards RLIMIT_DATA. */
static uint64_t data_size(void)
{
	char status[8192], *at;

	read_proc(getpid(), "status", status);
	at = strstr(status, "\nVmData:");
	assert_non_null(at);
	return strtoull(at + strlen("\nVmData:"), NULL, 10) * KIB;
}

static void *map(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int take_memory(const void *arg)
{
	(void)arg;
	enter();
	seal(RLIM_INFINITY, *(const uint64_t *)arg + 64 * MIB);
	if (map(32 * MIB) == MAP_FAILED)
		return 1;
	return map(64 * MIB) == MAP_FAILED && errno == ENOMEM ? 0 : 2;
}

static void test_data_size(void **state)
{
	uint64_t size = data_size();

	(void)state;
	expect_success(take_memory, &size);
}

/* The zero pages that replace lost memory exceed what the limit leaves. */
static int lose_memory(const void *arg)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);
	struct guest_memory memory;
	struct containment_limits limits = {
		.file_size = RLIM_INFINITY, .data_size = *(const uint64_t *)arg + 64 * MIB,
	};
	struct error error;
	volatile uint8_t *p;

	if (ftruncate(fd, 256 * MIB) || memory_map(&memory, fd, 256 * MIB, &error))
		return NOT_ENTERED;
	limits.memory = memory.base;
	limits.memory_size = memory.size;
	p = memory.base;
	p[MIB] = 1;
	if (ftruncate(fd, 0))
		return NOT_ENTERED;
	enter();
	if (containment_seal(&limits))
		return NOT_SEALED;
	if (p[MIB] || !memory_lost())
		return 1;
	p[255 * MIB] = 1;
	return p[255 * MIB] == 1 ? 0 : 2;
}

static void test_lost_memory(void **state)
{
	uint64_t size = data_size();

	(void)state;
	expect_success(lose_memory, &size);
}

static int seal_and_wait(const void *arg)
{
	char byte;

	(void)dup2(((const int *)arg)[0], 0);
	(void)dup2(((const int *)arg)[1], 1);
	enter();
	seal(5 * KIB, 1ULL << 60);
	if (write(1, "", 1) != 1)
		return 1;
	return read(0, &byte, 1) < 0;
}

/* Check the soft and hard limit in the /proc/PID/limits of the process. */
static void expect_limits(const char *limits, const char *name, const char *values)
{
	const char *at = strstr(limits, name);

	assert_non_null(at);
	at += strlen(name);
	at += strspn(at, " ");
	if (strncmp(at, values, strlen(values)))
		fail_msg("%s: %.40s", name, at);
}

static void test_seen_from_outside(void **state)
{
	int to[2], from[2], status;
	char text[8192], byte;
	pid_t pid;

	(void)state;
	assert_return_code(pipe(to), errno);
	assert_return_code(pipe(from), errno);
	pid = fork();
	if (!pid)
		leave(seal_and_wait((const int[]){ to[0], from[1] }));
	close(from[1]);
	assert_int_equal(read(from[0], &byte, 1), 1);

	read_proc(pid, "limits", text);
	expect_limits(text, "Max open files", "1 ");
	expect_limits(text, "Max core file size", "0 ");
	expect_limits(text, "Max locked memory", "0 ");
	expect_limits(text, "Max file size", "5120                 5120 ");
	expect_limits(text, "Max data size", "1152921504606846976  1152921504606846976 ");
	read_proc(pid, "status", text);
	assert_non_null(strstr(text, "\nSeccomp:\t2\n"));
	assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(text, "\nCapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nCapEff:\t0000000000000000\n"));

	assert_int_equal(write(to[1], "", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(to[0]);
	close(to[1]);
	close(from[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_landlock),
		cmocka_unit_test(test_forbidden_calls),
		cmocka_unit_test(test_allowed_calls),
		cmocka_unit_test(test_all_threads),
		cmocka_unit_test(test_file_size),
		cmocka_unit_test(test_data_size),
		cmocka_unit_test(test_lost_memory),
		cmocka_unit_test(test_seen_from_outside),
	};

	log_init(LOG_EMERG, NULL);
	return cmocka_run_group_tests_name("containment", tests, NULL, NULL);
}
