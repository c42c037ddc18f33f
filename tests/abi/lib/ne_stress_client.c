// SPDX-License-Identifier: Apache-2.0
/* Clients that do everything a client may do, and much that it should not. */

#include "ne_stress.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_SLOTS	10
/* Private pages; a start needs 64 MiB. */
#define ARENA_SIZE	NE_MIN_ENCLAVE_SIZE
#define ARENA_PAGES	(ARENA_SIZE / NE_PAGE)
/* Magic numbers of the two families of ioctls. */
#define IOC_NE		0xae
#define IOC_EMU		0xe7

/**
 * struct client - its descriptors and memory
 * @fd: of any kind, or -1
 * @arena: private huge pages, parts of which may be unmapped
 * @read_only: a page that ioctls cannot write to
 * @buffer: a valid argument
 */
struct client {
	struct ne_stress_worker *w;
	int fd[NR_SLOTS];
	char *arena;
	char *read_only;
	char buffer[256];
};

static int *slot(struct client *c)
{
	return &c->fd[ne_stress_below(c->w, NR_SLOTS)];
}

static void put(struct client *c, int fd)
{
	int *to = slot(c);

	if (*to >= 0)
		close(*to);
	*to = fd < 0 ? -1 : fd;
}

/* A pointer for an ioctl, mostly a valid one. */
static void *pointer(struct client *c)
{
	switch (ne_stress_below(c->w, 8)) {
	case 0:
		return (void *)(uintptr_t)ne_stress_nasty(c->w);
	case 1:
		return c->read_only;
	case 2:
		return c->read_only + NE_PAGE - 4;
	default:
		return c->buffer;
	}
}

static void op_open(struct client *c)
{
	put(c, ne_open(ne_stress_chance(c->w, 4) ? O_RDONLY : O_RDWR));
}

static void op_create(struct client *c)
{
	int dev_fd = ne_open(O_RDWR);

	if (dev_fd < 0)
		return;
	put(c, ne_ioctl(dev_fd, NE_CREATE_VM, pointer(c)));
	close(dev_fd);
}

static void op_close(struct client *c)
{
	put(c, -1);
}

static void op_dup(struct client *c)
{
	int fd = *slot(c);

	put(c, dup(fd));
}

static void op_vcpu(struct client *c)
{
	uint32_t id = ne_stress_chance(c->w, 4) ? ne_stress_nasty(c->w) :
						  ne_stress_below(c->w, 8);
	void *arg = pointer(c);

	memcpy(c->buffer, &id, sizeof(id));
	ne_ioctl(*slot(c), NE_ADD_VCPU, arg);
}

static void op_memory(struct client *c)
{
	uint64_t first = ne_stress_below(c->w, ARENA_PAGES);
	uint64_t nr = ne_stress_below(c->w, 8);
	struct ne_user_memory_region region = {
		.memory_size = nr * NE_PAGE,
		.userspace_addr = (uintptr_t)c->arena + first * NE_PAGE,
	};
	void *arg = pointer(c);

	if (ne_stress_chance(c->w, 8))
		region.flags = ne_stress_nasty(c->w);
	if (ne_stress_chance(c->w, 8))
		region.memory_size = ne_stress_nasty(c->w);
	if (ne_stress_chance(c->w, 8))
		region.userspace_addr = ne_stress_nasty(c->w);
	memcpy(c->buffer, &region, sizeof(region));
	ne_ioctl(*slot(c), NE_SET_USER_MEMORY_REGION, arg);
}

static void op_info(struct client *c)
{
	uint64_t flags = ne_stress_nasty(c->w);

	memcpy(c->buffer, &flags, sizeof(flags));
	ne_ioctl(*slot(c), NE_GET_IMAGE_LOAD_INFO, pointer(c));
}

static void op_start(struct client *c)
{
	struct ne_enclave_start_info info = {
		.flags = ne_stress_below(c->w, 2),
		.enclave_cid = ne_stress_cid(c->w),
	};
	void *arg = pointer(c);

	if (ne_stress_chance(c->w, 8))
		info.flags = ne_stress_nasty(c->w);
	memcpy(c->buffer, &info, sizeof(info));
	ne_ioctl(*slot(c), NE_START_ENCLAVE, arg);
}

