// SPDX-License-Identifier: Apache-2.0
/* The image reader: structure, then CRC, then meaning. */

#include "eif/contents.h"
#include "eif/eif.h"
#include "eif/signature.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* Offsets of fields of the file header, bytes. */
#define HDR_VERSION		4
#define HDR_FLAGS		6
#define HDR_DEFAULT_MEM		8
#define HDR_DEFAULT_CPUS	16
#define HDR_NUM_SECTIONS	26
#define HDR_SECTION_OFFSETS	28
#define HDR_SECTION_SIZES	284

/* State of one eif_parse() call. */
struct parser {
	const uint8_t *base;
	size_t avail;
	unsigned int flags;
	struct eif *eif;
	struct eif_pcrs *pcrs;
	struct error *error;
};

static uint16_t get16(const uint8_t *from)
{
	uint16_t v;

	memcpy(&v, from, sizeof(v));
	return be16toh(v);
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t v;

	memcpy(&v, from, sizeof(v));
	return be32toh(v);
}

static uint64_t get64(const uint8_t *from)
{
	uint64_t v;

	memcpy(&v, from, sizeof(v));
	return be64toh(v);
}

const char *eif_section_name(uint16_t type)
{
	switch (type) {
	case EIF_SECTION_KERNEL:
		return "kernel";
	case EIF_SECTION_CMDLINE:
		return "cmdline";
	case EIF_SECTION_RAMDISK:
		return "ramdisk";
	case EIF_SECTION_SIGNATURE:
		return "signature";
	case EIF_SECTION_METADATA:
		return "metadata";
	}
	return "unknown";
}

static int eif_read_header(struct parser *p)
{
	struct eif *eif = p->eif;
	const uint8_t *base = p->base;

	if (p->avail < EIF_HEADER_SIZE)
		return error_set(p->error, -EBADMSG,
				 "truncated: %zu bytes cannot hold the %d-byte header",
				 p->avail, EIF_HEADER_SIZE);
	if (memcmp(base, ".eif", 4))
		return error_set(p->error, -EBADMSG,
				 "magic at offset 0 is %02x %02x %02x %02x, not \".eif\"",
				 base[0], base[1], base[2], base[3]);
	eif->version = get16(base + HDR_VERSION);
	if (eif->version < EIF_VERSION_MIN || eif->version > EIF_VERSION_MAX)
		return error_set(p->error, -EBADMSG,
				 "version %u at offset %d is not supported (%d to %d are)",
				 eif->version, HDR_VERSION, EIF_VERSION_MIN, EIF_VERSION_MAX);
	eif->flags = get16(base + HDR_FLAGS);
	eif->default_mem = get64(base + HDR_DEFAULT_MEM);
	eif->default_cpus = get64(base + HDR_DEFAULT_CPUS);
	eif->nr_sections = get16(base + HDR_NUM_SECTIONS);
	if (eif->nr_sections < EIF_MIN_SECTIONS || eif->nr_sections > EIF_MAX_SECTIONS)
		return error_set(p->error, -EBADMSG,
				 "section count %u at offset %d is not %d to %d",
				 eif->nr_sections, HDR_NUM_SECTIONS, EIF_MIN_SECTIONS,
				 EIF_MAX_SECTIONS);
	eif->crc = get32(base + EIF_CRC_OFFSET);
	return 0;
}

/*
 * Section @i must lie after all sections before it, which end at eif->size. This rules out
 * overlaps, and the table is in file order, as the format requires.
 */
