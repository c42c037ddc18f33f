// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state machine: the result of each command in each state of an enclave, and the
 * state afterwards. Commands arrive as from user space, through the files and netlink;
 * the test acts as supervisor and VMM.
 */

#include <linux/completion.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

#include "../genl.h"
#include "ne_kunit.h"

#define MIB(n)		((u64)(n) << 20)

enum ne_state_at {
	AT_NEW,		/* created, not published yet */
	AT_INIT,	/* without resources */
	AT_READY,	/* with all that a start requires */
	AT_QUEUED,	/* NE_START_ENCLAVE waits for the supervisor */
	AT_ACCEPTED,	/* NE_START_ENCLAVE waits for the VMM */
	AT_RUNNING,
	AT_STOPPED,	/* ended by its guest; both fds are open */
	AT_RELEASED,	/* after a run, the enclave fd is closed; the backend fd is open */
	AT_NR,
};

static const char * const ne_state_at_names[AT_NR] = {
	"new", "init", "ready", "queued", "accepted", "running", "stopped", "released",
};

enum ne_state_op {
	/* The enclave fd */
	OP_CREATE_VM,
	OP_ADD_VCPU,
	OP_ADD_VCPU_FAULT,
	OP_LOAD_INFO,
	OP_LOAD_INFO_FLAGS,
	OP_SET_MEMORY,
	OP_SET_MEMORY_FLAGS,
	OP_START,
	OP_START_FLAGS,
	OP_START_CID,
	OP_POLL,
	OP_MMAP,
	OP_CLOSE,
	/* The backend fd */
	OP_DONE,
	OP_EXIT,
	OP_BACKEND_POLL,
	OP_BACKEND_TOUCH,	/* map the memory and read a byte */
	OP_BACKEND_CLOSE,
	/* Netlink, and the pool */
	OP_GET,
	OP_STOP,
	OP_ACCEPT,
	OP_SET_POOL,
	OP_NR,
};

static const char * const ne_state_op_names[OP_NR] = {
	"create-vm", "add-vcpu", "add-vcpu(NULL)", "load-info", "load-info(flags)",
	"set-memory", "set-memory(flags)", "start", "start(flags)", "start(CID)", "poll",
	"mmap", "close", "done", "exit", "backend poll", "backend memory", "backend close",
	"get", "stop", "accept", "ne_cpus",
};

/* Results other than errnos and poll bits: not possible; waits for the start. */
#define NA		INT_MIN
#define WAITS		(INT_MIN + 1)

#define NOT_INIT	(-NE_ERR_NOT_IN_INIT_STATE)
#define BAD_FLAG	(-NE_ERR_INVALID_FLAG_VALUE)
#define BAD_CID		(-NE_ERR_INVALID_ENCLAVE_CID)
#define NO_MEM		(-NE_ERR_NO_MEM_REGIONS_ADDED)
#define HUP		((__force int)EPOLLHUP)
#define GO		((__force int)(EPOLLIN | EPOLLRDNORM))
#define S_INIT		((int)NE_EMU_ENCLAVE_STATE_INIT)
#define S_RUNNING	((int)NE_EMU_ENCLAVE_STATE_RUNNING)
#define S_STOPPED	((int)NE_EMU_ENCLAVE_STATE_STOPPED)

#define ROW(new, init, ready, queued, accepted, running, stopped, released) { \
	[AT_NEW] = new, [AT_INIT] = init, [AT_READY] = ready, [AT_QUEUED] = queued, \
	[AT_ACCEPTED] = accepted, [AT_RUNNING] = running, [AT_STOPPED] = stopped, \
	[AT_RELEASED] = released }
/* The same whenever there is an enclave fd: checked before the state. */
#define ALWAYS(rc)	ROW(rc, rc, rc, rc, rc, rc, rc, NA)
/* Commands of an enclave in INIT wait for a start in progress. */
#define IN_INIT(rc)	ROW(rc, rc, rc, WAITS, WAITS, NOT_INIT, NOT_INIT, NA)
/* There is a backend fd. */
#define BACKEND(accepted, running, stopped, released) \
	ROW(NA, NA, NA, NA, accepted, running, stopped, released)

