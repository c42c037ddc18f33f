/* SPDX-License-Identifier: Apache-2.0 */
/* Add network devices by rtnetlink. */

#ifndef NE_EMU_COMMON_NL_LINK_H
#define NE_EMU_COMMON_NL_LINK_H

/**
 * nl_link_add() - add a network device and bring it up
 * @name: name of the device, shorter than IFNAMSIZ
 * @kind: its type, as of "ip link add type"; the kernel loads the module if needed
 *
 * Return: 0, -EOPNOTSUPP (the kernel has no such kind) or another negative errno.
 */
int nl_link_add(const char *name, const char *kind);

#endif
