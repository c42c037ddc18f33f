// SPDX-License-Identifier: Apache-2.0
/* The ioctls, huge pages, the CPU pool and the kernel log, for the selftests. */

#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/memfd.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* With more, "at once" would exceed the timeouts from which it must be distinguished. */
#define SLOWNESS_MAX	6
/* Enough for a thread to enter a system call and sleep in it. */
#define SYSCALL_TIMEOUT_MS	(20000 * ne_slowness())

extern char **environ;

int ne_ioctl(int fd, unsigned long request, void *arg)
{
	int rc = ioctl(fd, request, arg);

	return rc < 0 ? -errno : rc;
}

int ne_open(int flags)
{
	int fd = open(NE_DEVICE, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int ne_create_vm(int dev_fd, uint64_t *uid)
{
	return ne_ioctl(dev_fd, NE_CREATE_VM, uid);
}

int ne_add_vcpu(int fd, uint32_t *id)
{
	return ne_ioctl(fd, NE_ADD_VCPU, id);
}

int ne_load_info(int fd, uint64_t flags, uint64_t *offset)
{
	struct ne_image_load_info info = { .flags = flags, .memory_offset = *offset };
	int rc = ne_ioctl(fd, NE_GET_IMAGE_LOAD_INFO, &info);

	*offset = info.memory_offset;
	return rc;
}

int ne_add_mem(int fd, uint64_t flags, uint64_t size, uint64_t addr)
{
	struct ne_user_memory_region region = {
		.flags = flags,
		.memory_size = size,
		.userspace_addr = addr,
	};

	return ne_ioctl(fd, NE_SET_USER_MEMORY_REGION, &region);
}

int ne_start(int fd, uint64_t flags, uint64_t *cid)
{
	struct ne_enclave_start_info info = { .flags = flags, .enclave_cid = *cid };
	int rc = ne_ioctl(fd, NE_START_ENCLAVE, &info);

	*cid = info.enclave_cid;
	return rc;
}

int ne_new_enclave(uint64_t *uid)
{
	uint64_t ignored;
	int dev_fd = ne_open(O_RDWR);
	int rc;

	if (dev_fd < 0)
		return dev_fd;
	rc = ne_create_vm(dev_fd, uid ? uid : &ignored);
	close(dev_fd);
	return rc;
}

int ne_add_vcpu_id(int fd, uint32_t id)
{
	int rc = ne_add_vcpu(fd, &id);

	return rc < 0 ? rc : (int)id;
}

int ne_add_region(int fd, void *addr, size_t size)
{
	return ne_add_mem(fd, 0, size, (uintptr_t)addr);
}

void *ne_map_huge(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT), -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int ne_huge_memfd(size_t size)
{
	int fd = memfd_create("ne-selftest", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, size)) {
		close(fd);
		return -EFBIG;
	}
	return fd;
}

void *ne_map_aligned(size_t size)
{
	char *p = mmap(NULL, size + NE_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (p == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)p & (NE_PAGE - 1);
	if (before)
		munmap(p, before);
	munmap(p + before + size, NE_PAGE - before);
	return p + before;
}

void *ne_unused_address(void)
{
	void *p = ne_map_aligned(NE_PAGE);

	if (p)
		munmap(p, NE_PAGE);
	return p;
}

int ne_read_file(const char *path, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		n = read(fd, buf + len, size - 1 - len);
		if (n > 0)
			len += n;
	} while (n > 0 && len < size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	buf[len] = 0;
	return n < 0 ? n : (int)len;
}

int ne_write_file(const char *path, const void *buf, size_t len)
{
	ssize_t n;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, buf, len);
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

long ne_read_number(const char *path)
{
	char buf[64];
	int rc = ne_read_file(path, buf, sizeof(buf));

	return rc < 0 ? rc : strtol(buf, NULL, 10);
}

int ne_write_number(const char *path, long value)
{
	char buf[32];
	int len = snprintf(buf, sizeof(buf), "%ld", value);
	int rc = ne_write_file(path, buf, len);

	return rc < 0 ? rc : 0;
}

long ne_read_value(const char *path, const char *key)
{
	char buf[16384];
	const char *line;
	size_t len = strlen(key);

	if (ne_read_file(path, buf, sizeof(buf)) < 0)
		return -1;
	for (line = buf; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, len) && (line[len] == ':' || line[len] == ' '))
			return strtol(line + len + 1, NULL, 10);
	}
	return -1;
}

