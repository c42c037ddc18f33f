// SPDX-License-Identifier: Apache-2.0
/* Per-enclave settings, which "ne-emu lab" changes. */

#include "daemon/lab.h"

#include "common/clock.h"
#include "common/text.h"
#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>
#include <time.h>

/* PCRs that hold the IAM role and the instance id of the parent. */
#define PCR_ROLE	3
#define PCR_INSTANCE	4

void lab_init(struct lab_settings *settings)
{
	*settings = (struct lab_settings){
		.project = CA_PROJECT_DEFAULT,
		.place = { .region = LAB_REGION, .instance_id = LAB_INSTANCE_ID },
	};
}

static int lab_set_project(struct lab_settings *settings, const char *value, struct error *error)
{
	if (!ca_project_valid(value))
		return error_set(error, -EINVAL, "not a project: 1 to %d of a-z, 0-9 and -",
				 CA_PROJECT_MAX);
	strcpy(settings->project, value);
	return 0;
}

static int lab_set_region(struct lab_settings *settings, const char *value, struct error *error)
{
	if (!ca_region_valid(value))
		return error_set(error, -EINVAL, "not a region: 1 to %d of a-z, 0-9 and -",
				 CA_REGION_MAX);
	strcpy(settings->place.region, value);
	return 0;
}

static int lab_set_instance_id(struct lab_settings *settings, const char *value,
			       struct error *error)
{
	if (!ca_instance_id_valid(value))
		return error_set(error, -EINVAL,
				 "not an instance id: i- and 17 hexadecimal digits");
	strcpy(settings->place.instance_id, value);
	return 0;
}

static int lab_set_role_arn(struct lab_settings *settings, const char *value,
			    struct error *error)
{
	if (strlen(value) > LAB_ROLE_MAX)
		return error_set(error, -EINVAL, "longer than %d characters", LAB_ROLE_MAX);
	for (const char *c = value; *c; c++)
		if (!isgraph((unsigned char)*c))
			return error_set(error, -EINVAL,
					 "not an ARN: a blank or control character");
	strcpy(settings->role_arn, !strcmp(value, "none") ? "" : value);
	return 0;
}

/* Parse a time in seconds, minutes, hours or days. */
static int lab_set_leaf_life(struct lab_settings *settings, const char *value,
			     struct error *error)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t len = strlen(value);
	char digits[16] = "";
	uint64_t number;

	for (size_t i = 0; len > 1 && len < sizeof(digits) && i < ARRAY_SIZE(units); i++) {
		if (value[len - 1] != units[i].unit)
			continue;
		memcpy(digits, value, len - 1);
		if (parse_u64(digits, 10, CA_LEAF_LIFE_MAX / units[i].seconds, &number) ||
		    number * units[i].seconds < 2 * CA_LEAF_MARGIN)
			break;
		number *= units[i].seconds;
		settings->place.leaf_life = number == CA_LEAF_LIFE ? 0 : number;
		return 0;
	}
	return error_set(error, -EINVAL, "not a lifetime of 30m to %lldd",
			 CA_LEAF_LIFE_MAX / 86400);
}

static int lab_set_clock(struct lab_settings *settings, const char *value, struct error *error)
{
	struct tm tm = { 0 };
	const char *end;
	int64_t when;

	if (!strcmp(value, "host")) {
		settings->module.clock_ms = 0;
		return 0;
	}
	end = strptime(value, "%Y-%m-%dT%H:%M:%SZ", &tm);
	when = end && !*end ? timegm(&tm) : 0;
	if (when < CA_ROOT_NOT_BEFORE + 86400 || when > CA_ROOT_NOT_AFTER - 86400)
		return error_set(error, -EINVAL, "neither host nor a time such as "
				 "2026-01-31T12:00:00Z from 2020 to 2049");
	settings->module.clock_ms = when * MSEC_PER_SEC;
	return 0;
}

