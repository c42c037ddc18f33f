// SPDX-License-Identifier: Apache-2.0
/*
 * Run control of the service "gdb": clients on real lines, vCPUs in their threads, and a KVM
 * whose guest is a loop of 16 instructions of one byte per vCPU. The last but one writes to a
 * variable of the vCPU. There is no paging.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/enclave/session.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/gdb/service.h"
#include "vmm/services.h"
#include "vmm/vmm.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LONG_MS		20000
#define NR_VCPUS	2
#define RAM		(1 * MIB)

#define LOOP_OF(cpu)	(0x1000 + 0x100 * (cpu))
#define LOOP_LEN	16
#define STORE_AT	14
#define VARIABLE_OF(cpu) (0x2000 + 0x100 * (cpu))
#define INT3		0xcc
#define RF		(1ULL << 16)

/* The fake KVM. A vCPU's descriptor is that of its shared memory. */
static struct fake_cpu {
	int fd;
	struct kvm_regs regs;
	struct kvm_guest_debug debug;
	atomic_int steps;
	atomic_int injected;
} cpus[NR_VCPUS];
static unsigned int nr_cpus;
static uint8_t ram[RAM] __attribute__((aligned(4096)));

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);

static struct fake_cpu *cpu_of(int fd)
{
	for (unsigned int i = 0; i < nr_cpus; i++)
		if (cpus[i].fd == fd)
			return &cpus[i];
	return NULL;
}

static bool has(const struct fake_cpu *cpu, uint32_t flag)
{
	return cpu->debug.control & KVM_GUESTDBG_ENABLE && cpu->debug.control & flag;
}

/* Return: a bit of DR6 if a debug register has this address and kind of access (DR7). */
static uint64_t match(const struct fake_cpu *cpu, uint64_t address, uint64_t kind)
{
	uint64_t dr7 = cpu->debug.arch.debugreg[7];

	for (unsigned int i = 0; has(cpu, KVM_GUESTDBG_USE_HW_BP) && i < 4; i++)
		if (dr7 & 3ULL << 2 * i && (dr7 >> (16 + 4 * i) & 3) == kind &&
		    cpu->debug.arch.debugreg[i] == address)
			return 1ULL << i;
	return 0;
}

static int debug_exit(const struct fake_cpu *cpu, struct kvm_run *run, uint32_t exception,
		      uint64_t dr6)
{
	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch.exception = exception;
	run->debug.arch.pc = cpu->regs.rip;
	run->debug.arch.dr6 = dr6;
	return 0;
}

/* Return: true with an exit. */
static bool run_instruction(struct fake_cpu *cpu, struct kvm_run *run)
{
	unsigned int index = cpu - cpus;
	uint64_t next, dr6 = cpu->regs.rflags & RF ? 0 : match(cpu, cpu->regs.rip, 0);

	if (dr6)
		return !debug_exit(cpu, run, 1, dr6);
	if (ram[cpu->regs.rip] == INT3 && has(cpu, KVM_GUESTDBG_USE_SW_BP) && !cpu->injected)
		return !debug_exit(cpu, run, 3, 0);
	cpu->injected = 0;
	cpu->regs.rflags &= ~RF;
	cpu->steps++;
	next = cpu->regs.rip + 1;
	if (cpu->regs.rip == LOOP_OF(index) + STORE_AT) {
		ram[VARIABLE_OF(index)]++;
		dr6 = match(cpu, VARIABLE_OF(index), 1);
	}
	cpu->regs.rip = next == LOOP_OF(index) + LOOP_LEN ? LOOP_OF(index) : next;
	if (has(cpu, KVM_GUESTDBG_SINGLESTEP))
		dr6 |= 1ULL << 14;
	return dr6 && !debug_exit(cpu, run, 1, dr6);
}

