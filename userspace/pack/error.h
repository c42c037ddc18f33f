/* SPDX-License-Identifier: Apache-2.0 */
/* A reason for people that travels with a negative errno. */

#ifndef NE_EMU_PACK_ERROR_H
#define NE_EMU_PACK_ERROR_H

#define PACK_ERROR_SIZE	400

/** struct pack_error - what is wrong, and where; "" if the errno says it all */
struct pack_error {
	char text[PACK_ERROR_SIZE];
};

/** pack_fail() - store the text, which may hold names from an image, clean; returns @error, a negative errno */
__attribute__((format(printf, 3, 4)))
int pack_fail(struct pack_error *ret, int error, const char *fmt, ...);

#endif
