/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which enclave a command is about: every command that takes an ENCLAVE asks here.
 *
 * ENCLAVE is an id, a CID or a name. Without it, the command is about the only enclave of the
 * caller that is running or, with --latest, about the one that started last. Root, if it has
 * none of its own, gets those of all users. Other users may name enclaves that are not theirs,
 * but are never given one.
 */

#ifndef NE_EMU_CLI_ENCLAVE_SELECT_H
#define NE_EMU_CLI_ENCLAVE_SELECT_H

#include "cli/enclave/state.h"
#include "command/command.h"

#include <sys/types.h>

/* For the member @args of struct command. */
#define SELECT_ARG	"[ENCLAVE]"

/** OPT_LATEST() - entry of a table of options; @member of struct @type is a bool */
#define OPT_LATEST(type, member) \
	OPT_FLAG("latest", type, member, "the enclave that started last", .letter = 'l', \
		 .manual = "Take the running enclave of the caller that started last, instead of " \
			   "_ENCLAVE_.")

/**
 * struct select - what the user asked for
 * @name: ENCLAVE; NULL: the only one that runs
 * @latest: the one that started last; @name must be NULL then
 * @own: never choose an enclave of another user that was not named, also for root
 */
struct select {
	const char *name;
	bool latest;
	bool own;
};

/** select_check() - is the request possible? COMMAND_OK, or COMMAND_USAGE after a message */
int select_check(const struct command_call *call, const struct select *wanted);

/** select_check_all() - select_check() for a command line whose arguments are all ENCLAVEs */
int select_check_all(const struct command_call *call);

/**
 * select_read() - read the request from a command line whose only argument may be ENCLAVE
 * @call: the call
 * @latest: was --latest given?
 * @ret: the request
 *
 * Return: COMMAND_OK, or COMMAND_USAGE after a message.
 */
int select_read(const struct command_call *call, bool latest, struct select *ret);

/**
 * select_from() - choose from a list
 * @wanted: the request, with a @name of NULL
 * @list: enclaves as the kernel reports them, oldest first
 * @count: entries of @list
 * @uid: user who asks
 * @ret: index of the enclave
 * @error: set on failure; lists the enclaves among which the user has to choose
 *
 * Return: 0, -ENOENT (none is running) or -ENOTUNIQ (several are).
 */
int select_from(const struct select *wanted, const struct ne_nl_enclave *list, size_t count,
		uid_t uid, size_t *ret, struct error *error);

/**
 * select_find() - find the enclave
 * @nl: an open connection
 * @wanted: the request
 * @ret: the enclave, which can have ended if it was named; the caller releases it with
 *	ne_nl_enclave_done()
 * @error: set on failure
 *
 * Return: 0, or a negative errno with a message: those of select_from() and state_find().
 */
int select_find(struct ne_nl *nl, const struct select *wanted, struct ne_nl_enclave *ret,
		struct error *error);

/**
 * select_unchecked_cid() - take a CID as it is
 *
 * On EC2 there is no emulator to look an enclave up in. Return: whether that is so and @wanted
 * is a CID, which *@ret_cid receives.
 */
bool select_unchecked_cid(const struct select *wanted, uint32_t *ret_cid);

/** select_enclave() - select_find() with a connection of its own */
int select_enclave(const struct select *wanted, struct ne_nl_enclave *ret, struct error *error);

#endif
