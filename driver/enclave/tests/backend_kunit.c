// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backends: the effect of each event in each state, what a VMM may report, and what the
 * caller of NE_START_ENCLAVE gets.
 */

#include "ne_kunit.h"

/*
 * A request as during NE_START_ENCLAVE or, once it is DONE, that of a running enclave.
 * References: the enclave's, and one for the fd.
 */
struct ne_backend_test {
	struct ne_enclave *enclave;
	struct ne_backend *backend;
	bool closed;	/* the fd's reference is gone */
};

static void ne_backend_test_end(void *data)
{
	struct ne_backend_test *t = data;

	ne_backend_dequeue(t->backend);
	if (!t->closed)
		ne_backend_closed(t->backend);
	if (!t->enclave->backend)
		ne_backend_put(t->backend);
}

static void ne_backend_test_begin(struct kunit *test, struct ne_backend_test *t,
				  struct ne_enclave *enclave)
{
	t->enclave = enclave;
	t->closed = false;
	mutex_lock(&enclave->lock);
	t->backend = ne_backend_create(enclave, 77, 0);
	mutex_unlock(&enclave->lock);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->backend);
	kref_get(&t->backend->ref);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, ne_backend_test_end, t), 0);
}

static void ne_backend_test_set_state(struct ne_backend_test *t, enum ne_backend_state state)
{
	t->backend->state = state;
	if (state == NE_BACKEND_DONE) {
		t->backend->vmm = get_task_pid(current, PIDTYPE_TGID);
		t->enclave->backend = t->backend;
		ne_kunit_set_state(t->enclave, NE_EMU_ENCLAVE_STATE_RUNNING);
	}
}

static struct ne_backend_test *ne_backend_test_new(struct kunit *test,
						   enum ne_backend_state state)
{
	struct ne_backend_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	ne_backend_test_begin(test, t, ne_kunit_enclave(test));
	ne_backend_test_set_state(t, state);
	return t;
}

static void ne_backend_test_status(struct ne_emu_backend_status *status, u32 code,
				   const char *text)
{
	memset(status, 0, sizeof(*status));
	status->code = code;
	strscpy(status->text, text);
}

/* States and events */

enum ne_backend_test_op {
	OP_ACCEPT,
	OP_FAIL,
	OP_DONE_OK,
	OP_DONE_ERROR,
	OP_EXIT,
	OP_HANGUP,
	OP_CLOSED,
};

static const char * const ne_backend_op_names[] = {
	"accept", "fail", "done(0)", "done(71)", "exit", "hangup", "closed",
};

static const char * const ne_backend_state_names[] = {
	"waiting", "accepted", "done", "failed", "stopped",
};

struct ne_backend_step_case {
	enum ne_backend_state state;
	enum ne_backend_test_op op;
	int rc;				/* of accept, done and exit */
	enum ne_backend_state after;
	u32 error;			/* expected afterwards */
	enum ne_emu_exit_reason reason;	/* of the enclave, if the event ended it */
};