static const int ne_state_results[OP_NR][AT_NR] = {
	[OP_CREATE_VM]		= ALWAYS(-ENOTTY),
	[OP_ADD_VCPU]		= IN_INIT(0),
	[OP_ADD_VCPU_FAULT]	= ALWAYS(-EFAULT),
	[OP_LOAD_INFO]		= IN_INIT(0),
	[OP_LOAD_INFO_FLAGS]	= IN_INIT(BAD_FLAG),
	[OP_SET_MEMORY]		= IN_INIT(0),
	[OP_SET_MEMORY_FLAGS]	= ALWAYS(BAD_FLAG),
	[OP_START]		= ROW(NO_MEM, NO_MEM, WAITS, WAITS, WAITS, NOT_INIT, NOT_INIT, NA),
	[OP_START_FLAGS]	= ALWAYS(BAD_FLAG),
	[OP_START_CID]		= ALWAYS(BAD_CID),
	[OP_POLL]		= ROW(0, 0, 0, 0, 0, 0, HUP, NA),
	[OP_MMAP]		= ALWAYS(-ENODEV),
	/* A start in progress holds the file, so that no close is the last one. */
	[OP_CLOSE]		= ROW(NA, 0, 0, NA, NA, 0, 0, NA),

	[OP_DONE]		= BACKEND(0, -EALREADY, -ESTALE, -ESTALE),
	[OP_EXIT]		= BACKEND(-ENOTCONN, 0, -EALREADY, -EALREADY),
	[OP_BACKEND_POLL]	= BACKEND(0, GO, GO | HUP, GO | HUP),
	[OP_BACKEND_TOUCH]	= BACKEND(0, 0, 0, -EFAULT),
	[OP_BACKEND_CLOSE]	= BACKEND(0, 0, 0, 0),

	[OP_GET]		= ROW(-ENOENT, S_INIT, S_INIT, S_INIT, S_INIT,
				      S_RUNNING, S_STOPPED, -ENOENT),
	[OP_STOP]		= ROW(-ENOENT, -ENOTCONN, -ENOTCONN, -ENOTCONN, -ENOTCONN,
				      0, -ENOTCONN, -ENOENT),
	[OP_ACCEPT]		= ROW(-EAGAIN, -EAGAIN, -EAGAIN, 0, -EAGAIN,
				      -EAGAIN, -EAGAIN, -EAGAIN),
	/* Writing is not possible while an enclave is being created. */
	[OP_SET_POOL]		= ROW(NA, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, 0),
};

struct ne_state_case {
	enum ne_state_at at;
	enum ne_state_op op;
};

/* The commands that change the state; all others leave it unchanged. */
static enum ne_emu_enclave_state ne_state_after(const struct ne_state_case *param)
{
	if (param->at == AT_RUNNING &&
	    (param->op == OP_EXIT || param->op == OP_STOP || param->op == OP_BACKEND_CLOSE))
		return NE_EMU_ENCLAVE_STATE_STOPPED;
	if (param->at == AT_ACCEPTED && param->op == OP_DONE)
		return NE_EMU_ENCLAVE_STATE_RUNNING;
	if (param->op == OP_CLOSE || param->at == AT_RELEASED)
		return NE_EMU_ENCLAVE_STATE_FREED;
	if (param->at == AT_STOPPED)
		return NE_EMU_ENCLAVE_STATE_STOPPED;
	/* A start that was waited for has succeeded. */
	if (param->at == AT_RUNNING || ne_state_results[param->op][param->at] == WAITS)
		return NE_EMU_ENCLAVE_STATE_RUNNING;
	return NE_EMU_ENCLAVE_STATE_INIT;
}

/* A command in a separate thread, in the address space of the test. */
struct ne_state_call {
	struct ne_state_test *t;
	enum ne_state_op op;
	int result;
	struct task_struct *task;
	struct completion done;
};

struct ne_state_test {
	struct mm_struct *mm;
	unsigned long arg;	/* a page for arguments */
	unsigned long huge;	/* the next huge page to donate */
	struct ne_enclave *enclave;
	struct file *file;	/* the enclave fd, or NULL */
	struct file *backend;	/* the backend fd, or NULL */
	struct ne_state_call start;
	struct ne_state_call call;
};

/* Commands */

/* An ioctl, and its argument as in the caller's memory; @null: pass a NULL pointer. */
struct ne_state_ioctl {
	unsigned int cmd;
	bool null;
	u64 words[2];
};

