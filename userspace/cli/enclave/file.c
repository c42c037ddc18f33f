// SPDX-License-Identifier: Apache-2.0
/* The file of an enclave: its image, its command and the options of "ne-emu run". */

#include "cli/enclave/file.h"

#include "common/config.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>

#define BLANKS	" \t"

/* The state of the parser. */
struct parser {
	const struct command *command;
	void *values;
	char *image, *line;		/* @line: the command */
	struct enclave_file *to;
};

/* A word ends at a blank outside of quotes. Removes the quotes. Return: where it ends. */
static char *cut_word(char *word)
{
	char *to = word, quote = 0;

	for (; *word && (quote || !strchr(BLANKS, *word)); word++) {
		if (quote ? *word == quote : *word == '"' || *word == '\'')
			quote = quote ? 0 : *word;
		else
			*to++ = *word;
	}
	if (quote)
		return NULL;
	if (*word)
		word++;
	*to = 0;
	return word;
}

static int split(struct parser *parser, struct error *error)
{
	struct enclave_file *to = parser->to;
	char *at = parser->line;

	for (at += strspn(at, BLANKS); *at; at += strspn(at, BLANKS)) {
		if (to->count == ENCLAVE_FILE_WORDS)
			return error_set(error, -E2BIG, "command: more than %d words",
					 ENCLAVE_FILE_WORDS - 1);
		to->words[to->count++] = at;
		at = cut_word(at);
		if (!at)
			return error_set(error, -EINVAL, "command: a quote is not closed");
	}
	return 0;
}

static int set_once(const char *name, const char *value, char **to, struct error *error)
{
	if (*to)
		return error_set(error, -EINVAL, "%s: given twice", name);
	if (!*value)
		return error_set(error, -EINVAL, "%s: there is no value", name);
	*to = (char *)value;		/* part of the text, which may be changed */
	return 0;
}

static int set(const char *section, const char *name, const char *value, void *arg,
	       struct error *error)
{
	struct parser *parser = arg;

	if (*section)
		return error_set(error, -EINVAL, "[%s]: this file has no sections", section);
	if (!strcmp(name, "image"))
		return set_once(name, value, &parser->image, error);
	if (!strcmp(name, "command"))
		return set_once(name, value, &parser->line, error);
	/* Only for the command line. */
	if (!strcmp(name, "config"))
		return error_set(error, -EINVAL, "%s: no such setting", name);
	return opt_set(parser->command->options, name, value, parser->values, error);
}

static int check(struct parser *parser, const char *path, struct error *error)
{
	struct error cause;
	int err = 0;

	if (parser->line && !parser->image)
		return error_set(error, -EINVAL, "%.200s: command, but no image", path);
	if (parser->image)
		parser->to->words[parser->to->count++] = parser->image;
	if (parser->line)
		err = split(parser, &cause);
	return err ? error_set(error, err, "%.200s: %s", path, cause.text) : 0;
}

int enclave_file_read(const char *path, const struct command *command, void *values,
		      struct enclave_file *ret, struct error *error)
{
	__cleanup_free void *of_file = malloc(command->size);
	struct parser parser = { .command = command, .values = of_file, .to = ret };
	int err;

	*ret = (struct enclave_file){};
	if (!of_file)
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	memcpy(of_file, command->defaults, command->size);
	err = config_read(path, &ret->text, error);
	if (!err)
		err = config_parse(path, ret->text, set, &parser, error);
	if (!err)
		err = check(&parser, path, error);
	if (!err)
		opt_merge(command->options, command->defaults, values, of_file);
	return err;
}

void enclave_file_free(struct enclave_file *file)
{
	free(file->text);
	file->text = NULL;
}
