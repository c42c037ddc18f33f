/* SPDX-License-Identifier: Apache-2.0 */
/* Settings in files: the configuration, and the attestation settings of one enclave. */

#ifndef NE_EMU_DAEMON_SETTINGS_FILE_H
#define NE_EMU_DAEMON_SETTINGS_FILE_H

#include "common/config.h"
#include "daemon/lab.h"

#define SETTINGS_SECTION	"attestation"
#define SETTINGS_SECTION_LOGS	"logs"

/**
 * struct settings - the configuration
 * @attestation: defaults of enclaves
 * @consoles_max: maximum size of all console logs together, bytes
 */
struct settings {
	struct lab_settings attestation;
	uint64_t consoles_max;
};

/** settings_load() - read a configuration file into @settings; Return: as config_load() */
int settings_load(const char *path, struct settings *settings, struct error *error);

/* The file of an enclave is in the enclave's directory, which only root can enter. */

/** settings_file_write() - Return: 0 or a negative errno */
int settings_file_write(const char *folder, const struct lab_settings *settings);
/** settings_file_read() - Return: as config_load() */
int settings_file_read(const char *folder, struct lab_settings *settings,
		       struct error *error);
/** settings_file_remove() - remove the file if it exists */
void settings_file_remove(const char *folder);

#endif
