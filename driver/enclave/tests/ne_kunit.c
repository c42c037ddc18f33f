// SPDX-License-Identifier: GPL-2.0-only
/* Helpers that the KUnit suites of nitro_enclaves_emu share. */

#include <linux/file.h>
#include <linux/hugetlb.h>
#include <linux/mman.h>
#include <linux/slab.h>

#include "ne_kunit.h"

/* main.c, which defines these parameters, is not part of the test kernel. */
unsigned int ne_max_mem_regions = 65536;
unsigned int ne_max_enclaves = 64;
unsigned int ne_max_enclaves_per_user = 16;
unsigned int ne_min_cid = 4;

static void ne_kunit_clear_pool(void *unused)
{
	ne_pool_exit();
}

/**
 * ne_kunit_init() - set up a CPU pool and an address space, for suites that use enclaves
 * @test: the test, at whose end both are removed
 */
int ne_kunit_init(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, ne_pool_set(NE_KUNIT_POOL), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, ne_kunit_clear_pool, NULL), 0);

	/* The first mapping of a test gives it the mm that enclaves need. */
	ne_kunit_map(test, PAGE_SIZE, PROT_READ);
	return 0;
}

/* Map anonymous memory in the test's address space. */
unsigned long ne_kunit_map(struct kunit *test, unsigned long size, unsigned long prot)
{
	unsigned long addr;

	addr = kunit_vm_mmap(test, NULL, 0, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	return addr;
}

/* The same with 2 MiB pages, which are allocated when they are touched. */
unsigned long ne_kunit_map_huge(struct kunit *test, unsigned long size, unsigned long prot)
{
	struct file *file;
	unsigned long addr;

	file = hugetlb_file_setup("ne-kunit", size, VM_NORESERVE, HUGETLB_ANONHUGE_INODE,
				  ilog2(NE_MEM_REGION_ALIGN));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	addr = kunit_vm_mmap(test, file, 0, size, prot, MAP_PRIVATE, 0);
	fput(file);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	return addr;
}

static void ne_kunit_release(void *enclave)
{
	ne_enclave_release(enclave);
}

/* Create and publish an enclave, which is released at the end of the test. */
struct ne_enclave *ne_kunit_enclave(struct kunit *test)
{
	struct ne_enclave *enclave;

	mutex_lock(&ne_registry_lock);
	enclave = ne_enclave_create();
	if (!IS_ERR(enclave))
		ne_registry_publish(enclave);
	mutex_unlock(&ne_registry_lock);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, enclave);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, ne_kunit_release, enclave), 0);
	return enclave;
}

/* Do what the last close of the enclave fd does. */
void ne_kunit_release_now(struct kunit *test, struct ne_enclave *enclave)
{
	kunit_release_action(test, ne_kunit_release, enclave);
}

/* Add a region that claims to have memory, but has no pages. */
void ne_kunit_add_memory(struct kunit *test, struct ne_enclave *enclave, u64 size)
{
	struct ne_mem_region *region;

	region = kvzalloc(sizeof(*region), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, region);
	region->memory_size = size;

	mutex_lock(&enclave->lock);
	list_add_tail(&region->node, &enclave->mem.regions);
	enclave->mem.size += size;
	mutex_unlock(&enclave->lock);
}

/**
 * ne_kunit_add_vcpu() - NE_ADD_VCPU without the ioctl
 *
 * Return: the CPU or a negative errno.
 */
int ne_kunit_add_vcpu(struct ne_enclave *enclave, u32 vcpu_id)
{
	int rc;

	mutex_lock(&enclave->lock);
	rc = ne_vcpu_add(enclave, &vcpu_id);
	mutex_unlock(&enclave->lock);
	return rc ? rc : vcpu_id;
}

/* Set the state of an enclave directly. */
void ne_kunit_set_state(struct ne_enclave *enclave, enum ne_emu_enclave_state state)
{
	mutex_lock(&enclave->lock);
	spin_lock(&enclave->info_lock);
	enclave->state = state;
	spin_unlock(&enclave->info_lock);
	mutex_unlock(&enclave->lock);
}

static void ne_kunit_put_cred(void *cred)
{
	put_cred(cred);
}

/**
 * ne_kunit_cred() - create credentials that last until the end of the test
 * @test: the test
 * @uid: value of all user ids
 * @cap: the only capability, or -1 for none
 */
struct cred *ne_kunit_cred(struct kunit *test, uid_t uid, int cap)
{
	struct cred *cred = prepare_creds();

	KUNIT_ASSERT_NOT_NULL(test, cred);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ne_kunit_put_cred, cred), 0);
	cred->uid = KUIDT_INIT(uid);
	cred->euid = cred->uid;
	cred->suid = cred->uid;
	cred->fsuid = cred->uid;
	cap_clear(cred->cap_effective);
	cap_clear(cred->cap_permitted);
	if (cap >= 0) {
		cap_raise(cred->cap_permitted, cap);
		cap_raise(cred->cap_effective, cap);
	}
	return cred;
}
