// SPDX-License-Identifier: Apache-2.0
/*
 * X: what clients and guests rely on. X01 asserts what nitro-cli's driver test asserts, and
 * X03 takes the steps of nitro-cli's run, console and terminate. tests/clients tests the
 * real program if it is installed.
 */

#include "ne_guest.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define ROUNDS			3
#define EMPTY_SIZE		(96 * NE_MIB)
#define MAX_POOL		64
#define CONSOLE_PORT		10000
#define END_TIMEOUT_MS		(20000 * ne_slowness())
#define RANDOM_SIZE		(64 * NE_KIB)
#define RANDOM_BLOCK		64
#define INSTALLED_VMM		"/usr/libexec/ne-emu/ne-emu-vmm"
#define FAULTY_VMM		"ne-emu-vmm-nsm-reversed"

static void x01_open(struct ne_test *t)
{
	int dev_fd = ne_require_device(t);
	char *h = ne_map_huge(NE_PAGE);
	unsigned int i;
	int kmsg;

	REQUIRE(t, h);
	CHECK(t, ne_create_vm(dev_fd, NULL) < 0);
	CHECK(t, ne_add_region(dev_fd, h, NE_PAGE) < 0);
	kmsg = ne_kmsg_open();
	for (i = 0; i < ROUNDS; i++) {
		uint64_t uid = 0;
		int fd = ne_create_vm(dev_fd, &uid);

		REQUIRE_OK(t, fd);
		CHECK(t, uid != 0);
		CHECK_EQ(t, close(fd), 0);
	}
	CHECK(t, ne_kmsg_is_quiet(kmsg));
}

static void x01_memory(struct ne_test *t)
{
	int fd = ne_require_enclave(t), kmsg;
	char *h = ne_map_huge(NE_PAGE);

	REQUIRE(t, h);
	CHECK(t, ne_add_region(fd, NULL, NE_PAGE) < 0);
	CHECK(t, ne_add_region(fd, h + 1, NE_PAGE) < 0);
	CHECK(t, ne_add_region(fd, h, NE_PAGE / 2) < 0);
	CHECK(t, ne_add_region(fd, h, NE_PAGE * 2) < 0);
	CHECK(t, ne_add_mem(fd, 0, -NE_PAGE, (uintptr_t)h) < 0);
	CHECK(t, ne_add_region(fd, h + NE_PAGE, NE_PAGE) < 0);
	kmsg = ne_kmsg_open();
	CHECK_EQ(t, ne_add_region(fd, h, NE_PAGE), 0);
	CHECK(t, ne_kmsg_is_quiet(kmsg));
	CHECK(t, ne_add_region(fd, h, NE_PAGE) < 0);
	CHECK(t, ne_add_mem(fd, 1024, NE_PAGE, (uintptr_t)h) < 0);
}

/* The CPUs of ne_cpus, which this program wrote as single numbers. */
static unsigned int read_pool(struct ne_test *t, uint32_t *cpus)
{
	char list[256], *at = list, *word;
	unsigned int n = 0;

	REQUIRE_OK(t, ne_read_file(NE_POOL, list, sizeof(list)));
	while ((word = strsep(&at, ",\n")) && *word && n < MAX_POOL)
		cpus[n++] = strtoul(word, NULL, 10);
	REQUIRE(t, n);
	return n;
}

static void x01_vcpu(struct ne_test *t)
{
	uint32_t cpus[MAX_POOL];
	unsigned int i, n = read_pool(t, cpus);
	int fd = ne_require_enclave(t), kmsg;

	CHECK(t, ne_add_vcpu_id(fd, 0xffffffff) < 0);
	kmsg = ne_kmsg_open();
	for (i = 0; i < n; i++)
		CHECK_EQ(t, ne_add_vcpu_id(fd, cpus[i]), cpus[i]);
	CHECK(t, ne_kmsg_is_quiet(kmsg));
	for (i = 0; i < n; i++)
		CHECK(t, ne_add_vcpu_id(fd, cpus[i]) < 0);
	close(fd);

	fd = ne_require_enclave(t);
	for (i = 0; i < n; i++)
		CHECK(t, ne_add_vcpu_id(fd, 0) > 0);
	CHECK(t, ne_add_vcpu_id(fd, 0) < 0);
}

