// SPDX-License-Identifier: Apache-2.0
/* Injected failures of what the kernel does for this thread. */

#include "fault.h"
#include "ne_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEBUGFS		"/sys/kernel/debug/"
#define MODULE		"/opt/ne-emu/debug/ne_fault.ko"
/* No operation has so many steps. */
#define MAX_NTH		2000

static void load_probes(struct ne_test *t)
{
	if (!access("/sys/module/ne_fault", F_OK))
		return;
	if (access(MODULE, F_OK))
		ne_skip(t, "there is no " MODULE);
	REQUIRE_EQ(t, NE_COMMAND("insmod", MODULE), 0);
}

/* Write a value to this file of each kind of failure that has it. */
static bool set_all(const char *file, const char *value)
{
	static const char *const kinds[] = {
		"failslab", "fail_page_alloc", "fail_usercopy", "ne_fault",
	};
	unsigned int nr = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		char path[200];

		snprintf(path, sizeof(path), DEBUGFS "%s/%s", kinds[i], file);
		if (!access(path, F_OK))
			nr += ne_write_file(path, value, strlen(value)) > 0;
	}
	return nr > 0;
}

void fault_setup(struct ne_test *t)
{
	/* Also fail allocations that may sleep, and those of any size. */
	static const struct {
		const char *file;
		const char *value;
	} settings[] = {
		{ "ignore-gfp-wait", "N" },
		{ "ignore-gfp-highmem", "N" },
		{ "min-order", "0" },
		/* Otherwise each failure would log a call trace. */
		{ "verbose", "0" },
		{ "stacktrace-depth", "32" },
		{ "require-start", "0" },
		{ "require-end", "0xffffffffffffffff" },
	};
	size_t i;

	load_probes(t);
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (!set_all(settings[i].file, settings[i].value))
			ne_skip(t, "no %s of fault injection can be written", settings[i].file);
}

/* Find the start of a function and of the next one. Return: false if it does not exist. */
static bool find_function(const char *name, unsigned long *start, unsigned long *end)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long address;
	char symbol[300];

	*start = 0;
	*end = -1UL;
	while (f && fscanf(f, "%lx %*c %299s%*[^\n]", &address, symbol) == 2)
		if (!*start && !strcmp(symbol, name))
			*start = address;
		else if (*start && address > *start && address < *end)
			*end = address;
	if (f)
		fclose(f);
	return *start && *end != -1UL;
}

void fault_require(struct ne_test *t, const char *function)
{
	unsigned long start, end;
	char text[32];

	REQUIRE(t, find_function(function, &start, &end));
	snprintf(text, sizeof(text), "0x%lx", start);
	REQUIRE(t, set_all("require-start", text));
	snprintf(text, sizeof(text), "0x%lx", end);
	REQUIRE(t, set_all("require-end", text));
}

void fault_open(struct ne_test *t, struct fault *f)
{
	memset(f, 0, sizeof(*f));
	f->fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (f->fd < 0)
		ne_skip(t, "the kernel has no fault injection");
}

bool fault_next(const struct fault *f)
{
	return !f->done && f->nth < MAX_NTH;
}

void fault_arm(struct fault *f)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", ++f->nth);

	if (pwrite(f->fd, text, len, 0) != len)
		abort();
}

bool fault_disarm(struct fault *f)
{
	char text[16] = "";
	bool injected = false;

	/* The read copies to user memory, so it may be what fails. */
	if (pread(f->fd, text, sizeof(text) - 1, 0) > 0)
		injected = !atoi(text);
	else if (errno != EFAULT)
		abort();
	/* So may the first write, but not the second. */
	if (pwrite(f->fd, "0", 1, 0) != 1 && pwrite(f->fd, "0", 1, 0) != 1)
		abort();
	f->injected += injected;
	f->done = !injected;
	return injected;
}

void fault_close(struct ne_test *t, struct fault *f)
{
	ne_note("%d failures injected, %d calls failed", f->injected, f->failed);
	CHECK(t, f->done);
	CHECK(t, f->injected > 0);
	close(f->fd);
}

void fault_close_unfailing(struct ne_test *t, struct fault *f)
{
	CHECK(t, f->done);
	CHECK_EQ(t, f->injected, 0);
	close(f->fd);
}

bool fault_check(struct ne_test *t, struct fault *f, const char *what, long rc,
		 const int *errors)
{
	if (rc >= 0)
		return false;
	f->failed++;
	while (*errors && *errors != -rc)
		errors++;
	if (f->done || !*errors)
		ne_fail(t, __FILE__, __LINE__, "%s: failure %d%s: got %ld (%s)", what, f->nth,
			f->done ? ", which did not happen" : "", rc, strerror(-rc));
	else
		CHECK(t, true);
	return true;
}
