/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is known about an enclave, whether it runs or has ended. */

#ifndef NE_EMU_CLI_ENCLAVE_VIEW_H
#define NE_EMU_CLI_ENCLAVE_VIEW_H

#include "cli/enclave/logs.h"
#include "cli/enclave/select.h"
#include "common/date.h"

struct json_t;

/* Room for a state in upper case. */
#define VIEW_STATE_SIZE	16

/**
 * struct view - what is known about an enclave
 * @enclave: as the kernel reports it; of one that is only recorded, what the record has, with
 *	the state FREED
 * @id: its log directory
 * @outcome: how it ended
 * @name: name that its owner gave to it, or ""
 * @started: date of its start, or ""; likewise @booted and @ended
 * @paused: "ne-emu pause" has stopped it
 * @uptime_s: seconds for which it has run
 * @record: exit record, or NULL
 * @image: what its owner reported about its image, or NULL
 */
struct view {
	struct ne_nl_enclave enclave;
	struct logs_id id;
	struct outcome outcome;
	char name[STATE_NAME_SIZE];
	char started[DATE_SIZE];
	char booted[DATE_SIZE];
	char ended[DATE_SIZE];
	bool paused;
	uint64_t uptime_s;
	struct json_t *record;
	struct json_t *image;
};

/** struct view_list - enclaves, oldest first */
struct view_list {
	struct view *views;
	size_t count;
};

/** view_live() - view of an enclave of the kernel; takes over what @enclave holds */
void view_live(struct view *view, const struct ne_nl_enclave *enclave);

/** view_ended() - view of an enclave that has an exit record; 0 or -ENOENT (it has none) */
int view_ended(struct view *view, const struct logs_id *id);

/** view_done() - free what a view holds */
void view_done(struct view *view);

/**
 * view_list_read() - read all enclaves
 * @ret: the list; the caller frees it with view_list_free(), also after a failure
 * @all: also those that have ended, as far as their records are kept and readable
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int view_list_read(struct view_list *ret, bool all, struct error *error);
void view_list_free(struct view_list *list);

/**
 * view_find() - find an enclave that runs or has ended
 * @wanted: the request; with --latest, an enclave that has ended will do if none is running
 * @ret: the view; the caller frees it with view_done()
 * @error: set on failure
 *
 * Return: 0, or a negative errno of select_enclave() with a message.
 */
int view_find(const struct select *wanted, struct view *ret, struct error *error);

/**
 * view_wait() - wait until an enclave has ended
 * @nl: a connection that has subscribed to NE_EMU_MCGRP_EVENTS
 * @view: the enclave, live or ended; how it ended is added
 * @error: set on failure
 *
 * Its owner may still hold its CPUs and memory. Return: 0 or a negative errno with a message.
 */
int view_wait(struct ne_nl *nl, struct view *view, struct error *error);

/** view_state() - "RUNNING", as nitro-cli prints it; returns @buf, VIEW_STATE_SIZE bytes */
const char *view_state(const struct view *view, char *buf);

/** view_has_ended() - has it ended, or is at least its reason known? */
bool view_has_ended(const struct view *view);

/** view_debug() - is it in debug mode? */
bool view_debug(const struct view *view);

/** view_image() - path or name of its image; "" if not known */
const char *view_image(const struct view *view);

/** view_json() - add the members that "ps" and "inspect" have in common */
void view_json(struct json_out *out, const struct view *view);

#endif
