// SPDX-License-Identifier: Apache-2.0
/* Find the command that a command line names, and run it. */

#include "command/command.h"

#include "command/generate.h"
#include "common/text.h"
#include "common/util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int command_usage_error(const struct command_call *call, const char *fmt, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "%s: %s\nTry \"%s --help\".\n", call->path, text, call->path);
	return COMMAND_USAGE;
}

static void print_help(const struct command_call *call)
{
	const char *args = call->command->args;

	printf("Usage: %s [OPTION]...%s%s\n\n%s.\n\n", call->path, args ? " " : "",
	       args ? args : "", call->command->about);
	opt_print(call->command->options, command_flags(call->command));
}

static int check_count(const struct command_call *call)
{
	const struct command *command = call->command;

	if (call->count >= command->min_args && call->count <= command->max_args)
		return 0;
	return command_usage_error(call, call->count < command->min_args ?
				   "missing argument, expected: %s" :
				   "too many arguments, expected: %s",
				   command->args ? command->args : "none");
}

/* What a word of another tool is called here, or NULL. An option may have a value behind "=". */
static const char *find_hint(const struct command_hint *hints, const char *word)
{
	size_t len = *word == '-' ? strcspn(word, "=") : strlen(word);

	for (; hints && hints->word; hints++)
		if (strlen(hints->word) == len && !strncmp(hints->word, word, len))
			return hints->here;
	return NULL;
}

int command_options_error(const struct command_call *call, int err, const char *word,
			  const struct error *error)
{
	const char *here = err == -ENOENT ? find_hint(call->command->hints, word) : NULL;

	return here ? command_usage_error(call, "%s; here it is %s", error->text, here) :
		command_usage_error(call, "%s", error->text);
}

/* These functions return the exit code. */
static int run_leaf(const struct command *command, const char *path, int argc, char **argv)
{
	__cleanup_free void *options = calloc(1, command->size ? command->size : 1);
	struct command_call call = {
		.command = command, .path = path, .options = options, .args = argv,
	};
	struct error error = {};
	int code;

	if (!options) {
		term_error("%s", strerror(ENOMEM));
		return COMMAND_FAILED;
	}
	if (command->defaults)
		memcpy(options, command->defaults, command->size);
	call.count = opt_read(command->options, command_flags(command), options, argc,
			      argv, &call.args, &error);
	if (call.count == OPT_ASKS_HELP) {
		print_help(&call);
		return COMMAND_OK;
	}
	if (call.count == OPT_ASKS_VERSION)
		return command->version();
	if (call.count < 0)
		return command_options_error(&call, call.count, *call.args, &error);
	code = check_count(&call);
	return code ? code : command->run(&call);
}

static void print_commands(FILE *to, const char *path, const struct command *const *commands)
{
	fprintf(to, "Usage: %s COMMAND [ARGUMENT]...\n\nCommands:\n", path);
	for (; *commands; commands++)
		fprintf(to, "  %-12s %s\n", (*commands)->name, (*commands)->summary);
	fprintf(to, "\n\"%s COMMAND --help\" explains a command.\n", path);
}

static const struct command *find(const struct command *const *commands, const char *name)
{
	for (; *commands; commands++)
		if (!strcmp((*commands)->name, name))
			return *commands;
	return NULL;
}

static int run_sub(const struct command *command, const char *path, int argc, char **argv)
{
	const struct command *sub = find(command->commands, argv[0]);
	const char *here = find_hint(command->hints, argv[0]);

	if (sub)
		return command_run(sub, path, argc, argv);
	if (here)
		term_error("unknown command \"%s\"; here it is %s", argv[0], here);
	else
		term_error("unknown command \"%s\"; try \"%s help\"", argv[0], path);
	return COMMAND_USAGE;
}

static int run_group(const struct command *command, const char *path, int argc, char **argv)
{
	char *help[] = { NULL, (char *)"--help", NULL };

	if (argc < 2) {
		print_commands(stderr, path, command->commands);
		return COMMAND_USAGE;
	}
	if (command->version && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")))
		return command->version();
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    (!strcmp(argv[1], "help") && argc == 2)) {
		print_commands(stdout, path, command->commands);
		return COMMAND_OK;
	}
	if (strcmp(argv[1], "help"))
		return run_sub(command, path, argc - 1, argv + 1);
	if (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h") || !strcmp(argv[2], "help")) {
		print_commands(stdout, path, command->commands);
		return COMMAND_OK;
	}
	help[0] = argv[2];
	return run_sub(command, path, 2, help);
}

int command_run(const struct command *command, const char *above, int argc, char **argv)
{
	char path[COMMAND_PATH_SIZE];

	snprintf(path, sizeof(path), "%s%s%s", above, *above ? " " : "", command->name);
	return command->commands ? run_group(command, path, argc, argv) :
		run_leaf(command, path, argc, argv);
}

/* Output that nobody gets is a failure, also if it was only text. */
static int finish(int code)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	term_error("cannot write the output%s%s", errno ? ": " : "", errno ? strerror(errno) : "");
	return code ? code : COMMAND_FAILED;
}

static int run_program(const struct command *program, int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "--completion"))
		return generate_completion(program, argv[2]);
	if (argc > 2 && !strcmp(argv[1], "--manual"))
		return generate_manual(program, argc - 2, argv + 2);
	return command_run(program, "", argc, argv);
}

int command_main(const struct command *program, int argc, char **argv)
{
	return finish(run_program(program, argc, argv));
}
