// SPDX-License-Identifier: Apache-2.0
/* Runs a fuzz target with all files in directories, as an ordinary test. Prints TAP. */

#include "fuzz.h"

#include "common/util.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int run_file(int folder, const char *name)
{
	__cleanup_fd int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	__cleanup_free uint8_t *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -1;
	if (!S_ISREG(st.st_mode))
		return 0;
	data = malloc(st.st_size ?: 1);	/* exact size: the sanitizer finds over-reads */
	if (!data || read_full(fd, data, st.st_size) != st.st_size)
		return -1;
	LLVMFuzzerTestOneInput(data, st.st_size);
	return 1;
}

static int run_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int count = 0, r;

	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		r = run_file(dirfd(dir), entry->d_name);
		if (r < 0) {
			printf("# cannot read %s/%s\n", path, entry->d_name);
			count = -1;
			break;
		}
		count += r;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	int failed = 0, count;

	printf("TAP version 13\n1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		count = run_folder(argv[i]);
		if (count <= 0)
			failed = 1;
		printf("%s %d - %d inputs of %s\n", count > 0 ? "ok" : "not ok", i, count,
		       argv[i]);
	}
	return failed || argc < 2;
}