long ne_meminfo(const char *key)
{
	return ne_read_value("/proc/meminfo", key);
}

long ne_available_kib(void)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	char line[256];
	long pages = 0, count;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %ld", &count) == 1)
			pages += count;
	if (file)
		fclose(file);
	return ne_meminfo("MemAvailable") + pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int ne_pool_set(const char *list)
{
	int rc = ne_write_file(NE_POOL, list, strlen(list));

	return rc < 0 ? rc : 0;
}

int ne_pool_clear(void)
{
	int rc = ne_pool_set("\n");

	return rc == -EINVAL ? 0 : rc;
}

int ne_command(const char *const *argv)
{
	int status;
	pid_t pid;

	fflush(stdout);
	if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ))
		return 127;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int ne_drop_sys_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

int ne_kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	lseek(fd, 0, SEEK_END);
	return fd;
}

/* Text of the next record, without its prefix; NULL at the end. */
static char *kmsg_next(int fd, char *buf, size_t size)
{
	ssize_t n;
	char *text;

	do {
		n = read(fd, buf, size - 1);
	} while (n < 0 && (errno == EPIPE || errno == EINTR));
	if (n <= 0)
		return NULL;
	buf[n] = 0;
	text = strchr(buf, ';');
	if (!text)
		return buf;
	text++;
	text[strcspn(text, "\n")] = 0;
	return text;
}

bool ne_kmsg_find(int fd, const char *text)
{
	char buf[8192];
	bool found = false;
	char *line;

	while ((line = kmsg_next(fd, buf, sizeof(buf))))
		found |= !!strcasestr(line, text);
	return found;
}

/* No new line contains one of @words, in any case; prints those that do. */
static bool kmsg_has_none(int fd, const char *const *words, size_t nr)
{
	char buf[8192];
	bool quiet = true;
	char *line;
	size_t i;

	while ((line = kmsg_next(fd, buf, sizeof(buf)))) {
		for (i = 0; i < nr; i++) {
			if (strcasestr(line, words[i])) {
				printf("# kernel log: %s\n", line);
				quiet = false;
				break;
			}
		}
	}
	return quiet;
}

bool ne_kmsg_is_quiet(int fd)
{
	static const char *const loud[] = {
		"nitro_enclaves", "ne_emu", "warning", "bug", "error", "failure",
	};

	return kmsg_has_none(fd, loud, sizeof(loud) / sizeof(loud[0]));
}

bool ne_kmsg_is_sane(int fd)
{
	static const char *const complaints[] = {
		"WARNING:", "BUG:", "Oops:", "refcount_t:", "general protection fault",
		"blocked for more than", "Call Trace:",
	};

	return kmsg_has_none(fd, complaints, sizeof(complaints) / sizeof(complaints[0]));
}

void ne_msleep(unsigned int ms)
{
	poll(NULL, 0, ms);
}

bool ne_await_syscall(pid_t tid, long number)
{
	uint64_t end = ne_now_ms() + SYSCALL_TIMEOUT_MS;
	char path[64], text[256];
	long found;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	do {
		/* "running", or the number and arguments of the call it sleeps in. */
		if (ne_read_file(path, text, sizeof(text)) > 0 &&
		    sscanf(text, "%ld", &found) == 1 && found == number)
			return true;
		ne_msleep(10);
	} while (ne_now_ms() < end);
	return false;
}

bool ne_has_checkers(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

unsigned int ne_slowness(void)
{
	const char *measured = getenv("NE_SLOWNESS");
	long slowness = measured ? strtol(measured, NULL, 10) : 1;

	if (ne_has_checkers() || slowness > SLOWNESS_MAX)
		return SLOWNESS_MAX;
	return slowness < 1 ? 1 : slowness;
}

uint64_t ne_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

int ne_wait_hup(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd };
	int rc = poll(&pfd, 1, timeout_ms);

	return rc < 0 ? -errno : pfd.revents;
}
