/* SPDX-License-Identifier: Apache-2.0 */
/* Per-enclave settings, which "ne-emu lab" changes. */

#ifndef NE_EMU_DAEMON_LAB_H
#define NE_EMU_DAEMON_LAB_H

#include "ca/issuer.h"
#include "ca/store.h"
#include "common/error.h"
#include "common/nsm_control.h"

#include <stdio.h>

/* The parent's default identity: the host is not on EC2. */
#define LAB_REGION		"us-east-1"
#define LAB_INSTANCE_ID		"i-00000000000000000"

/* Maximum length of a role ARN by AWS's documentation. */
#define LAB_ROLE_MAX		2048
#define LAB_VALUE_SIZE		(LAB_ROLE_MAX + 1)

/**
 * struct lab_settings - settings of one enclave
 * @project: name of the root that certificates chain to
 * @place: instance id, region, lifetime of leaves, and faults of certificates
 * @role_arn: role that PCR3 is made from; "": no role
 * @look_inside: its owner may look into it even if it is not in debug mode
 * @module: settings of the NSM; lab_module() sets its PCR3 and PCR4 and their flag bits
 * @faults: faults on request
 */
struct lab_settings {
	char project[CA_PROJECT_MAX + 1];
	struct ca_place place;
	char role_arn[LAB_ROLE_MAX + 1];
	bool look_inside;
	struct nsm_settings module;
	struct fault_settings faults;
};

/** lab_init() - initialise all settings with their defaults */
void lab_init(struct lab_settings *settings);

/**
 * lab_set() - change one setting
 * @running: refuse settings that can only be changed before an enclave starts
 *
 * Return: 0, -ENOENT (no such setting), -EBUSY (@running) or -EINVAL, with @error.
 */
int lab_set(struct lab_settings *settings, const char *name, const char *value, bool running,
	    struct error *error);

/** lab_reset() - set what can be changed while an enclave runs to @defaults */
void lab_reset(struct lab_settings *settings, const struct lab_settings *defaults);

/** lab_name() - Return: the name of setting number @i; NULL after the last one */
const char *lab_name(size_t i);

/** lab_get() - get the value of setting number @i, in the form that lab_set() accepts */
void lab_get(const struct lab_settings *settings, size_t i, char value[LAB_VALUE_SIZE]);

/**
 * lab_describe() - list the settings that differ from the defaults as "name=value"
 *
 * Return: text that the caller frees, "" if there is none; NULL (out of memory).
 */
char *lab_describe(const struct lab_settings *settings);

/** lab_module() - make the settings to send to the NSM, including PCR3 and PCR4 */
void lab_module(const struct lab_settings *settings, struct nsm_settings *ret);

/** lab_now() - Return: the time for documents and certificates, seconds since 1970 */
int64_t lab_now(const struct lab_settings *settings, int64_t host_now);

/** lab_is_plain() - Return: true if no clock, fault or lifetime of certificates was set */
bool lab_is_plain(const struct lab_settings *settings);

#endif
