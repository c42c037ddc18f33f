/* SPDX-License-Identifier: Apache-2.0 */
/* Report how the command has ended. */

#ifndef NE_EMU_GUEST_INIT_REPORT_H
#define NE_EMU_GUEST_INIT_REPORT_H

/**
 * report_end() - print how the command has ended, and report it to the NSM
 * @status: as of wait(2)
 *
 * On EC2, the NSM answers that it does not know the request. Without an NSM in the kernel,
 * nothing is reported. Neither is an error.
 */
void report_end(int status);

#endif
