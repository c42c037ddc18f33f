// SPDX-License-Identifier: Apache-2.0
/* Read and print images, for all "ne-emu eif" commands. */

#include "cli/eif/show.h"

#include "command/progress.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* nitro-cli prints this, and scripts may compare it. */
#define HASH_ALGORITHM	"Sha384 { ... }"

int eif_file_map(int fd, unsigned int flags, struct eif_file *ret, struct error *error)
{
	struct eif_file file = {};
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return error_set(error, -EBADMSG, "not a regular file");
	if (!st.st_size)
		return error_set(error, -EBADMSG, "the file is empty");
	file.size = st.st_size;
	file.data = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file.data == MAP_FAILED)
		return -errno;
	(void)madvise(file.data, file.size, MADV_SEQUENTIAL);	/* a hint */
	progress_begin("checking and measuring");
	err = eif_parse(file.data, file.size, flags | EIF_PARSE_THREADS, &file.eif, &file.pcrs,
			error);
	progress_end();
	if (err) {
		eif_file_unmap(&file);
		return err;
	}
	*ret = file;
	return 0;
}

int eif_file_open(const char *path, unsigned int flags, struct eif_file *ret,
		  struct error *error)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct error cause;
	int err = fd < 0 ? -errno : eif_file_map(fd, flags, ret, &cause);

	if (err == -EBADMSG)
		return error_set(error, err, "%s is not a valid image: %s", path, cause.text);
	return err ? error_set(error, err, "%s: %s", path, strerror(-err)) : 0;
}

void eif_file_unmap(struct eif_file *file)
{
	if (file->data)
		(void)munmap(file->data, file->size);
	file->data = NULL;
}

static const struct {
	const char *name;
	size_t offset;
} registers[EIF_REGISTERS] = {
	{ "PCR0", offsetof(struct eif_pcrs, pcr0) },
	{ "PCR1", offsetof(struct eif_pcrs, pcr1) },
	{ "PCR2", offsetof(struct eif_pcrs, pcr2) },
	{ "PCR8", offsetof(struct eif_pcrs, pcr8) },
};

const char *eif_register_name(size_t i)
{
	return registers[i].name;
}

const uint8_t *eif_register(const struct eif_pcrs *pcrs, size_t i)
{
	return (const uint8_t *)pcrs + registers[i].offset;
}

const char *eif_show_arch(uint16_t flags)
{
	return flags & EIF_FLAG_ARM64 ? "aarch64" : "x86_64";
}

void eif_show_pcr(FILE *to, const char *name, const uint8_t *pcr)
{
	char text[2 * EIF_PCR_SIZE + 1];

	hex_encode(pcr, EIF_PCR_SIZE, text);
	fprintf(to, "%-4s  %s\n", name, text);
}

void eif_show_pcrs(FILE *to, const struct eif_pcrs *pcrs)
{
	for (size_t i = 0; i < eif_registers(pcrs); i++)
		eif_show_pcr(to, eif_register_name(i), eif_register(pcrs, i));
}

void eif_show_measurements(struct json_out *out, const struct eif_pcrs *pcrs)
{
	json_out_object(out, "Measurements");
	json_out_str(out, "HashAlgorithm", HASH_ALGORITHM);
	for (size_t i = 0; i < eif_registers(pcrs); i++)
		json_out_hex(out, eif_register_name(i), eif_register(pcrs, i), EIF_PCR_SIZE);
	json_out_end(out);
}

const char *eif_show_warning(unsigned int *warnings)
{
	static const struct {
		unsigned int bit;
		const char *text;
	} texts[] = {
		{ EIF_WARN_TRAILING, "bytes follow the last section" },
		{ EIF_WARN_GAP, "there are bytes between sections that no CRC covers" },
		{ EIF_WARN_SECTION_FLAGS, "reserved section flags are set" },
		{ EIF_WARN_NO_RAMDISK, "there is no ramdisk" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!(*warnings & texts[i].bit))
			continue;
		*warnings &= ~texts[i].bit;
		return texts[i].text;
	}
	return NULL;
}
