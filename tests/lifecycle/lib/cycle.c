// SPDX-License-Identifier: Apache-2.0
/*
 * A minimal client for the scripts in this directory: starts an enclave, reports on
 * stdout what happens, and closes it.
 *
 * usage: cycle [-n ROUNDS] [-m MIB] [-i IMAGE] [-c CID] [-d] [-e] [-k]
 *
 *   -n  rounds (1)
 *   -m  memory in MiB (96)
 *   -i  image; a round then waits for the heartbeat. Without one the enclave
 *       gets empty memory, and a round waits for the end of the enclave
 *   -c  CID (0: any)
 *   -d  debug mode
 *   -e  close the enclave at once if it ends before its heartbeat
 *   -k  keep the enclave after the heartbeat until it ends or stdin does
 *
 * Output lines: "uid HEX", "cid N", "heartbeat", "hangup MS" (after MS milliseconds in state
 * RUNNING), "closed". On failure it prints "failed STEP ERRNO TEXT" and exits with status 1.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/ioctl.h>
#include <linux/nitro_enclaves.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MIB			(1024UL * 1024)
#define HEARTBEAT_PORT		9000
#define HEARTBEAT_BYTE		0xb7
#define CID_PARENT		3
#define BOOT_TIMEOUT_MS		120000
#define END_TIMEOUT_MS		30000
#define MAX_VCPUS		2

struct options {
	unsigned int rounds;
	size_t size;
	const char *image;
	uint64_t cid;
	bool debug;
	bool watch_end;
	bool keep;
};

static int fail(const char *step)
{
	printf("failed %s %d %s\n", step, errno, strerror(errno));
	return -1;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

static int create(void)
{
	uint64_t uid;
	int dev_fd, fd;

	dev_fd = open("/dev/nitro_enclaves", O_RDWR | O_CLOEXEC);
	if (dev_fd < 0)
		return fail("open");
	fd = ioctl(dev_fd, NE_CREATE_VM, &uid);
	if (fd < 0)
		fail("create");
	else
		printf("uid %016" PRIx64 "\n", uid);
	close(dev_fd);
	return fd;
}

/* Load as much of the image as fits into the memory, as other clients do. */
static int load_image(int fd, char *mem, const struct options *options)
{
	struct ne_image_load_info info = { .flags = NE_EIF_IMAGE };
	size_t offset;
	int image_fd;
	ssize_t n;

	if (ioctl(fd, NE_GET_IMAGE_LOAD_INFO, &info))
		return fail("load-info");
	image_fd = open(options->image, O_RDONLY | O_CLOEXEC);
	if (image_fd < 0)
		return fail("image");
	offset = info.memory_offset;
	while (offset < options->size) {
		n = read(image_fd, mem + offset, options->size - offset);
		if (n <= 0)
			break;
		offset += n;
	}
	close(image_fd);
	return 0;
}

static int add_resources(int fd, char *mem, const struct options *options)
{
	struct ne_user_memory_region region = {
		.memory_size = options->size,
		.userspace_addr = (uintptr_t)mem,
	};
	unsigned int i;

	if (ioctl(fd, NE_SET_USER_MEMORY_REGION, &region))
		return fail("memory");
	for (i = 0; i < MAX_VCPUS; i++) {
		uint32_t id = 0;

		if (ioctl(fd, NE_ADD_VCPU, &id))
			return fail("vcpu");
	}
	return 0;
}

static int heartbeat_listen(void)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = CID_PARENT,
		.svm_port = HEARTBEAT_PORT,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 4))
		return fail("listen");
	return fd;
}

/* @enclave_fd: -1, or an enclave whose end also ends the wait */
static int wait_readable(int fd, int enclave_fd)
{
	struct pollfd pfds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = enclave_fd },
	};
	int rc = poll(pfds, 2, BOOT_TIMEOUT_MS);

	if (rc > 0 && !pfds[1].revents)
		return 0;
	if (rc >= 0)
		errno = rc ? EPIPE : ETIMEDOUT;
	return fail("heartbeat");
}

