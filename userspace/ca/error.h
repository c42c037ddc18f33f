/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong with a certificate authority, for people. */

#ifndef NE_EMU_CA_ERROR_H
#define NE_EMU_CA_ERROR_H

#define CA_ERROR_SIZE	320

/** struct ca_error - what is wrong, where, and what to do about it */
struct ca_error {
	char text[CA_ERROR_SIZE];
};

/** ca_fail() - fill @ret; returns -@error */
__attribute__((format(printf, 3, 4)))
int ca_fail(struct ca_error *ret, int error, const char *fmt, ...);

/** ca_fail_openssl() - the same for OpenSSL's first complaint, all of which it drops */
int ca_fail_openssl(struct ca_error *ret, const char *what);

#endif
