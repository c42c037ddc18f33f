// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes calls from the driver to the kernel fail that can fail for other reasons than a lack
 * of memory, or that the kernel's fault injection does not reach. They count for
 * /proc/PID/fail-nth like failures of allocations. Calls from the kernel itself are not
 * affected. For x86, in the test VM.
 */

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fault-inject.h>
#include <linux/kprobes.h>
#include <linux/mm_types.h>
#include <linux/module.h>
#include <linux/objtool.h>
#include <linux/pgtable.h>
#include <linux/skbuff.h>

/**
 * struct ne_fault_point - a function that can fail
 * @result: its result in that case
 * @skb_arg: index, from 0, of the skb argument that it always frees; 0 for none
 * @probe: probe at its first instruction
 */
struct ne_fault_point {
	long result;
	unsigned int skb_arg;
	struct kprobe probe;
};

#define NE_FAULT_POINT(name, error, skb) \
	{ .result = (error), .skb_arg = (skb), .probe = { .symbol_name = #name } }

static struct ne_fault_point ne_fault_points[] = {
	NE_FAULT_POINT(get_user_pages_fast, -ENOMEM, 0),
	NE_FAULT_POINT(pin_user_pages_fast, -ENOMEM, 0),
	NE_FAULT_POINT(vmf_insert_pfn, VM_FAULT_OOM, 0),
	NE_FAULT_POINT(get_unused_fd_flags, -EMFILE, 0),
	NE_FAULT_POINT(anon_inode_getfile, -ENFILE, 0),
	NE_FAULT_POINT(anon_inode_create_getfile, -ENFILE, 0),
	NE_FAULT_POINT(netlink_broadcast_filtered, -ENOBUFS, 1),
	NE_FAULT_POINT(netlink_unicast, -ENOBUFS, 1),
	NE_FAULT_POINT(vsock_core_register, -EBUSY, 0),
};

/* Without a probability, so only tasks with a fail-nth are affected. Also in debugfs. */
static DECLARE_FAULT_ATTR(ne_fault_attr);
static struct dentry *ne_fault_dir;

void ne_fault_return(void);

asm(".text\n"
	".type ne_fault_return, @function\n"
	".globl ne_fault_return\n"
	"ne_fault_return:\n"
	ANNOTATE_NOENDBR
	ASM_RET
	".size ne_fault_return, .-ne_fault_return\n");

/* At the first instruction, the return address is on top of the stack. */
static bool ne_fault_from_module(struct pt_regs *regs)
{
	unsigned long caller = *(unsigned long *)kernel_stack_pointer(regs);

	return caller >= MODULES_VADDR && caller < MODULES_END;
}

/* At that point, the function can simply return. */
static int ne_fault_hit(struct kprobe *probe, struct pt_regs *regs)
{
	struct ne_fault_point *point = container_of(probe, struct ne_fault_point, probe);

	if (!ne_fault_from_module(regs) || !should_fail(&ne_fault_attr, 1))
		return 0;
	if (point->skb_arg)
		kfree_skb((struct sk_buff *)regs_get_kernel_argument(regs, point->skb_arg));
	regs_set_return_value(regs, point->result);
	instruction_pointer_set(regs, (unsigned long)ne_fault_return);
	return 1;
}
NOKPROBE_SYMBOL(ne_fault_hit);

static void ne_fault_remove(size_t nr)
{
	while (nr--)
		unregister_kprobe(&ne_fault_points[nr].probe);
}

static int __init ne_fault_init(void)
{
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(ne_fault_points); i++) {
		ne_fault_points[i].probe.pre_handler = ne_fault_hit;
		rc = register_kprobe(&ne_fault_points[i].probe);
		if (rc) {
			pr_err("no probe of %s: %d\n", ne_fault_points[i].probe.symbol_name, rc);
			ne_fault_remove(i);
			return rc;
		}
	}
	ne_fault_dir = fault_create_debugfs_attr("ne_fault", NULL, &ne_fault_attr);
	if (IS_ERR(ne_fault_dir)) {
		ne_fault_remove(ARRAY_SIZE(ne_fault_points));
		return PTR_ERR(ne_fault_dir);
	}
	return 0;
}

static void __exit ne_fault_exit(void)
{
	debugfs_remove(ne_fault_dir);
	ne_fault_remove(ARRAY_SIZE(ne_fault_points));
}

module_init(ne_fault_init);
module_exit(ne_fault_exit);

MODULE_DESCRIPTION("Fault injection for the tests of nitro_enclaves_emu");
MODULE_AUTHOR("The nitro_enclaves_emu authors");
MODULE_LICENSE("GPL");
