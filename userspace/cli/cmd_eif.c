// SPDX-License-Identifier: Apache-2.0
/* ne-emu eif: the image tool; and its describe command. */

#include "cli/cli.h"
#include "cli/eif_show.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

/* Most bytes of a section that are printed as text. */
#define PRINT_MAX	(64 * KIB)

static const struct {
	unsigned int bit;
	const char *text;
} warnings[] = {
	{ EIF_WARN_TRAILING, "bytes follow the last section" },
	{ EIF_WARN_GAP, "there are bytes between sections that no CRC covers" },
	{ EIF_WARN_SECTION_FLAGS, "reserved section flags are set" },
	{ EIF_WARN_NO_RAMDISK, "there is no ramdisk" },
};

/* Images come from anywhere: nothing in them may talk to the terminal. */
static void print_bytes(const char *label, const struct eif_blob *blob)
{
	uint64_t size = MIN(blob->size, PRINT_MAX);

	printf("%s: ", label);
	for (uint64_t i = 0; i < size; i++)
		putchar(blob->data[i] >= ' ' && blob->data[i] < 0x7f ? blob->data[i] : '?');
	printf("%s\n", size < blob->size ? "..." : "");
}

static void describe_text(const char *path, const struct eif *eif, const struct eif_pcrs *pcrs)
{
	size_t i;

	printf("%s: EIF version %u, %s, %" PRIu64 " bytes, CRC-32 %08" PRIx32 " matches%s\n\n",
	       path, eif->version, eif_show_arch(eif->flags), eif->size, eif->crc,
	       eif->signature.data ? ", signed (not verified)" : "");
	printf("%-10s %12s %12s\n", "SECTION", "OFFSET", "SIZE");
	for (i = 0; i < eif->nr_sections; i++)
		printf("%-10s %12" PRIu64 " %12" PRIu64 "\n",
		       eif_section_name(eif->sections[i].type), eif->sections[i].offset,
		       eif->sections[i].size);
	putchar('\n');
	print_bytes("cmdline", &eif->cmdline);
	if (eif->metadata.data)
		print_bytes("metadata", &eif->metadata);
	putchar('\n');
	eif_show_pcrs(pcrs);
	for (i = 0; i < ARRAY_SIZE(warnings); i++)
		if (eif->warnings & warnings[i].bit)
			cli_error("warning: %s", warnings[i].text);
}

static int describe_json(const struct eif *eif, const struct eif_pcrs *pcrs)
{
	struct json_out out = {};
	char crc[9];
	size_t i;

	snprintf(crc, sizeof(crc), "%08" PRIx32, eif->crc);
	json_out_object(&out, NULL);
	json_out_bool(&out, "Valid", true);
	json_out_u64(&out, "EifVersion", eif->version);
	json_out_str(&out, "Architecture", eif_show_arch(eif->flags));
	json_out_u64(&out, "Size", eif->size);
	eif_show_measurements(&out, pcrs);
	json_out_bool(&out, "IsSigned", eif->signature.data);
	json_out_bool(&out, "CheckCRC", true);
	json_out_str(&out, "Crc32", crc);
	json_out_array(&out, "Sections");
	for (i = 0; i < eif->nr_sections; i++) {
		json_out_object(&out, NULL);
		json_out_str(&out, "Type", eif_section_name(eif->sections[i].type));
		json_out_u64(&out, "Offset", eif->sections[i].offset);
		json_out_u64(&out, "Size", eif->sections[i].size);
		json_out_end(&out);
	}
	json_out_end(&out);
	if (!eif->metadata.data ||
	    json_out_text(&out, "Metadata", (const char *)eif->metadata.data, eif->metadata.size))
		json_out_null(&out, "Metadata");
	json_out_array(&out, "Warnings");
	for (i = 0; i < ARRAY_SIZE(warnings); i++)
		if (eif->warnings & warnings[i].bit)
			json_out_str(&out, NULL, warnings[i].text);
	return json_out_print(&out, stdout, 2);
}

static int describe_refused(const char *path, const char *reason, bool json)
{
	struct json_out out = {};

	if (json) {
		json_out_object(&out, NULL);
		json_out_bool(&out, "Valid", false);
		json_out_str(&out, "Error", reason);
		(void)json_out_print(&out, stdout, 2);	/* exits with an error anyway */
	}
	cli_error("%s is no valid image: %s", path, reason);
	return CLI_FAILED;
}

int cmd_eif_describe(int argc, char **argv)
{
	bool json = false, strict = false;
	const struct cli_opt opts[] = {
		OPT_FLAG("json", &json, "print one JSON object"),
		OPT_FLAG("strict", &strict, "refuse what would be a warning"),
		{}
	};
	const struct cli_usage usage = {
		"ne-emu eif describe", "FILE",
		"Check an enclave image and print its parts and measurements", opts, 1, 1,
	};
	char reason[EIF_REASON_SIZE] = "";
	struct eif_file file = {};
	char **args;
	int r;

	r = cli_parse(&usage, argc, argv, &args);
	if (r < 0)
		return cli_exit_code(r);
	__cleanup_fd int fd = open(args[0], O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : eif_file_map(fd, strict ? EIF_PARSE_STRICT : 0, &file, reason);
	if (r == -EBADMSG)
		return describe_refused(args[0], reason, json);
	if (!r && json)
		r = describe_json(&file.eif, &file.pcrs);
	else if (!r)
		describe_text(args[0], &file.eif, &file.pcrs);
	eif_file_unmap(&file);
	if (r)
		cli_error("%s: %s", args[0], strerror(-r));
	return r ? CLI_FAILED : CLI_OK;
}

static const struct cli_command commands[] = {
	{ "build", "make an image from a kernel and ramdisks", cmd_eif_build },
	{ "describe", "check an image, print its parts and measurements", cmd_eif_describe },
	{}
};

int cmd_eif(int argc, char **argv)
{
	return cli_dispatch("ne-emu eif", commands, argc, argv);
}
