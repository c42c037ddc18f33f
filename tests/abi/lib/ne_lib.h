/* SPDX-License-Identifier: Apache-2.0 */
/* The ioctls, huge pages, the CPU pool and the kernel log, for the selftests. */

#ifndef NE_LIB_H
#define NE_LIB_H

#include <linux/ioctl.h>
#include <linux/nitro_enclaves.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NE_DEVICE		"/dev/nitro_enclaves"
#define NE_POOL			"/sys/module/nitro_enclaves/parameters/ne_cpus"

#define NE_KIB			1024ULL
#define NE_MIB			(1024 * NE_KIB)
#define NE_GIB			(1024 * NE_MIB)
#define NE_PAGE			(2 * NE_MIB)
#define NE_IMAGE_OFFSET		(8 * NE_MIB)
#define NE_MIN_ENCLAVE_SIZE	(64 * NE_MIB)

/*
 * Functions in this file return 0 or a positive result, or a negative errno. The NE_ERR_*
 * codes count as errnos.
 */

int ne_open(int flags);
int ne_create_vm(int dev_fd, uint64_t *uid);
int ne_add_vcpu(int fd, uint32_t *id);
int ne_load_info(int fd, uint64_t flags, uint64_t *offset);
int ne_add_mem(int fd, uint64_t flags, uint64_t size, uint64_t addr);
int ne_start(int fd, uint64_t flags, uint64_t *cid);
/** ne_ioctl() - call any ioctl with any argument */
int ne_ioctl(int fd, unsigned long request, void *arg);

/** ne_new_enclave() - open the device, create an enclave, close the device */
int ne_new_enclave(uint64_t *uid);
/** ne_add_vcpu_id() - add CPU @id (0: any); returns the id that was added */
int ne_add_vcpu_id(int fd, uint32_t id);
/** ne_add_region() - donate @size bytes at @addr with flags 0 */
int ne_add_region(int fd, void *addr, size_t size);

/** ne_map_huge() - map private anonymous 2 MiB pages; NULL if there are none left */
void *ne_map_huge(size_t size);
/** ne_huge_memfd() - make a file of 2 MiB pages; returns a descriptor or -errno */
int ne_huge_memfd(size_t size);
/** ne_map_aligned() - map untouched 4 KiB pages at a 2 MiB boundary */
void *ne_map_aligned(size_t size);
/** ne_unused_address() - a 2 MiB aligned address at which nothing is mapped */
void *ne_unused_address(void);

/** ne_read_value() - number after "@key:" or "@key " in a file, -1 if there is none */
long ne_read_value(const char *path, const char *key);
/** ne_meminfo() - value of a line in /proc/meminfo ("HugePages_Free"), -1 if none */
long ne_meminfo(const char *key);
/**
 * ne_available_kib() - memory available to programs, in KiB
 *
 * Adds the free pages in the per-CPU lists, which MemAvailable does not count. After a
 * large release these are tens of MiB, and their number varies on its own.
 */
long ne_available_kib(void);
/** ne_read_file() - at most @size - 1 bytes, NUL-terminated; length or -errno */
int ne_read_file(const char *path, char *buf, size_t size);
/** ne_write_file() - one write(); bytes written or -errno */
int ne_write_file(const char *path, const void *buf, size_t len);
/** ne_read_number() - number at the start of a file, or -errno */
long ne_read_number(const char *path);
int ne_write_number(const char *path, long value);

/** ne_pool_set() - write @list to ne_cpus without a newline; 0 or -errno */
int ne_pool_set(const char *list);
/** ne_pool_clear() - write an empty line and ignore the EINVAL it gives */
int ne_pool_clear(void);

/** ne_command() - run a program and wait; returns its exit code, or at least 128 */
int ne_command(const char *const *argv);
#define NE_COMMAND(...)	ne_command((const char *const []){ __VA_ARGS__, NULL })

/** ne_drop_sys_admin() - drop CAP_SYS_ADMIN; returns 0 or -errno */
int ne_drop_sys_admin(void);

/** ne_kmsg_open() - open the kernel log at its end */
int ne_kmsg_open(void);
/** ne_kmsg_find() - does a new line contain @text (in any case)? Reads up to the end. */
bool ne_kmsg_find(int fd, const char *text);
/** ne_kmsg_is_quiet() - false if a new line is a complaint or from the driver */
bool ne_kmsg_is_quiet(int fd);
/** ne_kmsg_is_sane() - false if a new line is a complaint of the kernel about itself */
bool ne_kmsg_is_sane(int fd);

/** ne_wait_hup() - poll() without events; returns revents, 0 after @timeout_ms */
int ne_wait_hup(int fd, int timeout_ms);

/** ne_has_checkers() - does the kernel check itself? It is slow and needs more memory. */
bool ne_has_checkers(void);
/**
 * ne_slowness() - factor for time limits, relative to a usual kernel on an idle machine
 *
 * Kernels with checkers are slow; the caller passes its measurement in NE_SLOWNESS.
 */
unsigned int ne_slowness(void);

/**
 * ne_await_syscall() - wait until a thread of this process sleeps in a system call
 * @tid: thread; getpid() for the first one
 * @number: of the system call
 *
 * Return: false if it does not within 20 seconds.
 */
bool ne_await_syscall(pid_t tid, long number);

/** ne_msleep() - sleep; only for polling loops */
void ne_msleep(unsigned int ms);
uint64_t ne_now_ms(void);

#endif
