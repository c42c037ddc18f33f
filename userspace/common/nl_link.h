/* SPDX-License-Identifier: Apache-2.0 */
/* Network devices, by rtnetlink. */

#ifndef NE_EMU_COMMON_NL_LINK_H
#define NE_EMU_COMMON_NL_LINK_H

/**
 * nl_link_add() - make a network device and switch it on
 * @name: shorter than IFNAMSIZ
 * @kind: what "ip link add type" calls it; the kernel loads its module
 *
 * Return: 0, -EOPNOTSUPP (the kernel has no such kind) or another negative errno.
 */
int nl_link_add(const char *name, const char *kind);

#endif
