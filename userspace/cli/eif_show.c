// SPDX-License-Identifier: Apache-2.0
/* Printing of images, shared by "ne-emu eif" commands. */

#include "cli/eif_show.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* nitro-cli's words for it, which its users' scripts may compare. */
#define HASH_ALGORITHM	"Sha384 { ... }"

int eif_file_map(int fd, unsigned int flags, struct eif_file *ret, char *reason)
{
	struct eif_file file = {};
	struct stat st;
	int r;

	if (fstat(fd, &st))
		return -errno;
	if (!st.st_size) {
		snprintf(reason, EIF_REASON_SIZE, "the file is empty");
		return -EBADMSG;
	}
	file.size = st.st_size;
	file.data = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file.data == MAP_FAILED)
		return -errno;
	r = eif_parse(file.data, file.size, flags, &file.eif, &file.pcrs, reason,
		      EIF_REASON_SIZE);
	if (r) {
		eif_file_unmap(&file);
		return r;
	}
	*ret = file;
	return 0;
}

void eif_file_unmap(struct eif_file *file)
{
	if (file->data)
		(void)munmap(file->data, file->size);
	file->data = NULL;
}

const char *eif_show_arch(uint16_t flags)
{
	return flags & EIF_FLAG_ARM64 ? "aarch64" : "x86_64";
}

static void show_pcr(const char *name, const uint8_t *pcr)
{
	size_t i;

	printf("%s  ", name);
	for (i = 0; i < EIF_PCR_SIZE; i++)
		printf("%02x", pcr[i]);
	putchar('\n');
}

void eif_show_pcrs(const struct eif_pcrs *pcrs)
{
	show_pcr("PCR0", pcrs->pcr0);
	show_pcr("PCR1", pcrs->pcr1);
	show_pcr("PCR2", pcrs->pcr2);
}

void eif_show_measurements(struct json_out *out, const struct eif_pcrs *pcrs)
{
	json_out_object(out, "Measurements");
	json_out_str(out, "HashAlgorithm", HASH_ALGORITHM);
	json_out_hex(out, "PCR0", pcrs->pcr0, sizeof(pcrs->pcr0));
	json_out_hex(out, "PCR1", pcrs->pcr1, sizeof(pcrs->pcr1));
	json_out_hex(out, "PCR2", pcrs->pcr2, sizeof(pcrs->pcr2));
	json_out_end(out);
}
