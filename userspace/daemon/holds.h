/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enclaves that are to stand before their first instruction until a debugger lets them go
 * ("ne-emu run --gdb"), until they are traced (--trace), or until somebody waits for their crash
 * (--dump-on-crash). A wish names an enclave that has not been started yet, so that it cannot hold
 * another one, and counts only if it came from the enclave's owner or root.
 */

#ifndef NE_EMU_DAEMON_HOLDS_H
#define NE_EMU_DAEMON_HOLDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Wishes that are kept, of all users and of one. The oldest ones are dropped. */
#define HOLDS_MAX	64
#define HOLDS_PER_USER	8

/* For whom the enclave stands; bits. */
#define HOLD_GDB	1U	/* a debugger lets it go */
#define HOLD_TRACE	2U	/* the first trace lets it go */
#define HOLD_DUMP	4U	/* the first client that waits for a crash lets it go */

/** struct hold - a wish of @uid, for @whom; @age: number of the wish */
struct hold {
	uint64_t slot_uid;
	uid_t uid;
	unsigned int whom;
	uint64_t age;
};

/** struct holds - all wishes; initialise it with zeros */
struct holds {
	struct hold list[HOLDS_MAX];
	size_t count;
	uint64_t age;
};

/** holds_add() - note that @uid wants the enclave to be held for @whom */
void holds_add(struct holds *holds, uint64_t slot_uid, uid_t uid, unsigned int whom);

/**
 * holds_take() - forget the wishes for an enclave that is being started
 * @owner: its owner
 *
 * Return: for whom its owner and root (user 0) had some; 0: for nobody.
 */
unsigned int holds_take(struct holds *holds, uint64_t slot_uid, uid_t owner);

#endif
