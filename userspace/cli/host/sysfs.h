/* SPDX-License-Identifier: Apache-2.0 */
/* Short files of /sys, /proc and /dev, below a prefix that tests set. */

#ifndef NE_EMU_CLI_HOST_SYSFS_H
#define NE_EMU_CLI_HOST_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYS_PATH_SIZE	512
#define SYS_TEXT_SIZE	4096

/**
 * sys_root() - what is put in front of all paths
 *
 * Return: the environment variable NE_EMU_ROOT (for tests), or "".
 */
const char *sys_root(void);

/** sys_path() - the full name; returns @buf */
__attribute__((format(printf, 2, 3)))
const char *sys_path(char *buf, const char *fmt, ...);

/** sys_exists() - whether there is such a file or folder */
__attribute__((format(printf, 1, 2)))
bool sys_exists(const char *fmt, ...);

/**
 * sys_read() - contents without blanks at the end
 * @buf: of SYS_TEXT_SIZE bytes; what does not fit is cut
 *
 * Return: 0 or a negative errno.
 */
__attribute__((format(printf, 2, 3)))
int sys_read(char *buf, const char *fmt, ...);

/** sys_read_u64() - one decimal number; -EINVAL for anything else */
__attribute__((format(printf, 2, 3)))
int sys_read_u64(uint64_t *ret, const char *fmt, ...);

/** sys_write() - in one write(), with a newline; 0 or a negative errno */
__attribute__((format(printf, 2, 3)))
int sys_write(const char *text, const char *fmt, ...);

/** sys_cpu_node() - NUMA node of a CPU, or -1 if that is not known */
int sys_cpu_node(uint32_t cpu);

/** sys_pool_cpus() - the CPU pool; 0 with *@ret_count 0 when it is not set */
int sys_pool_cpus(uint32_t **ret_cpus, size_t *ret_count);

#endif
