// SPDX-License-Identifier: Apache-2.0
/* Read the options of a command line as a table describes them. */

#include "command/options.h"

#include "common/util.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#define OPTIONS_MAX	32
/* Result of getopt_long() for entry 0 of the table; greater than every character. */
#define OPTION_BASE	256
/* Column where the help texts begin. */
#define HELP_COLUMN	26

static void print_option(char letter, const char *name, const char *metavar, const char *help)
{
	const char short_form[] = { '-', letter, ',', ' ', 0 };
	int width = printf("  %s--%s%s%s", letter ? short_form : "", name, metavar ? " " : "",
			   metavar ? metavar : "");

	if (width >= HELP_COLUMN)
		width = printf("\n") - 1;
	printf("%*s", HELP_COLUMN - width, "");
	for (; *help; help++) {
		putchar(*help);
		if (*help == '\n')
			printf("%*s", HELP_COLUMN, "");
	}
	putchar('\n');
}

void opt_print(const struct opt *options, unsigned int flags)
{
	opt_for_each(option, options)
		print_option(option->letter, option->name, option->metavar, option->help);
	if (flags & OPT_TAKE_HELP)
		print_option('h', "help", NULL, "print this text");
	if (flags & OPT_TAKE_VERSION)
		print_option('V', "version", NULL, "print the version");
}

static int parse_memory(const char *text, uint64_t *ret_bytes)
{
	uint64_t value, unit = MIB;
	size_t len = strlen(text);
	char digits[24];
	int err;

	if (!len || len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, len + 1);
	switch (text[len - 1]) {
	case 'm': case 'M':
		digits[len - 1] = 0;
		break;
	case 'g': case 'G':
		unit = GIB;
		digits[len - 1] = 0;
		break;
	case 't': case 'T':
		unit = KIB * GIB;
		digits[len - 1] = 0;
		break;
	}
	err = parse_u64(digits, 10, INT64_MAX / unit, &value);
	if (!err)
		*ret_bytes = value * unit;
	return err;
}

static int store_string(const struct opt *option, const char *arg,
			struct opt_strings *strings, struct error *error)
{
	if (strings->count == OPT_STRINGS_MAX)
		return error_set(error, -EINVAL, "--%s is given more than %d times", option->name,
				 OPT_STRINGS_MAX);
	strings->list[strings->count++] = arg;
	return 0;
}

static int store(const struct opt *option, const char *arg, void *value,
		 struct error *error)
{
	uint64_t number;

	switch (option->kind) {
	case OPT_KIND_FLAG:
		*(bool *)value = true;
		return 0;
	case OPT_KIND_STRING:
		*(const char **)value = arg;
		return 0;
	case OPT_KIND_STRINGS:
		return store_string(option, arg, value, error);
	case OPT_KIND_NUMBER:
		if (parse_u64(arg, 10, option->max, &number) || number < option->min)
			return error_set(error, -EINVAL, "--%s: \"%s\" is not a number from "
					 "%" PRIu64 " to %" PRIu64, option->name, arg, option->min,
					 option->max);
		*(uint64_t *)value = number;
		return 0;
	case OPT_KIND_MEMORY:
		if (parse_memory(arg, &number) || !number)
			return error_set(error, -EINVAL, "--%s: \"%s\" is not a memory size "
					 "(in MiB, or e.g. 512M or 2G)", option->name, arg);
		*(uint64_t *)value = number;
		return 0;
	case OPT_KIND_TYPED:
		return option->type->read(arg, value) ?
			error_set(error, -EINVAL, "--%s: \"%s\" is not %s", option->name, arg,
				  option->type->what) : 0;
	}
	return -EINVAL;
}

static int set_flag(const char *name, const char *value, bool *flag, struct error *error)
{
	static const struct {
		const char *word;
		bool flag;
	} words[] = { { "yes", true }, { "true", true }, { "no", false }, { "false", false } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(value, words[i].word))
			continue;
		*flag = words[i].flag;
		return 0;
	}
	return error_set(error, -EINVAL, "%s: \"%s\" is neither yes nor no", name, value);
}

int opt_set(const struct opt *options, const char *name, const char *value, void *values,
	    struct error *error)
{
	struct error cause;
	int err;

