// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of the enclave fd: copy in, check in the order of the AWS driver, call,
 * copy out. The first check that fails determines the errno.
 */

#include <linux/uaccess.h>
#include <linux/vm_sockets.h>

#include "ne_emu.h"
#include "trace.h"

/* NE_ADD_VCPU: EFAULT, then NE_ERR_NOT_IN_INIT_STATE, then errors of ne_vcpu_add(). */
static int ne_ioctl_add_vcpu(struct ne_enclave *enclave, u32 __user *arg)
{
	u32 vcpu_id;
	int rc;

	if (get_user(vcpu_id, arg))
		return -EFAULT;

	mutex_lock(&enclave->lock);
	rc = ne_enclave_check_init(enclave);
	if (!rc)
		rc = ne_vcpu_add(enclave, &vcpu_id);
	mutex_unlock(&enclave->lock);
	if (rc)
		return rc;

	return put_user(vcpu_id, arg);
}

/* NE_GET_IMAGE_LOAD_INFO: unlike the others, checks the state before the flags. */
static int ne_ioctl_image_load_info(struct ne_enclave *enclave,
				    struct ne_image_load_info __user *arg)
{
	struct ne_image_load_info info;
	int rc;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;

	mutex_lock(&enclave->lock);
	rc = ne_enclave_check_init(enclave);
	mutex_unlock(&enclave->lock);
	if (rc)
		return rc;

	if (!info.flags || info.flags >= NE_IMAGE_LOAD_MAX_FLAG_VAL)
		return -NE_ERR_INVALID_FLAG_VALUE;

	info.memory_offset = NE_EMU_IMAGE_OFFSET;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static int ne_ioctl_set_memory(struct ne_enclave *enclave,
			       const struct ne_user_memory_region __user *arg)
{
	struct ne_user_memory_region req;
	int rc;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;

	if (req.flags >= NE_MEMORY_REGION_MAX_FLAG_VAL)
		return -NE_ERR_INVALID_FLAG_VALUE;

	guard(mutex)(&enclave->lock);
	rc = ne_enclave_check_init(enclave);
	return rc ?: ne_mem_region_add(enclave, &req);
}

static int ne_ioctl_start(struct ne_enclave *enclave,
			  struct ne_enclave_start_info __user *arg)
{
	struct ne_enclave_start_info info;
	int rc;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;

	if (info.flags >= NE_ENCLAVE_START_MAX_FLAG_VAL)
		return -NE_ERR_INVALID_FLAG_VALUE;

	if (!ne_cid_is_valid(info.enclave_cid))
		return -NE_ERR_INVALID_ENCLAVE_CID;

	mutex_lock(&enclave->lock);
	rc = ne_enclave_check_init(enclave);
	if (!rc)
		rc = ne_enclave_start(enclave, &info);
	mutex_unlock(&enclave->lock);
	if (rc)
		return rc;

	/* Too late to undo: the enclave is running, and poll() will report its end. */
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

/**
 * ne_enclave_ioctl() - dispatch the ioctls of an enclave fd
 * @file: an enclave file
 * @cmd: one of the four commands of an enclave
 * @arg: user pointer to its structure
 *
 * Return: 0, or a negative errno or NE_ERR_* code as in <linux/nitro_enclaves.h>;
 * -ENOTTY for commands of other fds.
 */
long ne_enclave_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ne_enclave *enclave = file->private_data;
	void __user *ptr = (void __user *)arg;
	int rc;

	switch (cmd) {
	case NE_ADD_VCPU:
		rc = ne_ioctl_add_vcpu(enclave, ptr);
		break;
	case NE_GET_IMAGE_LOAD_INFO:
		rc = ne_ioctl_image_load_info(enclave, ptr);
		break;
	case NE_SET_USER_MEMORY_REGION:
		rc = ne_ioctl_set_memory(enclave, ptr);
		break;
	case NE_START_ENCLAVE:
		rc = ne_ioctl_start(enclave, ptr);
		break;
	default:
		return -ENOTTY;
	}
	if (rc)
		trace_ne_emu_refused(enclave->slot_uid, cmd, -rc);
	return rc;
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/ioctl_kunit.c"
#endif