/* Map the whole arena again. */
static void op_remap(struct client *c)
{
	mmap(c->arena, ARENA_SIZE, PROT_READ | PROT_WRITE,
	     MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT) |
	     MAP_NORESERVE, -1, 0);
}

/* Add all that a start needs; fails if the arena has holes or the pool is empty. */
static int prepare(struct client *c)
{
	int fd = ne_new_enclave(NULL);
	unsigned int i;

	if (fd < 0)
		return fd;
	if (!ne_stress_chance(c->w, 3))
		op_remap(c);
	ne_add_region(fd, c->arena, ARENA_SIZE);
	for (i = 0; i < c->w->env->threads; i++)
		ne_add_vcpu_id(fd, 0);
	return fd;
}

static void op_launch(struct client *c)
{
	uint64_t cid = ne_stress_chance(c->w, 3) ? 0 : ne_stress_cid(c->w);
	uint64_t flags = ne_stress_below(c->w, 2);
	int fd = prepare(c);

	if (fd < 0)
		return;
	if (!ne_start(fd, flags, &cid)) {
		c->w->starts++;
		ne_stress_usleep(c->w, 5000);
	}
	put(c, fd);
}

static void *start_thread(void *arg)
{
	uint64_t cid = 0;

	ne_start(*(int *)arg, 0, &cid);
	return NULL;
}

/* Start an enclave and, at the same time, close or start it, add memory, or fork. */
static void op_race(struct client *c)
{
	unsigned int choice = ne_stress_below(c->w, 4);
	pthread_t thread;
	int fd = prepare(c);

	if (fd < 0 || pthread_create(&thread, NULL, start_thread, &fd))
		return;
	ne_stress_usleep(c->w, 3000);
	switch (choice) {
	case 0:
		close(fd);
		break;
	case 1:
		start_thread(&fd);
		break;
	case 2:
		ne_add_region(fd, c->arena, NE_PAGE);
		break;
	default:
		if (!ne_stress_fork())
			_exit(0);
		break;
	}
	pthread_join(thread, NULL);
	if (choice)
		close(fd);
}

/* Unmap, discard or protect donated memory. */
static void op_mapping(struct client *c)
{
	char *addr = c->arena + ne_stress_below(c->w, ARENA_PAGES) * NE_PAGE;
	int flags = MAP_FIXED | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT) | MAP_NORESERVE;
	uint64_t offset = ne_stress_below(c->w, 16) * NE_PAGE;

	switch (ne_stress_below(c->w, 6)) {
	case 0:
		munmap(addr, NE_PAGE);
		break;
	case 1:
		mmap(addr, NE_PAGE, PROT_READ | PROT_WRITE, flags | MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
		break;
	case 2:
		mmap(addr, NE_PAGE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_SHARED,
		     c->w->huge_fd, offset);
		break;
	case 3:
		madvise(addr, NE_PAGE, MADV_DONTNEED);
		break;
	case 4:
		mprotect(addr, NE_PAGE, ne_stress_chance(c->w, 2) ? PROT_READ : PROT_NONE);
		break;
	default:
		mprotect(c->arena, ARENA_SIZE, PROT_READ | PROT_WRITE);
		break;
	}
}

/** struct fd_message - a byte and a descriptor */
struct fd_message {
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov;
	struct msghdr msg;
};

static struct cmsghdr *fd_message_init(struct fd_message *m, struct client *c)
{
	*m = (struct fd_message){
		.iov = { .iov_base = c->buffer, .iov_len = 1 },
		.msg = {
			.msg_iov = &m->iov, .msg_iovlen = 1,
			.msg_control = m->control.buf,
			.msg_controllen = sizeof(m->control.buf),
		},
	};
	return CMSG_FIRSTHDR(&m->msg);
}

static void op_send_fd(struct client *c)
{
	struct fd_message m;
	struct cmsghdr *cmsg = fd_message_init(&m, c);
	int fd = *slot(c);

	if (fd < 0)
		return;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	sendmsg(c->w->shared[0], &m.msg, MSG_DONTWAIT);
}

