/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers: cleanup attributes, complete reads and writes, strict number parsing. */

#ifndef NE_EMU_COMMON_UTIL_H
#define NE_EMU_COMMON_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))

/** container_of() - pointer to the struct @type whose @member is *@ptr */
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define KIB		1024ULL
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)

/** fd_close() - close *@fd if it is open, and set it to -1; preserves errno */
void fd_close(int *fd);

/** cleanup_free_ptr() - free *@p; for __cleanup_free */
static inline void cleanup_free_ptr(void *p)
{
	free(*(void **)p);
}

/** cleanup_file() - close *@file if it is open; for __cleanup_file */
static inline void cleanup_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define __cleanup(func)	__attribute__((cleanup(func)))
#define __cleanup_fd	__cleanup(fd_close)
#define __cleanup_free	__cleanup(cleanup_free_ptr)
#define __cleanup_file	__cleanup(cleanup_file)

/** fd_steal() - take a descriptor out of a __cleanup_fd variable, which becomes -1 */
static inline int fd_steal(int *fd)
{
	int ret = *fd;

	*fd = -1;
	return ret;
}

/**
 * read_full() - read @len bytes, or up to the end of the file
 * @fd: descriptor that is open for reading
 * @buf: buffer of @len bytes
 * @len: bytes to read
 *
 * Return: bytes read (fewer than @len only at the end of the file), or a negative errno.
 */
ssize_t read_full(int fd, void *buf, size_t len);

/**
 * write_full() - write all of @buf
 * @fd: descriptor that is open for writing
 * @buf: data to write
 * @len: length of @buf in bytes
 *
 * Return: 0, or a negative errno; part of the data may have been written then.
 */
int write_full(int fd, const void *buf, size_t len);

/** temp_file_open() - open a file without a name in $TMPDIR or /var/tmp; the fd or -errno */
int temp_file_open(void);

/**
 * parse_u64() - parse a string that consists of a number
 * @s: the string
 * @base: base of the number, as for strtoull(); 0: C notation
 * @max: largest value that is accepted
 * @ret_value: set on success only
 *
 * Return: 0, -EINVAL (not a number, or other characters before or after it) or -ERANGE.
 */
int parse_u64(const char *s, int base, uint64_t max, uint64_t *ret_value);

/**
 * parse_cpu_list() - parse a list such as "2,4-5"
 * @s: the list; its order is kept, and CPUs may be repeated
 * @ret_cpus: CPU numbers; the caller frees the array
 * @ret_count: entries of *@ret_cpus
 *
 * Return: 0, -EINVAL, -ERANGE (a CPU above 65535, or more than 65536 entries) or -ENOMEM.
 */
int parse_cpu_list(const char *s, uint32_t **ret_cpus, size_t *ret_count);

/**
 * hex_decode() - decode a string of hexadecimal digits
 * @text: digits in either case
 * @bytes: buffer for the bytes
 * @size: size of @bytes
 * @ret_len: number of bytes; set on success only
 *
 * Return: 0, -EINVAL (an odd number of digits, or other characters) or -E2BIG (more than
 * @size bytes).
 */
int hex_decode(const char *text, uint8_t *bytes, size_t size, size_t *ret_len);

/** hex_encode() - write lower-case digits and a NUL to @text, which has 2 * @len + 1 bytes */
void hex_encode(const uint8_t *bytes, size_t len, char *text);

/**
 * format_cpu_list() - format CPU numbers like the kernel: "2-3,5"
 * @cpus: CPU numbers, ascending
 * @count: entries of @cpus
 *
 * Return: the text, which the caller frees, or NULL (out of memory).
 */
char *format_cpu_list(const uint32_t *cpus, size_t count);

#endif
