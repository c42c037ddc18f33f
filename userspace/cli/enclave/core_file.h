/* SPDX-License-Identifier: Apache-2.0 */
/* Write the core file of an enclave from the stream of its VMM (common/dump_stream.h). */

#ifndef NE_EMU_CLI_ENCLAVE_CORE_FILE_H
#define NE_EMU_CLI_ENCLAVE_CORE_FILE_H

#include "command/file.h"
#include "common/dump_stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

/* The largest file that is believed in, bytes: more than any host has memory. */
#define CORE_FILE_SIZE_MAX	(1ULL << 46)

/**
 * struct core_file - a file that is being written
 * @file: where to
 * @interrupt: descriptor that becomes readable when the user wants to end; -1: none
 * @sparse: parts that are zero are left out
 * @deflate: compresses if @compress
 * @size: bytes of the core file; 0: not known yet
 * @at: the file is complete up to here
 * @written: bytes that were not left out
 * @part: what is read of a head, or bytes of a piece
 * @part_len: bytes in @part
 * @left: bytes of the current piece that are still to come
 */
struct core_file {
	struct file_new file;
	int interrupt;
	bool compress;
	bool sparse;
	z_stream deflate;
	uint64_t size;
	uint64_t at;
	uint64_t written;
	uint8_t part[sizeof(struct dump_piece)];
	size_t part_len;
	uint64_t left;
};

/**
 * core_file_open() - begin
 * @core: the caller calls core_file_close() in any case
 * @path: as for file_new_open_private()
 * @replace: likewise
 * @compress: write a file of gzip
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message.
 */
int core_file_open(struct core_file *core, const char *path, bool replace, bool compress,
		   struct error *error);

/**
 * core_file_take() - take bytes of the stream, which need not be whole items
 * @core: a file
 * @bytes: the stream
 * @len: bytes
 * @error: set on failure
 *
 * Return: 0 or a negative errno with a message: -EPROTO (no such stream), -EINTR (@interrupt), or
 * that of a write.
 */
int core_file_take(struct core_file *core, const void *bytes, size_t len, struct error *error);

/** core_file_commit() - end of the stream: give the file its name if it is complete */
int core_file_commit(struct core_file *core, struct error *error);
/** core_file_close() - removes the file unless it was committed */
void core_file_close(struct core_file *core);

#endif
