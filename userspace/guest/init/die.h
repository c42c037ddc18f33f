/* SPDX-License-Identifier: Apache-2.0 */
/* End this process, and with it the enclave, with a message. */

#ifndef NE_EMU_GUEST_INIT_DIE_H
#define NE_EMU_GUEST_INIT_DIE_H

/** die() - print a message with the text of errno and exit; the kernel panics then */
__attribute__((noreturn, format(printf, 1, 2)))
void die(const char *fmt, ...);

#endif