static int start(int fd, uint64_t flags, uint64_t cid)
{
	return ne_start(fd, flags, &cid);
}

static void x01_start(struct ne_test *t)
{
	static const uint64_t bad_cids[] = { 1, 2, 0xffffffff, 0x1000004d1 };
	struct ne_env *env = t->env;
	int fd = ne_require_enclave(t), kmsg;
	char *mem = ne_map_huge(EMPTY_SIZE), *more = ne_map_huge(NE_PAGE);
	unsigned int i;

	REQUIRE(t, mem && more);
	CHECK(t, start(fd, 0, 0) < 0);
	REQUIRE_EQ(t, ne_add_region(fd, mem, EMPTY_SIZE), 0);
	CHECK(t, start(fd, 0, 0) < 0);
	close(fd);

	fd = ne_require_enclave(t);
	REQUIRE_OK(t, ne_add_vcpu_id(fd, 0));
	if (env->threads == 2) {
		CHECK(t, start(fd, 0, 0) < 0);
		REQUIRE_EQ(t, ne_add_region(fd, mem, EMPTY_SIZE), 0);
		CHECK(t, start(fd, 0, 0) < 0);
		REQUIRE_OK(t, ne_add_vcpu_id(fd, 0));
	} else {
		CHECK(t, start(fd, 0, 0) < 0);
		REQUIRE_EQ(t, ne_add_region(fd, mem, EMPTY_SIZE), 0);
	}
	CHECK(t, start(fd, 1234, 0) < 0);
	for (i = 0; i < ARRAY_SIZE(bad_cids); i++)
		CHECK(t, start(fd, 0, bad_cids[i]) < 0);
	kmsg = ne_kmsg_open();
	CHECK_EQ(t, start(fd, 0, 0), 0);
	CHECK(t, ne_kmsg_is_quiet(kmsg));
	CHECK(t, start(fd, 0, 0) < 0);
	CHECK(t, ne_add_region(fd, more, NE_PAGE) < 0);
	CHECK(t, ne_add_vcpu_id(fd, 0) < 0);
}

static void x01_many_starts(struct ne_test *t)
{
	struct ne_env *env = t->env;
	char *mem = ne_map_huge(EMPTY_SIZE);
	int kmsg = ne_kmsg_open();
	unsigned int i, k;

	REQUIRE(t, mem);
	for (i = 0; i < ROUNDS; i++) {
		int fd = ne_require_enclave(t);

		REQUIRE_EQ(t, ne_add_region(fd, mem, EMPTY_SIZE), 0);
		for (k = 0; k < env->threads; k++)
			REQUIRE_OK(t, ne_add_vcpu_id(fd, 0));
		REQUIRE_EQ(t, start(fd, 0, 0), 0);
		REQUIRE_EQ(t, close(fd), 0);
	}
	CHECK(t, ne_kmsg_is_quiet(kmsg));
}

/* Add one mapping and one region for each page, with the image across them. */
static void add_pages(struct ne_test *t, struct ne_enclave *e, char **pages, long nr)
{
	struct ne_enclave whole = { .size = nr * NE_PAGE };
	uint64_t offset = 0;
	long i;

	whole.mem = ne_map_huge(whole.size);
	REQUIRE(t, whole.mem);
	REQUIRE_EQ(t, ne_load_info(e->fd, NE_EIF_IMAGE, &offset), 0);
	CHECK_EQ(t, offset, NE_IMAGE_OFFSET);
	ne_enclave_load(t, &whole);
	for (i = 0; i < nr; i++) {
		pages[i] = ne_map_huge(NE_PAGE);
		REQUIRE(t, pages[i]);
		memcpy(pages[i], (char *)whole.mem + i * NE_PAGE, NE_PAGE);
		REQUIRE_EQ(t, ne_add_region(e->fd, pages[i], NE_PAGE), 0);
	}
	munmap(whole.mem, whole.size);
}

