// SPDX-License-Identifier: Apache-2.0
/* Building and freeing the machine. */

#include "vmm/vmm.h"

#include "common/clock.h"
#include "common/guest_status.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/arch/arch.h"
#include "vmm/gdb/service.h"
#include "vmm/machine.h"
#include "vmm/services.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#define VCPU_STOP_MS	1000

static void print_debug(struct vmm *vmm, uint8_t byte)
{
	console_write(&vmm->console, byte);
	if (trace_wanted(&vmm->trace, TRACE_CONSOLE))
		trace_console(&vmm->trace, byte);
}

/* Production enclaves have no console: their output is only searched for a panic. */
static void print_byte(void *arg, uint8_t byte)
{
	struct vmm *vmm = arg;

	marks_set(&vmm->marks, MARK_CONSOLE);
	if (vmm_options_debug(vmm->options))
		print_debug(vmm, byte);
	panic_watch_byte(&vmm->panic_watch, byte);
}

static void handle_reset(void *arg)
{
	struct vmm *vmm = arg;

	/* With panic=-1 the reset follows the text at once. */
	if (!ending_guest_status(&vmm->ending) && panic_watch_suspects(&vmm->panic_watch))
		panic_watch_report(&vmm->panic_watch);
	else
		ending_report(&vmm->ending, NE_EMU_EXIT_REASON_GUEST_RESET,
			      "the guest has reset itself");
}

static int create_console(struct vmm *vmm)
{
	const struct vmm_options *options = vmm->options;
	int err;

	if (!vmm_options_debug(options))
		return 0;
	err = console_init(&vmm->console, &vmm->loop, options->console_log_fd);
	if (err)
		return err;
	return console_service_create(&vmm->console, &vmm->loop, options->console_channel_fd,
				      options->cid, &vmm->service);
}

static int create_legacy_devices(struct vmm *vmm)
{
	int err;

	err = vm_add_irq(&vmm->vm, SERIAL_IRQ, &vmm->serial_irq_fd);
	if (!err)
		err = serial_init(&vmm->serial, vmm->serial_irq_fd, print_byte, vmm);
	if (!err)
		err = bus_add(&vmm->pio, SERIAL_PORT, SERIAL_SIZE, &serial_ops, &vmm->serial);
	vmm->i8042 = (struct i8042){ .reset = handle_reset, .reset_arg = vmm };
	if (!err)
		err = bus_add(&vmm->pio, I8042_PORT, I8042_SIZE, &i8042_ops, &vmm->i8042);
	if (!err)
		err = bus_add(&vmm->pio, CMOS_PORT, CMOS_SIZE, &cmos_ops, &vmm->cmos);
	return err;
}

static int add_virtio(struct vmm *vmm, struct virtio_mmio *device, uint64_t gpa)
{
	int err = virtio_mmio_wire(device, &vmm->vm, gpa);

	return err ? err : bus_add(&vmm->mmio, gpa, VIRTIO_MMIO_SIZE, &virtio_mmio_ops, device);
}

static int create_vsock(struct vmm *vmm)
{
	const struct vmm_options *options = vmm->options;
	int err = vm_add_irq(&vmm->vm, MACHINE_VSOCK_IRQ, &vmm->vsock_irq_fd);

	if (!err)
		err = vsock_create(&vmm->memory, &vmm->loop, vmm->vsock_irq_fd,
				   options->channel_fd, options->cid, &vmm->ending, &vmm->faults,
				   &vmm->vsock);
	if (err)
		return err;
	vmm->vsock->marks = &vmm->marks;
	vmm->vsock->mmio.trace = &vmm->trace;
	return add_virtio(vmm, &vmm->vsock->mmio, MACHINE_VSOCK_BASE);
}

static void handle_exit_report(void *arg, uint16_t status)
{
	struct vmm *vmm = arg;
	char text[GUEST_STATUS_TEXT_SIZE];

	ending_set_guest_status(&vmm->ending, status);
	log_debug("the guest reports: %s", guest_status_text(guest_status_make(status), text));
}