static const struct ne_state_ioctl ne_state_ioctls[OP_NR] = {
	[OP_CREATE_VM]		= { NE_CREATE_VM },
	[OP_ADD_VCPU]		= { NE_ADD_VCPU },
	[OP_ADD_VCPU_FAULT]	= { NE_ADD_VCPU, .null = true },
	[OP_LOAD_INFO]		= { NE_GET_IMAGE_LOAD_INFO, .words = { NE_EIF_IMAGE } },
	[OP_LOAD_INFO_FLAGS]	= { NE_GET_IMAGE_LOAD_INFO, .words = { 0 } },
	[OP_SET_MEMORY]		= { NE_SET_USER_MEMORY_REGION, .words = { 0, MIB(2) } },
	[OP_SET_MEMORY_FLAGS]	= { NE_SET_USER_MEMORY_REGION, .words = { 1, MIB(2) } },
	[OP_START]		= { NE_START_ENCLAVE, .words = { 0, 0 } },
	[OP_START_FLAGS]	= { NE_START_ENCLAVE, .words = { 2, 1 } },
	[OP_START_CID]		= { NE_START_ENCLAVE, .words = { 0, 1 } },
	[OP_DONE]		= { NE_EMU_BACKEND_DONE, .words = { 0 } },
	[OP_EXIT]		= { NE_EMU_BACKEND_EXIT,
				    .words = { NE_EMU_EXIT_REASON_GUEST_RESET } },
};

/* The largest structure; the kernel does not read beyond the smaller ones. */
union ne_state_arg {
	u64 words[3];
	struct ne_emu_backend_status status;
};

static int ne_state_ioctl(struct ne_state_test *t, struct file *file, enum ne_state_op op)
{
	const struct ne_state_ioctl *ioctl = &ne_state_ioctls[op];
	/* Commands of two threads do not share an argument. */
	unsigned long addr = t->arg + op * sizeof(union ne_state_arg);
	union ne_state_arg arg = { };
	int rc;

	memcpy(arg.words, ioctl->words, sizeof(ioctl->words));
	if (ioctl->cmd == NE_SET_USER_MEMORY_REGION)
		arg.words[2] = t->huge;
	if (ioctl->null)
		addr = 0;
	else if (copy_to_user((void __user *)addr, &arg, sizeof(arg)))
		return NA;

	rc = file->f_op->unlocked_ioctl(file, ioctl->cmd, addr);
	if (op == OP_SET_MEMORY && !rc)
		t->huge += MIB(2);
	return rc;
}

static int ne_state_touch(struct ne_state_test *t)
{
	unsigned long addr;
	char byte;
	int rc;

	addr = vm_mmap(t->backend, 0, MIB(2), PROT_READ, MAP_SHARED, 0);
	if (IS_ERR_VALUE(addr))
		return (int)addr;
	rc = get_user(byte, (char __user *)addr);
	vm_munmap(addr, MIB(2));
	return rc;
}

static int ne_state_close(struct file **file)
{
	struct file *closed = *file;

	*file = NULL;
	__fput_sync(closed);
	return 0;
}

static int ne_state_nl(struct ne_state_test *t, enum ne_state_op op)
{
	static const u8 cmds[OP_NR] = {
		[OP_GET] = NE_EMU_CMD_ENCLAVE_GET,
		[OP_STOP] = NE_EMU_CMD_ENCLAVE_STOP,
		[OP_ACCEPT] = NE_EMU_CMD_ACCEPT,
	};
	struct ne_kunit_nl_answer answer;
	int rc;

	rc = ne_kunit_nl(cmds[op], op == OP_ACCEPT ? 0 : t->enclave->slot_uid, &answer);
	if (rc)
		return rc;
	if (op == OP_ACCEPT) {
		t->backend = fget(answer.fd);
		close_fd(answer.fd);
		return t->backend ? 0 : -EBADF;
	}
	return op == OP_GET ? answer.state : 0;
}

