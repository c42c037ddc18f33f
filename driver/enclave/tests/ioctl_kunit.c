// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of the enclave fd: every command in every state, with the AWS driver's order
 * of checks, and what is written back to the caller.
 */

#include <linux/mman.h>

#include "ne_kunit.h"

#define NE_INIT		NE_EMU_ENCLAVE_STATE_INIT
#define NE_RUNNING	NE_EMU_ENCLAVE_STATE_RUNNING
#define NE_STOPPED	NE_EMU_ENCLAVE_STATE_STOPPED

#define NE_BIT63	(1ULL << 63)
#define NE_CID_MAX	0xffffffffULL

/* The largest structure, ne_user_memory_region; a vCPU id is the first 4 bytes. */
struct ne_ioctl_arg {
	u64 words[3];
};

static long ne_ioctl_call(struct kunit *test, struct ne_enclave *enclave, unsigned int cmd,
			  unsigned long arg)
{
	/* The ioctls use only its private data. */
	struct file *file = kunit_kzalloc(test, sizeof(*file), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, file);
	file->private_data = enclave;
	return ne_enclave_ioctl(file, cmd, arg);
}

struct ne_ioctl_case {
	const char *name;
	enum ne_emu_enclave_state state;
	unsigned int cmd;
	struct ne_ioctl_arg arg;
	int rc;
};

