// SPDX-License-Identifier: GPL-2.0-only
/* Waiting for a VMM: for what runs until it has slept, for nothing else. */

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>

/* Stands in for a VMM of one thread. */
struct ne_settle_test {
	struct task_struct *task;
	struct completion began;
	unsigned int busy_ms;	/* how long it runs before it sleeps */
	bool slept;
};

static int ne_settle_test_run(void *data)
{
	struct ne_settle_test *t = data;
	unsigned long end = jiffies + msecs_to_jiffies(t->busy_ms);

	complete(&t->began);
	/* To be preempted is not to sleep. */
	while (time_before(jiffies, end))
		cond_resched();

	WRITE_ONCE(t->slept, true);
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void ne_settle_test_stop(void *data)
{
	struct ne_settle_test *t = data;

	kthread_stop(t->task);
}

static struct ne_settle_test *ne_settle_test_new(struct kunit *test, unsigned int busy_ms)
{
	struct ne_settle_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	init_completion(&t->began);
	t->busy_ms = busy_ms;
	t->task = kthread_run(ne_settle_test_run, t, "ne-kunit-vmm");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->task);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, ne_settle_test_stop, t), 0);
	wait_for_completion(&t->began);
	return t;
}

static void ne_settle_test_nobody(struct kunit *test)
{
	ne_vmm_settle(NULL);
	ne_vmm_settle(task_tgid(current));
}

static void ne_settle_test_busy(struct kunit *test)
{
	struct ne_settle_test *t = ne_settle_test_new(test, 200);

	if (!NE_KVM_NEEDS_RESERVED)
		kunit_skip(test, "KVM of this kernel has no such moment");
	ne_vmm_settle(task_tgid(t->task));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(t->slept));
}

/* It sleeps for good: no reason to wait for anything. */
static void ne_settle_test_asleep(struct kunit *test)
{
	struct ne_settle_test *t = ne_settle_test_new(test, 0);
	unsigned int found;
	struct ne_unsettled threads[1];

	while (READ_ONCE(t->task->__state) == TASK_RUNNING)
		msleep(1);
	found = ne_settle_find(task_tgid(t->task), threads, ARRAY_SIZE(threads));
	KUNIT_EXPECT_EQ(test, found, 0);
	ne_vmm_settle(task_tgid(t->task));
}

static struct kunit_case ne_settle_cases[] = {
	KUNIT_CASE(ne_settle_test_nobody),
	KUNIT_CASE(ne_settle_test_busy),
	KUNIT_CASE(ne_settle_test_asleep),
	{}
};

static struct kunit_suite ne_settle_suite = {
	.name		= "ne_emu_settle",
	.test_cases	= ne_settle_cases,
};

kunit_test_suite(ne_settle_suite);