static int ne_state_do(struct ne_state_test *t, enum ne_state_op op)
{
	switch (op) {
	case OP_POLL:
		return (__force int)vfs_poll(t->file, NULL);
	case OP_MMAP:
		return (int)vm_mmap(t->file, 0, PAGE_SIZE, PROT_READ, MAP_SHARED, 0);
	case OP_CLOSE:
		return ne_state_close(&t->file);
	case OP_DONE:
	case OP_EXIT:
		return ne_state_ioctl(t, t->backend, op);
	case OP_BACKEND_POLL:
		return (__force int)vfs_poll(t->backend, NULL);
	case OP_BACKEND_TOUCH:
		return ne_state_touch(t);
	case OP_BACKEND_CLOSE:
		return ne_state_close(&t->backend);
	case OP_GET:
	case OP_STOP:
	case OP_ACCEPT:
		return ne_state_nl(t, op);
	case OP_SET_POOL:
		return ne_pool_set(NE_KUNIT_POOL);
	default:
		return ne_state_ioctl(t, t->file, op);
	}
}

static int ne_state_thread(void *data)
{
	struct ne_state_call *call = data;
	struct mm_struct *mm = call->t->mm;

	kthread_use_mm(mm);
	call->result = ne_state_do(call->t, call->op);
	kthread_unuse_mm(mm);
	complete_all(&call->done);
	return 0;
}

static void ne_state_call(struct kunit *test, struct ne_state_test *t,
			  struct ne_state_call *call, enum ne_state_op op)
{
	call->t = t;
	call->op = op;
	init_completion(&call->done);
	call->task = kthread_create(ne_state_thread, call, "ne-kunit-call");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, call->task);
	get_task_struct(call->task);
	wake_up_process(call->task);
}

static void ne_state_call_end(struct ne_state_call *call)
{
	if (IS_ERR_OR_NULL(call->task))
		return;
	wait_for_completion(&call->done);
	put_task_struct(call->task);
}

/* Reaching each state */

static void ne_state_add_resources(struct kunit *test, struct ne_state_test *t)
{
	KUNIT_ASSERT_EQ(test, ne_state_do(t, OP_SET_MEMORY), 0);
	ne_kunit_add_memory(test, t->enclave, MIB(62));
	KUNIT_ASSERT_EQ(test, ne_state_do(t, OP_ADD_VCPU), 0);
	KUNIT_ASSERT_EQ(test, ne_state_do(t, OP_ADD_VCPU), 0);
}

/* The request is in the queue once NE_START_ENCLAVE is in a killable sleep. */
static void ne_state_wait_queued(struct kunit *test, struct task_struct *task)
{
	int tries;

	for (tries = 0; tries < 1000 && !(READ_ONCE(task->__state) & TASK_WAKEKILL); tries++)
		schedule_timeout_uninterruptible(1);
	KUNIT_ASSERT_TRUE(test, READ_ONCE(task->__state) & TASK_WAKEKILL);
}

static void ne_state_finish_start(struct kunit *test, struct ne_state_test *t,
				  struct ne_state_call *start)
{
	if (!t->backend) {
		ne_state_wait_queued(test, start->task);
		KUNIT_ASSERT_EQ(test, ne_state_do(t, OP_ACCEPT), 0);
	}
	KUNIT_ASSERT_EQ(test, ne_state_do(t, OP_DONE), 0);
	wait_for_completion(&start->done);
	KUNIT_ASSERT_EQ(test, start->result, 0);
}

static void ne_state_go_to(struct kunit *test, struct ne_state_test *t, enum ne_state_at at)
{
	if (at >= AT_READY)
		ne_state_add_resources(test, t);
	if (at >= AT_QUEUED) {
		ne_state_call(test, t, &t->start, OP_START);
		ne_state_wait_queued(test, t->start.task);
	}
	if (at >= AT_ACCEPTED)
		KUNIT_ASSERT_EQ(test, ne_state_do(t, OP_ACCEPT), 0);
	if (at >= AT_RUNNING)
		ne_state_finish_start(test, t, &t->start);
	if (at == AT_STOPPED)
		KUNIT_ASSERT_EQ(test, ne_state_do(t, OP_EXIT), 0);
	if (at == AT_RELEASED)
		ne_state_close(&t->file);
}

