/* SPDX-License-Identifier: Apache-2.0 */
/* Enclave image files: read and check in place, measure, write. */

#ifndef NE_EMU_EIF_EIF_H
#define NE_EMU_EIF_EIF_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Format constants; every multi-byte field of the file is big-endian. */
#define EIF_HEADER_SIZE		548
#define EIF_CRC_OFFSET		544		/* last field of the header */
#define EIF_SECTION_HEADER_SIZE	12
#define EIF_MAX_SECTIONS	32
#define EIF_MIN_SECTIONS	2
#define EIF_VERSION_MIN		2
#define EIF_VERSION_MAX		4
#define EIF_FLAG_ARM64		(1U << 0)	/* header flags; otherwise x86_64 */

/* Limit of the signature section for signers and readers, bytes. */
#define EIF_SIGNATURE_MAX	32768
/* The kernel's COMMAND_LINE_SIZE (2048, x86 and arm64) less its NUL. */
#define EIF_CMDLINE_MAX		2047

enum eif_section_type {
	EIF_SECTION_KERNEL	= 1,
	EIF_SECTION_CMDLINE	= 2,
	EIF_SECTION_RAMDISK	= 3,
	EIF_SECTION_SIGNATURE	= 4,
	EIF_SECTION_METADATA	= 5,
};

/** struct eif_blob - bytes inside the caller's image; @data NULL: absent */
struct eif_blob {
	const uint8_t *data;
	uint64_t size;
};

/**
 * struct eif_section - one section, in file order
 * @type: enum eif_section_type, or unknown
 * @flags: 0 in images of AWS's builder
 * @offset: of the data (not of the section header), bytes from the image start
 * @size: of the data in bytes
 */
struct eif_section {
	uint16_t type;			/* enum eif_section_type */
	uint16_t flags;
	uint64_t offset;
	uint64_t size;
};

/* Warnings: oddities that are accepted unless EIF_PARSE_STRICT is given. */
#define EIF_WARN_TRAILING	(1U << 0)	/* bytes after the last section */
#define EIF_WARN_GAP		(1U << 1)	/* bytes between sections, no CRC */
#define EIF_WARN_SECTION_FLAGS	(1U << 2)	/* reserved flags are set */
#define EIF_WARN_NO_RAMDISK	(1U << 3)
/* These are accepted only with EIF_PARSE_TOLERANT. */
#define EIF_WARN_CRC		(1U << 4)	/* the contents have a different CRC */
#define EIF_WARN_SIGNATURE	(1U << 5)	/* the signature section is unreadable */
#define EIF_WARN_SIGNED_TWICE	(1U << 6)	/* the file header has another size for it */

/**
 * struct eif - a checked image; points into the memory that was parsed
 * @base: its first byte
 * @version: version of the format, 2 to 4
 * @flags: EIF_FLAG_*
 * @default_mem: memory in bytes that the builder suggests; not used
 * @default_cpus: CPUs that the builder suggests; not used
 * @size: from the header to the end of the last section, bytes
 * @crc: the stored CRC-32
 * @contents_crc: the CRC-32 of the contents; equal to @crc without EIF_WARN_CRC
 * @warnings: EIF_WARN_* bits
 * @nr_sections: number of @sections
 * @nr_ramdisks: number of @ramdisks
 * @sections: all sections, in file order
 * @kernel: data of the kernel section
 * @cmdline: not NUL-terminated; may be empty (@data set, @size 0)
 * @metadata: data of the metadata section; no data if there is none
 * @signature: data of the signature section, which is well-formed, but not verified
 * @ramdisks: data of the ramdisk sections in file order; each may be empty
 */
struct eif {
	const uint8_t *base;
	uint16_t version;
	uint16_t flags;
	uint64_t default_mem;
	uint64_t default_cpus;
	uint64_t size;
	uint32_t crc;
	uint32_t contents_crc;
	unsigned int warnings;
	unsigned int nr_sections;
	unsigned int nr_ramdisks;
	struct eif_section sections[EIF_MAX_SECTIONS];
	struct eif_blob kernel;
	struct eif_blob cmdline;
	struct eif_blob metadata;
	struct eif_blob signature;
	struct eif_blob ramdisks[EIF_MAX_SECTIONS];
};

/* eif_parse(): the image is followed by other memory; ignore trailing bytes. */
#define EIF_PARSE_IN_MEMORY	(1U << 0)
/* eif_parse(): refuse images of the other architecture (both: accept either). */
#define EIF_PARSE_X86_64	(1U << 1)
#define EIF_PARSE_ARM64		(1U << 2)
/* eif_parse(): refuse an image instead of setting a warning. */
#define EIF_PARSE_STRICT	(1U << 3)
/* eif_parse(): a wrong CRC or signature section is only a warning. */
#define EIF_PARSE_TOLERANT	(1U << 4)
/* eif_parse(): may measure with a second thread. Not in a sealed process. */
#define EIF_PARSE_THREADS	(1U << 5)

#if defined(__x86_64__)
#define EIF_PARSE_NATIVE	EIF_PARSE_X86_64
#elif defined(__aarch64__)
#define EIF_PARSE_NATIVE	EIF_PARSE_ARM64
#endif

#define EIF_PCR_SIZE		48