static void op_receive_fd(struct client *c)
{
	struct fd_message m;
	struct cmsghdr *cmsg;
	int fd = -1;

	fd_message_init(&m, c);
	if (recvmsg(c->w->shared[1], &m.msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return;
	cmsg = CMSG_FIRSTHDR(&m.msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	put(c, fd);
}

static void op_garbage(struct client *c)
{
	unsigned int magic = ne_stress_chance(c->w, 4) ? IOC_EMU : IOC_NE;
	unsigned int nr = ne_stress_chance(c->w, 4) ? ne_stress_below(c->w, 256) :
						      0x20 + ne_stress_below(c->w, 8);
	size_t i;

	for (i = 0; i < sizeof(c->buffer); i += 8) {
		uint64_t word = ne_stress_nasty(c->w);

		memcpy(c->buffer + i, &word, sizeof(word));
	}
	ne_ioctl(*slot(c), _IOC(ne_stress_below(c->w, 4), magic, nr, ne_stress_below(c->w, 128)),
		 pointer(c));
}

static void op_poll(struct client *c)
{
	ne_wait_hup(*slot(c), 0);
}

static void do_one(struct client *c);

/* A child with all descriptors does a few operations and ends, or is killed. */
static void op_fork(struct client *c)
{
	unsigned int nr = ne_stress_below(c->w, 8);
	unsigned int kill_us = ne_stress_below(c->w, 3000);
	pid_t pid = ne_stress_fork();

	if (!pid) {
		/* A copy, because the parent goes on using the one in shared memory. */
		struct ne_stress_worker copy = *c->w;

		copy.seed = ~copy.seed;
		c->w = &copy;
		while (nr--)
			do_one(c);
		_exit(0);
	}
	if (pid < 0 || kill_us % 2)
		return;		/* it may outlive this process */
	usleep(kill_us);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* After vfork() the child counts as the creator, because it shares the address space. */
static void op_vfork(struct client *c)
{
	int fd = *slot(c);
	pid_t pid = vfork();

	if (!pid) {
		uint32_t id = 0;

		ioctl(fd, NE_ADD_VCPU, &id);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void op_exit(struct client *c)
{
	if (ne_stress_chance(c->w, 8))
		_exit(0);
}

static void do_one(struct client *c)
{
	static const struct {
		void (*run)(struct client *c);
		unsigned int weight;
	} ops[] = {
		{ op_open, 2 }, { op_create, 8 }, { op_close, 8 }, { op_dup, 4 },
		{ op_vcpu, 10 }, { op_memory, 10 }, { op_info, 4 }, { op_start, 4 },
		{ op_launch, 10 }, { op_race, 2 }, { op_mapping, 4 }, { op_remap, 2 },
		{ op_send_fd, 3 }, { op_receive_fd, 3 }, { op_garbage, 6 }, { op_poll, 4 },
		{ op_fork, 1 }, { op_vfork, 1 }, { op_exit, 1 },
	};
	unsigned int total = 0;
	uint64_t choice;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		total += ops[i].weight;
	ne_stress_next(c->w);
	choice = ne_stress_below(c->w, total);
	for (i = 0; choice >= ops[i].weight; i++)
		choice -= ops[i].weight;
	ops[i].run(c);
}

static void run_client(struct ne_test *t, struct ne_stress_worker *w)
{
	struct client c = { .w = w };
	size_t i;

	for (i = 0; i < NR_SLOTS; i++)
		c.fd[i] = -1;
	c.arena = ne_map_aligned(ARENA_SIZE);
	c.read_only = ne_map_aligned(NE_PAGE);
	REQUIRE(t, c.arena && c.read_only);
	/* The end of the descriptors and of the address space. */
	REQUIRE_EQ(t, mprotect(c.read_only, NE_PAGE, PROT_READ), 0);
	op_remap(&c);
	for (;;) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		do_one(&c);
	}
}

const struct ne_stress_role ne_stress_client = { "client", run_client, 4 };
