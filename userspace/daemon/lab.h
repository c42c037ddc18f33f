/* SPDX-License-Identifier: Apache-2.0 */
/* Per-enclave attestation settings, which "ne-emu lab" changes. */

#ifndef NE_EMU_DAEMON_LAB_H
#define NE_EMU_DAEMON_LAB_H

#include "ca/issuer.h"
#include "ca/store.h"
#include "common/error.h"
#include "common/nsm_control.h"

#include <stdio.h>

/* The identity of the parent off EC2. */
#define LAB_REGION		"us-east-1"
#define LAB_INSTANCE_ID		"i-00000000000000000"

/* AWS: 2048 characters at most. */
#define LAB_ROLE_MAX		2048
#define LAB_VALUE_SIZE		(LAB_ROLE_MAX + 1)

/**
 * struct lab_settings - settings of one enclave
 * @project: which root
 * @place: instance id, region, life of leaves, and faults of certificates
 * @role_arn: what PCR3 is made from; "": no role
 * @module: settings for the module; its PCR3 and PCR4 and flag bits for these are set
 *	by lab_module()
 */
struct lab_settings {
	char project[CA_PROJECT_MAX + 1];
	struct ca_place place;
	char role_arn[LAB_ROLE_MAX + 1];
	struct nsm_settings module;
};

/** lab_init() - what holds without any settings */
void lab_init(struct lab_settings *settings);

/**
 * lab_set() - change one setting
 * @running: refuse what can only be set before an enclave starts
 *
 * Return: 0, -ENOENT (no such setting), -EBUSY (@running) or -EINVAL, with @error.
 */
int lab_set(struct lab_settings *settings, const char *name, const char *value, bool running,
	    struct error *error);

/** lab_reset() - what can be changed while an enclave runs, back to @defaults */
void lab_reset(struct lab_settings *settings, const struct lab_settings *defaults);

/** lab_name() - name of setting number @i, NULL behind the last */
const char *lab_name(size_t i);

/** lab_get() - value of setting number @i, as lab_set() takes it */
void lab_get(const struct lab_settings *settings, size_t i, char value[LAB_VALUE_SIZE]);

/**
 * lab_describe() - the settings that are not the usual ones, "name=value" each
 *
 * Return: text for the caller to free, "" if all are usual; NULL (no memory).
 */
char *lab_describe(const struct lab_settings *settings);

/** lab_module() - what to send to the module: with PCR3 and PCR4 */
void lab_module(const struct lab_settings *settings, struct nsm_settings *ret);

/** lab_now() - the time of documents and of issue, seconds since 1970 */
int64_t lab_now(const struct lab_settings *settings, int64_t host_now);

/** lab_is_plain() - do certificates and documents follow the usual rules? */
bool lab_is_plain(const struct lab_settings *settings);

#endif
