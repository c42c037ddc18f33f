// SPDX-License-Identifier: Apache-2.0
/* What keeps a program from starting in an enclave. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_root.h"
#include "pack/program.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#define LOADER	"/lib64/ld.so"

/** struct image - an ELF file: header, one program header, and the path of its loader */
struct image {
	Elf64_Ehdr elf;
	Elf64_Phdr header;
	char loader[sizeof(LOADER)];
};

static struct image make_image(unsigned int machine, bool dynamic)
{
	struct image image = {
		.elf = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = machine,
			.e_phoff = offsetof(struct image, header),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
		},
		.header = {
			.p_type = dynamic ? PT_INTERP : PT_LOAD,
			.p_offset = offsetof(struct image, loader),
			.p_filesz = sizeof(LOADER),
		},
		.loader = LOADER,
	};

	return image;
}

static void put_image(struct tree *tree, const char *path, const struct image *image)
{
	assert_int_equal(tree_put(tree, path, 0755, image, sizeof(*image)), 0);
}

static void put_elf(struct tree *tree, const char *path, unsigned int machine, bool dynamic)
{
	const struct image image = make_image(machine, dynamic);

	put_image(tree, path, &image);
}

static void put_text(struct tree *tree, const char *path, mode_t mode, const char *text)
{
	assert_int_equal(tree_put(tree, path, mode, text, strlen(text)), 0);
}

/* @text: of the error, or where the program is found */
static void expect(struct tree *tree, const char *name, int result, const char *text)
{
	const struct program_search search = {
		.name = name, .path = "/usr/local/bin:/bin", .directory = "/srv",
		.machine = EM_X86_64,
	};
	struct error error = {};
	char path[PATH_MAX];
	int r = program_check(tree, &search, path, &error);

	if (r != result)
		fail_msg("%s: %d, not %d: %s", name, r, result, error.text);
	if (r)
		expect_text(error.text, text);
	else
		assert_string_equal(path, text);
}

static void test_search(void **state)
{
	struct tree tree;
	struct tree_node *node;

	assert_int_equal(tree_init(&tree), 0);
	put_elf(&tree, "bin/app", EM_X86_64, false);
	put_text(&tree, "usr/local/bin/app", 0644, "not executable");
	put_text(&tree, "usr/local/bin/data", 0644, "");
	put_elf(&tree, "srv/x/tool", EM_X86_64, false);
	put_elf(&tree, "tmp/app", EM_X86_64, false);
	put_elf(&tree, "opt/tmp/app", EM_X86_64, false);
	assert_int_equal(tree_add(&tree, "sbin", S_IFLNK | 0777, &node), 0);
	assert_int_equal(tree_set_target(&tree, node, "bin"), 0);
	assert_int_equal(tree_add(&tree, "bin/link", S_IFLNK | 0777, &node), 0);
	assert_int_equal(tree_set_target(&tree, node, "/run/app"), 0);

	expect(&tree, "app", 0, "/bin/app");
	expect(&tree, "/sbin/app", 0, "/sbin/app");
	expect(&tree, "x/tool", 0, "x/tool");
	expect(&tree, "/opt/tmp/app", 0, "/opt/tmp/app");
	expect(&tree, "tool", -ENOENT, "is in no directory of PATH, /usr/local/bin:/bin");
	expect(&tree, "data", -EACCES, "/usr/local/bin/data is not executable");
	expect(&tree, "/bin/none", -ENOENT, "/bin/none is not in the root file system");
	expect(&tree, "./none", -ENOENT, "./none is not in the root file system, from the working");
	expect(&tree, "/opt/tmp", -EACCES, "/opt/tmp is not a file");
	/* The enclave has other file systems there. */
	expect(&tree, "/tmp/app", -ENOENT, "/tmp/app is not in the root file system");
	expect(&tree, "link", -ENOENT, "is in no directory of PATH");
	tree_exit(&tree);
}

