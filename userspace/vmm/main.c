// SPDX-License-Identifier: Apache-2.0
/* ne-emu-vmm: takes the place of the Nitro hypervisor, one process per enclave. */

#include "common/backend.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/containment.h"
#include "vmm/options.h"
#include "vmm/vmm.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/*
 * Limit for heap, stacks and data of the libraries, bytes: several times what the largest
 * image and the longest requests need. The enclave's memory is shared and does not count.
 */
#define DATA_MAX	(32 * MIB)

/* Threads inherit which signals are blocked or ignored. */
static int vmm_set_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	return 0;
}

static int contain(const struct vmm_options *options)
{
	struct vmm_options copy = *options;
	int *fds[VMM_FDS_MAX], keep[VMM_FDS_MAX];
	size_t count = vmm_options_fds(&copy, fds);

	for (size_t i = 0; i < count; i++)
		keep[i] = *fds[i];

	/* Read now what these would later read from files. */
	tzset();
	if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
		return -ENOMEM;
	return containment_enter(options->uid, options->gid, keep, count);
}

/* Answer the start request; @err is 0 or a negative errno. */
static int report_done(const struct vmm_options *options, int err, const struct error *error)
{
	struct ne_emu_backend_status status = backend_status(-err, err ? error : NULL);

	if (!ioctl(options->backend_fd, NE_EMU_BACKEND_DONE, &status))
		return 0;
	if (errno == ESTALE)
		log_debug("the start was given up");
	else
		log_err("cannot answer the start request: %s", strerror(errno));
	return -errno;
}

static int cannot_isolate(struct error *error, int err)
{
	return error_set(error, err, "cannot isolate ne-emu-vmm: %s", strerror(-err));
}

static int build(struct vmm *vmm, const struct vmm_options *options, struct error *error)
{
	int err = vmm_set_signals();

	if (!err)
		err = contain(options);
	if (err)
		return cannot_isolate(error, err);
	err = vmm_create(vmm, error);
	if (err)
		return err;
	err = containment_seal(&(const struct containment_limits){
		.file_size = CONSOLE_LOG_FILE_MAX,
		.data_size = DATA_MAX + options->cpus.count * VCPU_STACK_SIZE,
		.memory = vmm->memory.base,
		.memory_size = vmm->memory.size,
	});
	return err ? cannot_isolate(error, err) : 0;
}

static int prepare(struct vmm *vmm, const struct vmm_options *options)
{
	struct error error = { 0 };
	int err = build(vmm, options, &error);

	if (err)
		log_err("start failed: %s", error.text);
	else
		marks_set(&vmm->marks, MARK_BUILT);
	return report_done(options, err, &error) ?: err;
}

int main(int argc, char *argv[])
{
	struct vmm vmm;
	struct vmm_options options;
	int64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	int err;

	/* One heap is enough: the other threads hardly use it. */
	(void)mallopt(M_ARENA_MAX, 1);
	log_init(LOG_INFO, "ne-emu-vmm");
	if (vmm_options_parse(&options, argc, argv))
		return EXIT_FAILURE;
	log_init(options.log_level, options.prefix);

	vmm_init(&vmm, &options);
	marks_set_at(&vmm.marks, MARK_PROCESS, began_ns);
	err = prepare(&vmm, &options);
	if (!err)
		err = vmm_run(&vmm);
	/* With a stuck vCPU, a normal exit would wait for it. */
	if (!vmm_destroy(&vmm))
		_exit(EXIT_FAILURE);
	vmm_options_free(&options);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
