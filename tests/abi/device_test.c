// SPDX-License-Identifier: Apache-2.0
/* D: the device node, the two kinds of file descriptors, and what they refuse. */

#include "ne_env.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define KVM_CREATE_VCPU_NR	0xAE41
#define KVM_GET_API_VERSION_NR	0xAE00
/* NE_CREATE_VM with the size of another type. */
#define WRONG_SIZE_NR		0x8004AE20
#define MISC_MAJOR		10

static void d01_node(struct ne_test *t)
{
	char misc[4096];
	struct stat st;

	REQUIRE(t, !stat(NE_DEVICE, &st));
	CHECK(t, S_ISCHR(st.st_mode));
	CHECK_EQ(t, major(st.st_rdev), MISC_MAJOR);
	CHECK_EQ(t, st.st_mode & 0777, 0660);
	CHECK_EQ(t, st.st_uid, 0);
	REQUIRE_OK(t, ne_read_file("/proc/misc", misc, sizeof(misc)));
	CHECK(t, strstr(misc, " nitro_enclaves\n"));
	CHECK(t, !access("/sys/class/misc/nitro_enclaves/uevent", F_OK));
}

static void d02_open(struct ne_test *t)
{
	uint64_t uid = 0;
	int fd;

	REQUIRE_OK(t, ne_open(O_RDWR));
	REQUIRE_OK(t, ne_open(O_RDWR));
	fd = ne_open(O_RDONLY);
	REQUIRE_OK(t, fd);
	CHECK(t, ne_create_vm(fd, &uid) >= 0);
	CHECK(t, uid != 0);
	fd = ne_open(O_WRONLY);
	REQUIRE_OK(t, fd);
	CHECK(t, ne_create_vm(fd, &uid) >= 0);
	fd = ne_open(O_PATH);
	REQUIRE_OK(t, fd);
	CHECK_ERR(t, ne_create_vm(fd, &uid), EBADF);
}

static void check_no_file_io(struct ne_test *t, int fd)
{
	char byte = 0;

	CHECK(t, read(fd, &byte, 1) == -1 && errno == EINVAL);
	CHECK(t, write(fd, &byte, 1) == -1 && errno == EINVAL);
	CHECK(t, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENODEV);
	CHECK_EQ(t, lseek(fd, 5, SEEK_SET), 0);
	CHECK_EQ(t, lseek(fd, 0, SEEK_CUR), 0);
}

static void d03_device_io(struct ne_test *t)
{
	check_no_file_io(t, ne_require_device(t));
}

static void d04_device_poll(struct ne_test *t)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd pfd = { .fd = ne_require_device(t), .events = POLLIN | POLLOUT };

	CHECK_EQ(t, poll(&pfd, 1, 0), 1);
	CHECK_EQ(t, pfd.revents, POLLIN | POLLOUT);
	pfd.events = POLLRDNORM | POLLWRNORM;
	CHECK_EQ(t, poll(&pfd, 1, 0), 1);
	CHECK_EQ(t, pfd.revents, POLLRDNORM | POLLWRNORM);
	CHECK(t, epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, pfd.fd, &event) == -1 &&
	      errno == EPERM);
}

static void d05_enclave_ioctls_on_device(struct ne_test *t)
{
	int fd = ne_require_device(t);

	CHECK_ERR(t, ne_ioctl(fd, NE_ADD_VCPU, NULL), ENOTTY);
	CHECK_ERR(t, ne_ioctl(fd, NE_GET_IMAGE_LOAD_INFO, NULL), ENOTTY);
	CHECK_ERR(t, ne_ioctl(fd, NE_SET_USER_MEMORY_REGION, NULL), ENOTTY);
	CHECK_ERR(t, ne_ioctl(fd, NE_START_ENCLAVE, NULL), ENOTTY);
}

