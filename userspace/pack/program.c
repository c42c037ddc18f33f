// SPDX-License-Identifier: Apache-2.0
/* Programs, as the kernel sees them when it is to execute one. */

#include "pack/program.h"

#include "common/util.h"
#include "pack/losses.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_SIZE	256	/* as in the kernel: BINPRM_BUF_SIZE */
#define HEADERS_MAX	128	/* program headers that are read */
#define SCRIPTS_MAX	5	/* as in the kernel: interpreters that are scripts */

/* Parse the first line of a script. */
static void read_script(const char *line, struct program *ret)
{
	size_t len;

	line += strspn(line, " \t");
	len = strcspn(line, " \t\r\n");
	ret->kind = PROGRAM_SCRIPT;
	memcpy(ret->interpreter, line, len);
	ret->interpreter[len] = 0;
}

/** struct slice - a part of a file */
struct slice {
	int fd;
	uint64_t offset;
	uint64_t size;
};

/* Return: 0, -EBADMSG (beyond the end) or another negative errno. */
static int slice_read(const struct slice *slice, uint64_t at, void *data, size_t size)
{
	ssize_t n;

	if (at > slice->size || size > slice->size - at)
		return -EBADMSG;
	n = pread(slice->fd, data, size, slice->offset + at);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EBADMSG;
}

static int read_interpreter(const struct slice *slice, const Elf64_Phdr *header,
			    struct program *ret)
{
	int err;

	if (header->p_filesz < 2 || header->p_filesz > sizeof(ret->interpreter))
		return -EBADMSG;
	err = slice_read(slice, header->p_offset, ret->interpreter, header->p_filesz);
	if (!err && ret->interpreter[header->p_filesz - 1])
		err = -EBADMSG;
	return err;
}

static int read_elf(const struct slice *slice, struct program *ret)
{
	Elf64_Phdr header = {};
	Elf64_Ehdr elf;
	int err = slice_read(slice, 0, &elf, sizeof(elf));

	if (err)
		return err;
	ret->kind = PROGRAM_ELF;
	/* Neither machine is big-endian, and the 32-bit ones have other numbers. */
	ret->machine = elf.e_ident[EI_DATA] == ELFDATA2LSB ? elf.e_machine : EM_NONE;
	if (elf.e_ident[EI_CLASS] != ELFCLASS64 || ret->machine == EM_NONE)
		return 0;
	if (elf.e_phentsize != sizeof(header) || elf.e_phnum > HEADERS_MAX)
		return -EBADMSG;
	for (size_t i = 0; !err && i < elf.e_phnum; i++) {
		err = elf.e_phoff > slice->size ? -EBADMSG :
			slice_read(slice, elf.e_phoff + i * sizeof(header), &header,
				   sizeof(header));
		if (!err && header.p_type == PT_INTERP)
			return read_interpreter(slice, &header, ret);
	}
	return err;
}

int program_read(int fd, uint64_t offset, uint64_t size, struct program *ret)
{
	const struct slice slice = { fd, offset, size };
	char start[LINE_MAX_SIZE + 1] = "";
	int err = slice_read(&slice, 0, start, MIN(size, (uint64_t)LINE_MAX_SIZE));

	ret->kind = PROGRAM_OTHER;
	ret->machine = EM_NONE;
	*ret->interpreter = 0;
	if (err)
		return err;
	if (size >= SELFMAG && !memcmp(start, ELFMAG, SELFMAG))
		return read_elf(&slice, ret);
	if (!memcmp(start, "#!", 2))
		read_script(start + 2, ret);
	return 0;
}

/* Join two parts of a path; NULL: too long. */
static const char *join(char buf[PATH_MAX], const char *directory, size_t len, const char *name)
{
	int n = snprintf(buf, PATH_MAX, "%.*s/%s", (int)len, directory, name);

	return n < PATH_MAX ? buf : NULL;
}

/* Find a file from the working directory; what a file system is mounted over is not there. */
static struct tree_node *find_file(struct tree *tree, const struct program_search *search,
				   const char *name)
{
	const char *directory = search->directory ?: "";
	struct tree_node *node;
	char path[PATH_MAX];

	if (*name != '/')
		name = join(path, directory, strlen(directory), name);
	node = name ? tree_find(tree, name, true) : NULL;
	return node && !tree_is_covered(node) ? node : NULL;
}

static bool is_executable(const struct tree_node *node)
{
	return S_ISREG(node->mode) && node->file && node->mode & 0111;
}