static void test_elf(void **state)
{
	struct image image = make_image(EM_X86_64, true);
	struct tree tree;

	assert_int_equal(tree_init(&tree), 0);
	put_image(&tree, "bin/app", &image);
	expect(&tree, "app", -ENOENT, "/bin/app is linked dynamically, but its loader " LOADER);
	put_text(&tree, LOADER, 0755, "no loader");
	expect(&tree, "app", -EOPNOTSUPP, LOADER " is neither an ELF file nor");
	put_elf(&tree, LOADER, EM_X86_64, false);
	expect(&tree, "app", 0, "/bin/app");

	put_elf(&tree, "bin/app", EM_AARCH64, false);
	expect(&tree, "app", -ENOEXEC, "is a program for aarch64, the kernel is for x86_64");
	put_elf(&tree, "bin/app", EM_RISCV, false);
	expect(&tree, "app", -ENOEXEC, "is a program for another machine");
	put_elf(&tree, "bin/app", EM_386, false);
	expect(&tree, "app", -EOPNOTSUPP, "is a 32-bit program");
	tree_exit(&tree);
}

/* Each change makes an image that no kernel starts. */
static void test_damaged(void **state)
{
	struct image images[7];
	struct tree tree;

	for (size_t i = 0; i < ARRAY_SIZE(images); i++)
		images[i] = make_image(EM_X86_64, true);
	images[0].elf.e_phoff = sizeof(struct image);
	images[1].elf.e_phoff = UINT64_MAX - 8;
	images[2].elf.e_phnum = 129;
	images[3].elf.e_phentsize = 55;
	images[4].header.p_filesz = sizeof(struct image);
	images[5].header.p_offset = UINT64_MAX;
	images[6].loader[sizeof(LOADER) - 1] = 'x';

	assert_int_equal(tree_init(&tree), 0);
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		put_image(&tree, "bin/app", &images[i]);
		expect(&tree, "app", -ENOEXEC, "/bin/app is a damaged ELF file");
	}
	/* Shorter than a header. */
	put_text(&tree, "bin/app", 0755, ELFMAG);
	expect(&tree, "app", -ENOEXEC, "/bin/app is a damaged ELF file");
	tree_exit(&tree);
}

static void test_scripts(void **state)
{
	struct tree tree;
	char text[20], name[20];

	assert_int_equal(tree_init(&tree), 0);
	put_text(&tree, "bin/app", 0755, "#!/bin/sh -e\n");
	expect(&tree, "app", -ENOENT, "is a script, but its interpreter /bin/sh is not in");
	put_elf(&tree, "bin/sh", EM_X86_64, false);
	expect(&tree, "app", 0, "/bin/app");
	put_text(&tree, "bin/app", 0755, "#! \t/bin/sh");
	expect(&tree, "app", 0, "/bin/app");
	put_text(&tree, "bin/app", 0755, "#!\n/bin/sh");
	expect(&tree, "app", -ENOEXEC, "names no interpreter");
	put_text(&tree, "bin/app", 0755, "echo\n");
	expect(&tree, "app", -EOPNOTSUPP, "at most /bin/sh can run it");
	put_text(&tree, "bin/app", 0755, "");
	expect(&tree, "app", -EOPNOTSUPP, "neither an ELF file nor");
	put_text(&tree, "bin/app", 0755, "#!/bin/app");
	expect(&tree, "app", -ELOOP, "too many interpreters are scripts");

	for (int i = 1; i <= 6; i++) {
		snprintf(name, sizeof(name), "bin/%d", i);
		snprintf(text, sizeof(text), "#!/bin/%d", i - 1);
		put_text(&tree, name, 0755, text);
	}
	put_elf(&tree, "bin/0", EM_X86_64, false);
	expect(&tree, "5", 0, "/bin/5");
	expect(&tree, "6", -ELOOP, "too many interpreters are scripts");
	tree_exit(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_elf),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_scripts),
	};

	return cmocka_run_group_tests_name("pack_program", tests, NULL, NULL);
}
