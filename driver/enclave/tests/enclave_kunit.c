// SPDX-License-Identifier: GPL-2.0-only
/*
 * Enclaves: the resources that a start requires, states, the owner of each CPU, and starts
 * with a thread in the place of supervisor and VMM.
 */

#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/poll.h>

#include "ne_kunit.h"

#define MIB(n)		((u64)(n) << 20)

/* Resources */

struct ne_enclave_need_case {
	const char *name;
	u64 memory;		/* bytes */
	bool claimed_only;	/* the call claimed a core, but was refused */
	int nr_vcpus;
	int rc;
};

static const struct ne_enclave_need_case ne_enclave_need_cases[] = {
	{ "nothing", 0, false, 0, -NE_ERR_NO_MEM_REGIONS_ADDED },
	{ "vcpus", 0, false, 2, -NE_ERR_NO_MEM_REGIONS_ADDED },
	{ "half a core", 0, false, 1, -NE_ERR_NO_MEM_REGIONS_ADDED },
	{ "62 MiB", MIB(62), false, 0, -NE_ERR_ENCLAVE_MEM_MIN_SIZE },
	{ "62 MiB, vcpus", MIB(62), false, 2, -NE_ERR_ENCLAVE_MEM_MIN_SIZE },
	{ "62 MiB, half a core", MIB(62), false, 1, -NE_ERR_ENCLAVE_MEM_MIN_SIZE },
	{ "64 MiB", MIB(64), false, 0, -NE_ERR_NO_VCPUS_ADDED },
	{ "64 MiB, claimed core", MIB(64), true, 0, -NE_ERR_NO_VCPUS_ADDED },
	{ "64 MiB, half a core", MIB(64), false, 1, -NE_ERR_FULL_CORES_NOT_USED },
	{ "64 MiB, a core and a half", MIB(64), false, 3, -NE_ERR_FULL_CORES_NOT_USED },
	{ "64 MiB, a core", MIB(64), false, 2, 0 },
	{ "64 MiB, two cores", MIB(64), false, 4, 0 },
};

KUNIT_ARRAY_PARAM_DESC(ne_enclave_need, ne_enclave_need_cases, name);

static void ne_enclave_test_resources(struct kunit *test)
{
	const struct ne_enclave_need_case *param = test->param_value;
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	int i;

	if (param->memory)
		ne_kunit_add_memory(test, enclave, param->memory);
	if (param->claimed_only)
		KUNIT_ASSERT_EQ(test, ne_pool_claim_first(enclave->claimed), 2);
	for (i = 0; i < param->nr_vcpus; i++)
		KUNIT_ASSERT_EQ(test, ne_kunit_add_vcpu(enclave, 0), 2 + i);

	mutex_lock(&enclave->lock);
	KUNIT_EXPECT_EQ(test, ne_enclave_check_resources(enclave), param->rc);
	mutex_unlock(&enclave->lock);
}

/* CPUs of two enclaves */

static void ne_enclave_test_cores_apart(struct kunit *test)
{
	struct ne_enclave *one = ne_kunit_enclave(test);
	struct ne_enclave *two = ne_kunit_enclave(test);

	KUNIT_EXPECT_EQ(test, ne_kunit_add_vcpu(one, 2), 2);
	KUNIT_EXPECT_EQ(test, ne_kunit_add_vcpu(two, 3), -NE_ERR_VCPU_NOT_IN_CPU_POOL);
	KUNIT_EXPECT_EQ(test, ne_kunit_add_vcpu(two, 2), -NE_ERR_VCPU_NOT_IN_CPU_POOL);
	KUNIT_EXPECT_EQ(test, ne_kunit_add_vcpu(two, 0), 4);
}