/* Clean up, from any state. A start that was not accepted is refused, not waited for. */
static void ne_state_end(void *data)
{
	struct ne_state_test *t = data;

	if (!t->backend)
		ne_state_do(t, OP_ACCEPT);
	if (t->backend)
		ne_state_close(&t->backend);
	ne_state_call_end(&t->start);
	ne_state_call_end(&t->call);
	if (t->file)
		ne_state_close(&t->file);
	ne_enclave_put(t->enclave);
}

static struct ne_state_test *ne_state_new(struct kunit *test, bool publish)
{
	struct ne_state_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->arg = ne_kunit_map(test, PAGE_SIZE, PROT_READ | PROT_WRITE);
	t->huge = ne_kunit_map_huge(test, MIB(4), PROT_READ | PROT_WRITE);
	t->mm = current->mm;

	mutex_lock(&ne_registry_lock);
	t->enclave = ne_enclave_create();
	if (!IS_ERR(t->enclave)) {
		kref_get(&t->enclave->ref);
		t->file = ne_enclave_file_create(t->enclave);
		if (publish && !IS_ERR(t->file))
			ne_registry_publish(t->enclave);
	}
	mutex_unlock(&ne_registry_lock);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->enclave);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->file);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, ne_state_end, t), 0);
	return t;
}

/* A command that waits returns once the start has succeeded. */
static void ne_state_expect_waits(struct kunit *test, struct ne_state_test *t,
				  enum ne_state_at at, enum ne_state_op op)
{
	bool is_start = at == AT_READY;

	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&t->call.done, HZ / 50), 0);
	ne_state_finish_start(test, t, is_start ? &t->call : &t->start);
	if (is_start)
		return;
	wait_for_completion(&t->call.done);
	KUNIT_EXPECT_EQ(test, t->call.result, ne_state_results[op][AT_RUNNING]);
}

static void ne_state_test_step(struct kunit *test)
{
	const struct ne_state_case *param = test->param_value;
	int result = ne_state_results[param->op][param->at];
	struct ne_state_test *t = ne_state_new(test, param->at != AT_NEW);
	enum ne_emu_enclave_state after = ne_state_after(param);

	ne_state_go_to(test, t, param->at);
	ne_state_call(test, t, &t->call, param->op);
	if (result == WAITS) {
		ne_state_expect_waits(test, t, param->at, param->op);
	} else {
		wait_for_completion(&t->call.done);
		KUNIT_EXPECT_EQ(test, t->call.result, result);
	}
	/* NE_START_ENCLAVE returns what the VMM answers. */
	if (param->at == AT_ACCEPTED && (param->op == OP_DONE || param->op == OP_BACKEND_CLOSE)) {
		wait_for_completion(&t->start.done);
		KUNIT_EXPECT_EQ(test, t->start.result, param->op == OP_DONE ? 0 : -ECONNRESET);
	}

	KUNIT_EXPECT_EQ(test, READ_ONCE(t->enclave->state), after);
	KUNIT_EXPECT_EQ(test, READ_ONCE(t->enclave->hup),
			param->at == AT_STOPPED || after == NE_EMU_ENCLAVE_STATE_STOPPED);
	/* Released at once, no matter what the VMM keeps open. */
	if (after == NE_EMU_ENCLAVE_STATE_FREED)
		KUNIT_EXPECT_EQ(test, ne_pool_set(NE_KUNIT_POOL), 0);
}

/* Every command in every state in which it is possible. */
static const void *ne_state_gen_params(const void *prev, char *desc)
{
	static struct ne_state_case param;
	int next = prev ? param.at * OP_NR + param.op + 1 : 0;

	while (next < AT_NR * OP_NR && ne_state_results[next % OP_NR][next / OP_NR] == NA)
		next++;
	if (next == AT_NR * OP_NR)
		return NULL;
	param.at = next / OP_NR;
	param.op = next % OP_NR;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s", ne_state_at_names[param.at],
		 ne_state_op_names[param.op]);
	return &param;
}

static int ne_state_init(struct kunit *test)
{
	ne_kunit_nl_register(test);
	return ne_kunit_init(test);
}

static struct kunit_case ne_state_cases[] = {
	KUNIT_CASE_PARAM(ne_state_test_step, ne_state_gen_params),
	{}
};

static struct kunit_suite ne_state_suite = {
	.name		= "ne_emu_state",
	.init		= ne_state_init,
	.test_cases	= ne_state_cases,
};

kunit_test_suite(ne_state_suite);
