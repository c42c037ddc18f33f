/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of an enclave for tables, templates and filters. */

#ifndef NE_EMU_CLI_ENCLAVE_VIEW_FIELDS_H
#define NE_EMU_CLI_ENCLAVE_VIEW_FIELDS_H

#include "cli/enclave/view.h"

#include <stdio.h>

/* Longest value; a longer path is cut. */
#define VIEW_FIELD_SIZE	1024
/* For help texts; a test compares it with the table. */
#define VIEW_FIELDS \
	"id cid name state status owner mode cpus memory uptime pid exit started booted ended image"

/**
 * view_field() - value of a field
 * @view: the enclave
 * @name: see VIEW_FIELDS
 * @buf: buffer of VIEW_FIELD_SIZE bytes
 *
 * Return: @buf with clean text, "" if the value is not known; NULL: there is no such field.
 */
const char *view_field(const struct view *view, const char *name, char *buf);

/**
 * view_format_check() - check a template: text with fields such as "{id}"
 *
 * "\t", "\n" and "\\" are escapes, "{{" is a brace.
 *
 * Return: 0 or -EINVAL with a message.
 */
int view_format_check(const char *format, struct error *error);

/** view_format() - print a template, which view_format_check() has accepted, and a newline */
void view_format(const struct view *view, const char *format, FILE *to);

/** view_filter_check() - check a filter "KEY=VALUE"; 0 or -EINVAL with a message */
int view_filter_check(const char *filter, struct error *error);

/** view_matches() - does the enclave match a filter that view_filter_check() has accepted? */
bool view_matches(const struct view *view, const char *filter);

#endif
