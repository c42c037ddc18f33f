/* SPDX-License-Identifier: Apache-2.0 */
/* The raw interface of /dev/nsm: request bytes in, response bytes out. */

#ifndef NE_EMU_GUEST_NSM_DEVICE_H
#define NE_EMU_GUEST_NSM_DEVICE_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>

/* <linux/nsm.h> is newer than the headers that this is built with. */
struct nsm_raw {
	struct {
		uint64_t addr;
		uint64_t len;
	} request, response;
};

#define NSM_IOCTL_RAW		_IOWR(0x0A, 0x0, struct nsm_raw)
#define NSM_IOCTL_UNKNOWN	_IOWR(0x0A, 0x1, struct nsm_raw)
#define NSM_REQUEST_SIZE	4096
#define NSM_RESPONSE_SIZE	12288

/* Read-only access is sufficient, and some clients use it. */
static inline int nsm_open(void)
{
	return open("/dev/nsm", O_RDONLY | O_CLOEXEC);
}

/* @response has NSM_RESPONSE_SIZE bytes. Return: the size of the response, or -1. */
static inline ssize_t nsm_call(int fd, const void *request, size_t size, void *response)
{
	struct nsm_raw raw = {
		.request = { (uintptr_t)request, size },
		.response = { (uintptr_t)response, NSM_RESPONSE_SIZE },
	};

	return ioctl(fd, NSM_IOCTL_RAW, &raw) ? -1 : (ssize_t)raw.response.len;
}

/*
 * Return: the short text after @key in a response, cut off at the end of the response; NULL
 * if there is none. @key: the name, preceded by the byte with its length.
 */
static inline const char *nsm_find_text(const unsigned char *response, size_t size,
					const char *key, int *ret_len)
{
	const unsigned char *end = response + size;
	const unsigned char *at = memmem(response, size, key, strlen(key));
	ptrdiff_t len;

	if (!at || end - at < (ptrdiff_t)strlen(key) + 2)
		return NULL;
	at += strlen(key);
	len = *at & 0x1f;
	at++;
	if (len == 24)			/* one more byte holds the length */
		len = *at++;
	*ret_len = len > end - at ? end - at : len;
	return (const char *)at;
}

#endif
