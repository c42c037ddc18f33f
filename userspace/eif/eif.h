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

/* Signers and readers agree on this limit of the signature section, bytes. */
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
 * @type: one of the values of that enum, or unknown
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

/* Oddities that are accepted unless EIF_PARSE_STRICT is given. */
#define EIF_WARN_TRAILING	(1U << 0)	/* bytes after the last section */
#define EIF_WARN_GAP		(1U << 1)	/* bytes between sections, no CRC */
#define EIF_WARN_SECTION_FLAGS	(1U << 2)	/* reserved flags are set */
#define EIF_WARN_NO_RAMDISK	(1U << 3)
/* These two are refused as well unless a flag asks for tolerance. */
#define EIF_WARN_CRC		(1U << 4)	/* the contents have another CRC */
#define EIF_WARN_SIGNATURE	(1U << 5)	/* the signature section is unreadable */

/**
 * struct eif - a checked image; points into the memory that was parsed
 * @base: its first byte
 * @version: of the format, 2 to 4
 * @flags: EIF_FLAG_*
 * @default_mem: memory in bytes that the builder suggests; not used
 * @default_cpus: CPUs that the builder suggests; not used
 * @size: from the header to the end of the last section, bytes
 * @crc: the stored CRC-32
 * @contents_crc: the CRC-32 of the contents; the same without EIF_WARN_CRC
 * @warnings: EIF_WARN_* bits
 * @nr_sections: entries of @sections
 * @nr_ramdisks: entries of @ramdisks
 * @sections: all of them, in file order
 * @kernel: data of the kernel section
 * @cmdline: not NUL-terminated; may be empty (@data set, @size 0)
 * @metadata: data of the metadata section; no data if there is none
 * @signature: structure of the section only; not verified
 * @ramdisks: data of the ramdisk sections in file order, @nr_ramdisks of them;
 *	each may be empty
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
/* eif_parse(): refuse what would be a warning. */
#define EIF_PARSE_STRICT	(1U << 3)
/* eif_parse(): a wrong CRC or an unreadable signature is only a warning. */
#define EIF_PARSE_TOLERANT	(1U << 4)

#if defined(__x86_64__)
#define EIF_PARSE_NATIVE	EIF_PARSE_X86_64
#elif defined(__aarch64__)
#define EIF_PARSE_NATIVE	EIF_PARSE_ARM64
#endif

#define EIF_PCR_SIZE		48

/**
 * struct eif_pcrs - the registers that an image determines, SHA-384
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
 * eif_parse() - check an image, find its parts, measure it; in place
 * @base: the image; must not change until the caller is done with @ret
 * @avail: readable bytes at @base
 * @flags: EIF_PARSE_* bits
 * @ret: filled on success only
 * @ret_pcrs: the same; NULL: do not measure, which saves most of the time
 * @error: with -EBADMSG: why the image was refused, naming section and offset
 *
 * Checks structure first, then the CRC, then the meaning, so that "CRC mismatch"
 * is said only of an image whose structure holds. CRC and measurements come from
 * one pass over the bytes. No byte outside @avail is read.
 *
 * The kernel image itself is not looked at: whether it can boot is the
 * loader's business. A signature must be readable, but is not verified
 * (eif/signature.h).
 *
 * Return: 0, -EBADMSG, -ENOMEM or -EIO (the crypto library failed).
 */
int eif_parse(const void *base, size_t avail, unsigned int flags, struct eif *ret,
	      struct eif_pcrs *ret_pcrs, struct error *error);

/** eif_section_name() - "kernel", "cmdline", ...; "unknown" for other types */
const char *eif_section_name(uint16_t type);

/**
 * eif_pcr_of_data() - a register that EC2 extends with a hash: 0, 1, 2 and 8
 * @data: what is measured; for PCR8 the certificate in DER
 * @size: length of @data in bytes
 * @ret_pcr: the value of the register
 *
 * Return: 0 or -EIO (the crypto library failed), as for the next one.
 */
int eif_pcr_of_data(const void *data, size_t size, uint8_t ret_pcr[EIF_PCR_SIZE]);

/** eif_pcr_of_text() - one extended with the text itself: role ARN (3), instance id (4) */
int eif_pcr_of_text(const char *text, uint8_t ret_pcr[EIF_PCR_SIZE]);

/*
 * Writing: sections are appended in the order of the calls and the header comes
 * last, so the output must be seekable. Only a fixed buffer is held in memory.
 */

/** struct eif_writer - state of an image being written; treat as opaque */
struct eif_writer {
	int fd;
	uint16_t version;
	uint16_t flags;
	uint64_t default_mem;		/* what AWS's builder writes; may be changed */
	uint64_t default_cpus;
	unsigned int nr_sections;
	uint32_t crc;			/* of the sections written so far */
	uint64_t end;			/* file offset behind the last section */
	uint64_t offsets[EIF_MAX_SECTIONS];
	uint64_t sizes[EIF_MAX_SECTIONS];
};

/**
 * eif_writer_init() - begin an image at offset 0 of @fd
 * @writer: set up by this
 * @fd: empty file open for writing, kept by the caller
 * @version: 2 to 4
 * @flags: 0 or EIF_FLAG_ARM64
 */
void eif_writer_init(struct eif_writer *writer, int fd, uint16_t version, uint16_t flags);

/**
 * eif_writer_add() - append a section from memory
 * @writer: the image that is written
 * @type: of the section
 * @data: of the section
 * @size: length of @data in bytes
 *
 * Return: 0, -E2BIG (more than 32 sections) or the errno of a write.
 */
int eif_writer_add(struct eif_writer *writer, enum eif_section_type type,
		   const void *data, size_t size);

/**
 * eif_writer_add_fd() - append a section with all that can be read from @src_fd
 * @writer: the image that is written
 * @type: of the section
 * @src_fd: read from where it stands to its end
 *
 * Return: 0, -E2BIG, or the errno of a read or write.
 */
int eif_writer_add_fd(struct eif_writer *writer, enum eif_section_type type, int src_fd);

/** eif_writer_finish() - write the header; 0 or the errno of a write */
int eif_writer_finish(struct eif_writer *writer);

#endif
