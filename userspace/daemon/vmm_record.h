/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which process is the VMM of an enclave, in the enclave's directory: for the supervisor
 * that comes after the one that has started it.
 *
 * A process id alone may be another process by then. With it goes the inode of the
 * pidfd, which no other process gets before the next boot.
 */

#ifndef NE_EMU_DAEMON_VMM_RECORD_H
#define NE_EMU_DAEMON_VMM_RECORD_H

#include "daemon/vmm_process.h"

/* @folder: directory of the enclave; only root can write into it */

/**
 * vmm_record_write() - note a VMM
 *
 * Return: 0, -EOPNOTSUPP (this kernel does not number processes: before Linux 6.9) or
 * another negative errno.
 */
int vmm_record_write(const char *folder, const struct vmm *vmm);

/**
 * vmm_record_find() - the VMM that was noted, if it still runs
 * @ret: adopted; release with vmm_free()
 *
 * Return: 0, -ENOENT (none was noted), -ESRCH (it has ended) or another negative errno.
 */
int vmm_record_find(const char *folder, uint64_t slot_uid, struct vmm **ret);

/** vmm_record_remove() - if there is one */
void vmm_record_remove(const char *folder);

#endif
