// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernels whose KVM takes no references on pages that have PG_reserved set
 * (compat.h) look at the flag twice: when KVM takes a frame from the VMM's page
 * table, and when it lets go of it a moment later. A page that loses the flag in
 * between loses a reference that nobody took. So, once the memory is out of reach,
 * the flag must stay until no thread of the VMM can be in that moment any more.
 *
 * KVM does not sleep in it. Hence a thread is past it when it sleeps or has slept
 * since, or has begun to exit. After the memory was taken away, KVM_RUN fails and
 * threads that run the guest get there at once.
 */

#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "compat.h"
#include "ne_emu.h"

/**
 * struct ne_unsettled - a thread of the VMM that was seen running
 * @task: referenced
 * @switches: how often it had slept then
 */
struct ne_unsettled {
	struct task_struct *task;
	unsigned long switches;
};

static bool ne_thread_is_settled(struct task_struct *task, unsigned long switches)
{
	return task == current || READ_ONCE(task->__state) != TASK_RUNNING ||
	       READ_ONCE(task->nvcsw) != switches || READ_ONCE(task->flags) & PF_EXITING;
}

/*
 * Fills @threads with threads of @vmm that are running now.
 *
 * Return: how many; @max may mean that there are more.
 */
static unsigned int ne_settle_find(struct pid *vmm, struct ne_unsettled *threads,
				   unsigned int max)
{
	struct task_struct *leader, *thread;
	unsigned int nr = 0;

	rcu_read_lock();
	leader = pid_task(vmm, PIDTYPE_TGID);
	if (leader) {
		for_each_thread(leader, thread) {
			unsigned long switches = READ_ONCE(thread->nvcsw);

			if (nr == max)
				break;
			if (ne_thread_is_settled(thread, switches))
				continue;
			threads[nr++] = (struct ne_unsettled) {
				.task		= get_task_struct(thread),
				.switches	= switches,
			};
		}
	}
	rcu_read_unlock();
	return nr;
}

/* Drops the threads that have settled. Return: how many are left. */
static unsigned int ne_settle_check(struct ne_unsettled *threads, unsigned int nr)
{
	unsigned int i = 0;

	while (i < nr) {
		if (ne_thread_is_settled(threads[i].task, threads[i].switches)) {
			put_task_struct(threads[i].task);
			threads[i] = threads[--nr];
		} else {
			i++;
		}
	}
	return nr;
}

/**
 * ne_vmm_settle() - wait until a VMM no longer handles frames of its memory
 * @vmm: the process, or NULL without one; its mappings of the memory are gone, and
 *	it was told to end: ne_backend_hangup()
 *
 * Context: Process context, sleeps; for less than a millisecond as a rule. Threads
 * that never sleep are waited for until the VMM is killed.
 */
void ne_vmm_settle(struct pid *vmm)
{
	struct ne_unsettled threads[16];
	unsigned int found, nr;

	if (!NE_KVM_NEEDS_RESERVED || !vmm)
		return;

	do {
		found = ne_settle_find(vmm, threads, ARRAY_SIZE(threads));
		nr = found;
		while ((nr = ne_settle_check(threads, nr)))
			usleep_range(50, 200);
	} while (found == ARRAY_SIZE(threads));
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/settle_kunit.c"
#endif
