/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers that the KUnit suites of nitro_enclaves_emu share. */

#ifndef NE_KUNIT_H
#define NE_KUNIT_H

#include <kunit/test.h>
#include <linux/cred.h>

#include "../ne_emu.h"

/* CPUs of the test machine (tests/kunit): the whole cores {2,3} and {4,5}. */
#define NE_KUNIT_POOL	"2-5"

/**
 * struct ne_kunit_nl_answer - attributes of an answer of the netlink family
 * @state: state of the enclave, or -1
 * @fd: backend fd, or -1
 * @text: the answer had the text of an end
 * @owner: the answer had the user id of the owner
 */
struct ne_kunit_nl_answer {
	int state;
	int fd;
	bool text;
	bool owner;
};

int ne_kunit_init(struct kunit *test);
unsigned long ne_kunit_map(struct kunit *test, unsigned long size, unsigned long prot);
unsigned long ne_kunit_map_huge(struct kunit *test, unsigned long size, unsigned long prot);
struct ne_enclave *ne_kunit_enclave(struct kunit *test);
void ne_kunit_release_now(struct kunit *test, struct ne_enclave *enclave);
void ne_kunit_add_memory(struct kunit *test, struct ne_enclave *enclave, u64 size);
int ne_kunit_add_vcpu(struct ne_enclave *enclave, u32 vcpu_id);
void ne_kunit_set_state(struct ne_enclave *enclave, enum ne_emu_enclave_state state);

struct cred *ne_kunit_cred(struct kunit *test, uid_t uid, int cap);

struct file *ne_kunit_nl_socket(struct kunit *test, const struct cred *opener);
void ne_kunit_nl_register(struct kunit *test);
int ne_kunit_nl_send(struct file *file, u8 cmd, u64 uid, struct ne_kunit_nl_answer *answer);
int ne_kunit_nl(u8 cmd, u64 uid, struct ne_kunit_nl_answer *answer);

#endif /* NE_KUNIT_H */
