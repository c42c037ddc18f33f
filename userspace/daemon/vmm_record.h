/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record, in the enclave's directory, of which process is its VMM: for a supervisor that
 * is started later.
 *
 * By then, the process id may belong to another process. The record therefore also has the
 * inode of the pidfd, which no other process gets before the next boot.
 */

#ifndef NE_EMU_DAEMON_VMM_RECORD_H
#define NE_EMU_DAEMON_VMM_RECORD_H

#include "daemon/vmm_process.h"

/* The record is a file in the enclave's directory, into which only root can write. */

/**
 * vmm_record_write() - record a VMM
 *
 * Return: 0, -EOPNOTSUPP (pidfds have no inodes before Linux 6.9) or another negative
 * errno.
 */
int vmm_record_write(const char *folder, const struct vmm *vmm);

/**
 * vmm_record_find() - find the recorded VMM, if it is still running
 * @ret: receives the adopted VMM, to be released with vmm_free()
 *
 * Return: 0, -ENOENT (there is no record), -ESRCH (it has ended) or another negative errno.
 */
int vmm_record_find(const char *folder, uint64_t slot_uid, struct vmm **ret);

/** vmm_record_remove() - remove the record if it exists */
void vmm_record_remove(const char *folder);

#endif