static int find_flaw(const char *name, size_t len, struct lab_settings *to)
{
	char one[40];
	uint64_t flaws;
	int flaw = ca_flaw_find(name, len);

	if (flaw >= 0) {
		to->place.flaws |= CA_FLAW_BIT(flaw);
		return 0;
	}
	if (!len || len >= sizeof(one))
		return -EINVAL;
	memcpy(one, name, len);
	one[len] = 0;
	if (nsm_flaws_parse(one, &flaws) || !flaws)
		return -EINVAL;
	to->module.flaws |= flaws;
	return 0;
}

static int lab_set_flaws(struct lab_settings *settings, const char *value, struct error *error)
{
	struct lab_settings parsed = { 0 };
	char name[48];

	while (strcmp(value, "none")) {
		size_t len = strcspn(value, ",");

		if (find_flaw(value, len, &parsed))
			return error_set(error, -EINVAL, "\"%s\" is not a flaw; \"ne-emu lab set "
					 "--help\" lists them",
					 text_clean(name, sizeof(name), value, len));
		value += len;
		if (!*value++)
			break;
	}
	settings->place.flaws = parsed.place.flaws;
	settings->module.flaws = parsed.module.flaws;
	return 0;
}

/* Parse one of two words. */
static int lab_set_choice(bool *to, const char *value, const char *no, const char *yes,
			  struct error *error)
{
	if (strcmp(value, no) && strcmp(value, yes))
		return error_set(error, -EINVAL, "neither %s nor %s", no, yes);
	*to = !strcmp(value, yes);
	return 0;
}

static int lab_set_map(struct lab_settings *settings, const char *value, struct error *error)
{
	return lab_set_choice(&settings->module.definite_map, value, "indefinite", "definite",
			      error);
}

static int lab_set_limits(struct lab_settings *settings, const char *value, struct error *error)
{
	return lab_set_choice(&settings->module.strict_limits, value, "ec2", "strict", error);
}

static int lab_set_debug_pcrs(struct lab_settings *settings, const char *value,
			      struct error *error)
{
	return lab_set_choice(&settings->module.real_debug_pcrs, value, "zero", "real", error);
}

static int lab_set_look_inside(struct lab_settings *settings, const char *value,
			       struct error *error)
{
	return lab_set_choice(&settings->look_inside, value, "debug", "always", error);
}

static void lab_get_text(const char *text, char *value)
{
	snprintf(value, LAB_VALUE_SIZE, "%s", *text ? text : "none");
}

static void lab_get_project(const struct lab_settings *settings, char *value)
{
	lab_get_text(settings->project, value);
}

static void lab_get_region(const struct lab_settings *settings, char *value)
{
	lab_get_text(settings->place.region, value);
}

static void lab_get_instance_id(const struct lab_settings *settings, char *value)
{
	lab_get_text(settings->place.instance_id, value);
}

static void lab_get_role_arn(const struct lab_settings *settings, char *value)
{
	lab_get_text(settings->role_arn, value);
}

static void lab_get_leaf_life(const struct lab_settings *settings, char *value)
{
	int64_t life = settings->place.leaf_life ? settings->place.leaf_life : CA_LEAF_LIFE;

	snprintf(value, LAB_VALUE_SIZE, "%" PRId64 "s", life);
}