/* Read the console up to @last, or until a time limit. */
static void read_console(struct ne_test *t, uint64_t cid, const char *last, char *text,
			 size_t size)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_HYPERVISOR,
		.svm_port = CONSOLE_PORT + cid,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n;

	REQUIRE(t, !connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	text[0] = 0;
	while (!strstr(text, last) && len < size - 1 && poll(&pfd, 1, END_TIMEOUT_MS) == 1) {
		n = read(fd, text + len, size - 1 - len);
		if (n <= 0)
			break;
		len += n;
		text[len] = 0;
	}
	close(fd);
	CHECK(t, strstr(text, last));
}

static void x03_run_console_terminate(struct ne_test *t)
{
	static char console[256 * NE_KIB];
	struct epoll_event event = { .events = EPOLLIN | EPOLLERR | EPOLLHUP };
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), heartbeat_fd, dev_fd;
	long i, nr = ne_guest_pages();
	char **pages = calloc(nr, sizeof(*pages));
	char id[40];
	struct ne_enclave e;

	if (ne_guest_is_fake(t->env))
		ne_skip(t, "the stand-in runs no guest");
	REQUIRE(t, pages);
	memset(&e, 0, sizeof(e));
	dev_fd = ne_require_device(t);
	e.fd = ne_create_vm(dev_fd, &e.uid);
	REQUIRE_OK(t, e.fd);
	add_pages(t, &e, pages, nr);
	ne_enclave_add_core(t, &e);
	heartbeat_fd = ne_heartbeat_listen(t);
	REQUIRE_EQ(t, ne_start(e.fd, NE_ENCLAVE_DEBUG_MODE, &e.cid), 0);
	ne_enclave_booted(t, heartbeat_fd);
	REQUIRE_EQ(t, epoll_ctl(epoll_fd, EPOLL_CTL_ADD, e.fd, &event), 0);
	CHECK_EQ(t, epoll_wait(epoll_fd, &event, 1, 0), 0);

	/* The module id ends with the uid, as in attestation documents. */
	read_console(t, e.cid, "payload: ready", console, sizeof(console));
	snprintf(id, sizeof(id), "-enc%016llx\r", (unsigned long long)e.uid);
	CHECK(t, strstr(console, "Linux version"));
	CHECK(t, strstr(console, id));

	CHECK_EQ(t, close(e.fd), 0);
	CHECK(t, ne_guest_gone(e.cid));
	for (i = 0; i < nr; i++)
		munmap(pages[i], NE_PAGE);
	CHECK_EQ(t, ne_env_pool_restore(t->env), 0);
}

/* Send @request to the control port of the guest and read the answer. */
static size_t query(struct ne_test *t, const struct ne_enclave *e, const char *request,
		    void *answer, size_t size)
{
	int fd = ne_guest_connect(e->cid, NE_PORT_CONTROL);
	size_t len = 0;
	ssize_t n;

	REQUIRE_OK(t, fd);
	REQUIRE_EQ(t, write(fd, request, strlen(request)), strlen(request));
	while (len < size && (n = read(fd, (char *)answer + len, size - len)) > 0)
		len += n;
	close(fd);
	return len;
}

