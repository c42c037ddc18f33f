/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read configuration files. A line is "[section]", "name = value", or a comment that begins
 * with "#". A value is the rest of its line, without quotes.
 */

#ifndef NE_EMU_COMMON_CONFIG_H
#define NE_EMU_COMMON_CONFIG_H

#include "common/error.h"

/**
 * typedef config_fn - apply a setting
 * @section: name of its section; "" before the first one
 * @name: its name
 * @value: its value, without blanks at the ends
 * @arg: argument of config_parse() or config_load()
 * @error: set on failure: what is wrong and what would be valid; without file and line
 *
 * Return: 0 or a negative errno with @error.
 */
typedef int (*config_fn)(const char *section, const char *name, const char *value, void *arg,
			 struct error *error);

/**
 * config_parse() - call @fn for each setting until one call fails
 * @name: name of the file, for messages
 * @text: contents of the file; ends with a NUL; is modified
 * @fn: called for each setting
 * @arg: passed on to @fn
 * @error: set on failure, with file and line
 *
 * Return: 0, -EINVAL (a line is invalid) or what @fn returned, with @error.
 */
int config_parse(const char *name, char *text, config_fn fn, void *arg, struct error *error);

/**
 * config_read() - read a file for config_parse(), whose strings may be needed later
 * @path: the file
 * @ret: its text; the caller frees it
 * @error: set on failure, with the file
 *
 * Return: 0, -ENOENT (no such file), -EFBIG (it has 64 KiB or more), -EINVAL (it contains
 * NUL bytes), or another negative errno, with @error.
 */
int config_read(const char *path, char **ret, struct error *error);

/**
 * config_load() - config_parse() for a file
 * @path: the file
 * @fn: called for each setting
 * @arg: passed on to @fn
 * @error: set on failure, with file and line
 *
 * Return: as config_read() and config_parse(), with @error.
 */
int config_load(const char *path, config_fn fn, void *arg, struct error *error);

#endif
