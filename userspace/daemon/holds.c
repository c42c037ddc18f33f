// SPDX-License-Identifier: Apache-2.0
/* Enclaves that are to stand before their first instruction. */

#include "daemon/holds.h"

static void drop(struct holds *holds, size_t i)
{
	holds->list[i] = holds->list[--holds->count];
}

/* Drop the oldest wish: of one user, or of all. */
static void drop_oldest(struct holds *holds, const uid_t *uid)
{
	size_t oldest = HOLDS_MAX;

	for (size_t i = 0; i < holds->count; i++)
		if ((!uid || holds->list[i].uid == *uid) &&
		    (oldest == HOLDS_MAX || holds->list[i].age < holds->list[oldest].age))
			oldest = i;
	if (oldest < HOLDS_MAX)
		drop(holds, oldest);
}

static size_t count_of(const struct holds *holds, uid_t uid)
{
	size_t count = 0;

	for (size_t i = 0; i < holds->count; i++)
		count += holds->list[i].uid == uid;
	return count;
}

void holds_add(struct holds *holds, uint64_t slot_uid, uid_t uid, unsigned int whom)
{
	if (count_of(holds, uid) >= HOLDS_PER_USER)
		drop_oldest(holds, &uid);
	else if (holds->count == HOLDS_MAX)
		drop_oldest(holds, NULL);
	holds->list[holds->count++] = (struct hold){
		.slot_uid = slot_uid, .uid = uid, .whom = whom, .age = holds->age++,
	};
}

unsigned int holds_take(struct holds *holds, uint64_t slot_uid, uid_t owner)
{
	unsigned int held = 0;

	for (size_t i = holds->count; i-- > 0;) {
		const struct hold *hold = &holds->list[i];

		if (hold->slot_uid != slot_uid)
			continue;
		if (hold->uid == owner || hold->uid == 0)
			held |= hold->whom;
		drop(holds, i);
	}
	return held;
}
