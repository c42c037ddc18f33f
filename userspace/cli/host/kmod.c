// SPDX-License-Identifier: Apache-2.0
/* Modules of the running kernel. */

#include "cli/host/kmod.h"

#include "cli/host/sysfs.h"
#include "common/util.h"

#include <string.h>
#include <sys/utsname.h>

const char *kmod_release(void)
{
	static struct utsname uts;

	return uname(&uts) ? "" : uts.release;
}

static bool same_name(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i] && !(strchr("-_", a[i]) && strchr("-_", b[i])))
			return false;
	return true;
}

/* Does a line such as "kernel/net/a_b.ko.xz: ..." begin with the path of this module? */
static bool names_module(const char *line, const char *name)
{
	const char *end = strpbrk(line, ":\n");
	size_t len = strlen(name);

	for (const char *at = line; at && at < end; at = strchr(at, '/')) {
		at += *at == '/';
		if (end - at > (ptrdiff_t)len && same_name(at, name, len) &&
		    !strncmp(at + len, ".ko", 3))
			return true;
	}
	return false;
}

/* Return: 1, 0, or -1 if the file cannot be read. */
static int listed(const char *file_name, const char *name)
{
	char path[SYS_PATH_SIZE];
	__cleanup_free char *line = NULL;
	__cleanup_file FILE *file = fopen(sys_path(path, "/lib/modules/%s/%s", kmod_release(),
						   file_name), "re");
	size_t size = 0;

	if (!file)
		return -1;
	while (getline(&line, &size, file) > 0)
		if (names_module(line, name))
			return 1;
	return 0;
}

enum kmod_place kmod_find(const char *name)
{
	int file = listed("modules.dep", name);

	if (listed("modules.builtin", name) > 0)
		return KMOD_BUILT_IN;
	return file < 0 ? KMOD_UNKNOWN : file ? KMOD_FILE : KMOD_MISSING;
}