/* Random data: each byte value occurs, and no block occurs twice. */
static void check_random(struct ne_test *t, const unsigned char *data)
{
	unsigned int count[256] = { 0 };
	size_t i, k;

	for (i = 0; i < RANDOM_SIZE; i++)
		count[data[i]]++;
	/* Each value is expected 256 times; 6 standard deviations are 96. */
	for (i = 0; i < 256; i++)
		if (count[i] < 150 || count[i] > 362)
			ne_fail(t, __FILE__, __LINE__, "byte %zu occurs %u times", i, count[i]);
	for (i = 0; i < RANDOM_SIZE; i += RANDOM_BLOCK)
		for (k = 0; k < i; k += RANDOM_BLOCK)
			if (!memcmp(data + i, data + k, RANDOM_BLOCK))
				ne_fail(t, __FILE__, __LINE__, "bytes at %zu and %zu are equal",
					i, k);
}

static void x05_x06_nsm_driver(struct ne_test *t)
{
	static unsigned char data[RANDOM_SIZE + 1];
	char expected[64], limits[64] = "";
	struct ne_enclave e;

	if (ne_guest_is_fake(t->env))
		ne_skip(t, "the stand-in runs no guest");
	ne_enclave_run(t, &e);
	snprintf(expected, sizeof(expected), "0 %d %d\n", EMSGSIZE, EINVAL);
	query(t, &e, "nsm-limits\n", limits, sizeof(limits) - 1);
	if (!CHECK(t, !strcmp(limits, expected)))
		ne_note("the guest says \"%s\"", limits);
	CHECK_EQ(t, query(t, &e, "hwrng 64\n", data, sizeof(data)), RANDOM_SIZE);
	check_random(t, data);
}

/*
 * Use the VMM of tests/abi/vmm instead of the installed one for one start. It returns the
 * buffers of a request of 4096 bytes in reversed order.
 */
static void x07_reversed_buffers(struct ne_test *t)
{
	char vmm[PATH_MAX], expected[64], limits[64] = "";
	const char *folder = getenv("NE_TEST_BIN");
	unsigned char data[NE_KIB];
	struct ne_enclave e;
	int heartbeat_fd, rc;

	snprintf(vmm, sizeof(vmm), "%s/" FAULTY_VMM, folder ? folder : ".");
	if (ne_guest_is_fake(t->env) || access(vmm, X_OK))
		ne_skip(t, "there is no " FAULTY_VMM);
	ne_enclave_ready(t, &e);
	heartbeat_fd = ne_heartbeat_listen(t);
	REQUIRE(t, !mount(vmm, INSTALLED_VMM, NULL, MS_BIND, NULL));
	rc = ne_start(e.fd, 0, &e.cid);
	CHECK(t, !umount2(INSTALLED_VMM, MNT_DETACH));
	REQUIRE_EQ(t, rc, 0);
	ne_enclave_booted(t, heartbeat_fd);

	snprintf(expected, sizeof(expected), "%d %d %d\n", ENODATA, EMSGSIZE, EINVAL);
	query(t, &e, "nsm-limits\n", limits, sizeof(limits) - 1);
	if (!CHECK(t, !strcmp(limits, expected)))
		ne_note("the guest says \"%s\"", limits);
	CHECK_EQ(t, query(t, &e, "hwrng 1\n", data, sizeof(data)), sizeof(data));
}

static const struct ne_case cases[] = {
	{ "X01 nitro-cli's test: open", x01_open, 0 },
	{ "X01 nitro-cli's test: memory", x01_memory, 0 },
	{ "X01 nitro-cli's test: vCPUs", x01_vcpu, 0 },
	{ "X01 nitro-cli's test: start", x01_start, 60 },
	{ "X01 nitro-cli's test: many starts", x01_many_starts, 60 },
	{ "X03 nitro-cli's steps: run, console, terminate", x03_run_console_terminate, 180 },
	{ "X05 X06 guest's NSM driver: sizes, 64 KiB of random bytes", x05_x06_nsm_driver, 180 },
	{ "X07 guest's NSM driver: buffers in reversed order", x07_reversed_buffers, 180 },
};

int main(int argc, char **argv)
{
	return ne_guest_main(cases, ARRAY_SIZE(cases), 2 * ne_guest_pages(), argc, argv);
}
