/* SPDX-License-Identifier: Apache-2.0 */
/* A sign of life during long work, for people who wait at a terminal. */

#ifndef NE_EMU_COMMAND_PROGRESS_H
#define NE_EMU_COMMAND_PROGRESS_H

/**
 * progress_begin() - after two seconds, tell every second for how long it goes on
 * @what: "checking", say; must live until progress_end()
 *
 * Says nothing unless standard error is a terminal. One at a time.
 */
void progress_begin(const char *what);
void progress_end(void);

#endif