static void ne_enclave_test_pool_used_up(struct kunit *test)
{
	struct ne_enclave *one = ne_kunit_enclave(test);
	struct ne_enclave *two = ne_kunit_enclave(test);
	struct ne_enclave *none;
	int i;

	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ(test, ne_kunit_add_vcpu(one, 0), 2 + i);
	KUNIT_EXPECT_EQ(test, ne_kunit_add_vcpu(two, 0), -NE_ERR_NO_CPUS_AVAIL_IN_POOL);
	KUNIT_EXPECT_EQ(test, ne_kunit_add_vcpu(two, 2), -NE_ERR_VCPU_NOT_IN_CPU_POOL);

	mutex_lock(&ne_registry_lock);
	none = ne_enclave_create();
	mutex_unlock(&ne_registry_lock);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(none), -NE_ERR_NO_CPUS_AVAIL_IN_POOL);

	ne_kunit_release_now(test, one);
	KUNIT_EXPECT_EQ(test, ne_kunit_add_vcpu(two, 3), 3);
	KUNIT_EXPECT_EQ(test, ne_kunit_add_vcpu(two, 0), 2);
}

static void ne_enclave_test_pool_unset(struct kunit *test)
{
	struct ne_enclave *none;

	ne_pool_exit();
	mutex_lock(&ne_registry_lock);
	none = ne_enclave_create();
	mutex_unlock(&ne_registry_lock);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(none), -NE_ERR_NO_CPUS_AVAIL_IN_POOL);
}

/* The core stays claimed if the caller is in another process. */
static void ne_enclave_test_other_mm(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	struct mm_struct *mm = enclave->mm;

	enclave->mm = &init_mm;
	KUNIT_EXPECT_EQ(test, ne_kunit_add_vcpu(enclave, 0), -EIO);
	enclave->mm = mm;

	KUNIT_EXPECT_EQ(test, enclave->nr_vcpus, 0);
	KUNIT_EXPECT_EQ(test, cpumask_weight(enclave->claimed), 2);
	KUNIT_EXPECT_EQ(test, ne_kunit_add_vcpu(enclave, 0), 2);
}

/* The list */

static void ne_enclave_test_slot_uids(struct kunit *test)
{
	struct ne_enclave *enclave, *last = ne_kunit_enclave(test);
	int i;

	KUNIT_EXPECT_NE(test, last->slot_uid, 0);
	for (i = 0; i < 50; i++) {
		enclave = ne_kunit_enclave(test);
		KUNIT_EXPECT_GT(test, enclave->slot_uid, last->slot_uid);
		last = enclave;
	}
	/* 48 bits of Unix time in ms, then 16 random bits. */
	KUNIT_EXPECT_LT(test, abs((s64)(last->slot_uid >> 16) -
				  (s64)ktime_to_ms(ktime_get_real())), 10000);
}

static void ne_enclave_test_find(struct kunit *test)
{
	struct ne_enclave *one = ne_kunit_enclave(test);
	struct ne_enclave *two = ne_kunit_enclave(test);
	u64 uid = one->slot_uid;
	struct ne_enclave *found;

	found = ne_registry_find(uid);
	KUNIT_EXPECT_PTR_EQ(test, found, one);
	ne_enclave_put(found);
	KUNIT_EXPECT_NULL(test, ne_registry_find(0));
	KUNIT_EXPECT_NULL(test, ne_registry_find(uid - 1));
	KUNIT_EXPECT_NULL(test, ne_registry_find(U64_MAX));

	found = ne_registry_next(0);
	KUNIT_EXPECT_PTR_EQ(test, found, one);
	ne_enclave_put(found);
	found = ne_registry_next(uid);
	KUNIT_EXPECT_PTR_EQ(test, found, two);
	ne_enclave_put(found);
	KUNIT_EXPECT_NULL(test, ne_registry_next(two->slot_uid));

	ne_kunit_release_now(test, one);
	KUNIT_EXPECT_NULL(test, ne_registry_find(uid));
	found = ne_registry_next(0);
	KUNIT_EXPECT_PTR_EQ(test, found, two);
	ne_enclave_put(found);
}

/* Starts */

/* Supervisor and VMM in one: accepts one request, answers it, waits, closes. */
struct ne_enclave_test_vmm {
	struct ne_emu_backend_status answer;
	bool close_first;	/* closes the fd instead of answering */
	struct ne_backend *backend;
	struct completion leave;
	struct task_struct *task;
};

