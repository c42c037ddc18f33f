/* SPDX-License-Identifier: Apache-2.0 */
/* Container images that are not files: skopeo finds and copies them. */

#ifndef NE_EMU_CLI_IMAGE_REFERENCE_H
#define NE_EMU_CLI_IMAGE_REFERENCE_H

#include "common/sha256.h"
#include "common/error.h"

#include <stdbool.h>

/** reference_has_transport() - does @name begin with a transport of skopeo ("docker://")? */
bool reference_has_transport(const char *name);

/**
 * reference_resolve() - find an image
 * @name: with a transport or, without one, a name in the stores of podman or docker
 * @ret: the name with its transport; the caller frees it
 * @ret_digest: hash of the image's manifest or index, which names all of its contents
 * @error: set on failure
 *
 * Without a transport, only stores of this machine are searched.
 *
 * Return: 0 or a negative errno with a message.
 */
int reference_resolve(const char *name, char **ret, char ret_digest[SHA256_TEXT_SIZE],
		      struct error *error);

/**
 * reference_fetch() - copy an image
 * @name: from reference_resolve()
 * @arch: architecture as containers name it: "amd64" or "arm64"
 * @dir: an empty directory, which becomes an OCI image layout
 * @error: set on failure
 */
int reference_fetch(const char *name, const char *arch, const char *dir, struct error *error);

#endif
