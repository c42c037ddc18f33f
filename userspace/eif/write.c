// SPDX-License-Identifier: Apache-2.0
/* The image writer: sections one after the other, the file header last. */

#include "eif/eif.h"

#include "common/util.h"

#include <endian.h>
#include <errno.h>
#include <libdeflate.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* Values of AWS's builder for the file header; nothing reads them. */
#define DEFAULT_MEM	GIB
#define DEFAULT_CPUS	2

#define COPY_SIZE	(64 * KIB)

static uint8_t *put16(uint8_t *to, uint16_t v)
{
	v = htobe16(v);
	memcpy(to, &v, sizeof(v));
	return to + sizeof(v);
}

static uint8_t *put32(uint8_t *to, uint32_t v)
{
	v = htobe32(v);
	memcpy(to, &v, sizeof(v));
	return to + sizeof(v);
}

static uint8_t *put64(uint8_t *to, uint64_t v)
{
	v = htobe64(v);
	memcpy(to, &v, sizeof(v));
	return to + sizeof(v);
}

void eif_writer_init(struct eif_writer *writer, int fd, uint16_t version, uint16_t flags)
{
	*writer = (struct eif_writer){
		.fd = fd,
		.version = version,
		.flags = flags,
		.default_mem = DEFAULT_MEM,
		.default_cpus = DEFAULT_CPUS,
		.end = EIF_HEADER_SIZE,
	};
}

static int write_at(int fd, uint64_t offset, const void *data, size_t size)
{
	if (lseek(fd, offset, SEEK_SET) < 0)
		return -errno;
	return write_full(fd, data, size);
}

/* The data has been written; @crc is its CRC, which zlib can combine with another. */
static int close_section(struct eif_writer *writer, enum eif_section_type type, uint64_t size,
			 uint32_t crc)
{
	uint8_t head[EIF_SECTION_HEADER_SIZE];
	int err;

	put64(put16(put16(head, type), 0), size);
	err = write_at(writer->fd, writer->end, head, sizeof(head));
	if (err)
		return err;
	writer->crc = libdeflate_crc32(writer->crc, head, sizeof(head));
	writer->crc = crc32_combine(writer->crc, crc, size);
	writer->offsets[writer->nr_sections] = writer->end;
	writer->sizes[writer->nr_sections] = size;
	writer->nr_sections++;
	writer->end += sizeof(head) + size;
	return 0;
}

int eif_writer_add(struct eif_writer *writer, enum eif_section_type type,
		   const void *data, size_t size)
{
	int err;

	if (writer->nr_sections == EIF_MAX_SECTIONS)
		return -E2BIG;
	err = write_at(writer->fd, writer->end + EIF_SECTION_HEADER_SIZE, data, size);
	if (err)
		return err;
	return close_section(writer, type, size, libdeflate_crc32(0, data, size));
}

int eif_writer_begin(struct eif_writer *writer)
{
	if (writer->nr_sections == EIF_MAX_SECTIONS)
		return -E2BIG;
	return lseek(writer->fd, writer->end + EIF_SECTION_HEADER_SIZE, SEEK_SET) < 0 ? -errno : 0;
}

int eif_writer_end(struct eif_writer *writer, enum eif_section_type type)
{
	__cleanup_free uint8_t *buf = malloc(COPY_SIZE);
	const uint64_t start = writer->end + EIF_SECTION_HEADER_SIZE;
	off_t end = lseek(writer->fd, 0, SEEK_CUR);
	uint32_t crc = 0;

	if (!buf)
		return -ENOMEM;
	if (end < 0)
		return -errno;
	for (uint64_t at = start; at < (uint64_t)end;) {
		ssize_t n = pread(writer->fd, buf, MIN(COPY_SIZE, end - at), at);

		if (n <= 0)
			return n ? -errno : -EIO;
		crc = libdeflate_crc32(crc, buf, n);
		at += n;
	}
	return close_section(writer, type, end - start, crc);
}

int eif_writer_add_fd(struct eif_writer *writer, enum eif_section_type type, int src_fd)
{
	__cleanup_free uint8_t *buf = malloc(COPY_SIZE);
	uint32_t crc = 0;
	uint64_t size = 0;
	ssize_t n;
	int err;

	if (!buf)
		return -ENOMEM;
	if (writer->nr_sections == EIF_MAX_SECTIONS)
		return -E2BIG;
	if (lseek(writer->fd, writer->end + EIF_SECTION_HEADER_SIZE, SEEK_SET) < 0)
		return -errno;
	while ((n = read_full(src_fd, buf, COPY_SIZE)) > 0) {
		err = write_full(writer->fd, buf, n);
		if (err)
			return err;
		crc = libdeflate_crc32(crc, buf, n);
		size += n;
	}
	if (n < 0)
		return n;
	return close_section(writer, type, size, crc);
}

int eif_writer_finish(struct eif_writer *writer)
{
	uint8_t head[EIF_HEADER_SIZE] = ".eif";
	uint8_t *at = head + 4;
	uint32_t crc;
	unsigned int i;

	at = put16(at, writer->version);
	at = put16(at, writer->flags);
	at = put64(at, writer->default_mem);
	at = put64(at, writer->default_cpus);
	at = put16(at, 0);
	at = put16(at, writer->nr_sections);
	for (i = 0; i < EIF_MAX_SECTIONS; i++)
		at = put64(at, writer->offsets[i]);
	for (i = 0; i < EIF_MAX_SECTIONS; i++)
		at = put64(at, writer->sizes[i]);
	crc = libdeflate_crc32(0, head, EIF_CRC_OFFSET);
	crc = crc32_combine(crc, writer->crc, writer->end - EIF_HEADER_SIZE);
	put32(head + EIF_CRC_OFFSET, crc);
	return write_at(writer->fd, 0, head, sizeof(head));
}