static void lab_get_clock(const struct lab_settings *settings, char *value)
{
	time_t when = settings->module.clock_ms / MSEC_PER_SEC;
	struct tm tm;

	if (!when || !gmtime_r(&when, &tm) ||
	    !strftime(value, LAB_VALUE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(value, "host");
}

static void add_flaw(char *value, const char *name)
{
	size_t len = strlen(value);

	snprintf(value + len, LAB_VALUE_SIZE - len, "%s%s", len ? "," : "", name);
}

static void lab_get_flaws(const struct lab_settings *settings, char *value)
{
	*value = 0;
	for (enum ca_flaw flaw = 0; flaw < NR_CA_FLAWS; flaw++)
		if (settings->place.flaws & CA_FLAW_BIT(flaw))
			add_flaw(value, ca_flaw_name(flaw));
	for (enum nsm_flaw flaw = 0; flaw < NR_NSM_FLAWS; flaw++)
		if (settings->module.flaws & NSM_FLAW_BIT(flaw))
			add_flaw(value, nsm_flaw_name(flaw));
	if (!*value)
		strcpy(value, "none");
}

static void lab_get_map(const struct lab_settings *settings, char *value)
{
	strcpy(value, settings->module.definite_map ? "definite" : "indefinite");
}

static void lab_get_limits(const struct lab_settings *settings, char *value)
{
	strcpy(value, settings->module.strict_limits ? "strict" : "ec2");
}

static void lab_get_debug_pcrs(const struct lab_settings *settings, char *value)
{
	strcpy(value, settings->module.real_debug_pcrs ? "real" : "zero");
}

static void lab_get_look_inside(const struct lab_settings *settings, char *value)
{
	strcpy(value, settings->look_inside ? "always" : "debug");
}

/* @at_start: cannot be changed while the enclave runs */
static const struct {
	const char *name;
	bool at_start;
	int (*set)(struct lab_settings *settings, const char *value, struct error *error);
	void (*get)(const struct lab_settings *settings, char *value);
} table[] = {
	{ "project", false, lab_set_project, lab_get_project },
	{ "region", false, lab_set_region, lab_get_region },
	{ "instance-id", true, lab_set_instance_id, lab_get_instance_id },
	{ "role-arn", true, lab_set_role_arn, lab_get_role_arn },
	{ "leaf-life", false, lab_set_leaf_life, lab_get_leaf_life },
	{ "clock", false, lab_set_clock, lab_get_clock },
	{ "flaws", false, lab_set_flaws, lab_get_flaws },
	{ "map", false, lab_set_map, lab_get_map },
	{ "limits", false, lab_set_limits, lab_get_limits },
	{ "debug-pcrs", true, lab_set_debug_pcrs, lab_get_debug_pcrs },
	{ "look-inside", false, lab_set_look_inside, lab_get_look_inside },
};

static const char *const pcr_names[NSM_CONTROL_PCRS] = {
	"pcr0", "pcr1", "pcr2", "pcr3", "pcr4", "pcr5", "pcr6", "pcr7",
	"pcr8", "pcr9", "pcr10", "pcr11", "pcr12", "pcr13", "pcr14", "pcr15",
};

static int lab_set_pcr(struct lab_settings *settings, unsigned int index, const char *value,
		       struct error *error)
{
	uint8_t bytes[NSM_CONTROL_PCR_SIZE];
	size_t len;

	if (!strcmp(value, "measured")) {
		settings->module.pcrs_given &= ~(1U << index);
		return 0;
	}
	if (hex_decode(value, bytes, sizeof(bytes), &len) || len != sizeof(bytes))
		return error_set(error, -EINVAL, "neither measured nor 96 hexadecimal digits");
	memcpy(settings->module.pcrs[index], bytes, sizeof(bytes));
	settings->module.pcrs_given |= 1U << index;
	return 0;
}

/* Settings are numbered: those of the table, then PCRs, then faults. */
enum lab_group { LAB_TABLE, LAB_PCRS, LAB_FAULTS, LAB_NONE };

/* Find the group of setting *@i, and make *@i its number in this group. */
static enum lab_group lab_locate(size_t *i)
{
	static const size_t sizes[] = {
		[LAB_TABLE] = ARRAY_SIZE(table),
		[LAB_PCRS] = NSM_CONTROL_PCRS,
		[LAB_FAULTS] = NR_FAULT_SETTINGS,
	};
	enum lab_group group;

	for (group = LAB_TABLE; group < LAB_NONE && *i >= sizes[group]; group++)
		*i -= sizes[group];
	return group;
}

static bool lab_at_start(enum lab_group group, size_t i)
{
	return group == LAB_PCRS || (group == LAB_TABLE && table[i].at_start) ||
	       (group == LAB_FAULTS && fault_setting_at_start(i));
}

/* @i: number of the setting in its group */
static int lab_set_one(struct lab_settings *settings, enum lab_group group, size_t i,
		       const char *value, struct error *error)
{
	switch (group) {
	case LAB_TABLE:
		return table[i].set(settings, value, error);
	case LAB_PCRS:
		return lab_set_pcr(settings, i, value, error);
	case LAB_FAULTS:
		return fault_setting_parse(&settings->faults, i, value, error);
	case LAB_NONE:
		break;
	}
	return -ENOENT;
}

int lab_set(struct lab_settings *settings, const char *name, const char *value, bool running,
	    struct error *error)
{
	for (size_t i = 0; lab_name(i); i++) {
		size_t number = i;
		enum lab_group group = lab_locate(&number);

		if (strcmp(lab_name(i), name))
			continue;
		if (running && lab_at_start(group, number))
			return error_set(error, -EBUSY, "can only be set before an enclave starts");
		return lab_set_one(settings, group, number, value, error);
	}
	return error_set(error, -ENOENT, "no such setting");
}

void lab_reset(struct lab_settings *settings, const struct lab_settings *defaults)
{
	char value[LAB_VALUE_SIZE];

	for (size_t i = 0; lab_name(i); i++) {
		size_t number = i;
		enum lab_group group = lab_locate(&number);

		if (lab_at_start(group, number))
			continue;
		lab_get(defaults, i, value);
		(void)lab_set_one(settings, group, number, value, NULL); /* was accepted before */
	}
}

const char *lab_name(size_t i)
{
	switch (lab_locate(&i)) {
	case LAB_TABLE:
		return table[i].name;
	case LAB_PCRS:
		return pcr_names[i];
	case LAB_FAULTS:
		return fault_setting_name(i);
	case LAB_NONE:
		break;
	}
	return NULL;
}

static void lab_get_pcr(const struct lab_settings *settings, size_t i, char *value)
{
	if (settings->module.pcrs_given & (1U << i))
		hex_encode(settings->module.pcrs[i], NSM_CONTROL_PCR_SIZE, value);
	else
		strcpy(value, "measured");
}

void lab_get(const struct lab_settings *settings, size_t i, char value[LAB_VALUE_SIZE])
{
	switch (lab_locate(&i)) {
	case LAB_TABLE:
		table[i].get(settings, value);
		break;
	case LAB_PCRS:
		lab_get_pcr(settings, i, value);
		break;
	case LAB_FAULTS:
		fault_setting_format(&settings->faults, i, value);
		break;
	case LAB_NONE:
		break;
	}
}

char *lab_describe(const struct lab_settings *settings)
{
	char value[LAB_VALUE_SIZE], usual[LAB_VALUE_SIZE];
	struct lab_settings plain;
	size_t size = 0;
	char *text = NULL;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	lab_init(&plain);
	for (size_t i = 0; lab_name(i); i++) {
		lab_get(settings, i, value);
		lab_get(&plain, i, usual);
		if (strcmp(value, usual))
			fprintf(stream, "%s%s=%s", ftell(stream) ? " " : "", lab_name(i), value);
	}
	if (!fclose(stream))
		return text;
	free(text);
	return NULL;
}

/* SHA-384 of 48 zero bytes and the text, which is not hashed before, unlike for PCR0 to 2. */
static void extend_text(struct nsm_settings *settings, unsigned int index, const char *text)
{
	uint8_t data[NSM_CONTROL_PCR_SIZE + LAB_ROLE_MAX] = { 0 };
	size_t len = strlen(text);

	if (settings->pcrs_given & (1U << index) || !len)
		return;
	memcpy(data + NSM_CONTROL_PCR_SIZE, text, len);
	if (EVP_Digest(data, NSM_CONTROL_PCR_SIZE + len, settings->pcrs[index], NULL,
		       EVP_sha384(), NULL))
		settings->pcrs_given |= 1U << index;
}

void lab_module(const struct lab_settings *settings, struct nsm_settings *ret)
{
	*ret = settings->module;
	extend_text(ret, PCR_ROLE, settings->role_arn);
	extend_text(ret, PCR_INSTANCE, settings->place.instance_id);
}

int64_t lab_now(const struct lab_settings *settings, int64_t host_now)
{
	uint64_t clock_ms = settings->module.clock_ms;

	return clock_ms ? (int64_t)(clock_ms / MSEC_PER_SEC) : host_now;
}

bool lab_is_plain(const struct lab_settings *settings)
{
	return !settings->module.clock_ms && !settings->place.flaws &&
	       !settings->place.leaf_life;
}