static int fake_run(struct fake_cpu *cpu)
{
	const struct timespec piece = { .tv_nsec = NSEC_PER_MSEC / 10 };
	struct kvm_run *run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
	int ret = 0;

	for (;;) {
		if (__atomic_load_n(&run->immediate_exit, __ATOMIC_SEQ_CST)) {
			errno = EINTR;
			ret = -1;
			break;
		}
		if (run_instruction(cpu, run))
			break;
		(void)nanosleep(&piece, NULL);
	}
	(void)munmap(run, 4096);
	return ret;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	struct fake_cpu *cpu = cpu_of(fd);

	switch (request) {
	case KVM_CREATE_VCPU:
		cpu = &cpus[nr_cpus];
		*cpu = (struct fake_cpu){
			.fd = memfd_create("vcpu", MFD_CLOEXEC),
			.regs = { .rip = LOOP_OF(nr_cpus), .rflags = 2 },
		};
		nr_cpus++;
		return ftruncate(cpu->fd, 4096) ? -1 : cpu->fd;
	case KVM_RUN:
		return fake_run(cpu);
	case KVM_GET_REGS:
		*(struct kvm_regs *)arg = cpu->regs;
		return 0;
	case KVM_SET_REGS:
		cpu->regs = *(struct kvm_regs *)arg;
		return 0;
	case KVM_GET_SREGS:
		memset(arg, 0, sizeof(struct kvm_sregs));
		return 0;
	case KVM_SET_GUEST_DEBUG:
		cpu->debug = *(struct kvm_guest_debug *)arg;
		if (cpu->debug.control & KVM_GUESTDBG_INJECT_BP)
			cpu->injected = 1;
		return 0;
	default:
		return 0;
	}
}

/** struct fixture - @client: of the first line; @text: what it has received so far */
struct fixture {
	struct vmm vmm;
	struct session_fds lines;
	struct session_client clients[2];
	int ends[2][2];		/* of the test: what it reads, what it writes */
	char text[4096];
	size_t len;
};

static const uint8_t nonce[SESSION_NONCE_SIZE] = "0123456789abcdef";

/* A pair of sockets is a line in one direction. */
static void make_line(struct fixture *f, int line)
{
	int in[2], out[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, in), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out),
			 0);
	f->lines.in[line] = in[0];
	f->lines.out[line] = out[0];
	f->ends[line][0] = out[1];
	f->ends[line][1] = in[1];
}

static void start_machine(struct fixture *f)
{
	const struct vm vm = { .fd = -1, .kvm_fd = -1, .run_size = 4096 };
	struct vmm *vmm = &f->vmm;
	struct error error;

	memset(ram, 0, sizeof(ram));
	nr_cpus = 0;
	memory_init(&vmm->memory, ram, sizeof(ram));
	assert_int_equal(vcpu_set_signal(), 0);
	assert_int_equal(loop_init(&vmm->loop), 0);
	assert_int_equal(ending_init(&vmm->ending), 0);
	assert_int_equal(pause_init(&vmm->pause, &vmm->loop), 0);
	vmm->vcpus = calloc(NR_VCPUS, sizeof(*vmm->vcpus));
	for (; vmm->nr_vcpus < NR_VCPUS; vmm->nr_vcpus++) {
		struct vcpu *vcpu = &vmm->vcpus[vmm->nr_vcpus];

		vcpu->pool_fd = -1;
		vcpu->stats_fd = -1;
		vcpu->stands_fd = vmm->pause.source.fd;
		vcpu->ending = &vmm->ending;
		assert_int_equal(vcpu_create(vcpu, &vm, vmm->nr_vcpus, NR_VCPUS, &error), 0);
	}
	pause_start(&vmm->pause, vmm->vcpus, vmm->nr_vcpus);
	for (size_t i = 0; i < NR_VCPUS; i++)
		vcpu_go(&vmm->vcpus[i]);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	log_init(LOG_ERR, NULL);
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);	/* as in the VMM */
	f->lines = (struct session_fds)SESSION_FDS_NONE;
	for (int line = 0; line < 2; line++) {
		make_line(f, line);
		f->clients[line].read_fd = f->clients[line].write_fd = -1;
	}
	start_machine(f);
	sessions_init(&f->vmm.sessions, &f->vmm.loop, &f->lines, services, &f->vmm);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct vmm *vmm = &f->vmm;

	pause_stop(&vmm->pause);
	for (size_t i = 0; i < NR_VCPUS; i++)
		vcpu_stop(&vmm->vcpus[i]);
	for (size_t i = 0; i < NR_VCPUS; i++)
		assert_true(vcpu_destroy(&vmm->vcpus[i], clock_ms() + LONG_MS));
	sessions_exit(&vmm->sessions);
	debugger_destroy(vmm);
	for (int line = 0; line < 2; line++) {
		session_close(&f->clients[line]);
		close(f->lines.in[line]);
		close(f->lines.out[line]);
	}
	free(vmm->vcpus);
	pause_exit(&vmm->pause);
	ending_exit(&vmm->ending);
	loop_exit(&vmm->loop);
	free(f);
	return 0;
}

