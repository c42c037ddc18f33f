/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a VMM sends to "ne-emu dump": the bytes of an ELF core in order, without what is zero.
 *
 * The stream is a head, then pieces. A piece with a length is followed by as many bytes, which
 * are at its offset in the file. One without a length is a mark: the file is complete up to its
 * offset. What no piece covers is zero. A mark at the end of the file is the last piece. Numbers
 * are in the byte order of this machine.
 */

#ifndef NE_EMU_COMMON_DUMP_STREAM_H
#define NE_EMU_COMMON_DUMP_STREAM_H

#include <stdint.h>

#define DUMP_STREAM_MAGIC	"NEDUMP1"
/* Most bytes of a piece. */
#define DUMP_PIECE_MAX		(32 * 1024)

/** struct dump_stream_head - @size: bytes of the file */
struct dump_stream_head {
	char magic[8];
	uint64_t size;
};

/** struct dump_piece - @offset: in the file; not below the end of the piece before */
struct dump_piece {
	uint64_t offset;
	uint64_t length;
};

#endif