static const struct ne_ioctl_case ne_ioctl_cases[] = {
	/* NE_ADD_VCPU: state, id */
	{ "vcpu id too large", NE_INIT, NE_ADD_VCPU, { { 0xffffffff } }, -NE_ERR_INVALID_VCPU },
	{ "vcpu first id too large", NE_INIT, NE_ADD_VCPU, { { 16 } }, -NE_ERR_INVALID_VCPU },
	{ "vcpu last id", NE_INIT, NE_ADD_VCPU, { { 15 } }, -NE_ERR_VCPU_NOT_IN_CPU_POOL },
	{ "vcpu not in pool", NE_INIT, NE_ADD_VCPU, { { 6 } }, -NE_ERR_VCPU_NOT_IN_CPU_POOL },
	{ "vcpu of the host", NE_INIT, NE_ADD_VCPU, { { 1 } }, -NE_ERR_VCPU_NOT_IN_CPU_POOL },
	{ "vcpu running", NE_RUNNING, NE_ADD_VCPU, { { 0 } }, -NE_ERR_NOT_IN_INIT_STATE },
	{ "vcpu running, id", NE_RUNNING, NE_ADD_VCPU, { { 9999 } }, -NE_ERR_NOT_IN_INIT_STATE },
	{ "vcpu stopped", NE_STOPPED, NE_ADD_VCPU, { { 0 } }, -NE_ERR_NOT_IN_INIT_STATE },

	/* NE_GET_IMAGE_LOAD_INFO: state, flags */
	{ "info flags 0", NE_INIT, NE_GET_IMAGE_LOAD_INFO, { { 0 } }, -NE_ERR_INVALID_FLAG_VALUE },
	{ "info flags 2", NE_INIT, NE_GET_IMAGE_LOAD_INFO, { { 2 } }, -NE_ERR_INVALID_FLAG_VALUE },
	{ "info flags 3", NE_INIT, NE_GET_IMAGE_LOAD_INFO, { { 3 } }, -NE_ERR_INVALID_FLAG_VALUE },
	{ "info flags 1<<63", NE_INIT, NE_GET_IMAGE_LOAD_INFO, { { NE_BIT63 } },
	  -NE_ERR_INVALID_FLAG_VALUE },
	{ "info running", NE_RUNNING, NE_GET_IMAGE_LOAD_INFO, { { 1 } },
	  -NE_ERR_NOT_IN_INIT_STATE },
	{ "info running, flags", NE_RUNNING, NE_GET_IMAGE_LOAD_INFO, { { 0 } },
	  -NE_ERR_NOT_IN_INIT_STATE },
	{ "info stopped", NE_STOPPED, NE_GET_IMAGE_LOAD_INFO, { { 1 } },
	  -NE_ERR_NOT_IN_INIT_STATE },
	{ "info stopped, flags", NE_STOPPED, NE_GET_IMAGE_LOAD_INFO, { { 0 } },
	  -NE_ERR_NOT_IN_INIT_STATE },

	/* NE_SET_USER_MEMORY_REGION: flags, state, values */
	{ "memory flags 1", NE_INIT, NE_SET_USER_MEMORY_REGION, { { 1 } },
	  -NE_ERR_INVALID_FLAG_VALUE },
	{ "memory flags 1024", NE_INIT, NE_SET_USER_MEMORY_REGION, { { 1024 } },
	  -NE_ERR_INVALID_FLAG_VALUE },
	{ "memory flags 1<<63", NE_INIT, NE_SET_USER_MEMORY_REGION, { { NE_BIT63 } },
	  -NE_ERR_INVALID_FLAG_VALUE },
	{ "memory size", NE_INIT, NE_SET_USER_MEMORY_REGION, { { 0, 1, 1 } },
	  -NE_ERR_INVALID_MEM_REGION_SIZE },
	{ "memory running", NE_RUNNING, NE_SET_USER_MEMORY_REGION, { { 0, 1, 1 } },
	  -NE_ERR_NOT_IN_INIT_STATE },
	{ "memory running, flags", NE_RUNNING, NE_SET_USER_MEMORY_REGION, { { 5 } },
	  -NE_ERR_INVALID_FLAG_VALUE },
	{ "memory stopped", NE_STOPPED, NE_SET_USER_MEMORY_REGION, { { 0, 1, 1 } },
	  -NE_ERR_NOT_IN_INIT_STATE },
	{ "memory stopped, flags", NE_STOPPED, NE_SET_USER_MEMORY_REGION, { { 1 } },
	  -NE_ERR_INVALID_FLAG_VALUE },

	/* NE_START_ENCLAVE: flags, CID, state, resources */
	{ "start flags 2", NE_INIT, NE_START_ENCLAVE, { { 2 } }, -NE_ERR_INVALID_FLAG_VALUE },
	{ "start flags 1<<63", NE_INIT, NE_START_ENCLAVE, { { NE_BIT63 } },
	  -NE_ERR_INVALID_FLAG_VALUE },
	{ "start flags, cid", NE_INIT, NE_START_ENCLAVE, { { 2, 1 } },
	  -NE_ERR_INVALID_FLAG_VALUE },
	{ "start cid 1", NE_INIT, NE_START_ENCLAVE, { { 0, 1 } }, -NE_ERR_INVALID_ENCLAVE_CID },
	{ "start cid 2", NE_INIT, NE_START_ENCLAVE, { { 0, 2 } }, -NE_ERR_INVALID_ENCLAVE_CID },
	{ "start cid 3", NE_INIT, NE_START_ENCLAVE, { { 0, 3 } }, -NE_ERR_INVALID_ENCLAVE_CID },
	{ "start cid max", NE_INIT, NE_START_ENCLAVE, { { 0, NE_CID_MAX } },
	  -NE_ERR_INVALID_ENCLAVE_CID },
	{ "start cid 1<<32", NE_INIT, NE_START_ENCLAVE, { { 0, 1ULL << 32 } },
	  -NE_ERR_INVALID_ENCLAVE_CID },
	{ "start cid (1<<32)+3", NE_INIT, NE_START_ENCLAVE, { { 0, (1ULL << 32) + 3 } },
	  -NE_ERR_INVALID_ENCLAVE_CID },
	{ "start cid (1<<32)+1233", NE_INIT, NE_START_ENCLAVE, { { 0, (1ULL << 32) + 1233 } },
	  -NE_ERR_INVALID_ENCLAVE_CID },
	{ "start empty", NE_INIT, NE_START_ENCLAVE, { { 0, 0 } }, -NE_ERR_NO_MEM_REGIONS_ADDED },
	{ "start empty, cid 4", NE_INIT, NE_START_ENCLAVE, { { 0, 4 } },
	  -NE_ERR_NO_MEM_REGIONS_ADDED },
	{ "start empty, cid max-1", NE_INIT, NE_START_ENCLAVE, { { 0, NE_CID_MAX - 1 } },
	  -NE_ERR_NO_MEM_REGIONS_ADDED },
	{ "start empty, debug", NE_INIT, NE_START_ENCLAVE, { { 1, 0 } },
	  -NE_ERR_NO_MEM_REGIONS_ADDED },
	{ "start running", NE_RUNNING, NE_START_ENCLAVE, { { 0, 0 } },
	  -NE_ERR_NOT_IN_INIT_STATE },
	{ "start running, flags", NE_RUNNING, NE_START_ENCLAVE, { { 7, 0 } },
	  -NE_ERR_INVALID_FLAG_VALUE },
	{ "start running, cid", NE_RUNNING, NE_START_ENCLAVE, { { 0, 1 } },
	  -NE_ERR_INVALID_ENCLAVE_CID },
	{ "start stopped", NE_STOPPED, NE_START_ENCLAVE, { { 0, 0 } },
	  -NE_ERR_NOT_IN_INIT_STATE },
	{ "start stopped, cid", NE_STOPPED, NE_START_ENCLAVE, { { 0, 2 } },
	  -NE_ERR_INVALID_ENCLAVE_CID },
};