/* Let the VMM work, and receive what it sends. Return: the error of the session, or 0. */
static ssize_t turn(struct fixture *f, struct error *error)
{
	ssize_t n;

	assert_int_equal(loop_run_once(&f->vmm.loop, 10), 0);
	n = session_read(&f->clients[0], f->text + f->len, sizeof(f->text) - f->len - 1, error);
	f->len += MAX(n, 0);
	f->text[f->len] = '\0';
	return n == -EAGAIN ? 0 : MIN(n, 0);
}

static void wait_text(struct fixture *f, const char *text)
{
	int64_t deadline = clock_ms() + LONG_MS;
	struct error error = {};

	while (!strstr(f->text, text)) {
		if (turn(f, &error) || clock_ms() > deadline)
			fail_msg("\"%s\" does not come: \"%s\" %s", text, f->text, error.text);
	}
	f->len = 0;
	f->text[0] = '\0';
}

static void send_text(struct fixture *f, const char *bytes)
{
	struct error error;

	assert_int_equal(session_write(&f->clients[0], bytes, strlen(bytes), &error), 0);
}

static void send_packet(struct fixture *f, const char *data)
{
	unsigned int sum = 0;
	char packet[256];

	for (const char *p = data; *p; p++)
		sum += (uint8_t)*p;
	snprintf(packet, sizeof(packet), "$%s#%02x", data, sum % 256);
	send_text(f, packet);
}

/* Send a packet and wait for one that begins with @answer. */
static void ask(struct fixture *f, const char *data, const char *answer)
{
	char text[128];

	send_packet(f, data);
	snprintf(text, sizeof(text), "$%s", answer);
	wait_text(f, text);
}

static void attach_line(struct fixture *f, int line)
{
	struct session_request request = { .line = line, .service = "gdb" };
	struct error error;

	if (f->ends[line][0] < 0) {
		close(f->lines.in[line]);
		close(f->lines.out[line]);
		make_line(f, line);
		f->vmm.sessions.list[line].in.fd = f->lines.in[line];
		f->vmm.sessions.list[line].out.fd = f->lines.out[line];
	}
	memcpy(request.nonce, nonce, sizeof(nonce));
	sessions_begin(&f->vmm.sessions, &request);
	assert_int_equal(session_attach(&f->clients[line], f->ends[line], nonce, &error), 0);
	f->ends[line][0] = -1;
}

static void attach(struct fixture *f)
{
	attach_line(f, 0);
	ask(f, "qSupported:swbreak+;hwbreak+", "PacketSize=");
	ask(f, "?", "T05thread:1;");
}

static void wait_moves(const struct fixture *f, unsigned int cpu)
{
	int64_t deadline = clock_ms() + LONG_MS;
	int steps = cpus[cpu].steps;

	while (cpus[cpu].steps < steps + 2 * LOOP_LEN && clock_ms() < deadline)
		(void)loop_run_once((struct loop *)&f->vmm.loop, 1);
	assert_true(cpus[cpu].steps >= steps + 2 * LOOP_LEN);
}

static void assert_stands(const struct fixture *f)
{
	int steps = cpus[0].steps + cpus[1].steps;

	assert_true(pause_stands(&f->vmm.pause));
	usleep(5000);
	assert_int_equal(cpus[0].steps + cpus[1].steps, steps);
}

static void test_interrupt(void **state)
{
	struct fixture *f = *state;

	attach(f);
	assert_stands(f);
	send_packet(f, "vCont;c");
	wait_moves(f, 0);
	wait_moves(f, 1);
	send_text(f, "\x03");
	wait_text(f, "$T02thread:1;");
	assert_stands(f);
	ask(f, "D", "OK");
	wait_moves(f, 1);
	assert_false(pause_holds(&f->vmm.pause, PAUSE_GDB));
}