static void d06_unknown_ioctls_on_device(struct ne_test *t)
{
	int fd = ne_require_device(t);

	CHECK_ERR(t, ne_ioctl(fd, KVM_GET_API_VERSION_NR, NULL), ENOTTY);
	CHECK_ERR(t, ne_ioctl(fd, 0, NULL), ENOTTY);
	CHECK_ERR(t, ne_ioctl(fd, WRONG_SIZE_NR, NULL), ENOTTY);
}

/* Every number of the ioctl magic, in all directions and all sizes in use. */
static void check_others_refused(struct ne_test *t, int fd, const unsigned int *own,
				 size_t nr_own)
{
	static const unsigned int sizes[] = { 0, 4, 8, 16, 24 };
	unsigned int i, dir, nr;
	size_t k;

	for (i = 0; i < ARRAY_SIZE(sizes) * 4 * 256; i++) {
		unsigned int request;

		nr = i % 256;
		dir = i / 256 % 4;
		request = _IOC(dir, 0xae, nr, sizes[i / 256 / 4]);
		for (k = 0; k < nr_own && own[k] != request; k++)
			;
		if (k == nr_own && ne_ioctl(fd, request, NULL) != -ENOTTY)
			ne_fail(t, __FILE__, __LINE__, "ioctl 0x%x is known", request);
	}
	CHECK_EQ(t, t->failures, 0);
}

static void d06_all_numbers(struct ne_test *t)
{
	static const unsigned int of_device[] = { NE_CREATE_VM };
	static const unsigned int of_enclave[] = {
		NE_ADD_VCPU, NE_GET_IMAGE_LOAD_INFO, NE_SET_USER_MEMORY_REGION,
		NE_START_ENCLAVE,
	};

	check_others_refused(t, ne_require_device(t), of_device, ARRAY_SIZE(of_device));
	check_others_refused(t, ne_require_enclave(t), of_enclave, ARRAY_SIZE(of_enclave));
}

static void d07_unknown_ioctls_on_enclave(struct ne_test *t)
{
	int fd = ne_require_enclave(t);
	uint64_t uid;

	CHECK_ERR(t, ne_create_vm(fd, &uid), ENOTTY);
	CHECK_ERR(t, ne_ioctl(fd, NE_CREATE_VM, NULL), ENOTTY);
	CHECK_ERR(t, ne_ioctl(fd, KVM_CREATE_VCPU_NR, NULL), ENOTTY);
	CHECK_ERR(t, ne_ioctl(fd, WRONG_SIZE_NR, NULL), ENOTTY);
}

static void d08_enclave_fd(struct ne_test *t)
{
	char path[64], target[64] = "";
	int fd = ne_require_enclave(t);
	struct stat st;

	CHECK_EQ(t, fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(t, fcntl(fd, F_GETFL), O_RDWR);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(t, readlink(path, target, sizeof(target) - 1) > 0);
	CHECK(t, !strcmp(target, "anon_inode:ne-vm"));
	REQUIRE(t, !fstat(fd, &st));
	CHECK_EQ(t, st.st_mode, 0600);
}

static void d09_enclave_io(struct ne_test *t)
{
	check_no_file_io(t, ne_require_enclave(t));
}

static void d10_enclave_epoll(struct ne_test *t)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLERR | EPOLLHUP };
	int epoll_fd = epoll_create1(0);

	CHECK_EQ(t, epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ne_require_enclave(t), &event), 0);
	CHECK_EQ(t, epoll_wait(epoll_fd, &event, 1, 0), 0);
}

static void d11_device_closed(struct ne_test *t)
{
	uint64_t uid, offset = 0;
	int dev_fd = ne_require_device(t);
	int fd = ne_create_vm(dev_fd, &uid);

	REQUIRE_OK(t, fd);
	close(dev_fd);
	CHECK_EQ(t, ne_load_info(fd, NE_EIF_IMAGE, &offset), 0);
}

static int exec_test_fd(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return NE_COMMAND("test", "-e", path);
}

static void d12_closed_on_exec(struct ne_test *t)
{
	REQUIRE_EQ(t, exec_test_fd(1), 0);
	CHECK_EQ(t, exec_test_fd(ne_require_enclave(t)), 1);
}