static int eif_read_section(struct parser *p, unsigned int i)
{
	struct eif *eif = p->eif;
	struct eif_section *section = &eif->sections[i];
	uint64_t start = get64(p->base + HDR_SECTION_OFFSETS + 8 * i);
	uint64_t size = get64(p->base + HDR_SECTION_SIZES + 8 * i);
	const uint8_t *head;
	uint64_t own_size;

	if (start < EIF_HEADER_SIZE)
		return error_set(p->error, -EBADMSG,
				 "section %u: offset %" PRIu64 " lies inside the header",
				 i, start);
	if (start < eif->size)
		return error_set(p->error, -EBADMSG, "section %u at offset %" PRIu64
				 ": overlaps or precedes section %u, which ends at %" PRIu64,
				 i, start, i - 1, eif->size);
	if (start > p->avail || p->avail - start < EIF_SECTION_HEADER_SIZE)
		return error_set(p->error, -EBADMSG,
				 "truncated: header of section %u at offset %" PRIu64
				 " lies outside the %zu available bytes", i, start, p->avail);
	head = p->base + start;
	section->type = get16(head);
	section->flags = get16(head + 2);
	own_size = get64(head + 4);
	section->offset = start + EIF_SECTION_HEADER_SIZE;
	/* When AWS's library replaces a signature, the file header keeps its old size. */
	if (own_size != size && section->type == EIF_SECTION_SIGNATURE &&
	    p->flags & EIF_PARSE_TOLERANT) {
		eif->warnings |= EIF_WARN_SIGNED_TWICE;
		size = own_size;
	}
	section->size = size;
	if (own_size != size)
		return error_set(p->error, -EBADMSG,
				 "section %u (%s) at offset %" PRIu64 ": size %" PRIu64
				 ", but %" PRIu64 " in the file header%s", i,
				 eif_section_name(section->type), start, own_size, size,
				 section->type == EIF_SECTION_SIGNATURE ?
				 " (signed twice by AWS's library? \"ne-emu eif sign\" replaces the "
				 "signature)" : "");
	if (size > p->avail - section->offset)
		return error_set(p->error, -EBADMSG,
				 "truncated: section %u (%s) at offset %" PRIu64 " has %" PRIu64
				 " bytes of data, but only %" PRIu64 " are available", i,
				 eif_section_name(section->type), start, size,
				 p->avail - section->offset);
	if (start > eif->size)
		eif->warnings |= EIF_WARN_GAP;
	if (section->flags)
		eif->warnings |= EIF_WARN_SECTION_FLAGS;
	eif->size = section->offset + size;
	return 0;
}

/* Requires only that the structure has been checked. */
static int eif_check_contents(struct parser *p)
{
	struct eif *eif = p->eif;
	int err;

	err = eif_contents_read(eif, p->flags & EIF_PARSE_THREADS, &eif->contents_crc, p->pcrs);
	if (err || eif->contents_crc == eif->crc)
		return err;
	eif->warnings |= EIF_WARN_CRC;
	if (p->flags & EIF_PARSE_TOLERANT)
		return 0;
	return error_set(p->error, -EBADMSG,
			 "CRC mismatch: header says %08" PRIx32 ", contents give %08" PRIx32,
			 eif->crc, eif->contents_crc);
}

/* The signature must be readable: PCR8 measures its certificate. */
static int eif_check_signature(struct parser *p)
{
	struct eif *eif = p->eif;
	struct eif_signature signature;
	struct error cause;
	int err;

	if (!eif->signature.data)
		return 0;
	err = eif_signature_open(eif->signature.data, eif->signature.size, &signature, &cause);
	if (err == -EBADMSG && p->flags & EIF_PARSE_TOLERANT) {
		eif->warnings |= EIF_WARN_SIGNATURE;
		return 0;
	}
	if (err == -EBADMSG)
		return error_set(p->error, -EBADMSG,
				 "signature at offset %td: %s",
				 eif->signature.data - p->base, cause.text);
	if (err)
		return err;
	if (p->pcrs) {
		memcpy(p->pcrs->pcr8, signature.pcr8, sizeof(p->pcrs->pcr8));
		p->pcrs->has_pcr8 = true;
	}
	eif_signature_close(&signature);
	return 0;
}

static int eif_take_once(struct parser *p, unsigned int i, struct eif_blob *blob)
{
	const struct eif_section *section = &p->eif->sections[i];

	if (blob->data)
		return error_set(p->error, -EBADMSG,
				 "section %u (%s) at offset %" PRIu64 ": a second %s section",
				 i, eif_section_name(section->type), section->offset,
				 eif_section_name(section->type));
	blob->data = p->base + section->offset;
	blob->size = section->size;
	return 0;
}

static int eif_take_ramdisk(struct parser *p, unsigned int i)
{
	struct eif *eif = p->eif;
	struct eif_blob *blob = &eif->ramdisks[eif->nr_ramdisks];

	if (!eif->kernel.data)
		return error_set(p->error, -EBADMSG, "section %u (ramdisk) at offset %" PRIu64
				 ": comes before the kernel", i, eif->sections[i].offset);
	blob->data = p->base + eif->sections[i].offset;
	blob->size = eif->sections[i].size;
	eif->nr_ramdisks++;
	return 0;
}

static int eif_take_section(struct parser *p, unsigned int i)
{
	struct eif *eif = p->eif;
	const struct eif_section *section = &eif->sections[i];

	switch (section->type) {
	case EIF_SECTION_KERNEL:
		return eif_take_once(p, i, &eif->kernel);
	case EIF_SECTION_CMDLINE:
		return eif_take_once(p, i, &eif->cmdline);
	case EIF_SECTION_RAMDISK:
		return eif_take_ramdisk(p, i);
	case EIF_SECTION_SIGNATURE:
		if (section->size > EIF_SIGNATURE_MAX)
			return error_set(p->error, -EBADMSG,
					 "section %u (signature) at offset %" PRIu64 ": %" PRIu64
					 " bytes exceed the limit of %d", i, section->offset,
					 section->size, EIF_SIGNATURE_MAX);
		return eif_take_once(p, i, &eif->signature);
	case EIF_SECTION_METADATA:
		return eif_take_once(p, i, &eif->metadata);
	}
	return error_set(p->error, -EBADMSG, "section %u at offset %" PRIu64 ": unknown type %u", i,
			 section->offset, section->type);
}