static int ne_enclave_test_vmm_run(void *data)
{
	struct ne_enclave_test_vmm *vmm = data;

	while (!kthread_should_stop()) {
		vmm->backend = ne_backend_accept();
		if (vmm->backend)
			break;
		schedule_timeout_idle(1);
	}
	if (vmm->backend) {
		if (!vmm->close_first)
			ne_backend_done(vmm->backend, &vmm->answer);
		if (!vmm->close_first && !vmm->answer.code)
			wait_for_completion(&vmm->leave);
		ne_backend_closed(vmm->backend);
	}
	while (!kthread_should_stop())
		schedule_timeout_idle(1);
	return 0;
}

static void ne_enclave_test_vmm_stop(void *data)
{
	struct ne_enclave_test_vmm *vmm = data;

	complete_all(&vmm->leave);
	kthread_stop(vmm->task);
}

static struct ne_enclave_test_vmm *ne_enclave_test_vmm(struct kunit *test, u32 code,
						       const char *text)
{
	struct ne_enclave_test_vmm *vmm = kunit_kzalloc(test, sizeof(*vmm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vmm);
	init_completion(&vmm->leave);
	vmm->answer.code = code;
	strscpy(vmm->answer.text, text);
	return vmm;
}

static void ne_enclave_test_vmm_go(struct kunit *test, struct ne_enclave_test_vmm *vmm)
{
	vmm->task = kthread_run(ne_enclave_test_vmm_run, vmm, "ne-kunit-vmm");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vmm->task);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, ne_enclave_test_vmm_stop, vmm), 0);
}

static struct ne_enclave *ne_enclave_test_ready(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);

	ne_kunit_add_memory(test, enclave, MIB(64));
	KUNIT_ASSERT_EQ(test, ne_kunit_add_vcpu(enclave, 0), 2);
	KUNIT_ASSERT_EQ(test, ne_kunit_add_vcpu(enclave, 0), 3);
	return enclave;
}

static int ne_enclave_test_start(struct ne_enclave *enclave, u64 flags, u64 *cid)
{
	struct ne_enclave_start_info info = { .flags = flags, .enclave_cid = *cid };
	int rc;

	mutex_lock(&enclave->lock);
	rc = ne_enclave_start(enclave, &info);
	mutex_unlock(&enclave->lock);
	*cid = info.enclave_cid;
	return rc;
}

static void ne_enclave_test_start_ok(struct kunit *test)
{
	struct ne_enclave_test_vmm *vmm = ne_enclave_test_vmm(test, 0, "");
	struct ne_enclave *enclave = ne_enclave_test_ready(test);
	u64 cid = 77;

	ne_enclave_test_vmm_go(test, vmm);
	KUNIT_ASSERT_EQ(test, ne_enclave_test_start(enclave, 1, &cid), 0);
	KUNIT_EXPECT_EQ(test, cid, 77);
	KUNIT_EXPECT_EQ(test, enclave->state, NE_EMU_ENCLAVE_STATE_RUNNING);
	KUNIT_EXPECT_EQ(test, enclave->cid, 77);
	KUNIT_EXPECT_EQ(test, enclave->flags, 1);
	KUNIT_EXPECT_NE(test, enclave->started_ns, 0);
	KUNIT_EXPECT_TRUE(test, vmm->backend->go);
	KUNIT_EXPECT_FALSE(test, enclave->hup);
	KUNIT_EXPECT_EQ(test, vmm->backend->nr_vcpus, 2);
	KUNIT_EXPECT_EQ(test, vmm->backend->vcpu_ids[0], 2);
	KUNIT_EXPECT_EQ(test, vmm->backend->mem_size, MIB(64));
}

/* The CID of a live enclave is refused, and free once that is released. */
static void ne_enclave_test_start_cid_used(struct kunit *test)
{
	struct ne_enclave_test_vmm *vmm = ne_enclave_test_vmm(test, 0, "");
	struct ne_enclave *one = ne_enclave_test_ready(test);
	struct ne_enclave *two = ne_kunit_enclave(test);
	u64 cid = 77;

	ne_kunit_add_memory(test, two, MIB(64));
	KUNIT_ASSERT_EQ(test, ne_kunit_add_vcpu(two, 0), 4);
	KUNIT_ASSERT_EQ(test, ne_kunit_add_vcpu(two, 0), 5);

	ne_enclave_test_vmm_go(test, vmm);
	KUNIT_ASSERT_EQ(test, ne_enclave_test_start(one, 0, &cid), 0);
	KUNIT_EXPECT_EQ(test, ne_enclave_test_start(two, 0, &cid), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, two->state, NE_EMU_ENCLAVE_STATE_INIT);

	ne_kunit_release_now(test, one);
	ne_enclave_test_vmm_go(test, ne_enclave_test_vmm(test, 0, ""));
	KUNIT_EXPECT_EQ(test, ne_enclave_test_start(two, 0, &cid), 0);
}

