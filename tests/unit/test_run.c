// SPDX-License-Identifier: Apache-2.0
/* Whom a VMM notifies of the end, and in which order. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/heartbeat.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/vmm.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_vsock.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CID		16
#define MEMORY_SIZE	(16 * MIB)

/* Notifications, a letter each: kernel, launcher, reader of the console. */
static struct {
	char order[16];
	struct ne_emu_backend_status status;
	int console_peer;
} told;

int __wrap_ioctl(int fd, unsigned long request, void *arg);
int __wrap_heartbeat_abort(int channel_fd, uint32_t cid);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n);
ssize_t __real_writev(int fd, const struct iovec *iov, int n);

static void note(char whom)
{
	told.order[strlen(told.order)] = whom;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	if (request == NE_EMU_BACKEND_EXIT) {
		note('K');
		memcpy(&told.status, arg, sizeof(told.status));
	}
	return 0;
}

int __wrap_heartbeat_abort(int channel_fd, uint32_t cid)
{
	assert_int_equal(cid, CID);
	note('L');
	return 0;
}

static void send_from_reader(uint16_t op)
{
	struct virtio_vsock_hdr hdr = {
		.src_cid = htole64(3), .src_port = htole32(5), .dst_port = htole32(10000 + CID),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM), .op = htole16(op),
		.buf_alloc = htole32(4096),
	};

	assert_int_equal(write(told.console_peer, &hdr, sizeof(hdr)), sizeof(hdr));
}

/* A reader that disconnects when the stream ends. */
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n)
{
	const struct virtio_vsock_hdr *hdr = iov->iov_base;

	if (le16toh(hdr->op) == VIRTIO_VSOCK_OP_SHUTDOWN) {
		note('R');
		send_from_reader(VIRTIO_VSOCK_OP_RST);
	}
	return __real_writev(fd, iov, n);
}

struct fixture {
	struct vmm_options options;
	struct vmm vmm;
	int irq_fd;
	int backend_peer;
	int channel_peer;
};

static void open_pair(int *ours, int *peer)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
				    fds), 0);
	*ours = fds[0];
	*peer = fds[1];
}

/* All parts of a VMM except KVM. Its memory is empty, so there is no image. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vmm *vmm = &f->vmm;
	void *memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	memset(&told, 0, sizeof(told));
	f->options = (struct vmm_options){
		.cid = CID, .flags = VMM_FLAGS_DEBUG, .image_offset = 8 * MIB, .kvm_fd = -1,
		.console_log_fd = -1, .nsm_control_fd = -1, .pool_fd = -1, .marks_fd = -1,
	};
	open_pair(&f->options.backend_fd, &f->backend_peer);
	open_pair(&f->options.channel_fd, &f->channel_peer);
	open_pair(&f->options.console_channel_fd, &told.console_peer);
	f->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	vmm_init(vmm, &f->options);
	memory_init(&vmm->memory, memory, MEMORY_SIZE);
	vmm->sigterm.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(loop_init(&vmm->loop), 0);
	assert_int_equal(ending_init(&vmm->ending), 0);
	assert_int_equal(console_init(&vmm->console, &vmm->loop, -1), 0);
	assert_int_equal(console_service_create(&vmm->console, &vmm->loop,
						f->options.console_channel_fd, CID,
						&vmm->service), 0);
	assert_int_equal(vsock_create(&vmm->memory, &vmm->loop, f->irq_fd, f->options.channel_fd,
				      CID, &vmm->ending, &vmm->faults, &vmm->vsock), 0);
	send_from_reader(VIRTIO_VSOCK_OP_REQUEST);
	for (int i = 0; i < 3; i++)
		assert_int_equal(loop_run_once(&vmm->loop, 0), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_true(vmm_destroy(&f->vmm));
	fd_close(&f->options.backend_fd);
	fd_close(&f->options.channel_fd);
	fd_close(&f->options.console_channel_fd);
	fd_close(&f->backend_peer);
	fd_close(&f->channel_peer);
	fd_close(&told.console_peer);
	fd_close(&f->irq_fd);
	free(f);
	return 0;
}

static void run(struct fixture *f)
{
	/* The kernel reports that the enclave is running. */
	assert_int_equal(write(f->backend_peer, "", 1), 1);
	assert_int_equal(vmm_run(&f->vmm), 0);
}

/* A launcher or a reader of the console may close the enclave when notified. */
static void test_bad_image(void **state)
{
	struct fixture *f = *state;

	run(f);
	assert_string_equal(told.order, "KLR");
	assert_int_equal(told.status.code, NE_EMU_EXIT_REASON_BAD_IMAGE);
	assert_int_equal(told.status.guest_status, 0);
	assert_int_not_equal(strlen(told.status.text), 0);
}

static void run_flipped(struct fixture *f, const char *offset, const char *expected)
{
	struct fault_settings faults = { 0 };
	uint8_t *image = memory_at(&f->vmm.memory, f->options.image_offset, 4);

	memset(image, 0x11, 4);
	assert_int_equal(fault_setting_parse(&faults, FAULT_IMAGE_FLIP, offset, NULL), 0);
	faults_apply(&f->vmm.faults, &faults);
	run(f);
	assert_memory_equal(image, expected, 4);
	assert_int_equal(told.status.code, NE_EMU_EXIT_REASON_BAD_IMAGE);
}

/* A byte of the image is inverted before it is read. */
static void test_image_flip(void **state)
{
	run_flipped(*state, "2", "\x11\x11\xee\x11");
}

/* One outside memory is left alone. */
static void test_flip_outside(void **state)
{
	run_flipped(*state, "68719476736", "\x11\x11\x11\x11");
}

static void test_after_the_heartbeat(void **state)
{
	struct fixture *f = *state;

	f->vmm.vsock->heartbeat_sent = true;
	run(f);
	assert_string_equal(told.order, "KR");
}

static void test_guest_status(void **state)
{
	struct fixture *f = *state;

	ending_set_guest_status(&f->vmm.ending, 7 << 8);
	run(f);
	assert_int_equal(told.status.guest_status, 0x10700);
}

/* The owner has closed the enclave: the kernel knows, and nothing waits for it. */
static void test_stopped(void **state)
{
	struct fixture *f = *state;

	fd_close(&f->backend_peer);
	assert_int_equal(vmm_run(&f->vmm), 0);
	assert_string_equal(told.order, "R");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_bad_image),
		T(test_image_flip),
		T(test_flip_outside),
		T(test_after_the_heartbeat),
		T(test_guest_status),
		T(test_stopped),
	};

	log_init(LOG_ERR, NULL);
	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
