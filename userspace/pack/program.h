/* SPDX-License-Identifier: Apache-2.0 */
/* Programs, as the kernel sees them when it is to execute one. */

#ifndef NE_EMU_PACK_PROGRAM_H
#define NE_EMU_PACK_PROGRAM_H

#include "common/error.h"
#include "pack/tree.h"

#include <limits.h>

/** enum program_kind - what a file is */
enum program_kind {
	PROGRAM_OTHER,		/* the kernel refuses it; a C library may start /bin/sh */
	PROGRAM_ELF,
	PROGRAM_SCRIPT,		/* "#!" and an interpreter */
};

/**
 * struct program - a file that is to be executed
 * @machine: EM_* of an ELF file
 * @interpreter: path of the dynamic loader or the script's interpreter; "" if there is none
 */
struct program {
	enum program_kind kind;
	unsigned int machine;
	char interpreter[PATH_MAX];
};

/**
 * program_read() - look at a program
 * @fd: file that contains it
 * @offset: where it begins
 * @size: its size
 * @ret: filled
 *
 * Return: 0, -EBADMSG (a damaged ELF file), or a negative errno.
 */
int program_read(int fd, uint64_t offset, uint64_t size, struct program *ret);

/**
 * struct program_search - what an init starts, in the root file system of an enclave
 * @name: the program
 * @path: directories to search if @name has no slash, separated by colons
 * @directory: working directory, absolute; NULL: the root directory
 * @machine: EM_* of the kernel
 */
struct program_search {
	const char *name;
	const char *path;
	const char *directory;
	unsigned int machine;
};

/**
 * program_check() - check whether a program can be started
 * @tree: the root file system, in which everything has to be that starting it needs
 * @search: the program
 * @ret_path: receives where it is, or ""
 * @error: set on failure
 *
 * Return: 0; -EOPNOTSUPP if that depends on the kernel or a shell, with a text; -ENOENT,
 * -EACCES, -ENOEXEC or another negative errno if it cannot, with a text.
 */
int program_check(struct tree *tree, const struct program_search *search,
		  char ret_path[PATH_MAX], struct error *error);

#endif
