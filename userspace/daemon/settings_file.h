/* SPDX-License-Identifier: Apache-2.0 */
/* Settings in files: the configuration, and those of attestation of one enclave. */

#ifndef NE_EMU_DAEMON_SETTINGS_FILE_H
#define NE_EMU_DAEMON_SETTINGS_FILE_H

#include "common/config.h"
#include "daemon/lab.h"

#define SETTINGS_SECTION	"attestation"
#define SETTINGS_SECTION_LOGS	"logs"

/**
 * struct settings - the configuration
 * @attestation: of enclaves that have no settings of their own
 * @consoles_max: bytes of all console logs together
 */
struct settings {
	struct lab_settings attestation;
	uint64_t consoles_max;
};

/** settings_load() - change @settings by a configuration file; as config_load() */
int settings_load(const char *path, struct settings *settings, struct error *error);

/* The file of an enclave in its @folder, which keeps others out. */

/** settings_file_write() - Return: 0 or a negative errno */
int settings_file_write(const char *folder, const struct lab_settings *settings);
/** settings_file_read() - Return: as config_load() */
int settings_file_read(const char *folder, struct lab_settings *settings,
		       struct error *error);
/** settings_file_remove() - if there is one */
void settings_file_remove(const char *folder);

#endif