/* In the state FAILED the error is 5 before the event. */
static const struct ne_backend_step_case ne_backend_step_cases[] = {
	{ NE_BACKEND_WAITING, OP_ACCEPT, 0, NE_BACKEND_ACCEPTED },
	{ NE_BACKEND_WAITING, OP_FAIL, 0, NE_BACKEND_WAITING },
	{ NE_BACKEND_WAITING, OP_DONE_OK, -EALREADY, NE_BACKEND_WAITING },
	{ NE_BACKEND_WAITING, OP_DONE_ERROR, -EALREADY, NE_BACKEND_WAITING },
	{ NE_BACKEND_WAITING, OP_EXIT, -ENOTCONN, NE_BACKEND_WAITING },
	{ NE_BACKEND_WAITING, OP_HANGUP, 0, NE_BACKEND_STOPPED },
	{ NE_BACKEND_WAITING, OP_CLOSED, 0, NE_BACKEND_WAITING },

	{ NE_BACKEND_ACCEPTED, OP_ACCEPT, -EAGAIN, NE_BACKEND_ACCEPTED },
	{ NE_BACKEND_ACCEPTED, OP_FAIL, 0, NE_BACKEND_FAILED, EBADMSG },
	{ NE_BACKEND_ACCEPTED, OP_DONE_OK, 0, NE_BACKEND_DONE },
	{ NE_BACKEND_ACCEPTED, OP_DONE_ERROR, 0, NE_BACKEND_FAILED, EPROTO },
	{ NE_BACKEND_ACCEPTED, OP_EXIT, -ENOTCONN, NE_BACKEND_ACCEPTED },
	{ NE_BACKEND_ACCEPTED, OP_HANGUP, 0, NE_BACKEND_STOPPED },
	{ NE_BACKEND_ACCEPTED, OP_CLOSED, 0, NE_BACKEND_FAILED, ECONNRESET },

	{ NE_BACKEND_DONE, OP_ACCEPT, -EAGAIN, NE_BACKEND_DONE },
	{ NE_BACKEND_DONE, OP_FAIL, 0, NE_BACKEND_DONE },
	{ NE_BACKEND_DONE, OP_DONE_OK, -EALREADY, NE_BACKEND_DONE },
	{ NE_BACKEND_DONE, OP_DONE_ERROR, -EALREADY, NE_BACKEND_DONE },
	{ NE_BACKEND_DONE, OP_EXIT, 0, NE_BACKEND_STOPPED, 0,
	  NE_EMU_EXIT_REASON_GUEST_RESET },
	{ NE_BACKEND_DONE, OP_HANGUP, 0, NE_BACKEND_STOPPED },
	{ NE_BACKEND_DONE, OP_CLOSED, 0, NE_BACKEND_STOPPED, 0, NE_EMU_EXIT_REASON_LOST },

	{ NE_BACKEND_FAILED, OP_ACCEPT, -EAGAIN, NE_BACKEND_FAILED, EIO },
	{ NE_BACKEND_FAILED, OP_FAIL, 0, NE_BACKEND_FAILED, EIO },
	{ NE_BACKEND_FAILED, OP_DONE_OK, -EALREADY, NE_BACKEND_FAILED, EIO },
	{ NE_BACKEND_FAILED, OP_DONE_ERROR, -EALREADY, NE_BACKEND_FAILED, EIO },
	{ NE_BACKEND_FAILED, OP_EXIT, -EALREADY, NE_BACKEND_FAILED, EIO },
	{ NE_BACKEND_FAILED, OP_HANGUP, 0, NE_BACKEND_STOPPED, EIO },
	{ NE_BACKEND_FAILED, OP_CLOSED, 0, NE_BACKEND_FAILED, EIO },

	{ NE_BACKEND_STOPPED, OP_ACCEPT, -EAGAIN, NE_BACKEND_STOPPED },
	{ NE_BACKEND_STOPPED, OP_FAIL, 0, NE_BACKEND_STOPPED },
	{ NE_BACKEND_STOPPED, OP_DONE_OK, -ESTALE, NE_BACKEND_STOPPED },
	{ NE_BACKEND_STOPPED, OP_DONE_ERROR, -ESTALE, NE_BACKEND_STOPPED },
	{ NE_BACKEND_STOPPED, OP_EXIT, -EALREADY, NE_BACKEND_STOPPED },
	{ NE_BACKEND_STOPPED, OP_HANGUP, 0, NE_BACKEND_STOPPED },
	{ NE_BACKEND_STOPPED, OP_CLOSED, 0, NE_BACKEND_STOPPED },
};

static void ne_backend_step_name(const struct ne_backend_step_case *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s",
		 ne_backend_state_names[param->state], ne_backend_op_names[param->op]);
}

KUNIT_ARRAY_PARAM(ne_backend_step, ne_backend_step_cases, ne_backend_step_name);

/* The queue never returns a request that is not waiting. */
static int ne_backend_test_accept(struct ne_backend_test *t)
{
	struct ne_backend *backend;

	ne_backend_enqueue(t->backend);
	backend = ne_backend_accept();
	if (!backend)
		return -EAGAIN;
	ne_backend_put(backend);
	return backend == t->backend ? 0 : -EINVAL;
}

static int ne_backend_test_do(struct ne_backend_test *t, enum ne_backend_test_op op)
{
	struct ne_emu_backend_status status;

	switch (op) {
	case OP_ACCEPT:
		return ne_backend_test_accept(t);
	case OP_FAIL:
		ne_backend_fail(t->backend, EBADMSG, "failed");
		return 0;
	case OP_DONE_OK:
		ne_backend_test_status(&status, 0, "");
		return ne_backend_done(t->backend, &status);
	case OP_DONE_ERROR:
		ne_backend_test_status(&status, EPROTO, "failed");
		return ne_backend_done(t->backend, &status);
	case OP_EXIT:
		ne_backend_test_status(&status, NE_EMU_EXIT_REASON_GUEST_RESET, "reset");
		return ne_backend_exit(t->backend, &status);
	case OP_HANGUP:
		ne_backend_hangup(t->backend);
		return 0;
	case OP_CLOSED:
		t->closed = true;
		ne_backend_closed(t->backend);
		return 0;
	}
	return -EINVAL;
}