/* The enclave stays in INIT with its resources, has the reason, and can be started again. */
static void ne_enclave_test_start_refused(struct kunit *test)
{
	struct ne_enclave_test_vmm *vmm = ne_enclave_test_vmm(test, EPROTO, "no\nway");
	struct ne_enclave *enclave = ne_enclave_test_ready(test);
	u64 cid = 77;

	ne_enclave_test_vmm_go(test, vmm);
	KUNIT_ASSERT_EQ(test, ne_enclave_test_start(enclave, 0, &cid), -EPROTO);
	KUNIT_EXPECT_EQ(test, enclave->state, NE_EMU_ENCLAVE_STATE_INIT);
	KUNIT_EXPECT_STREQ(test, enclave->exit_text, "no?way");
	KUNIT_EXPECT_EQ(test, enclave->cid, 0);
	KUNIT_EXPECT_EQ(test, enclave->nr_vcpus, 2);
	KUNIT_EXPECT_EQ(test, enclave->mem.size, MIB(64));
	KUNIT_EXPECT_FALSE(test, enclave->hup);
	KUNIT_EXPECT_NULL(test, enclave->backend);

	ne_enclave_test_vmm_go(test, ne_enclave_test_vmm(test, 0, ""));
	KUNIT_EXPECT_EQ(test, ne_enclave_test_start(enclave, 0, &cid), 0);
	KUNIT_EXPECT_STREQ(test, enclave->exit_text, "");
}

static void ne_enclave_test_start_lost(struct kunit *test)
{
	struct ne_enclave_test_vmm *vmm = ne_enclave_test_vmm(test, 0, "");
	struct ne_enclave *enclave = ne_enclave_test_ready(test);
	u64 cid = 0;

	vmm->close_first = true;
	ne_enclave_test_vmm_go(test, vmm);
	KUNIT_EXPECT_EQ(test, ne_enclave_test_start(enclave, 0, &cid), -ECONNRESET);
	KUNIT_EXPECT_EQ(test, enclave->state, NE_EMU_ENCLAVE_STATE_INIT);
	KUNIT_EXPECT_STRNEQ(test, enclave->exit_text, "");
}

/* Takes as long as a supervisor may take to start: NE_ACCEPT_NO_LISTENER. */
static void ne_enclave_test_start_nobody(struct kunit *test)
{
	struct ne_enclave *enclave = ne_enclave_test_ready(test);
	u64 cid = 0;

	KUNIT_EXPECT_EQ(test, ne_enclave_test_start(enclave, 0, &cid), -ENODEV);
	KUNIT_EXPECT_EQ(test, enclave->state, NE_EMU_ENCLAVE_STATE_INIT);
	KUNIT_EXPECT_STRNEQ(test, enclave->exit_text, "");
	KUNIT_EXPECT_NULL(test, ne_backend_accept());
}

/* Ends */

/* A program that exited with status 7. */
#define NE_ENCLAVE_TEST_STATUS	(NE_EMU_GUEST_STATUS_KNOWN | 7 << 8)

struct ne_enclave_end_case {
	const char *name;
	enum ne_emu_enclave_state state;
	bool foreign;	/* reported by a backend that is not the enclave's */
	int rc;
};

static const struct ne_enclave_end_case ne_enclave_end_cases[] = {
	{ "init", NE_EMU_ENCLAVE_STATE_INIT, false, -ENOTCONN },
	{ "running", NE_EMU_ENCLAVE_STATE_RUNNING, false, 0 },
	{ "running, foreign backend", NE_EMU_ENCLAVE_STATE_RUNNING, true, -ENOTCONN },
	{ "stopped", NE_EMU_ENCLAVE_STATE_STOPPED, false, -ENOTCONN },
	{ "freed", NE_EMU_ENCLAVE_STATE_FREED, false, -ENOTCONN },
};

