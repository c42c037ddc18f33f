/* SPDX-License-Identifier: Apache-2.0 */
/* Write log lines to stderr, or to the journal if it reads stderr. */

#ifndef NE_EMU_COMMON_LOG_H
#define NE_EMU_COMMON_LOG_H

#include <stdint.h>
#include <syslog.h>

/**
 * log_init() - set up logging; call it once from main()
 * @max_level: least severe syslog level to print (LOG_ERR ... LOG_DEBUG)
 * @prefix: text before each message, e.g. an enclave id, or NULL; must stay valid
 */
void log_init(int max_level, const char *prefix);

/**
 * log_init_service() - log_init() for a service that runs for long
 * @max_level: as for log_init()
 * @name: its name
 *
 * If the journal reads stderr, it gets the lines with fields, among them ENCLAVE_ID. (It does
 * not know to which unit the last lines of a short process belong, so not for those.)
 */
void log_init_service(int max_level, const char *name);

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

/**
 * log_enclave() - log a line about an enclave, which begins with its id; preserves errno
 * @level: syslog level
 * @slot_uid: the enclave
 * @fmt: format of the message, as for printf(); %m is that of the errno
 */
__attribute__((format(printf, 3, 4)))
void log_enclave(int level, uint64_t slot_uid, const char *fmt, ...);

#define log_err(...)	log_write(LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...)	log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_write(LOG_DEBUG, __VA_ARGS__)

#endif