/* One vCPU is at its breakpoint; the next round, it is there again, not before. */
static void test_hardware_breakpoint(void **state)
{
	struct fixture *f = *state;
	int steps;

	attach(f);
	ask(f, "Z1,1104,1", "OK");
	send_packet(f, "vCont;c");
	wait_text(f, "$T05thread:2;hwbreak:;#");
	assert_stands(f);
	assert_int_equal(cpus[1].regs.rip, 0x1104);
	steps = cpus[1].steps;
	send_packet(f, "vCont;c");
	wait_text(f, "$T05thread:2;hwbreak:;#");
	assert_int_equal(cpus[1].steps, steps + LOOP_LEN);
	ask(f, "z1,1104,1", "OK");
	send_packet(f, "vCont;c");
	wait_moves(f, 1);
}

static void test_step(void **state)
{
	struct fixture *f = *state;
	int steps[NR_VCPUS];

	attach(f);
	for (int i = 0; i < 3; i++) {
		steps[0] = cpus[0].steps;
		steps[1] = cpus[1].steps;
		send_packet(f, "vCont;s:2;c");
		wait_text(f, "$T05thread:2;#");
		assert_int_equal(cpus[1].steps, steps[1] + 1);
		assert_int_equal(cpus[0].steps, steps[0]);
		assert_true(cpus[1].debug.control & KVM_GUESTDBG_BLOCKIRQ);
	}
	/* Only one of them, until it is interrupted. */
	send_packet(f, "vCont;c:1");
	wait_moves(f, 0);
	assert_int_equal(cpus[1].steps, steps[1] + 1);
	send_text(f, "\x03");
	wait_text(f, "$T02thread:");
}

static void test_software_breakpoint(void **state)
{
	struct fixture *f = *state;

	if (!f->vmm.debugger)
		attach(f);
	f->vmm.debugger->target.trap_len = 1;	/* as on a host with KVM of its own */
	ask(f, "Z0,1008,1", "OK");
	assert_int_equal(ram[0x1008], INT3);
	send_packet(f, "vCont;c");
	wait_text(f, "$T05thread:1;swbreak:;#");
	assert_int_equal(cpus[0].regs.rip, 0x1008);
	ask(f, "z0,1008,1", "OK");
	send_packet(f, "vCont;s:1");
	wait_text(f, "$T05thread:1;#");
	assert_int_equal(cpus[0].regs.rip, 0x1009);
	ask(f, "D", "OK");
	wait_moves(f, 0);
}

/* A breakpoint of the guest itself goes to the guest, and nobody else stops. */
static void test_guests_breakpoint(void **state)
{
	struct fixture *f = *state;

	attach(f);
	f->vmm.debugger->target.trap_len = 1;
	ram[0x1106] = INT3;
	ask(f, "Z0,1f00,1", "OK");
	send_packet(f, "vCont;c");
	wait_moves(f, 1);
	wait_moves(f, 0);
	assert_int_equal(f->len, 0);
}

/* Two vCPUs stop at the same time: the second one's stop is told when the guest goes on. */
static void test_two_watchpoints(void **state)
{
	struct fixture *f = *state;

	attach(f);
	ask(f, "Z2,2000,1", "OK");
	ask(f, "Z2,2100,1", "OK");
	/* Bring both to the store. */
	cpus[0].regs.rip = LOOP_OF(0) + STORE_AT;
	cpus[1].regs.rip = LOOP_OF(1) + STORE_AT;
	send_packet(f, "vCont;c");
	while (pause_holds(&f->vmm.pause, PAUSE_GDB))
		assert_int_equal(loop_run_once(&f->vmm.loop, 10), 0);
	/* The main thread looks when both have stopped. */
	for (int64_t end = clock_ms() + LONG_MS; clock_ms() < end &&
	     !(vcpu_stands(&f->vmm.vcpus[0]) && vcpu_stands(&f->vmm.vcpus[1]));)
		usleep(1000);
	wait_text(f, "$T05thread:1;watch:2000;#");
	send_packet(f, "vCont;c");
	wait_text(f, "$T05thread:2;watch:2100;#");
	assert_stands(f);
	assert_int_equal(ram[0x2000], 1);
	assert_int_equal(ram[0x2100], 1);
}

