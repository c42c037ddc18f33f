// SPDX-License-Identifier: Apache-2.0
/* Options from a table that also prints the help text. */

#include "command/command.h"

#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define OPTS_MAX	32
/* getopt_long() result for entry 0 of the table; above every character. */
#define OPT_BASE	256
/* Column where the explanations begin. */
#define HELP_COLUMN	26

int cli_usage_error(const struct cli_usage *usage, const char *fmt, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "%s: %s\nTry \"%s --help\".\n", usage->command, text, usage->command);
	return CLI_USAGE;
}

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

static void print_help(const struct cli_usage *usage)
{
	const struct cli_opt *opt;

	printf("Usage: %s [OPTION]...%s%s\n\n%s.\n\n", usage->command, *usage->args ? " " : "",
	       usage->args, usage->about);
	for (opt = usage->opts; opt->name; opt++)
		print_option(opt->letter, opt->name, opt->metavar, opt->help);
	print_option('h', "help", NULL, "print this text");
}

static int parse_memory(const char *text, uint64_t *ret_bytes)
{
	uint64_t value, unit = MIB;
	size_t len = strlen(text);
	char digits[24];
	int r;

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
	r = parse_u64(digits, 10, INT64_MAX / unit, &value);
	if (!r)
		*ret_bytes = value * unit;
	return r;
}

static int store(const struct cli_usage *usage, const struct cli_opt *opt, const char *arg)
{
	struct cli_strings *strings = opt->target;
	uint64_t value;

	switch (opt->kind) {
	case CLI_FLAG:
		*(bool *)opt->target = true;
		return 0;
	case CLI_STRING:
		*(const char **)opt->target = arg;
		return 0;
	case CLI_STRINGS:
		if (strings->count == CLI_STRINGS_MAX)
			return cli_usage_error(usage, "--%s: more than %d times", opt->name,
					       CLI_STRINGS_MAX);
		strings->list[strings->count++] = arg;
		return 0;
	case CLI_NUMBER:
		if (parse_u64(arg, 10, opt->max, &value) || value < opt->min)
			return cli_usage_error(usage, "--%s: \"%s\" is not a number from %"
					       PRIu64 " to %" PRIu64, opt->name, arg, opt->min,
					       opt->max);
		*(uint64_t *)opt->target = value;
		return 0;
	case CLI_MEMORY:
		if (parse_memory(arg, &value) || !value)
			return cli_usage_error(usage, "--%s: \"%s\" is no amount of memory "
					       "(MiB, or like 512M or 2G)", opt->name, arg);
		*(uint64_t *)opt->target = value;
		return 0;
	}
	return CLI_USAGE;
}

/* The table as getopt_long() wants it. */
struct getopt_table {
	struct option options[OPTS_MAX + 2];
	char letters[2 * OPTS_MAX + 3];
};

static void make_getopt(const struct cli_opt *opts, struct getopt_table *to)
{
	char *letter = to->letters;
	size_t n;

	*letter++ = ':';	/* tell a missing argument from an unknown option */
	*letter++ = 'h';
	for (n = 0; opts[n].name && n < OPTS_MAX; n++) {
		to->options[n] = (struct option){
			.name = opts[n].name,
			.has_arg = opts[n].metavar ? required_argument : no_argument,
			.val = OPT_BASE + n,
		};
		if (!opts[n].letter)
			continue;
		*letter++ = opts[n].letter;
		if (opts[n].metavar)
			*letter++ = ':';
	}
	*letter = 0;
	to->options[n] = (struct option){ .name = "help", .val = 'h' };
	to->options[n + 1] = (struct option){};
}

/* The entry that a result of getopt_long() stands for. */
static const struct cli_opt *find_opt(const struct cli_opt *opts, int c)
{
	if (c >= OPT_BASE)
		return &opts[c - OPT_BASE];
	while (opts->letter != c)
		opts++;
	return opts;
}

int cli_parse(const struct cli_usage *usage, int argc, char **argv, char ***ret_args)
{
	struct getopt_table table;
	int c, r, count;

	make_getopt(usage->opts, &table);
	optind = 0;		/* glibc: begin anew */
	opterr = 0;
	while ((c = getopt_long(argc, argv, table.letters, table.options, NULL)) != -1) {
		if (c == 'h') {
			print_help(usage);
			return -1 - CLI_OK;
		}
		if (c == ':')
			r = cli_usage_error(usage, "%s needs an argument", argv[optind - 1]);
		else if (c == '?')
			r = cli_usage_error(usage, "unknown option %s", argv[optind - 1]);
		else
			r = store(usage, find_opt(usage->opts, c), optarg);
		if (r)
			return -1 - r;
	}
	count = argc - optind;
	if (count < usage->min_args || count > usage->max_args)
		return -1 - cli_usage_error(usage, count < usage->min_args ?
					    "missing argument, expected: %s%s" :
					    "too many arguments, expected: %s%s", usage->args,
					    *usage->args ? "" : "none");
	*ret_args = argv + optind;
	return count;
}