KUNIT_ARRAY_PARAM_DESC(ne_ioctl, ne_ioctl_cases, name);

/* The first check that fails determines the errno; the caller's memory is not changed. */
static void ne_ioctl_test_refused(struct kunit *test)
{
	const struct ne_ioctl_case *param = test->param_value;
	unsigned long addr = ne_kunit_map(test, PAGE_SIZE, PROT_READ | PROT_WRITE);
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	void __user *arg = (void __user *)addr;
	struct ne_ioctl_arg after;

	ne_kunit_set_state(enclave, param->state);
	KUNIT_ASSERT_EQ(test, copy_to_user(arg, &param->arg, sizeof(param->arg)), 0);
	KUNIT_EXPECT_EQ(test, ne_ioctl_call(test, enclave, param->cmd, addr), param->rc);
	KUNIT_ASSERT_EQ(test, copy_from_user(&after, arg, sizeof(after)), 0);
	KUNIT_EXPECT_MEMEQ(test, &after, &param->arg, sizeof(after));
}

struct ne_ioctl_state_case {
	const char *name;
	enum ne_emu_enclave_state state;
};

static const struct ne_ioctl_state_case ne_ioctl_state_cases[] = {
	{ "init", NE_INIT },
	{ "running", NE_RUNNING },
	{ "stopped", NE_STOPPED },
};

KUNIT_ARRAY_PARAM_DESC(ne_ioctl_state, ne_ioctl_state_cases, name);

/* The structure is read before any check. */
static void ne_ioctl_test_fault(struct kunit *test)
{
	static const unsigned int cmds[] = {
		NE_ADD_VCPU, NE_GET_IMAGE_LOAD_INFO, NE_SET_USER_MEMORY_REGION, NE_START_ENCLAVE,
	};
	const struct ne_ioctl_state_case *param = test->param_value;
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	int i;

	ne_kunit_set_state(enclave, param->state);
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		KUNIT_EXPECT_EQ(test, ne_ioctl_call(test, enclave, cmds[i], 0), -EFAULT);
}

/* An unknown command is refused before its argument is read or the state is checked. */
static void ne_ioctl_test_unknown(struct kunit *test)
{
	static const unsigned int cmds[] = {
		NE_CREATE_VM, 0, 0xae00, 0xae41, 0x8004ae20, 0xc008ae21, 0xae21,
		NE_EMU_BACKEND_DONE, NE_EMU_BACKEND_EXIT,
	};
	const struct ne_ioctl_state_case *param = test->param_value;
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	int i;

	ne_kunit_set_state(enclave, param->state);
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		KUNIT_EXPECT_EQ(test, ne_ioctl_call(test, enclave, cmds[i], 0), -ENOTTY);
}

