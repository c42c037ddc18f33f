/* SPDX-License-Identifier: Apache-2.0 */
/* Show progress during long operations on a terminal. */

#ifndef NE_EMU_COMMAND_PROGRESS_H
#define NE_EMU_COMMAND_PROGRESS_H

/**
 * progress_begin() - start to show the elapsed time, each second after the first
 * @what: name of the operation, e.g. "checking"; must stay valid until progress_end()
 *
 * Does nothing unless standard error is a terminal. Operations cannot be nested.
 */
void progress_begin(const char *what);
/** progress_end() - stop, and erase what is shown */
void progress_end(void);

#endif