static void ne_backend_test_step(struct kunit *test)
{
	const struct ne_backend_step_case *param = test->param_value;
	struct ne_backend_test *t = ne_backend_test_new(test, param->state);
	struct ne_backend *backend = t->backend;
	unsigned int refs = kref_read(&backend->ref);
	bool ended = param->reason != NE_EMU_EXIT_REASON_NONE;

	if (param->state == NE_BACKEND_FAILED)
		backend->error = EIO;
	KUNIT_EXPECT_EQ(test, ne_backend_test_do(t, param->op), param->rc);
	KUNIT_EXPECT_EQ(test, backend->state, param->after);
	KUNIT_EXPECT_EQ(test, backend->error, param->error);
	KUNIT_EXPECT_EQ(test, kref_read(&backend->ref), refs - t->closed);

	KUNIT_EXPECT_EQ(test, t->enclave->exit_reason, param->reason);
	KUNIT_EXPECT_EQ(test, t->enclave->hup, ended);
	KUNIT_EXPECT_EQ(test, t->enclave->state == NE_EMU_ENCLAVE_STATE_STOPPED, ended);

	/* Killed later, unless the fd is gone. Before DONE there is no VMM to kill. */
	KUNIT_EXPECT_EQ(test, delayed_work_pending(&backend->kill_work),
			param->state == NE_BACKEND_DONE && !t->closed &&
			param->after == NE_BACKEND_STOPPED);
	if (t->closed)
		KUNIT_EXPECT_NULL(test, backend->vmm);
}

/* Only the first report of the end counts. */
static void ne_backend_test_first_end(struct kunit *test)
{
	struct ne_backend_test *t = ne_backend_test_new(test, NE_BACKEND_DONE);
	struct ne_emu_backend_status status;

	ne_backend_test_status(&status, NE_EMU_EXIT_REASON_BAD_IMAGE, "first");
	KUNIT_EXPECT_EQ(test, ne_backend_exit(t->backend, &status), 0);
	ne_backend_test_status(&status, NE_EMU_EXIT_REASON_VMM_ERROR, "second");
	KUNIT_EXPECT_EQ(test, ne_backend_exit(t->backend, &status), -EALREADY);
	ne_backend_test_do(t, OP_CLOSED);
	KUNIT_EXPECT_EQ(test, t->enclave->exit_reason, NE_EMU_EXIT_REASON_BAD_IMAGE);
	KUNIT_EXPECT_STREQ(test, t->enclave->exit_text, "first");
}

/* What a VMM may report */

struct ne_backend_status_case {
	const char *name;
	u32 code;
	u32 guest_status;
	int length;	/* of a text of 'a', without the NUL */
	int done;	/* result of NE_EMU_BACKEND_DONE */
	int exit;	/* result of NE_EMU_BACKEND_EXIT */
};

