// SPDX-License-Identifier: Apache-2.0
/* Choose and remove old directories of ended enclaves. */

#include "daemon/folder.h"

#include "common/clock.h"
#include "common/paths.h"
#include "common/util.h"
#include "daemon/folder_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/**
 * struct kept - the directory of one enclave
 * @changed_ns: CLOCK_REALTIME when the enclave started, or its end was recorded
 * @bytes: size of its console log; of a live enclave: the maximum size
 */
struct kept {
	uid_t owner;
	uint64_t slot_uid;
	int64_t changed_ns;
	uint64_t bytes;
	bool live;
};

/**
 * struct listing - all directories of enclaves
 * @root: directory that holds them
 * @owner: owner whose directory is being read
 */
struct listing {
	const struct log_root *root;
	uid_t owner;
	struct kept *kept;
	size_t count;
};

/** struct usage - totals of some directories */
struct usage {
	size_t ended;
	uint64_t bytes;
};

static void listing_free(struct listing *listing)
{
	free(listing->kept);
}

/* Return: the size of the console log; *@ret: whether there is one. */
static uint64_t prune_console_size(int fd, bool *ret)
{
	struct stat st;

	*ret = fstatat(fd, NE_EMU_CONSOLE_LOG, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode);
	return *ret ? st.st_size : 0;
}

static int read_slot(int owner_fd, const char *name, void *arg)
{
	struct listing *listing = arg;
	const struct log_root *root = listing->root;
	struct kept kept = { .owner = listing->owner }, *grown;
	__cleanup_fd int fd = -1;
	bool has_console;
	struct stat st;

	if (folder_parse_slot(name, &kept.slot_uid) || folder_open_at(owner_fd, name, &fd) ||
	    fstat(fd, &st) < 0)
		return 0;	/* not ours */
	kept.changed_ns = timespec_ns(st.st_mtim);
	kept.bytes = prune_console_size(fd, &has_console);
	kept.live = root->live && root->live(kept.slot_uid, root->live_arg);
	if (kept.live && has_console)
		kept.bytes = MAX(kept.bytes, NE_EMU_CONSOLE_LOG_MAX);

	grown = reallocarray(listing->kept, listing->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	listing->kept = grown;
	listing->kept[listing->count++] = kept;
	return 0;
}

static int prune_read_owner(int root_fd, const char *name, void *arg)
{
	struct listing *listing = arg;
	__cleanup_fd int fd = -1;

	if (folder_parse_owner(name, &listing->owner) || folder_open_at(root_fd, name, &fd))
		return 0;
	return folder_each(fd, read_slot, listing);
}

static int compare_owners(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	return (x->owner > y->owner) - (x->owner < y->owner);
}

/* Afterwards, the directories of one owner follow each other in the list. */
static int listing_read(struct listing *listing)
{
	int err = folder_each(listing->root->fd, prune_read_owner, listing);

	if (!err && listing->count)
		qsort(listing->kept, listing->count, sizeof(*listing->kept), compare_owners);
	return err;
}

/* Return: the end of the directories of @first's owner. */
static const struct kept *end_of_owner(const struct listing *listing, const struct kept *first)
{
	const struct kept *kept = first;

	while (kept < listing->kept + listing->count && kept->owner == first->owner)
		kept++;
	return kept;
}

static struct usage usage_of(const struct kept *first, const struct kept *end)
{
	struct usage usage = { 0 };

	for (const struct kept *kept = first; kept < end; kept++) {
		usage.ended += !kept->live;
		usage.bytes += kept->bytes;
	}
	return usage;
}

static bool is_older(const struct kept *a, const struct kept *b)
{
	if (a->changed_ns != b->changed_ns)
		return a->changed_ns < b->changed_ns;
	return a->slot_uid < b->slot_uid;	/* slot uids increase with time */
}

/* Return: the oldest that may be removed; @with_bytes: of those with a console log. */
static const struct kept *oldest(const struct kept *first, const struct kept *end,
				 bool with_bytes)
{
	const struct kept *found = NULL;

	for (const struct kept *kept = first; kept < end; kept++)
		if (!kept->live && (kept->bytes || !with_bytes) &&
		    (!found || is_older(kept, found)))
			found = kept;
	return found;
}

/*
 * Return: the next directory to remove, so that @room bytes are free; NULL if all may stay
 * or none can be removed.
 */
static const struct kept *find_victim(const struct listing *listing, uint64_t room)
{
	const struct kept *end = listing->kept + listing->count, *first, *next;
	const struct kept *most_folders = NULL, *most_bytes = NULL;
	struct usage all = usage_of(listing->kept, end);
	size_t folders = 0;
	uint64_t bytes = 0;

	for (first = listing->kept; first < end; first = next) {
		const struct kept *with_bytes;
		struct usage usage;

		next = end_of_owner(listing, first);
		usage = usage_of(first, next);
		if (usage.ended > folders) {
			folders = usage.ended;
			most_folders = oldest(first, next, false);
		}
		with_bytes = oldest(first, next, true);
		if (with_bytes && usage.bytes > bytes) {
			bytes = usage.bytes;
			most_bytes = with_bytes;
		}
	}
	if (folders > FOLDER_KEEP || all.ended > FOLDER_KEEP_ALL)
		return most_folders;
	return all.bytes + room > listing->root->consoles_max ? most_bytes : NULL;
}

static void forget(struct listing *listing, const struct kept *kept)
{
	size_t i = kept - listing->kept;

	listing->count--;
	memmove(&listing->kept[i], &listing->kept[i + 1],
		(listing->count - i) * sizeof(listing->kept[0]));
}

/* Return: number of directories removed. */
static int prune(struct listing *listing, uint64_t room)
{
	const struct kept *victim;
	int removed = 0;

	while ((victim = find_victim(listing, room))) {
		/* One that cannot be removed no longer counts either. */
		if (!folder_remove(listing->root, victim->owner, victim->slot_uid))
			removed++;
		forget(listing, victim);
	}
	return removed;
}

int folder_prune(const struct log_root *root)
{
	__cleanup(listing_free) struct listing listing = { .root = root };
	int err = listing_read(&listing);

	return err ? err : prune(&listing, 0);
}

/* Bytes of all live enclaves, and of those of @owner; without the log of @slot_uid. */
static void live_usage(struct listing *listing, uid_t owner, uint64_t slot_uid,
		       uint64_t *ret_all, uint64_t *ret_owner)
{
	*ret_all = *ret_owner = 0;
	for (size_t i = 0; i < listing->count; i++) {
		struct kept *kept = &listing->kept[i];

		if (kept->owner == owner && kept->slot_uid == slot_uid)
			kept->bytes = 0;	/* will be replaced */
		if (!kept->live)
			continue;
		*ret_all += kept->bytes;
		if (kept->owner == owner)
			*ret_owner += kept->bytes;
	}
}

int folder_make_room(const struct log_root *root, uid_t owner, uint64_t slot_uid)
{
	__cleanup(listing_free) struct listing listing = { .root = root };
	uint64_t all, own;
	int err = listing_read(&listing);

	if (err)
		return err;
	live_usage(&listing, owner, slot_uid, &all, &own);
	if (all + NE_EMU_CONSOLE_LOG_MAX > root->consoles_max)
		return -ENOSPC;
	if (own + NE_EMU_CONSOLE_LOG_MAX > root->consoles_max / 2)
		return -EDQUOT;
	(void)prune(&listing, NE_EMU_CONSOLE_LOG_MAX);
	return 0;
}
