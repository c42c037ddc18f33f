// SPDX-License-Identifier: Apache-2.0
/* ne-emu doctor: questions to other programs, and where this one runs. */

#include "cli/doctor/doctor.h"

#include "cli/host/process.h"
#include "cli/host/sysfs.h"
#include "common/text.h"
#include "common/util.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define ARGS_MAX	16
#define OUTPUT_MAX	(64 * KIB)
#define SECONDS		"5"
/* Inode of the first PID namespace, PROC_PID_INIT_INO of the kernel. */
#define HOST_PID_NS	"pid:[4026531836]"

/* Below a prefix, only what is there counts. */
static const char *find_program(const char *path, char *buf)
{
	if (sys_exists("%s", path))
		return sys_path(buf, "%s", path);
	return *sys_root() ? NULL : strrchr(path, '/') + 1;
}

char *doctor_ask(const char *path, ...)
{
	const char *argv[ARGS_MAX + 1] = { "timeout", SECONDS };
	char program[SYS_PATH_SIZE], *text = NULL;
	struct error error;
	size_t size = 0, i = 2;
	va_list args;

	argv[i] = find_program(path, program);
	if (!argv[i])
		return NULL;
	va_start(args, path);
	while (argv[i] && i < ARGS_MAX)
		argv[++i] = va_arg(args, const char *);
	va_end(args);
	argv[ARGS_MAX] = NULL;
	if (process_read(argv, OUTPUT_MAX, &text, &size, &error))
		return NULL;
	while (size && strchr(" \t\r\n", text[size - 1]))
		text[--size] = 0;
	return text;
}

bool doctor_in_container(void)
{
	char path[SYS_PATH_SIZE], name[64];
	ssize_t len = readlink(sys_path(path, "/proc/self/ns/pid"), name, sizeof(name) - 1);

	name[MAX(len, 0)] = 0;
	return *name && strcmp(name, HOST_PID_NS);
}

bool doctor_runs_systemd(void)
{
	return sys_exists("/run/systemd/system");
}
