/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on stderr, with systemd's level prefixes when it reads them. */

#ifndef NE_EMU_COMMON_LOG_H
#define NE_EMU_COMMON_LOG_H

#include <syslog.h>

/**
 * log_init() - choose what is logged and how; call once from main()
 * @max_level: least severe syslog level that is printed (LOG_ERR ... LOG_DEBUG)
 * @prefix: put in front of each message (an enclave id, say), or NULL; kept by
 *	reference
 */
void log_init(int max_level, const char *prefix);

/**
 * log_level_parse() - syslog level for a name
 * @name: "error", "warning", "info" or "debug"
 *
 * Return: the level, or -EINVAL.
 */
int log_level_parse(const char *name);

/** log_level_name() - the inverse */
const char *log_level_name(int level);

/** log_write() - print one line; keeps errno */
__attribute__((format(printf, 2, 3)))
void log_write(int level, const char *fmt, ...);

#define log_err(...)	log_write(LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...)	log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_write(LOG_DEBUG, __VA_ARGS__)

#endif