#ifdef __x86_64__
#define COMPAT_NR_IOCTL		54
#define COMPAT_NR_GETPID	20

/* A system call through the 32-bit entry; its arguments must be below 4 GiB. */
static int compat_syscall(unsigned int nr, unsigned int a, unsigned int b, void *c)
{
	int ret;

	asm volatile("int $0x80" : "=a"(ret)
		     : "0"(nr), "b"(a), "c"(b), "d"((unsigned int)(uintptr_t)c)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static bool has_compat_entry(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(compat_syscall(COMPAT_NR_GETPID, 0, 0, NULL) > 0 ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

static void d13_32bit_caller(struct ne_test *t)
{
	uint64_t *arg = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int dev_fd = ne_require_device(t);
	int fd = ne_require_enclave(t);

	REQUIRE(t, arg != MAP_FAILED);
	if (!has_compat_entry())
		ne_skip(t, "the kernel has no 32-bit system calls");
	CHECK_ERR(t, compat_syscall(COMPAT_NR_IOCTL, dev_fd, NE_CREATE_VM, arg), ENOTTY);
	CHECK_ERR(t, compat_syscall(COMPAT_NR_IOCTL, fd, NE_ADD_VCPU, arg), ENOTTY);
	CHECK_ERR(t, compat_syscall(COMPAT_NR_IOCTL, fd, NE_GET_IMAGE_LOAD_INFO, arg), ENOTTY);
	CHECK_ERR(t, compat_syscall(COMPAT_NR_IOCTL, fd, NE_SET_USER_MEMORY_REGION, arg), ENOTTY);
	CHECK_ERR(t, compat_syscall(COMPAT_NR_IOCTL, fd, NE_START_ENCLAVE, arg), ENOTTY);
}
#else
static void d13_32bit_caller(struct ne_test *t)
{
	ne_skip(t, "only written for x86_64");
}
#endif

/* rmmod makes the same system call, which returns EAGAIN for "in use". */
static void check_cannot_unload(struct ne_test *t)
{
	struct ne_env *env = t->env;

	CHECK(t, syscall(SYS_delete_module, env->module, O_NONBLOCK) == -1 &&
	      (errno == EBUSY || errno == EAGAIN));
}

static void d14_module_in_use(struct ne_test *t)
{
	int dev_fd = ne_require_device(t);
	int fd;

	check_cannot_unload(t);
	fd = ne_require_enclave(t);
	close(dev_fd);
	check_cannot_unload(t);
	close(fd);
}

static const struct ne_case cases[] = {
	{ "D01 node is a root misc device of mode 0660", d01_node, 0 },
	{ "D02 any open mode can create an enclave", d02_open, 0 },
	{ "D03 read, write, mmap, lseek on the device", d03_device_io, 0 },
	{ "D04 poll and epoll on the device", d04_device_poll, 0 },
	{ "D05 enclave ioctls on the device: ENOTTY", d05_enclave_ioctls_on_device, 0 },
	{ "D06 unknown ioctls on the device: ENOTTY", d06_unknown_ioctls_on_device, 0 },
	{ "D06 no other number of the magic: ENOTTY", d06_all_numbers, 0 },
	{ "D07 device and KVM ioctls on an enclave: ENOTTY", d07_unknown_ioctls_on_enclave, 0 },
	{ "D08 flags, name and mode of the enclave fd", d08_enclave_fd, 0 },
	{ "D09 read, write, mmap, lseek on an enclave", d09_enclave_io, 0 },
	{ "D10 epoll on an enclave", d10_enclave_epoll, 0 },
	{ "D11 enclave outlives the device fd", d11_device_closed, 0 },
	{ "D12 exec closes the enclave fd", d12_closed_on_exec, 0 },
	{ "D13 32-bit callers: ENOTTY", d13_32bit_caller, 0 },
	{ "D14 open fds keep the module", d14_module_in_use, 0 },
};

int main(int argc, char **argv)
{
	return ne_env_main(cases, ARRAY_SIZE(cases), 0, argc, argv);
}