/**
 * struct eif_pcrs - the PCRs that an image determines, SHA-384
 * @pcr0: the whole image
 * @pcr1: kernel, cmdline, first ramdisk
 * @pcr2: the other ramdisks
 * @pcr8: the signing certificate; zero without @has_pcr8
 * @has_pcr8: the image has a signature section
 */
struct eif_pcrs {
	uint8_t pcr0[EIF_PCR_SIZE];
	uint8_t pcr1[EIF_PCR_SIZE];
	uint8_t pcr2[EIF_PCR_SIZE];
	uint8_t pcr8[EIF_PCR_SIZE];
	bool has_pcr8;
};

/**
 * eif_parse() - check an image in place, find its parts, measure it
 * @base: the image; must not change until the caller is done with @ret
 * @avail: readable bytes at @base
 * @flags: EIF_PARSE_* bits
 * @ret: filled on success only
 * @ret_pcrs: filled on success only; NULL: do not measure, which saves most of the time
 * @error: with -EBADMSG: why the image was refused, with section and offset
 *
 * Checks the structure first, then the CRC, then the meaning, so that "CRC mismatch" is
 * reported only for an image with a valid structure. CRC and measurements are computed in
 * one pass over the bytes. No byte outside @avail is read.
 *
 * Does not check the kernel image: the loader decides whether it can boot. A signature must
 * be well-formed, but is not verified (see eif/signature.h).
 *
 * Return: 0, -EBADMSG, -ENOMEM or -EIO (the crypto library failed).
 */
int eif_parse(const void *base, size_t avail, unsigned int flags, struct eif *ret,
	      struct eif_pcrs *ret_pcrs, struct error *error);

/** eif_section_name() - Return: "kernel", "cmdline", ...; "unknown" for other types */
const char *eif_section_name(uint16_t type);

/**
 * eif_pcr_of_data() - compute a PCR that EC2 extends with a hash: 0, 1, 2 and 8
 * @data: measured bytes; for PCR8 the certificate in DER
 * @size: length of @data in bytes
 * @ret_pcr: receives the value of the PCR
 *
 * Return: 0 or -EIO (the crypto library failed).
 */
int eif_pcr_of_data(const void *data, size_t size, uint8_t ret_pcr[EIF_PCR_SIZE]);

/**
 * eif_pcr_of_text() - compute a PCR that EC2 extends with a text: 3 and 4
 * @text: role ARN (PCR3) or instance id (PCR4)
 * @ret_pcr: receives the value of the PCR
 *
 * Return: 0 or -EIO (the crypto library failed).
 */
int eif_pcr_of_text(const char *text, uint8_t ret_pcr[EIF_PCR_SIZE]);

/*
 * Writing: sections are appended in the order of the calls and the header is written last,
 * so the output must be seekable. Only a buffer of fixed size is held in memory.
 */

/** struct eif_writer - state of an image being written; treat as opaque */
struct eif_writer {
	int fd;
	uint16_t version;
	uint16_t flags;
	uint64_t default_mem;		/* the value of AWS's builder; may be changed */
	uint64_t default_cpus;
	unsigned int nr_sections;
	uint32_t crc;			/* of the sections written so far */
	uint64_t end;			/* file offset of the end of the last section */
	uint64_t offsets[EIF_MAX_SECTIONS];
	uint64_t sizes[EIF_MAX_SECTIONS];
};

/**
 * eif_writer_init() - begin an image at offset 0 of @fd
 * @writer: initialised by this function
 * @fd: empty file open for writing, kept by the caller
 * @version: 2 to 4
 * @flags: 0 or EIF_FLAG_ARM64
 */
void eif_writer_init(struct eif_writer *writer, int fd, uint16_t version, uint16_t flags);

/**
 * eif_writer_add() - append a section from memory
 * @writer: the image that is written
 * @type: type of the section
 * @data: data of the section
 * @size: length of @data in bytes
 *
 * Return: 0, -E2BIG (more than 32 sections) or the errno of a write.
 */
int eif_writer_add(struct eif_writer *writer, enum eif_section_type type,
		   const void *data, size_t size);

/**
 * eif_writer_add_fd() - append a section with all that can be read from @src_fd
 * @writer: the image that is written
 * @type: type of the section
 * @src_fd: read from its current position to its end
 *
 * Return: 0, -E2BIG, or the errno of a read or write.
 */
int eif_writer_add_fd(struct eif_writer *writer, enum eif_section_type type, int src_fd);

/**
 * eif_writer_begin() - begin a section that the caller writes to the image's file itself
 * @writer: the image that is written; the caller writes from the file's position on
 *
 * Return: 0, -E2BIG (more than 32 sections) or the errno of a seek.
 */
int eif_writer_begin(struct eif_writer *writer);

/**
 * eif_writer_end() - end the section; its data ends at the file's position
 * @writer: the image that is written; its file must also be open for reading
 * @type: type of the section
 *
 * Return: 0, -ENOMEM, or the errno of a read or write.
 */
int eif_writer_end(struct eif_writer *writer, enum eif_section_type type);

/** eif_writer_finish() - write the header; Return: 0 or the errno of a write */
int eif_writer_finish(struct eif_writer *writer);

#endif
