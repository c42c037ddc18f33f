/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files: "[section]", "name = value", and comments that begin a line
 * with "#". Values are the rest of the line, without quotes.
 */

#ifndef NE_EMU_COMMON_CONFIG_H
#define NE_EMU_COMMON_CONFIG_H

#include "common/error.h"

/**
 * typedef config_fn - take over one setting
 * @section: "" before the first one
 * @name: left of the "="
 * @value: right of the "=", without blanks at its ends
 * @arg: what the caller of config_parse() gave
 * @error: what is wrong with it and what would be right, without file and line
 *
 * Return: 0 or a negative errno with @error.
 */
typedef int (*config_fn)(const char *section, const char *name, const char *value, void *arg,
			 struct error *error);

/**
 * config_parse() - call @fn for each setting, until it fails
 * @name: of the file, for messages
 * @text: ends with a NUL; is changed
 * @fn: called for each setting
 * @arg: passed on to @fn
 * @error: set on failure, with file and line
 *
 * Return: 0, -EINVAL (not of the form above) or what @fn returned, with @error, which
 * begins with file and line.
 */
int config_parse(const char *name, char *text, config_fn fn, void *arg, struct error *error);

/**
 * config_load() - the same for a file
 * @path: the file
 * @fn: called for each setting
 * @arg: passed on to @fn
 * @error: set on failure, with file and line
 *
 * Return: as config_parse(), -ENOENT (no file), -EFBIG (64 KiB or more), or another
 * negative errno, with @error.
 */
int config_load(const char *path, config_fn fn, void *arg, struct error *error);

#endif
