/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers: clean-up attributes, whole reads and writes, strict numbers. */

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

/** container_of() - the struct whose member @member is *@ptr */
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define KIB		1024ULL
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)

/** fd_close() - close *@fd if it is open and set it to -1; keeps errno */
void fd_close(int *fd);

static inline void cleanup_free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define __cleanup(func)	__attribute__((cleanup(func)))
#define __cleanup_fd	__cleanup(fd_close)
#define __cleanup_free	__cleanup(cleanup_free_ptr)
#define __cleanup_file	__cleanup(cleanup_file)

/** fd_steal() - take the descriptor out of a __cleanup_fd variable */
static inline int fd_steal(int *fd)
{
	int ret = *fd;

	*fd = -1;
	return ret;
}

/**
 * read_full() - read until @len bytes or the end of the file
 * @fd: open for reading
 * @buf: room for @len bytes
 * @len: bytes wanted
 *
 * Return: bytes read (less than @len only at the end), or a negative errno.
 */
ssize_t read_full(int fd, void *buf, size_t len);

/**
 * write_full() - write all of @buf
 * @fd: open for writing
 * @buf: what to write
 * @len: its length in bytes
 *
 * Return: 0 or a negative errno; how much was written is unknown then.
 */
int write_full(int fd, const void *buf, size_t len);

/** temp_file_open() - a file without a name in $TMPDIR or /var/tmp; a negative errno on error */
int temp_file_open(void);

/**
 * parse_u64() - number in @base (0: C notation) that fills the whole string
 * @s: text that ends with 0
 * @base: of the number, as for strtoull()
 * @max: largest value accepted
 * @ret_value: set on success only
 *
 * Return: 0, -EINVAL (not a number: sign, blank, rest) or -ERANGE.
 */
int parse_u64(const char *s, int base, uint64_t max, uint64_t *ret_value);

/**
 * parse_cpu_list() - "2,4-5" in the order written, without repetition checks
 * @s: text that ends with 0
 * @ret_cpus: array the caller frees
 * @ret_count: entries of @ret_cpus
 *
 * Return: 0, -EINVAL, -ERANGE (over 65535, or more than 65536 entries) or
 * -ENOMEM.
 */
int parse_cpu_list(const char *s, uint32_t **ret_cpus, size_t *ret_count);

/**
 * hex_decode() - pairs of hexadecimal digits to bytes
 * @text: digits in either case; ends with 0
 * @bytes: room for @size bytes
 * @size: most bytes that are taken
 * @ret_len: bytes that were written; set on success only
 *
 * Return: 0, -EINVAL (anything else in @text) or -E2BIG (more than @size bytes).
 */
int hex_decode(const char *text, uint8_t *bytes, size_t size, size_t *ret_len);

/** hex_encode() - @text has room for 2 * @len + 1 characters */
void hex_encode(const uint8_t *bytes, size_t len, char *text);

/**
 * format_cpu_list() - "2-3,5", as the kernel writes it
 * @cpus: ascending
 * @count: entries of @cpus
 *
 * Return: text the caller frees, or NULL without memory.
 */
char *format_cpu_list(const uint32_t *cpus, size_t count);

#endif