KUNIT_ARRAY_PARAM_DESC(ne_enclave_end, ne_enclave_end_cases, name);

static void ne_enclave_test_ended(struct kunit *test)
{
	const struct ne_enclave_end_case *param = test->param_value;
	struct ne_enclave *enclave = ne_enclave_test_ready(test);
	struct ne_backend foreign = { };
	u64 cid = 0;

	ne_enclave_test_vmm_go(test, ne_enclave_test_vmm(test, 0, ""));
	KUNIT_ASSERT_EQ(test, ne_enclave_test_start(enclave, 0, &cid), 0);
	ne_kunit_set_state(enclave, param->state);

	KUNIT_EXPECT_EQ(test,
			ne_enclave_ended(enclave, param->foreign ? &foreign : NULL,
					 NE_EMU_EXIT_REASON_ADMIN_STOP, NE_ENCLAVE_TEST_STATUS,
					 "because"),
			param->rc);
	KUNIT_EXPECT_EQ(test, enclave->hup, !param->rc);
	KUNIT_EXPECT_EQ(test, enclave->state,
			param->rc ? param->state : NE_EMU_ENCLAVE_STATE_STOPPED);
	KUNIT_EXPECT_EQ(test, enclave->exit_reason,
			param->rc ? NE_EMU_EXIT_REASON_NONE : NE_EMU_EXIT_REASON_ADMIN_STOP);
	KUNIT_EXPECT_STREQ(test, enclave->exit_text, param->rc ? "" : "because");
	KUNIT_EXPECT_EQ(test, enclave->guest_status, param->rc ? 0 : NE_ENCLAVE_TEST_STATUS);
	/* Resources stay until the release. */
	KUNIT_EXPECT_EQ(test, enclave->nr_vcpus, 2);
	KUNIT_EXPECT_EQ(test, enclave->mem.size, MIB(64));
}

/* The VMM closes without a report: EPOLLHUP stays set, the reason is kept. */
static void ne_enclave_test_vmm_lost(struct kunit *test)
{
	struct ne_enclave_test_vmm *vmm = ne_enclave_test_vmm(test, 0, "");
	struct ne_enclave *enclave = ne_enclave_test_ready(test);
	u64 cid = 0;

	ne_enclave_test_vmm_go(test, vmm);
	KUNIT_ASSERT_EQ(test, ne_enclave_test_start(enclave, 0, &cid), 0);
	complete_all(&vmm->leave);
	KUNIT_ASSERT_EQ(test, wait_event_interruptible(enclave->wait, READ_ONCE(enclave->hup)), 0);

	mutex_lock(&enclave->lock);
	KUNIT_EXPECT_EQ(test, enclave->state, NE_EMU_ENCLAVE_STATE_STOPPED);
	KUNIT_EXPECT_EQ(test, enclave->exit_reason, NE_EMU_EXIT_REASON_LOST);
	mutex_unlock(&enclave->lock);
}

static struct kunit_case ne_enclave_cases[] = {
	KUNIT_CASE_PARAM(ne_enclave_test_resources, ne_enclave_need_gen_params),
	KUNIT_CASE(ne_enclave_test_cores_apart),
	KUNIT_CASE(ne_enclave_test_pool_used_up),
	KUNIT_CASE(ne_enclave_test_pool_unset),
	KUNIT_CASE(ne_enclave_test_other_mm),
	KUNIT_CASE(ne_enclave_test_slot_uids),
	KUNIT_CASE(ne_enclave_test_find),
	KUNIT_CASE(ne_enclave_test_start_ok),
	KUNIT_CASE(ne_enclave_test_start_cid_used),
	KUNIT_CASE(ne_enclave_test_start_refused),
	KUNIT_CASE(ne_enclave_test_start_lost),
	KUNIT_CASE(ne_enclave_test_start_nobody),
	KUNIT_CASE_PARAM(ne_enclave_test_ended, ne_enclave_end_gen_params),
	KUNIT_CASE(ne_enclave_test_vmm_lost),
	{}
};

static struct kunit_suite ne_enclave_suite = {
	.name		= "ne_emu_enclave",
	.init		= ne_kunit_init,
	.test_cases	= ne_enclave_cases,
};

kunit_test_suite(ne_enclave_suite);
