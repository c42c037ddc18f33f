/* SPDX-License-Identifier: Apache-2.0 */
/* Write log lines to stderr, with level prefixes if the journal reads them. */

#ifndef NE_EMU_COMMON_LOG_H
#define NE_EMU_COMMON_LOG_H

#include <syslog.h>

/**
 * log_init() - set up logging; call it once from main()
 * @max_level: least severe syslog level to print (LOG_ERR ... LOG_DEBUG)
 * @prefix: text before each message, e.g. an enclave id, or NULL; must stay valid
 */
void log_init(int max_level, const char *prefix);

/**
 * log_level_parse() - syslog level of a name
 * @name: "error", "warning", "info" or "debug"
 *
 * Return: the level, or -EINVAL.
 */
int log_level_parse(const char *name);

/** log_level_name() - name of a syslog level; "info" for levels without a name */
const char *log_level_name(int level);

/**
 * log_write() - log a line; preserves errno
 * @level: syslog level
 * @fmt: format of the message, as for printf(); %m is that of the errno
 */
__attribute__((format(printf, 2, 3)))
void log_write(int level, const char *fmt, ...);

#define log_err(...)	log_write(LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...)	log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_write(LOG_DEBUG, __VA_ARGS__)

#endif