static int create_nsm(struct vmm *vmm)
{
	const struct nsm_config config = {
		.module_id = vmm->options->module_id,
		.debug = vmm_options_debug(vmm->options),
		.entropy = nsm_entropy_system,
		.clock_ms = nsm_clock_system,
		.exited = handle_exit_report,
		.hook_arg = vmm,
	};
	int err = nsm_create(&config, &vmm->nsm);

	if (!err)
		err = nsm_inbox_open(&vmm->nsm_inbox, &vmm->loop, vmm->nsm, &vmm->faults,
				     &vmm->sessions, vmm->options->nsm_control_fd);
	if (!err)
		err = vm_add_irq(&vmm->vm, MACHINE_NSM_IRQ, &vmm->nsm_irq_fd);
	if (!err)
		err = nsm_device_create(&vmm->memory, &vmm->loop, vmm->nsm_irq_fd, vmm->nsm,
					&vmm->faults, &vmm->nsm_device);
	if (err)
		return err;
	vmm->nsm_device->marks = &vmm->marks;
	vmm->nsm_device->mmio.trace = &vmm->trace;
	return add_virtio(vmm, &vmm->nsm_device->mmio, MACHINE_NSM_BASE);
}

static int create_devices(struct vmm *vmm, struct error *error)
{
	static const struct {
		const char *name;
		int (*create)(struct vmm *vmm);
	} devices[] = {
		{ "console", create_console },
		{ "legacy devices", create_legacy_devices },
		{ "vsock device", create_vsock },
		{ "NSM device", create_nsm },
	};

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		int err = devices[i].create(vmm);

		if (err)
			return error_set(error, err, "cannot create the %s: %s",
					 devices[i].name, strerror(-err));
	}
	return 0;
}

static int create_vcpus(struct vmm *vmm, struct error *error)
{
	const struct vmm_options *options = vmm->options;
	unsigned int max = MIN(vmm->vm.max_vcpus, arch_max_vcpus);
	int err;

	if (!options->cpus.count || options->cpus.count > max)
		return error_set(error, -EINVAL, "%zu vCPUs: this host can do 1 to %u",
				     options->cpus.count, max);
	vmm->vcpus = calloc(options->cpus.count, sizeof(*vmm->vcpus));
	if (!vmm->vcpus)
		return error_set(error, -ENOMEM, "out of memory");
	err = vcpu_set_signal();
	if (err)
		return error_set(error, err, "cannot catch the vCPUs' signal: %s",
				 strerror(-err));

	for (size_t i = 0; i < options->cpus.count; i++) {
		struct vcpu *vcpu = &vmm->vcpus[vmm->nr_vcpus++];

		vcpu->pio = &vmm->pio;
		vcpu->mmio = &vmm->mmio;
		vcpu->ending = &vmm->ending;
		vcpu->trace = &vmm->trace;
		vcpu->wall_clock = &vmm->wall_clock;
		vcpu->cpu = options->cpus.list[i];
		vcpu->pool_fd = vmm->pool_fd;
		vcpu->stands_fd = vmm->pause.source.fd;
		err = vcpu_create(vcpu, &vmm->vm, i, options->cpus.count, error);
		if (err)
			return err;
	}
	pause_start(&vmm->pause, vmm->vcpus, vmm->nr_vcpus);
	return 0;
}

/* A fault on request, of which ne-emud has told before it started this process. */
static int skew_clock(struct vmm *vmm, struct error *error)
{
	uint64_t value;
	int err;

	vmm->wall_clock = (struct wall_clock){
		.vm_fd = vmm->vm.fd, .memory = &vmm->memory,
	};
	nsm_inbox_drain(&vmm->nsm_inbox);
	if (!fault_hits(&vmm->faults, FAULT_CLOCK_SKEW, &(struct fault_event){ 0 }, &value))
		return 0;
	vmm->cmos.skew_s = (int64_t)value / MSEC_PER_SEC;
	vmm->wall_clock.skew_ns = (int64_t)value * NSEC_PER_MSEC;
	err = arch_skew_clock(&vmm->wall_clock);
	return err ? error_set(error, err, "cannot set the guest's clock wrong: %s",
			       strerror(-err)) : 0;
}

static int set_nonblocking(int fd)
{
	int flags;

	if (fd < 0)
		return 0;
	flags = fcntl(fd, F_GETFL);
	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* main() has blocked SIGTERM before there were threads. */
static int open_sigterm(int *ret_fd)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	*ret_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret_fd < 0 ? -errno : 0;
}

