// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parameter ne_cpus at the path that clients of the AWS driver use:
 * /sys/module/nitro_enclaves/parameters/ne_cpus. It can also be set when this module is
 * loaded.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "ne_emu.h"

#define NE_AWS_MODULE_NAME	"nitro_enclaves"

static struct kobject *ne_sysfs_dir;

static ssize_t ne_cpus_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return ne_pool_get(buf);
}

static ssize_t ne_cpus_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	int rc = ne_pool_set(buf);

	/* Except with EPERM, a refused list has cleared the pool. */
	if (rc != -EPERM)
		ne_notify_pool();
	return rc ? rc : count;
}

static struct kobj_attribute ne_cpus_attr = __ATTR_RW_MODE(ne_cpus, 0644);

static struct attribute *ne_sysfs_attrs[] = {
	&ne_cpus_attr.attr,
	NULL
};

static const struct attribute_group ne_sysfs_group = {
	.name	= "parameters",
	.attrs	= ne_sysfs_attrs,
};

static int ne_cpus_param_set(const char *val, const struct kernel_param *kp)
{
	return ne_pool_set(val);
}

/*
 * Called on unload, and also if loading fails after this parameter was set, even before
 * the module's init function runs.
 */
static void ne_cpus_param_free(void *arg)
{
	ne_pool_exit();
}

static const struct kernel_param_ops ne_cpus_param_ops = {
	.set	= ne_cpus_param_set,
	.free	= ne_cpus_param_free,
};

/* Read only when the module is loaded. Later, users write to the path above. */
module_param_cb(ne_cpus, &ne_cpus_param_ops, NULL, 0);
MODULE_PARM_DESC(ne_cpus, "CPU list for enclaves, as <cpu list>");

/*
 * Add the directory to the kset of modules. If the AWS driver is loaded later, the
 * kernel then finds a module of that name and refuses it with EINVAL and one line in the
 * log. Otherwise it would fail in sysfs with a stack dump and EEXIST, which modprobe
 * treats as success. The kernel uses the kset for nothing else except built-in modules
 * at boot.
 *
 * kobject_create_and_add() does not take a kset, so its kobject type is used directly: a
 * process that has looked up the directory may release it after this module is gone.
 */
static int ne_sysfs_add_dir(struct kset *modules)
{
	int rc;

	ne_sysfs_dir = kzalloc(sizeof(*ne_sysfs_dir), GFP_KERNEL);
	if (!ne_sysfs_dir)
		return -ENOMEM;

	ne_sysfs_dir->kset = modules;
	rc = kobject_init_and_add(ne_sysfs_dir, get_ktype(kernel_kobj), NULL,
				  NE_AWS_MODULE_NAME);
	if (rc)
		kobject_put(ne_sysfs_dir);
	return rc;
}

/**
 * ne_sysfs_init() - create the directory and the file
 *
 * Return: 0, -EBUSY (the AWS driver is loaded; not -EEXIST, which modprobe treats as
 * success) or another negative errno.
 */
int ne_sysfs_init(void)
{
	struct kset *modules = THIS_MODULE->mkobj.kobj.kset;
	struct kobject *aws;
	int rc;

	aws = kset_find_obj(modules, NE_AWS_MODULE_NAME);
	if (aws) {
		kobject_put(aws);
		pr_err("the AWS driver %s is loaded: run \"modprobe -r %s\" first\n",
		       NE_AWS_MODULE_NAME, NE_AWS_MODULE_NAME);
		return -EBUSY;
	}

	rc = ne_sysfs_add_dir(modules);
	if (rc)
		return rc;

	rc = sysfs_create_group(ne_sysfs_dir, &ne_sysfs_group);
	if (rc)
		kobject_put(ne_sysfs_dir);
	return rc;
}

/**
 * ne_sysfs_exit() - remove the file and the directory
 */
void ne_sysfs_exit(void)
{
	sysfs_remove_group(ne_sysfs_dir, &ne_sysfs_group);
	kobject_put(ne_sysfs_dir);
}
