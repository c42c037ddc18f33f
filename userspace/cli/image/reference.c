// SPDX-License-Identifier: Apache-2.0
/* Container images that are not files: skopeo finds and copies them. */

#include "cli/image/reference.h"

#include "cli/host/process.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>

/* A manifest or index; registries accept up to 4 MiB. */
#define MANIFEST_SIZE_MAX	(4 * MIB)

static const char *const transports[] = {
	"docker://", "docker-daemon:", "containers-storage:", "docker-archive:", "oci-archive:",
	"oci:", "dir:",
};

/* Where podman, buildah and docker keep images. */
static const char *const local_stores[] = { "containers-storage:", "docker-daemon:" };

bool reference_has_transport(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++)
		if (!strncmp(name, transports[i], strlen(transports[i])))
			return true;
	return false;
}

static int read_digest(const char *name, char ret[SHA256_TEXT_SIZE], struct error *error)
{
	const char *const argv[] = { "skopeo", "inspect", "--raw", "--", name, NULL };
	__cleanup_free char *manifest = NULL;
	struct sha256 digest;
	size_t size;
	int err;

	err = process_read(argv, MANIFEST_SIZE_MAX, &manifest, &size, error);
	if (err)
		return err;
	sha256_begin(&digest);
	sha256_add(&digest, manifest, size);
	err = sha256_end(&digest, ret);
	return err ? error_set(error, err, "%s: %s", name, strerror(-err)) : 0;
}

static int explain_missing_skopeo(const char *name, struct error *error)
{
	return error_set(error, -ENOENT, "%.200s is not a file, and skopeo, which finds images by "
			 "name, is not installed; or use: podman save NAME | ne-emu run -", name);
}

/* docker-daemon: requires a tag. */
static int name_in_store(const char *store, const char *name, char **ret)
{
	const char *slash = strrchr(name, '/');
	bool tagged = strchr(slash ? slash : name, ':') || strchr(name, '@');

	return asprintf(ret, "%s%s%s", store, name, tagged ? "" : ":latest") < 0 ? -ENOMEM : 0;
}

static int search_stores(const char *name, char **ret, char ret_digest[SHA256_TEXT_SIZE],
			 struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(local_stores); i++) {
		char *candidate;
		int err = name_in_store(local_stores[i], name, &candidate);

		if (err)
			return error_set(error, err, "%s", strerror(-err));
		err = read_digest(candidate, ret_digest, error);
		if (!err) {
			*ret = candidate;
			return 0;
		}
		free(candidate);
		if (err == -ENOENT)
			return explain_missing_skopeo(name, error);
	}
	return error_set(error, -ENOENT, "%.200s is neither a file nor an image of podman or docker "
			 "on this machine; to fetch it from a registry, write docker://%.200s", name,
			 name);
}

int reference_resolve(const char *name, char **ret, char ret_digest[SHA256_TEXT_SIZE],
		      struct error *error)
{
	int err;

	if (!reference_has_transport(name))
		return search_stores(name, ret, ret_digest, error);
	err = read_digest(name, ret_digest, error);
	if (err == -ENOENT)
		return explain_missing_skopeo(name, error);
	if (err)
		return err;
	*ret = strdup(name);
	return *ret ? 0 : error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
}

int reference_fetch(const char *name, const char *arch, const char *dir, struct error *error)
{
	__cleanup_free char *target = NULL;
	const char *argv[] = { "skopeo", "--override-os", "linux", "--override-arch", arch, "copy",
			       "--quiet", "--", name, NULL, NULL };

	if (asprintf(&target, "oci:%s", dir) < 0) {
		target = NULL;
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	}
	argv[ARRAY_SIZE(argv) - 2] = target;
	return process_read(argv, 0, NULL, NULL, error);
}