/* As execvpe() does: the first executable file, or else the first file, of the directories. */
static struct tree_node *find_program(struct tree *tree, const struct program_search *search,
				      char ret_path[PATH_MAX])
{
	struct tree_node *found = NULL;
	const char *next = search->path;

	if (strchr(search->name, '/')) {
		snprintf(ret_path, PATH_MAX, "%s", search->name);
		return find_file(tree, search, search->name);
	}
	while (next) {
		size_t len = strcspn(next, ":");
		char path[PATH_MAX];
		struct tree_node *node;

		node = join(path, len ? next : ".", len ?: 1, search->name) ?
			find_file(tree, search, path) : NULL;
		if (node && (!found || is_executable(node))) {
			memcpy(ret_path, path, sizeof(path));
			found = node;
			if (is_executable(node))
				break;
		}
		next = next[len] ? next + len + 1 : NULL;
	}
	return found;
}

static const char *machine_name(unsigned int machine)
{
	switch (machine) {
	case EM_X86_64:
		return "x86_64";
	case EM_AARCH64:
		return "aarch64";
	case EM_386:
		return "32-bit x86";
	case EM_ARM:
		return "32-bit ARM";
	}
	return "another machine";
}

static int check_machine(const struct program *program, unsigned int machine, const char *path,
			 struct error *error)
{
	if (program->machine == machine)
		return 0;
	if ((program->machine == EM_386 && machine == EM_X86_64) ||
	    (program->machine == EM_ARM && machine == EM_AARCH64))
		return error_set(error, -EOPNOTSUPP, "%.200s is a 32-bit program, which the "
				 "kernel may not support", path);
	return error_set(error, -ENOEXEC, "%.200s is a program for %s, the kernel is for %s",
			 path, machine_name(program->machine), machine_name(machine));
}

static int check_file(struct tree *tree, const struct program_search *search,
		      const struct tree_node *node, const char *path, unsigned int depth,
		      struct error *error);

static int check_interpreter(struct tree *tree, const struct program_search *search,
			     const struct program *program, const char *path,
			     unsigned int depth, struct error *error)
{
	const struct tree_node *node = find_file(tree, search, program->interpreter);

	if (!*program->interpreter)
		return program->kind == PROGRAM_ELF ? 0 :
			error_set(error, -ENOEXEC, "%.200s names no interpreter after \"#!\"",
				  path);
	if (!node && program->kind == PROGRAM_ELF)
		return error_set(error, -ENOENT, "%.200s is linked dynamically, but its loader "
				 "%.200s is not in the root file system: add it and the "
				 "libraries, or link statically", path, program->interpreter);
	if (!node)
		return error_set(error, -ENOENT, "%.200s is a script, but its interpreter "
				 "%.200s is not in the root file system", path,
				 program->interpreter);
	if (depth == SCRIPTS_MAX)
		return error_set(error, -ELOOP, "%.200s: too many interpreters are scripts", path);
	return check_file(tree, search, node, program->interpreter, depth + 1, error);
}

static int check_file(struct tree *tree, const struct program_search *search,
		      const struct tree_node *node, const char *path, unsigned int depth,
		      struct error *error)
{
	struct program program;
	int err;

	if (!S_ISREG(node->mode) || !node->file)
		return error_set(error, -EACCES, "%.200s is not a file", path);
	if (!is_executable(node))
		return error_set(error, -EACCES, "%.200s is not executable: use chmod +x", path);
	err = program_read(tree_file_fd(tree, node->file), node->file->offset, node->file->size,
			   &program);
	if (err == -EBADMSG)
		return error_set(error, -ENOEXEC, "%.200s is a damaged ELF file", path);
	if (err)
		return error_set(error, err, "%.200s: %s", path, strerror(-err));
	if (program.kind == PROGRAM_OTHER)
		return error_set(error, -EOPNOTSUPP, "%.200s is neither an ELF file nor a script "
				 "that begins with \"#!\": at most /bin/sh can run it", path);
	if (program.kind == PROGRAM_ELF)
		err = check_machine(&program, search->machine, path, error);
	return err ? err : check_interpreter(tree, search, &program, path, depth, error);
}

int program_check(struct tree *tree, const struct program_search *search,
		  char ret_path[PATH_MAX], struct error *error)
{
	const struct tree_node *node;

	*ret_path = 0;
	node = find_program(tree, search, ret_path);
	if (!node && strchr(search->name, '/'))
		return error_set(error, -ENOENT, "the program %.200s is not in the root file "
				 "system%s", search->name,
				 *search->name == '/' ? "" : ", from the working directory");
	if (!node)
		return error_set(error, -ENOENT, "the program %.200s is in no directory of PATH, "
				 "%.300s", search->name, search->path);
	return check_file(tree, search, node, ret_path, 0, error);
}