static int eif_check_cmdline(struct parser *p)
{
	const struct eif_blob *cmdline = &p->eif->cmdline;
	uint64_t offset = cmdline->data - p->base;
	const uint8_t *nul;

	if (cmdline->size > EIF_CMDLINE_MAX)
		return error_set(p->error, -EBADMSG, "cmdline at offset %" PRIu64 ": %" PRIu64
				 " bytes exceed the limit of %d", offset, cmdline->size,
				 EIF_CMDLINE_MAX);
	nul = memchr(cmdline->data, 0, cmdline->size);
	if (nul)
		return error_set(p->error, -EBADMSG,
				 "cmdline at offset %" PRIu64 ": holds a NUL at offset %td",
				 offset, nul - p->base);
	return 0;
}

static int eif_check_parts(struct parser *p)
{
	struct eif *eif = p->eif;
	bool arm64 = eif->flags & EIF_FLAG_ARM64;

	if (!eif->kernel.data)
		return error_set(p->error, -EBADMSG,
				 "no kernel section among the %u", eif->nr_sections);
	if (!eif->kernel.size)
		return error_set(p->error, -EBADMSG,
				 "kernel at offset %td: empty", eif->kernel.data - p->base);
	if (!eif->cmdline.data)
		return error_set(p->error, -EBADMSG,
				 "no cmdline section among the %u", eif->nr_sections);
	if (!eif->metadata.data && eif->version >= 4)
		return error_set(p->error, -EBADMSG,
				 "no metadata section among the %u, needed by version %u",
				 eif->nr_sections, eif->version);
	if (arm64 ? p->flags & EIF_PARSE_X86_64 && !(p->flags & EIF_PARSE_ARM64) :
	    p->flags & EIF_PARSE_ARM64 && !(p->flags & EIF_PARSE_X86_64))
		return error_set(p->error, -EBADMSG,
				 "architecture at offset %d is %s, not that of this machine",
				 HDR_FLAGS, arm64 ? "aarch64" : "x86_64");
	if (!eif->nr_ramdisks)
		eif->warnings |= EIF_WARN_NO_RAMDISK;
	return eif_check_cmdline(p);
}

static int eif_check_warnings(struct parser *p)
{
	struct eif *eif = p->eif;

	if (!(p->flags & EIF_PARSE_IN_MEMORY) && eif->size < p->avail)
		eif->warnings |= EIF_WARN_TRAILING;
	if (!(p->flags & EIF_PARSE_STRICT))
		return 0;
	if (eif->warnings & EIF_WARN_TRAILING)
		return error_set(p->error, -EBADMSG,
				 "%" PRIu64 " bytes follow the last section at offset %" PRIu64,
				 p->avail - eif->size, eif->size);
	if (eif->warnings & EIF_WARN_GAP)
		return error_set(p->error, -EBADMSG,
				 "bytes between sections are covered by no CRC");
	if (eif->warnings & EIF_WARN_SECTION_FLAGS)
		return error_set(p->error, -EBADMSG, "reserved flags of a section are set");
	if (eif->warnings & EIF_WARN_NO_RAMDISK)
		return error_set(p->error, -EBADMSG,
				 "no ramdisk section among the %u", eif->nr_sections);
	return 0;
}

int eif_parse(const void *base, size_t avail, unsigned int flags, struct eif *ret,
	      struct eif_pcrs *ret_pcrs, struct error *error)
{
	struct eif eif = { .base = base, .size = EIF_HEADER_SIZE };
	struct eif_pcrs pcrs = {};
	struct parser p = {
		.base = base,
		.avail = avail,
		.flags = flags,
		.eif = &eif,
		.pcrs = ret_pcrs ? &pcrs : NULL,
		.error = error,
	};
	unsigned int i;
	int err;

	err = eif_read_header(&p);
	for (i = 0; !err && i < eif.nr_sections; i++)
		err = eif_read_section(&p, i);
	if (!err)
		err = eif_check_contents(&p);
	for (i = 0; !err && i < eif.nr_sections; i++)
		err = eif_take_section(&p, i);
	if (!err)
		err = eif_check_parts(&p);
	if (!err)
		err = eif_check_signature(&p);
	if (!err)
		err = eif_check_warnings(&p);
	if (err)
		return err;
	*ret = eif;
	if (ret_pcrs)
		*ret_pcrs = pcrs;
	return 0;
}
