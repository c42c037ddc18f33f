/* SPDX-License-Identifier: Apache-2.0 */
/* Read and write short files of /sys, /proc and /dev, below a prefix that tests set. */

#ifndef NE_EMU_CLI_HOST_SYSFS_H
#define NE_EMU_CLI_HOST_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYS_PATH_SIZE	512
#define SYS_TEXT_SIZE	4096

/**
 * sys_root() - the prefix of all paths
 *
 * Return: the environment variable NE_EMU_ROOT (for tests), or "".
 */
const char *sys_root(void);

/** sys_path() - path with the prefix; returns @buf, which has SYS_PATH_SIZE bytes */
__attribute__((format(printf, 2, 3)))
const char *sys_path(char *buf, const char *fmt, ...);

/** sys_exists() - does a file or directory exist? */
__attribute__((format(printf, 1, 2)))
bool sys_exists(const char *fmt, ...);

/**
 * sys_read() - read a file, without blanks at its end
 * @buf: buffer of SYS_TEXT_SIZE bytes; longer contents are cut
 * @fmt: path of the file, as for printf()
 *
 * Return: 0 or a negative errno.
 */
__attribute__((format(printf, 2, 3)))
int sys_read(char *buf, const char *fmt, ...);

/** sys_read_u64() - read a decimal number; 0 or a negative errno, -EINVAL: not a number */
__attribute__((format(printf, 2, 3)))
int sys_read_u64(uint64_t *ret, const char *fmt, ...);

/** sys_write() - write @text and a newline with one write(); 0 or a negative errno */
__attribute__((format(printf, 2, 3)))
int sys_write(const char *text, const char *fmt, ...);

/** sys_cpu_node() - NUMA node of a CPU, or -1 if it is unknown */
int sys_cpu_node(uint32_t cpu);

/**
 * sys_pool_cpus() - read the CPU pool from the parameter of the driver
 * @ret_cpus: CPU numbers in the order of the parameter; the caller frees the array
 * @ret_count: entries of *@ret_cpus; 0 if the pool is not set
 *
 * Return: 0 or a negative errno.
 */
int sys_pool_cpus(uint32_t **ret_cpus, size_t *ret_count);

#endif