static void ne_ioctl_test_load_info(struct kunit *test)
{
	struct ne_image_load_info info = { .flags = NE_EIF_IMAGE, .memory_offset = -1 };
	unsigned long addr = ne_kunit_map(test, PAGE_SIZE, PROT_READ | PROT_WRITE);
	struct ne_enclave *enclave = ne_kunit_enclave(test);
	void __user *arg = (void __user *)addr;
	int i;

	/* The address space of the caller does not matter here. */
	swap(enclave->mm, test->priv);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, copy_to_user(arg, &info, sizeof(info)), 0);
		KUNIT_EXPECT_EQ(test, ne_ioctl_call(test, enclave, NE_GET_IMAGE_LOAD_INFO, addr), 0);
		KUNIT_ASSERT_EQ(test, copy_from_user(&info, arg, sizeof(info)), 0);
		KUNIT_EXPECT_EQ(test, info.flags, NE_EIF_IMAGE);
		KUNIT_EXPECT_EQ(test, info.memory_offset, 8 << 20);
	}
	swap(enclave->mm, test->priv);
}

/* NE_ADD_VCPU with @id. Return: the CPU, or a negative errno or NE_ERR_* code. */
static int ne_ioctl_add(struct kunit *test, struct ne_enclave *enclave, u32 id)
{
	unsigned long addr = ne_kunit_map(test, PAGE_SIZE, PROT_READ | PROT_WRITE);
	long rc;

	KUNIT_ASSERT_EQ(test, put_user(id, (u32 __user *)addr), 0);
	rc = ne_ioctl_call(test, enclave, NE_ADD_VCPU, addr);
	KUNIT_ASSERT_EQ(test, get_user(id, (u32 __user *)addr), 0);
	return rc ? rc : id;
}

static void ne_ioctl_test_add_vcpu(struct kunit *test)
{
	struct ne_enclave *enclave = ne_kunit_enclave(test);

	KUNIT_EXPECT_EQ(test, ne_ioctl_add(test, enclave, 4), 4);
	KUNIT_EXPECT_EQ(test, ne_ioctl_add(test, enclave, 4), -NE_ERR_VCPU_ALREADY_USED);
	KUNIT_EXPECT_EQ(test, ne_ioctl_add(test, enclave, 3), 3);
	KUNIT_EXPECT_EQ(test, ne_ioctl_add(test, enclave, 0), 2);
	KUNIT_EXPECT_EQ(test, ne_ioctl_add(test, enclave, 0), 5);
	KUNIT_EXPECT_EQ(test, ne_ioctl_add(test, enclave, 0), -NE_ERR_NO_CPUS_AVAIL_IN_POOL);
	KUNIT_EXPECT_EQ(test, ne_ioctl_add(test, enclave, 5), -NE_ERR_VCPU_ALREADY_USED);
	KUNIT_EXPECT_EQ(test, enclave->nr_vcpus, 4);
	KUNIT_EXPECT_EQ(test, enclave->vcpu_ids[0], 4);
	KUNIT_EXPECT_EQ(test, enclave->vcpu_ids[3], 5);
}

/* The vCPU is added although its id cannot be written to the caller. */
static void ne_ioctl_test_add_vcpu_read_only(struct kunit *test)
{
	unsigned long addr = ne_kunit_map(test, PAGE_SIZE, PROT_READ);
	struct ne_enclave *enclave = ne_kunit_enclave(test);

	KUNIT_EXPECT_EQ(test, ne_ioctl_call(test, enclave, NE_ADD_VCPU, addr), -EFAULT);
	KUNIT_EXPECT_EQ(test, ne_ioctl_add(test, enclave, 0), 3);
}

static struct kunit_case ne_ioctl_test_cases[] = {
	KUNIT_CASE_PARAM(ne_ioctl_test_refused, ne_ioctl_gen_params),
	KUNIT_CASE_PARAM(ne_ioctl_test_fault, ne_ioctl_state_gen_params),
	KUNIT_CASE_PARAM(ne_ioctl_test_unknown, ne_ioctl_state_gen_params),
	KUNIT_CASE(ne_ioctl_test_load_info),
	KUNIT_CASE(ne_ioctl_test_add_vcpu),
	KUNIT_CASE(ne_ioctl_test_add_vcpu_read_only),
	{}
};

static struct kunit_suite ne_ioctl_suite = {
	.name		= "ne_emu_ioctl",
	.init		= ne_kunit_init,
	.test_cases	= ne_ioctl_test_cases,
};

kunit_test_suite(ne_ioctl_suite);