static int create_basics(struct vmm *vmm)
{
	int err = loop_init(&vmm->loop);

	if (!err)
		err = ending_init(&vmm->ending);
	if (!err)
		err = open_sigterm(&vmm->sigterm.fd);
	if (!err)
		err = halt_watch_open(&vmm->halt_watch);
	if (!err)
		err = panic_watch_init(&vmm->panic_watch, &vmm->ending,
				       vmm_options_debug(vmm->options));
	if (!err)
		err = pause_init(&vmm->pause, &vmm->loop);
	if (!err)
		err = trace_init(&vmm->trace, &vmm->loop);
	if (!err)
		err = mishap_init(&vmm->mishap, &vmm->faults, &vmm->ending, &vmm->pause,
				  &vmm->loop);
	if (!err)
		sessions_init(&vmm->sessions, &vmm->loop, &vmm->options->sessions, services, vmm);
	if (!err)
		err = set_nonblocking(vmm->options->channel_fd);
	if (!err)
		err = set_nonblocking(vmm->options->console_channel_fd);
	return err;
}

void vmm_init(struct vmm *vmm, const struct vmm_options *options)
{
	*vmm = (struct vmm){
		.options = options,
		.marks = { .fd = options->marks_fd },
		.loop.epoll_fd = -1,
		.ending.event_fd = -1,
		.vm = { .fd = -1, .kvm_fd = -1, .stats_fd = -1 },
		.serial_irq_fd = -1,
		.vsock_irq_fd = -1,
		.nsm_irq_fd = -1,
		.nsm_inbox.source.fd = -1,
		.pool_fd = options->pool_fd,
		.halt_watch.source.fd = -1,
		.panic_watch.source.fd = -1,
		.pause.source.fd = -1,
		.mishap.timer.fd = -1,
		.sigterm.fd = -1,
	};
}

/* Release what is needed only to build the machine. */
static void finish_set_up(struct vmm *vmm)
{
	for (size_t i = 0; i < vmm->nr_vcpus; i++)
		vcpu_wait_placed(&vmm->vcpus[i]);
	fd_close(&vmm->pool_fd);
	fd_close(&vmm->vm.kvm_fd);
}

int vmm_create(struct vmm *vmm, struct error *error)
{
	const struct vmm_options *options = vmm->options;
	int err = create_basics(vmm);

	if (err)
		return error_set(error, err, "cannot prepare: %s", strerror(-err));
	err = memory_map(&vmm->memory, options->backend_fd, options->mem_size, error);
	if (err)
		return err;
	err = vm_create(&vmm->vm, options->kvm_fd, &vmm->memory, error);
	if (err)
		return err;
	err = create_devices(vmm, error);
	if (!err)
		err = skew_clock(vmm, error);
	if (!err)
		err = create_vcpus(vmm, error);
	if (!err)
		finish_set_up(vmm);
	return err;
}

static bool destroy_vcpus(struct vmm *vmm)
{
	int64_t deadline_ms = clock_ms() + VCPU_STOP_MS;

	for (size_t i = 0; i < vmm->nr_vcpus; i++)
		vcpu_stop(&vmm->vcpus[i]);
	for (size_t i = 0; i < vmm->nr_vcpus; i++)
		if (!vcpu_destroy(&vmm->vcpus[i], deadline_ms))
			return false;
	return true;
}

bool vmm_stop_vcpus(struct vmm *vmm)
{
	mishap_stop(&vmm->mishap);
	pause_stop(&vmm->pause);
	if (!destroy_vcpus(vmm))
		return false;
	free(vmm->vcpus);
	vmm->vcpus = NULL;
	vmm->nr_vcpus = 0;
	return true;
}

bool vmm_destroy(struct vmm *vmm)
{
	if (!vmm_stop_vcpus(vmm))
		return false;
	sessions_exit(&vmm->sessions);
	debugger_destroy(vmm);
	nsm_device_destroy(vmm->nsm_device);
	nsm_inbox_close(&vmm->nsm_inbox);
	nsm_destroy(vmm->nsm);
	vsock_destroy(vmm->vsock);
	console_service_destroy(vmm->service);
	if (vmm->console.ring)
		console_exit(&vmm->console);
	vm_destroy(&vmm->vm);
	memory_unmap(&vmm->memory);
	fd_close(&vmm->serial_irq_fd);
	fd_close(&vmm->vsock_irq_fd);
	fd_close(&vmm->nsm_irq_fd);
	fd_close(&vmm->pool_fd);
	fd_close(&vmm->sigterm.fd);
	trace_exit(&vmm->trace);
	halt_watch_close(&vmm->halt_watch);
	panic_watch_exit(&vmm->panic_watch);
	mishap_exit(&vmm->mishap);
	pause_exit(&vmm->pause);
	ending_exit(&vmm->ending);
	loop_exit(&vmm->loop);
	return true;
}
