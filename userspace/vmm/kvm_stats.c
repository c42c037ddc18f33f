// SPDX-License-Identifier: Apache-2.0
/*
 * Statistics of KVM. A file has a header, an array of descriptors, and the values; see
 * Documentation/virt/kvm/api.rst of Linux, section 4.133.
 */

#include "vmm/kvm_stats.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Far beyond what KVM has. */
#define DESCS_MAX	1024
#define STAT_NAME_MAX	128

int kvm_stats_open(int fd)
{
	int stats_fd = ioctl(fd, KVM_GET_STATS_FD, NULL);

	return stats_fd < 0 ? -errno : stats_fd;
}

static int read_at(int fd, void *buf, size_t size, uint64_t offset)
{
	ssize_t n = pread(fd, buf, size, offset);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EPROTO;
}

static int read_one(int fd, const struct kvm_stats_header *header, uint32_t index,
		    kvm_stats_fn *call, void *arg)
{
	size_t size = sizeof(struct kvm_stats_desc) + header->name_size;
	union {
		struct kvm_stats_desc desc;
		char bytes[sizeof(struct kvm_stats_desc) + STAT_NAME_MAX];
	} one;
	char name[STAT_NAME_MAX];
	uint64_t value;
	int err;

	err = read_at(fd, &one, size, header->desc_offset + (uint64_t)index * size);
	if (err)
		return err;
	memcpy(name, one.bytes + sizeof(one.desc), header->name_size);
	if (!memchr(name, '\0', header->name_size))
		return -EPROTO;
	if (one.desc.size != 1)
		return 0;
	err = read_at(fd, &value, sizeof(value), (uint64_t)header->data_offset + one.desc.offset);
	if (!err)
		call(arg, name, &one.desc, value);
	return err;
}

int kvm_stats_read(int stats_fd, kvm_stats_fn *call, void *arg)
{
	struct kvm_stats_header header;
	int err = read_at(stats_fd, &header, sizeof(header), 0);

	if (err)
		return err;
	if (!header.name_size || header.name_size > STAT_NAME_MAX || header.num_desc > DESCS_MAX)
		return -EPROTO;
	for (uint32_t i = 0; !err && i < header.num_desc; i++)
		err = read_one(stats_fd, &header, i, call, arg);
	return err;
}