/*
 * Like nitro-cli: wait for the connection and its byte, not for the enclave fd. The early
 * death of an enclave must end both waits.
 */
static int heartbeat_wait(int listen_fd, int enclave_fd)
{
	unsigned char byte = 0;
	int fd, rc;

	if (wait_readable(listen_fd, enclave_fd))
		return -1;
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return fail("heartbeat");
	rc = wait_readable(fd, enclave_fd);
	errno = ECONNRESET;	/* for an end of file */
	if (rc)
		;		/* said why */
	else if (read(fd, &byte, 1) != 1 || byte != HEARTBEAT_BYTE || write(fd, &byte, 1) != 1)
		rc = fail("heartbeat");
	else
		rc = puts("heartbeat") < 0;
	close(fd);
	return rc;
}

/* Wait until the enclave ends, or stdin does if @with_stdin. */
static int wait_end(int fd, bool with_stdin)
{
	struct pollfd pfds[] = {
		{ .fd = fd },
		{ .fd = with_stdin ? STDIN_FILENO : -1, .events = POLLIN },
	};
	uint64_t start = now_ms();
	int rc;

	rc = poll(pfds, 2, with_stdin ? -1 : END_TIMEOUT_MS);
	if (rc <= 0) {
		errno = rc ? errno : ETIMEDOUT;
		return fail("wait");
	}
	if (pfds[0].revents)
		printf("hangup %" PRIu64 "\n", now_ms() - start);
	return 0;
}

static int start_and_wait(int fd, const struct options *options)
{
	struct ne_enclave_start_info info = {
		.flags = options->debug ? NE_ENCLAVE_DEBUG_MODE : 0,
		.enclave_cid = options->cid,
	};
	int listen_fd = -1, rc = 0;

	if (options->image)
		listen_fd = heartbeat_listen();
	if (options->image && listen_fd < 0)
		return -1;
	if (ioctl(fd, NE_START_ENCLAVE, &info)) {
		rc = fail("start");
	} else {
		printf("cid %" PRIu64 "\n", (uint64_t)info.enclave_cid);
		if (listen_fd >= 0)
			rc = heartbeat_wait(listen_fd, options->watch_end ? fd : -1);
	}
	if (listen_fd >= 0)
		close(listen_fd);
	if (!rc && (options->keep || !options->image))
		rc = wait_end(fd, options->keep);
	return rc;
}

static int run_round(const struct options *options)
{
	char *mem;
	int fd, rc;

	mem = mmap(NULL, options->size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT), -1, 0);
	if (mem == MAP_FAILED)
		return fail("map");
	fd = create();
	if (fd < 0)
		return -1;
	rc = options->image ? load_image(fd, mem, options) : 0;
	if (!rc)
		rc = add_resources(fd, mem, options);
	if (!rc)
		rc = start_and_wait(fd, options);
	if (close(fd))
		rc = fail("close");
	else
		puts("closed");
	munmap(mem, options->size);
	return rc;
}

static int parse(int argc, char **argv, struct options *options)
{
	int c;

	while ((c = getopt(argc, argv, "n:m:i:c:dek")) != -1) {
		switch (c) {
		case 'n':
			options->rounds = strtoul(optarg, NULL, 10);
			break;
		case 'm':
			options->size = strtoul(optarg, NULL, 10) * MIB;
			break;
		case 'i':
			options->image = optarg;
			break;
		case 'c':
			options->cid = strtoull(optarg, NULL, 0);
			break;
		case 'd':
			options->debug = true;
			break;
		case 'e':
			options->watch_end = true;
			break;
		case 'k':
			options->keep = true;
			break;
		default:
			return -1;
		}
	}
	return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options options = { .rounds = 1, .size = 96 * MIB };
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (parse(argc, argv, &options))
		return 2;
	for (i = 0; i < options.rounds; i++)
		if (run_round(&options))
			return 1;
	return 0;
}
