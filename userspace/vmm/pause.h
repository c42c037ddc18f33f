/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Make the guest stand still: all vCPUs outside of KVM_RUN. Main thread only.
 *
 * Several holders may want this at the same time; the guest goes on when none is left. Nothing
 * waits for the vCPUs: watchers are called once all of them stand.
 */

#ifndef NE_EMU_VMM_PAUSE_H
#define NE_EMU_VMM_PAUSE_H

#include "common/marks.h"
#include "vmm/loop.h"
#include "vmm/vcpu.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

enum pause_holder {
	PAUSE_USER,		/* "ne-emu pause" */
	PAUSE_GDB,
	PAUSE_DUMP,
	PAUSE_LAB,
	PAUSE_TRACE,		/* until the first trace begins */
	NR_PAUSE_HOLDERS,
};

/**
 * struct pause_watcher - told that all vCPUs stand
 * @stands: may take and drop holders
 * @debug: some vCPU stands because of a KVM_EXIT_DEBUG, whether or not the others do; the
 *	watcher clears its @debug_exit. NULL: not needed
 */
struct pause_watcher {
	SLIST_ENTRY(pause_watcher) node;
	void (*stands)(void *arg);
	void (*debug)(void *arg);
	void *arg;
};

/**
 * struct pause - the holders that keep the guest from running
 * @vcpus, @nr_vcpus: borrowed; none before pause_start()
 * @holders: 1 << enum pause_holder
 * @source: eventfd to which vCPUs write when they stand
 * @marks: notes when the guest first runs, once it may; NULL before
 */
struct pause {
	struct loop *loop;
	struct vcpu *vcpus;
	size_t nr_vcpus;
	unsigned int holders;
	struct loop_source source;
	struct marks *marks;
	SLIST_HEAD(pause_watchers, pause_watcher) watchers;
};

/** pause_init() - nobody wants anything yet; Return: 0 or a negative errno */
int pause_init(struct pause *pause, struct loop *loop);
/** pause_exit() - also allowed if only @source.fd was set, to -1 */
void pause_exit(struct pause *pause);
/** pause_start() - the vCPUs exist; their @stands_fd is @source.fd */
void pause_start(struct pause *pause, struct vcpu *vcpus, size_t nr_vcpus);
/** pause_stop() - the vCPUs will be freed; from now on nothing has an effect */
void pause_stop(struct pause *pause);

/** pause_watch() - call @watcher whenever all vCPUs have come to stand; before pause_take() */
void pause_watch(struct pause *pause, struct pause_watcher *watcher);
/** pause_unwatch() - no longer */
void pause_unwatch(struct pause *pause, struct pause_watcher *watcher);

/** pause_take() - stop the guest; watchers are called also if it stands already */
void pause_take(struct pause *pause, enum pause_holder holder);
/**
 * pause_drop() - let it go on, unless others hold it
 *
 * Watchers are called again then: what waited for this holder may be possible now.
 */
void pause_drop(struct pause *pause, enum pause_holder holder);
/** pause_holds() - Return: true between pause_take() and pause_drop() */
bool pause_holds(const struct pause *pause, enum pause_holder holder);
/** pause_holds_only() - Return: true if @holder is the only one */
bool pause_holds_only(const struct pause *pause, enum pause_holder holder);
/** pause_stands() - Return: true if all vCPUs stand: their registers may be used */
bool pause_stands(const struct pause *pause);

#endif