	opt_for_each(option, options) {
		void *at = (char *)values + option->offset;

		if (strcmp(option->name, name))
			continue;
		if (option->kind == OPT_KIND_FLAG)
			return set_flag(name, value, at, error);
		err = store(option, value, at, &cause);
		/* In a file, the name has no dashes. */
		return err ? error_set(error, err, "%s", cause.text + strspn(cause.text, "-")) : 0;
	}
	return error_set(error, -EINVAL, "%s: no such setting", name);
}

void opt_merge(const struct opt *options, const void *defaults, void *values,
	       const void *others)
{
	opt_for_each(option, options) {
		char *value = (char *)values + option->offset;

		if (!memcmp(value, (const char *)defaults + option->offset, option->size))
			memcpy(value, (const char *)others + option->offset, option->size);
	}
}

/* A table in the form of getopt_long(), with room for --help, --version and the end. */
struct getopt_table {
	struct option options[OPTIONS_MAX + 3];
	char letters[2 * OPTIONS_MAX + 5];
};

static size_t make_getopt(const struct opt *options, unsigned int flags,
			  struct getopt_table *to)
{
	char *letter = to->letters;
	size_t n, count;

	if (flags & OPT_STOP)
		*letter++ = '+';
	*letter++ = ':';	/* distinguishes a missing argument from an unknown option */
	for (n = 0; options && options[n].name && n < OPTIONS_MAX; n++) {
		to->options[n] = (struct option){
			.name = options[n].name,
			.has_arg = options[n].metavar ? required_argument : no_argument,
			.val = OPTION_BASE + n,
		};
		if (!options[n].letter)
			continue;
		*letter++ = options[n].letter;
		if (options[n].metavar)
			*letter++ = ':';
	}
	count = n;
	if (flags & OPT_TAKE_HELP) {
		*letter++ = 'h';
		to->options[n++] = (struct option){ .name = "help", .val = 'h' };
	}
	if (flags & OPT_TAKE_VERSION) {
		*letter++ = 'V';
		to->options[n++] = (struct option){ .name = "version", .val = 'V' };
	}
	*letter = 0;
	to->options[n] = (struct option){};
	return count;
}

/* Index of the entry for a result of getopt_long(). */
static size_t find_option(const struct opt *options, int c)
{
	size_t n = 0;

	if (c >= OPTION_BASE)
		return c - OPTION_BASE;
	while (options[n].letter != c)
		n++;
	return n;
}

static int check_required(const struct opt *options, size_t count, const bool *seen,
			  struct error *error)
{
	for (size_t i = 0; i < count; i++)
		if (options[i].required && !seen[i])
			return error_set(error, -EINVAL, "--%s is missing", options[i].name);
	return 0;
}

int opt_read(const struct opt *options, unsigned int flags, void *values,
	     int argc, char **argv, char ***ret_args, struct error *error)
{
	bool seen[OPTIONS_MAX] = {};
	struct getopt_table table;
	size_t count = make_getopt(options, flags, &table);
	int c, err = 0;

	optind = 0;		/* glibc: reset the parser */
	opterr = 0;
	while (!err && (c = getopt_long(argc, argv, table.letters, table.options, NULL)) != -1) {
		size_t n;

		if (c == ':')
			return error_set(error, -EINVAL, "%s needs an argument", argv[optind - 1]);
		if (c == '?') {
			*ret_args = &argv[optind - 1];
			return error_set(error, -ENOENT, "unknown option %s", **ret_args);
		}
		if (c == 'h' && flags & OPT_TAKE_HELP)
			return OPT_ASKS_HELP;
		if (c == 'V' && flags & OPT_TAKE_VERSION)
			return OPT_ASKS_VERSION;
		n = find_option(options, c);
		if (flags & OPT_ONCE && seen[n])
			return error_set(error, -EINVAL, "--%s is given twice", options[n].name);
		seen[n] = true;
		err = store(&options[n], optarg, (char *)values + options[n].offset, error);
	}
	if (!err)
		err = check_required(options, count, seen, error);
	*ret_args = argv + optind;
	return err ? err : argc - optind;
}
