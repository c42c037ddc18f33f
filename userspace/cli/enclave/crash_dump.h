/* SPDX-License-Identifier: Apache-2.0 */
/* The core file of an enclave that crashes (--dump-on-crash). */

#ifndef NE_EMU_CLI_ENCLAVE_CRASH_DUMP_H
#define NE_EMU_CLI_ENCLAVE_CRASH_DUMP_H

#include "cli/enclave/core_file.h"
#include "cli/enclave/session.h"

/**
 * struct crash_dump - a session that waits for the crash
 * @path: absolute path of the file, owned
 * @file: nothing is written to it without a crash
 * @session: ended if its @read_fd is -1
 * @began: the enclave has crashed
 * @done: the file is complete
 * @err: why it is not, a negative errno; @error has the text
 */
struct crash_dump {
	char *path;
	struct core_file file;
	struct session_client session;
	bool began;
	bool done;
	int err;
	struct error error;
};

/**
 * crash_dump_open() - open the file, before the start
 * @path: a file, which must not exist; or a directory, for a file that is named after the enclave
 * @slot_uid: the enclave
 * @ret: NULL on failure; the caller closes it
 *
 * Return: 0 or a negative errno with a message.
 */
int crash_dump_open(const char *path, uint64_t slot_uid, struct crash_dump **ret,
		    struct error *error);
/**
 * crash_dump_wait() - wait for the crash from now on
 * @slot_uid: the enclave, which has been started, and was held before its first instruction
 *
 * Return: as crash_dump_open().
 */
int crash_dump_wait(struct crash_dump *dump, uint64_t slot_uid, struct error *error);
/** crash_dump_take() - take what the VMM has sent, without waiting */
void crash_dump_take(struct crash_dump *dump);
/** crash_dump_finish() - the enclave has ended: take the rest, and print what came of it */
void crash_dump_finish(struct crash_dump *dump);
/** crash_dump_close() - free it; NULL is ignored */
void crash_dump_close(struct crash_dump *dump);

#endif