/* "ne-emu pause" holds the guest, also when the debugger wants it to go on. */
static void test_paused_by_others(void **state)
{
	struct fixture *f = *state;
	struct error error;
	int steps;

	attach(f);
	pause_take(&f->vmm.pause, PAUSE_USER);
	steps = cpus[0].steps;
	send_packet(f, "vCont;s:1");
	for (int i = 0; i < 20; i++)
		assert_int_equal(turn(f, &error), 0);
	assert_int_equal(cpus[0].steps, steps);
	pause_drop(&f->vmm.pause, PAUSE_USER);
	wait_text(f, "$T05thread:1;#");
	assert_int_equal(cpus[0].steps, steps + 1);

	/* In the middle of a run of one vCPU. */
	send_packet(f, "vCont;c:1");
	wait_moves(f, 0);
	pause_take(&f->vmm.pause, PAUSE_USER);
	for (int i = 0; i < 20; i++)
		assert_int_equal(turn(f, &error), 0);
	assert_stands(f);
	pause_drop(&f->vmm.pause, PAUSE_USER);
	wait_moves(f, 0);
	send_text(f, "\x03");
	wait_text(f, "$T02thread:");
}

/* The client is killed with breakpoints everywhere; the next one finds nothing of them. */
static void test_client_dies(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 4; round++) {
		attach(f);
		f->vmm.debugger->target.trap_len = 1;
		ask(f, "Z0,1003,1", "OK");
		ask(f, "Z1,1105,1", "OK");
		ask(f, "Z2,2100,1", "OK");
		if (round % 2)
			send_packet(f, "vCont;c");
		session_close(&f->clients[0]);
		f->len = 0;
		f->text[0] = '\0';
		/* The next one comes at once, or when all is over. */
		if (round < 2) {
			wait_moves(f, 0);
			wait_moves(f, 1);
			assert_int_equal(cpus[0].debug.control, 0);
			assert_int_equal(cpus[1].debug.control, 0);
		}
	}
	wait_moves(f, 0);
	wait_moves(f, 1);
	assert_int_equal(ram[0x1003], 0);
}

static void test_one_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct error error = {};
	char bytes[16];
	ssize_t n;

	attach(f);
	attach_line(f, 1);
	while ((n = session_read(&f->clients[1], bytes, sizeof(bytes), &error)) == -EAGAIN)
		assert_int_equal(loop_run_once(&f->vmm.loop, 10), 0);
	assert_int_equal(n, -EREMOTEIO);
	assert_non_null(strstr(error.text, "a debugger is attached"));
	ask(f, "qC", "QC1");
}

/* The offset is in a page that the kernel writes at some time. */
static void test_kaslr(void **state)
{
	static const char page[] = "OSRELEASE=6.12.0\nPAGESIZE=4096\nKERNELOFFSET=1e000000\n";
	struct fixture *f = *state;

	attach(f);
	/* "monitor kaslr"; "not known", then "offset 0x1e000000\n" */
	send_packet(f, "qRcmd,6b61736c72");
	wait_text(f, "$O6e6f74206b6e6f776e");
	strcpy((char *)ram + 0x7000, page);
	send_packet(f, "qRcmd,6b61736c72");
	wait_text(f, "$O6f666673657420307831653030303030300a#");
}

static void test_kill(void **state)
{
	struct fixture *f = *state;
	struct error error;

	attach(f);
	ask(f, "vKill;1", "OK");
	assert_int_equal(ending_get(&f->vmm.ending, &error), NE_EMU_EXIT_REASON_VMM_ERROR);
	assert_non_null(strstr(error.text, "a debugger has ended the enclave"));
}

/* The enclave ends while the client waits for it. */
static void test_enclave_ends(void **state)
{
	struct fixture *f = *state;

	attach(f);
	send_packet(f, "vCont;c");
	wait_moves(f, 0);
	sessions_finish(&f->vmm.sessions, 0);
	wait_text(f, "$W00#b7");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_interrupt),
		TEST(test_hardware_breakpoint),
		TEST(test_step),
		TEST(test_software_breakpoint),
		TEST(test_guests_breakpoint),
		TEST(test_two_watchpoints),
		TEST(test_paused_by_others),
		TEST(test_client_dies),
		TEST(test_one_at_a_time),
		TEST(test_kaslr),
		TEST(test_kill),
		TEST(test_enclave_ends),
	};

	return cmocka_run_group_tests_name("gdb_service", tests, NULL, NULL);
}