static const struct ne_backend_status_case ne_backend_status_cases[] = {
	{ "0", 0, 0, 0, 0, -EINVAL },			/* no reason */
	{ "1", 1, 0, 0, 0, -EINVAL },			/* lost: only the kernel reports it */
	{ "guest reset", NE_EMU_EXIT_REASON_GUEST_RESET, 0, 0, 0, 0 },
	{ "guest shutdown", NE_EMU_EXIT_REASON_GUEST_SHUTDOWN, 0, 0, 0, 0 },
	{ "guest halt", NE_EMU_EXIT_REASON_GUEST_HALT, 0, 0, 0, 0 },
	{ "bad image", NE_EMU_EXIT_REASON_BAD_IMAGE, 0, 0, 0, 0 },
	{ "VMM error", NE_EMU_EXIT_REASON_VMM_ERROR, 0, 0, 0, 0 },
	{ "admin stop", NE_EMU_EXIT_REASON_ADMIN_STOP, 0, 0, 0, -EINVAL },
	{ "first unknown", NE_EMU_EXIT_REASON_ADMIN_STOP + 1, 0, 0, 0, -EINVAL },
	{ "largest errno", 511, 0, 0, 0, -EINVAL },
	{ "errno of the kernel", 512, 0, 0, -EINVAL, -EINVAL },
	{ "no errno", 4096, 0, 0, -EINVAL, -EINVAL },
	{ "negative", -5, 0, 0, -EINVAL, -EINVAL },
	/* 0x10000 marks the 16 bits of wait(2) as known. */
	{ "status 0", NE_EMU_EXIT_REASON_GUEST_RESET, 0x10000, 0, -EINVAL, 0 },
	{ "status 7", NE_EMU_EXIT_REASON_GUEST_RESET, 0x10700, 0, -EINVAL, 0 },
	{ "all bits of a status", NE_EMU_EXIT_REASON_GUEST_RESET, 0x1ffff, 0, -EINVAL, 0 },
	{ "status without the mark", NE_EMU_EXIT_REASON_GUEST_RESET, 0x0700, 0, -EINVAL, -EINVAL },
	{ "bit above", NE_EMU_EXIT_REASON_GUEST_RESET, 0x30000, 0, -EINVAL, -EINVAL },
	{ "only the bit above", NE_EMU_EXIT_REASON_GUEST_RESET, 0x20000, 0, -EINVAL, -EINVAL },
	{ "top bit", NE_EMU_EXIT_REASON_GUEST_RESET, 1U << 31, 0, -EINVAL, -EINVAL },
	{ "longest text", NE_EMU_EXIT_REASON_GUEST_RESET, 0, NE_EMU_STATUS_TEXT_SIZE - 1, 0, 0 },
	{ "text without end", NE_EMU_EXIT_REASON_GUEST_RESET, 0, NE_EMU_STATUS_TEXT_SIZE,
	  -EINVAL, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(ne_backend_status, ne_backend_status_cases, name);

static void ne_backend_test_status_done(struct kunit *test)
{
	const struct ne_backend_status_case *param = test->param_value;
	struct ne_backend_test *t = ne_backend_test_new(test, NE_BACKEND_ACCEPTED);
	struct ne_emu_backend_status status;

	ne_backend_test_status(&status, param->code, "");
	status.guest_status = param->guest_status;
	memset(status.text, 'a', param->length);
	KUNIT_EXPECT_EQ(test, ne_backend_done(t->backend, &status), param->done);
	if (param->done)
		KUNIT_EXPECT_EQ(test, t->backend->state, NE_BACKEND_ACCEPTED);
	else
		KUNIT_EXPECT_EQ(test, strlen(t->backend->text), param->length);
}

static void ne_backend_test_status_exit(struct kunit *test)
{
	const struct ne_backend_status_case *param = test->param_value;
	struct ne_backend_test *t = ne_backend_test_new(test, NE_BACKEND_DONE);
	struct ne_emu_backend_status status;

	ne_backend_test_status(&status, param->code, "");
	status.guest_status = param->guest_status;
	memset(status.text, 'a', param->length);
	KUNIT_EXPECT_EQ(test, ne_backend_exit(t->backend, &status), param->exit);
	KUNIT_EXPECT_EQ(test, t->enclave->hup, !param->exit);
	KUNIT_EXPECT_EQ(test, t->enclave->exit_reason, param->exit ? 0 : param->code);
	KUNIT_EXPECT_EQ(test, t->enclave->guest_status, param->exit ? 0 : param->guest_status);
	KUNIT_EXPECT_EQ(test, strlen(t->enclave->exit_text), param->exit ? 0 : param->length);
}

/* Logs and terminals get only printable ASCII. */
static void ne_backend_test_text(struct kunit *test)
{
	struct ne_backend_test *t = ne_backend_test_new(test, NE_BACKEND_DONE);
	struct ne_emu_backend_status status;

	ne_backend_test_status(&status, NE_EMU_EXIT_REASON_VMM_ERROR,
			       "a\tb\r\n\x1b[31m\x7f\xc3\xa9\xff ~!");
	KUNIT_ASSERT_EQ(test, ne_backend_exit(t->backend, &status), 0);
	KUNIT_EXPECT_STREQ(test, t->enclave->exit_text, "a?b???[31m???? ~!");
}

/* Bytes after the end of a text are ignored. */
static void ne_backend_test_text_end(struct kunit *test)
{
	struct ne_backend_test *t = ne_backend_test_new(test, NE_BACKEND_ACCEPTED);
	struct ne_emu_backend_status status;

	memset(&status, 'x', sizeof(status));
	status.code = EPROTO;
	status.guest_status = 0;
	status.text[3] = '\0';
	KUNIT_ASSERT_EQ(test, ne_backend_done(t->backend, &status), 0);
	KUNIT_EXPECT_STREQ(test, t->backend->text, "xxx");
}

/* What the caller of NE_START_ENCLAVE gets */

struct ne_backend_result_case {
	const char *name;
	enum ne_backend_state state;
	bool listener;
	long waited;	/* 1: answered in time, 0: timeout, negative: killed */
	int rc;
	bool given_up;
};

static const struct ne_backend_result_case ne_backend_result_cases[] = {
	{ "done", NE_BACKEND_DONE, true, 1, 0, false },
	{ "done at the last moment", NE_BACKEND_DONE, true, 0, 0, false },
	{ "done, killed", NE_BACKEND_DONE, true, -ERESTARTSYS, 0, false },
	{ "nobody listens", NE_BACKEND_WAITING, false, 0, -ENODEV, true },
	{ "nobody accepts", NE_BACKEND_WAITING, true, 0, -ETIMEDOUT, true },
	{ "killed, waiting", NE_BACKEND_WAITING, true, -ERESTARTSYS, -EINTR, true },
	{ "killed, nobody listens", NE_BACKEND_WAITING, false, -ERESTARTSYS, -EINTR, true },
	{ "not done", NE_BACKEND_ACCEPTED, true, 0, -ETIMEDOUT, true },
	{ "killed, accepted", NE_BACKEND_ACCEPTED, true, -ERESTARTSYS, -EINTR, true },
	{ "failed", NE_BACKEND_FAILED, true, 1, -EIO, false },
	{ "failed, killed", NE_BACKEND_FAILED, true, -ERESTARTSYS, -EIO, false },
	{ "stopped", NE_BACKEND_STOPPED, true, 1, -ECONNRESET, false },
};

KUNIT_ARRAY_PARAM_DESC(ne_backend_result, ne_backend_result_cases, name);

static void ne_backend_test_result(struct kunit *test)
{
	const struct ne_backend_result_case *param = test->param_value;
	struct ne_backend_test *t = ne_backend_test_new(test, param->state);

	t->backend->error = EIO;
	KUNIT_EXPECT_EQ(test, ne_backend_result(t->backend, param->waited, param->listener),
			param->rc);
	KUNIT_EXPECT_EQ(test, t->backend->state,
			param->given_up ? NE_BACKEND_STOPPED : param->state);
	KUNIT_EXPECT_EQ(test, t->backend->text[0] != '\0', param->given_up);
}

/* The queue */

static void ne_backend_test_queue(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	struct ne_backend_test *t;
	struct ne_backend *backend;
	int i;

	t = kunit_kcalloc(test, 4, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_EXPECT_NULL(test, ne_backend_accept());
	for (i = 0; i < 4; i++) {
		ne_backend_test_begin(test, &t[i], enclave);
		ne_backend_enqueue(t[i].backend);
		KUNIT_EXPECT_EQ(test, kref_read(&t[i].backend->ref), 3);
	}

	/* One is given up while it is in the queue, another one removed from it. */
	ne_backend_result(t[0].backend, 0, true);
	ne_backend_dequeue(t[2].backend);
	ne_backend_dequeue(t[2].backend);
	KUNIT_EXPECT_EQ(test, kref_read(&t[2].backend->ref), 2);

	for (i = 1; i < 4; i += 2) {
		backend = ne_backend_accept();
		KUNIT_EXPECT_PTR_EQ(test, backend, t[i].backend);
		KUNIT_EXPECT_EQ(test, kref_read(&backend->ref), 3);
		ne_backend_put(backend);
	}
	KUNIT_EXPECT_NULL(test, ne_backend_accept());
	KUNIT_EXPECT_EQ(test, kref_read(&t[0].backend->ref), 2);
}

static struct kunit_case ne_backend_cases[] = {
	KUNIT_CASE_PARAM(ne_backend_test_step, ne_backend_step_gen_params),
	KUNIT_CASE(ne_backend_test_first_end),
	KUNIT_CASE_PARAM(ne_backend_test_status_done, ne_backend_status_gen_params),
	KUNIT_CASE_PARAM(ne_backend_test_status_exit, ne_backend_status_gen_params),
	KUNIT_CASE(ne_backend_test_text),
	KUNIT_CASE(ne_backend_test_text_end),
	KUNIT_CASE_PARAM(ne_backend_test_result, ne_backend_result_gen_params),
	KUNIT_CASE(ne_backend_test_queue),
	{}
};

static struct kunit_suite ne_backend_suite = {
	.name		= "ne_emu_backend",
	.init		= ne_kunit_init,
	.test_cases	= ne_backend_cases,
};

kunit_test_suite(ne_backend_suite);
