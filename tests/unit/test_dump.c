// SPDX-License-Identifier: Apache-2.0
/*
 * Dumps: from the memory of a guest over the stream to the file. readelf, gzip and the offsets
 * of the kernel's and QEMU's structures are what the result is compared with.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/enclave/core_file.h"
#include "common/util.h"
#include "fake_vcpu.h"
#include "temp_dir.h"
#include "vmm/arch/arch.h"
#include "vmm/dump/core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE		4096
#define MEMORY_SIZE	(64 * MIB)
#define PATH_SIZE	128
#define TEXT_SIZE	16384

#define INFO_TEXT \
	"OSRELEASE=6.12.117\nBUILD-ID=0123\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=ffffffff81a0b1c0\n" \
	"NUMBER(phys_base)=0\nNUMBER(pgtable_l5_enabled)=0\nKERNELOFFSET=0\n"

struct fixture {
	struct temp_dir dir;
	char path[PATH_SIZE];
	uint8_t *memory;
	struct guest_memory guest;
	struct core core;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	temp_dir_create(&f->dir);
	snprintf(f->path, sizeof(f->path), "%s/core", f->dir.path);
	f->memory = calloc(1, MEMORY_SIZE);
	assert_non_null(f->memory);
	memory_init(&f->guest, f->memory, MEMORY_SIZE);
	/* Single pages, several in a row, and more than one piece; the first and the last. */
	memset(f->memory, 0x01, PAGE);
	memset(f->memory + 5 * PAGE, 0xab, 3 * PAGE);
	f->memory[MIB + 7 * PAGE - 1] = 1;
	memset(f->memory + 20 * MIB, 0xcd, 3 * DUMP_PIECE_MAX + PAGE);
	memset(f->memory + MEMORY_SIZE - PAGE, 0xef, PAGE);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	core_exit(&f->core);
	free(f->memory);
	temp_dir_remove(&f->dir);
	free(f);
	return 0;
}

static void begin_dump(struct fixture *f, unsigned int nr_vcpus)
{
	assert_int_equal(core_init(&f->core, &f->guest, nr_vcpus * arch_vcpu_notes_size()), 0);
	for (unsigned int i = 0; i < nr_vcpus; i++)
		assert_int_equal(arch_vcpu_notes(i, i, &f->core.notes), 0);
}

/* In portions of @step bytes, as a pipe may deliver them. */
static int pass_on(struct fixture *f, struct core_file *file, size_t step, struct error *error)
{
	static uint8_t item[CORE_ITEM_MAX];
	size_t len;
	int err = 0;

	while (!err && (len = core_next(&f->core, item))) {
		assert_true(len <= sizeof(item));
		for (size_t at = 0; !err && at < len; at += step)
			err = core_file_take(file, item + at, MIN(step, len - at), error);
	}
	return err;
}

static void write_dump(struct fixture *f, const char *path, bool compress, size_t step)
{
	struct core_file file;
	struct error error = {};

	assert_int_equal(core_file_open(&file, path, false, compress, &error), 0);
	assert_int_equal(pass_on(f, &file, step, &error), 0);
	assert_int_equal(core_file_commit(&file, &error), 0);
	core_file_close(&file);
}

/* Run a program and get what it prints. */
__attribute__((format(printf, 2, 3)))
static void run(char *text, const char *fmt, ...)
{
	char command[2 * PATH_SIZE];
	va_list args;
	FILE *from;
	size_t len;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	from = popen(command, "r");
	assert_non_null(from);
	len = fread(text, 1, TEXT_SIZE - 1, from);
	text[len] = 0;
	assert_int_equal(pclose(from), 0);
}

static void must_say(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in:\n%s", words, text);
}

static uint8_t *read_file(const char *path, size_t *ret_size)
{
	char *data;

	assert_int_equal(file_read(path, SIZE_MAX - 1, &data, ret_size), 0);
	return (uint8_t *)data;
}

static uint64_t u64_at(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Find the bytes of a guest address by the segments, as readers do. */
static const uint8_t *by_segment(const uint8_t *file, bool virt, uint64_t addr)
{
	const Elf64_Ehdr *elf = (const void *)file;
	const Elf64_Phdr *segments = (const void *)(file + elf->e_phoff);

	for (int i = 0; i < elf->e_phnum; i++) {
		uint64_t start = virt ? segments[i].p_vaddr : segments[i].p_paddr;

		if (segments[i].p_type == PT_LOAD && !virt == !segments[i].p_vaddr &&
		    addr >= start && addr - start < segments[i].p_filesz)
			return file + segments[i].p_offset + (addr - start);
	}
	return NULL;
}

static void test_file(void **state)
{
	struct fixture *f = *state;
	char text[TEXT_SIZE], note[64];
	struct stat st;
	uint8_t *file;
	size_t size;

	strcpy((char *)f->memory + 40 * MIB, INFO_TEXT);
	begin_dump(f, 2);
	write_dump(f, f->path, false, SIZE_MAX);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_true(st.st_blocks * 512 < (off_t)MIB);

	run(text, "readelf -hlnW %s 2>&1", f->path);
	must_say(text, "CORE (Core file)");
	must_say(text, "Advanced Micro Devices X86-64");
	must_say(text, "0x0000000000000000 0x0000000000000000 0x4000000 0x4000000 RWE");
	must_say(text, "0xffffffff80000000 0x0000000000000000 0x4000000 0x4000000 RWE");
	must_say(text, "0xffff888000000000 0x0000000000000000 0x4000000 0x4000000 RWE");
	must_say(text, "CORE                 0x00000150\tNT_PRSTATUS");
	must_say(text, "QEMU                 0x000001b8");
	snprintf(note, sizeof(note), "VMCOREINFO           0x%08zx", strlen(INFO_TEXT));
	must_say(text, note);
	assert_null(strstr(text, "Warning"));
	assert_null(strstr(text, "Error"));

	file = read_file(f->path, &size);
	assert_int_equal(size, st.st_size);
	assert_memory_equal(by_segment(file, false, 0), f->memory, MEMORY_SIZE);
	assert_memory_equal(by_segment(file, true, 0xffffffff80500000), f->memory + 5 * MIB, MIB);
	assert_memory_equal(by_segment(file, true, 0xffff888001400000), f->memory + 20 * MIB, MIB);
	free(file);
}

/* Offsets of elf_prstatus (pr_pid, pr_reg) and of QEMU's QEMUCPUState. */
static void test_notes(void **state)
{
	struct fixture *f = *state;
	const uint8_t *second, *prstatus, *qemu;

	begin_dump(f, 2);
	assert_int_equal(f->core.notes.len, 2 * (12 + 8 + 336 + 12 + 8 + 440));
	second = f->core.notes.data + f->core.notes.len / 2;
	prstatus = second + 12 + 8;
	assert_int_equal((uint32_t)u64_at(prstatus + 32), 2);
	assert_int_equal(u64_at(prstatus + 112), 0x1515);		/* r15 */
	assert_int_equal(u64_at(prstatus + 112 + 4 * 8), 0xbbbb);	/* rbp */
	assert_int_equal(u64_at(prstatus + 112 + 10 * 8), 0x1111);	/* rax */
	assert_int_equal(u64_at(prstatus + 112 + 16 * 8), 0xffffffff81000001);
	assert_int_equal(u64_at(prstatus + 112 + 17 * 8), 0x10);	/* cs */
	assert_int_equal(u64_at(prstatus + 112 + 18 * 8), 0x46);	/* eflags */
	assert_int_equal(u64_at(prstatus + 112 + 19 * 8), 0xffffc90000000000);
	qemu = prstatus + 336 + 12 + 8;
	assert_int_equal(u64_at(qemu), 440ULL << 32 | 1);
	assert_int_equal(u64_at(qemu + 8), 0x1111);
	assert_int_equal(u64_at(qemu + 136), 0xffffffff81000001);
	assert_int_equal(u64_at(qemu + 152), 0xffffffffULL << 32 | 0x10);
	assert_int_equal(u64_at(qemu + 160), 0xa09b00);			/* code, 64 bits */
	assert_int_equal(u64_at(qemu + 384), 0xfffffe0000000000);	/* idt */
	assert_int_equal(u64_at(qemu + 392), 0x80050033);
	assert_int_equal(u64_at(qemu + 392 + 3 * 8), 0x1a10000);
	assert_int_equal(u64_at(qemu + 432), 0x5a5a);
}

static void test_small_portions(void **state)
{
	struct fixture *f = *state;
	char other[PATH_SIZE + 8], text[TEXT_SIZE];

	begin_dump(f, 1);
	write_dump(f, f->path, false, SIZE_MAX);
	core_exit(&f->core);
	begin_dump(f, 1);
	snprintf(other, sizeof(other), "%s.2", f->path);
	write_dump(f, other, false, 7);
	run(text, "cd $(dirname %s) && cmp core.2 core", f->path);
}

static void test_compressed(void **state)
{
	struct fixture *f = *state;
	char other[PATH_SIZE + 8], text[TEXT_SIZE];
	struct stat st;

	begin_dump(f, 1);
	write_dump(f, f->path, false, SIZE_MAX);
	core_exit(&f->core);
	begin_dump(f, 1);
	snprintf(other, sizeof(other), "%s.gz", f->path);
	write_dump(f, other, true, SIZE_MAX);
	run(text, "cd $(dirname %s) && gzip -dc core.gz | cmp core -", f->path);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_true(st.st_size < (off_t)MIB);
}

/* Through a pipe, what is zero is sent, too. */
static void test_pipe(void **state)
{
	struct fixture *f = *state;
	char text[TEXT_SIZE], other[PATH_SIZE + 8];
	FILE *reader;

	begin_dump(f, 1);
	write_dump(f, f->path, false, SIZE_MAX);
	core_exit(&f->core);
	begin_dump(f, 1);
	snprintf(other, sizeof(other), "%s.fifo", f->path);
	assert_int_equal(mkfifo(other, 0600), 0);
	snprintf(text, sizeof(text), "cmp %s - < %s", f->path, other);
	reader = popen(text, "r");
	assert_non_null(reader);
	write_dump(f, other, false, SIZE_MAX);
	assert_int_equal(pclose(reader), 0);
}

static void test_incomplete(void **state)
{
	struct fixture *f = *state;
	struct core_file file;
	struct error error = {};

	begin_dump(f, 1);
	assert_int_equal(core_file_open(&file, f->path, false, false, &error), 0);
	while (f->core.phase != CORE_MEMORY || f->core.at < MEMORY_SIZE / 2) {
		static uint8_t item[CORE_ITEM_MAX];
		size_t len = core_next(&f->core, item);

		assert_int_equal(core_file_take(&file, item, len, &error), 0);
	}
	assert_int_equal(core_file_commit(&file, &error), -EPIPE);
	core_file_close(&file);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(f->dir.path), 0);	/* nothing else is there */
	assert_int_equal(mkdir(f->dir.path, 0700), 0);
}

static void test_disk_full(void **state)
{
	struct fixture *f = *state;
	struct core_file file;
	struct error error = {};

	begin_dump(f, 1);
	assert_int_equal(core_file_open(&file, "/dev/full", false, false, &error), 0);
	assert_int_equal(pass_on(f, &file, SIZE_MAX, &error), -ENOSPC);
	assert_string_equal(error.text, "cannot write the output: No space left on device");
	core_file_close(&file);
}

static void test_interrupted(void **state)
{
	struct fixture *f = *state;
	struct core_file file;
	struct error error = {};
	int full[2], signal[2];
	char page[PAGE] = {};

	assert_int_equal(pipe2(full, O_NONBLOCK), 0);
	assert_int_equal(pipe(signal), 0);
	while (write(full[1], page, sizeof(page)) > 0)
		;
	begin_dump(f, 1);
	file = (struct core_file){
		.file = { .fd = -1, .sink = full[1] }, .interrupt = signal[0],
	};
	assert_int_equal(write(signal[1], page, 1), 1);
	assert_int_equal(pass_on(f, &file, SIZE_MAX, &error), -EINTR);
	core_file_close(&file);
	close(full[0]);
	close(signal[0]);
	close(signal[1]);
}

static void test_existing_file(void **state)
{
	struct fixture *f = *state;
	struct core_file file;
	struct error error = {};
	struct stat st;
	int fd = open(f->path, O_CREAT | O_WRONLY, 0644);

	assert_int_equal(write(fd, "old", 3), 3);
	close(fd);
	assert_int_equal(chmod(f->path, 0644), 0);
	begin_dump(f, 1);
	assert_int_equal(core_file_open(&file, f->path, false, false, &error), -EEXIST);
	must_say(error.text, "core exists already");
	core_file_close(&file);
	assert_int_equal(core_file_open(&file, f->path, true, false, &error), 0);
	assert_int_equal(pass_on(f, &file, SIZE_MAX, &error), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, 3);		/* the old one is there until the end */
	assert_int_equal(core_file_commit(&file, &error), 0);
	core_file_close(&file);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_true(st.st_size > (off_t)MEMORY_SIZE);
}

/* A file that others create meanwhile stays as it is. */
static void test_created_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct core_file file;
	struct error error = {};
	struct stat st;

	begin_dump(f, 1);
	assert_int_equal(core_file_open(&file, f->path, false, false, &error), 0);
	assert_int_equal(pass_on(f, &file, SIZE_MAX, &error), 0);
	close(open(f->path, O_CREAT | O_WRONLY, 0644));
	assert_int_equal(core_file_commit(&file, &error), -EEXIST);
	core_file_close(&file);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, 0);
}

/* A VMM may have been taken over by its guest. */
static void test_hostile_stream(void **state)
{
	struct fixture *f = *state;
	const struct dump_stream_head good = { DUMP_STREAM_MAGIC, MIB };
	const struct {
		struct dump_stream_head head;
		struct dump_piece pieces[2];
	} streams[] = {
		{ .head = { "NEDUMP2", MIB } },
		{ .head = { DUMP_STREAM_MAGIC, 0 } },
		{ .head = { DUMP_STREAM_MAGIC, UINT64_MAX } },
		{ .head = { DUMP_STREAM_MAGIC, CORE_FILE_SIZE_MAX + 1 } },
		{ .head = good, .pieces = { { MIB + 1, 0 } } },
		{ .head = good, .pieces = { { MIB, 1 } } },
		{ .head = good, .pieces = { { MIB - 1, 2 } } },
		{ .head = good, .pieces = { { 0, DUMP_PIECE_MAX + 1 } } },
		{ .head = good, .pieces = { { 0, UINT64_MAX } } },
		{ .head = good, .pieces = { { UINT64_MAX, UINT64_MAX } } },
		{ .head = good, .pieces = { { 8192, 0 }, { 8191, 0 } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct core_file file;
		struct error error = {};

		assert_int_equal(core_file_open(&file, f->path, false, false, &error), 0);
		assert_int_equal(core_file_take(&file, &streams[i], sizeof(streams[i]), &error),
				 -EPROTO);
		must_say(error.text, "something else than a dump");
		core_file_close(&file);
		assert_int_equal(access(f->path, F_OK), -1);
	}
}

static void test_vmcoreinfo(void **state)
{
	struct vmcoreinfo info;
	char page[VMCOREINFO_SIZE];
	uint64_t number = 7;

	(void)state;
	memset(page, 0, sizeof(page));
	assert_false(vmcoreinfo_take(&info, page));
	strcpy(page, INFO_TEXT);
	assert_true(vmcoreinfo_take(&info, page));
	assert_string_equal(info.text, INFO_TEXT);
	/* The format string of the kernel, program text, and what was overwritten. */
	strcpy(page, "OSRELEASE=%s\n");
	assert_false(vmcoreinfo_take(&info, page));
	assert_false(vmcoreinfo_number(&info, "OSRELEASE", 10, &number));
	strcpy(page, "OSRELEASE=6\nPAGESIZE=4096");
	assert_false(vmcoreinfo_take(&info, page));
	strcpy(page, "OSRELEASE=6\nPAGESIZE=4096\n\x80\n");
	assert_false(vmcoreinfo_take(&info, page));
	strcpy(page, "\nOSRELEASE=6\nPAGESIZE=4096\n");
	assert_false(vmcoreinfo_take(&info, page));
	/* All of the page, and no end of it. */
	memset(page, 'x', sizeof(page));
	memcpy(page, "OSRELEASE=6\nPAGESIZE=4096\n", 26);
	assert_false(vmcoreinfo_take(&info, page));
	page[sizeof(page) - 1] = '\n';
	assert_true(vmcoreinfo_take(&info, page));
	assert_int_equal(info.len, VMCOREINFO_SIZE);
}

static void test_vmcoreinfo_numbers(void **state)
{
	static const char text[] =
		"OSRELEASE=6\nPAGESIZE=4096\nNUMBER(phys_base)=-2097152\nKERNELOFFSET=1a000000\n"
		"EMPTY=\nWORD=12x\nBLANK= 12\nHUGE=99999999999999999999\nKERNELOFFSETS=3\n";
	struct vmcoreinfo info;
	char page[VMCOREINFO_SIZE] = "";
	uint64_t number = 7;

	(void)state;
	memcpy(page, text, sizeof(text));
	assert_true(vmcoreinfo_take(&info, page));
	assert_true(vmcoreinfo_number(&info, "PAGESIZE", 10, &number));
	assert_int_equal(number, 4096);
	assert_true(vmcoreinfo_number(&info, "KERNELOFFSET", 16, &number));
	assert_int_equal(number, 0x1a000000);
	assert_true(vmcoreinfo_number(&info, "NUMBER(phys_base)", 10, &number));
	assert_int_equal((int64_t)number, -2097152);
	assert_false(vmcoreinfo_number(&info, "EMPTY", 10, &number));
	assert_false(vmcoreinfo_number(&info, "WORD", 10, &number));
	assert_false(vmcoreinfo_number(&info, "BLANK", 10, &number));
	assert_false(vmcoreinfo_number(&info, "HUGE", 10, &number));
	assert_false(vmcoreinfo_number(&info, "OFFSET", 10, &number));
	assert_int_equal((int64_t)number, -2097152);
}

static size_t maps_of(const char *text, struct layout_map *maps)
{
	struct vmcoreinfo info = {};
	char page[VMCOREINFO_SIZE] = "";

	snprintf(page, sizeof(page), "OSRELEASE=6\nPAGESIZE=4096\n%s", text);
	assert_true(vmcoreinfo_take(&info, page));
	return arch_kernel_maps(&info, maps);
}

static void test_kernel_maps(void **state)
{
	struct layout_map maps[LAYOUT_MAPS_MAX];
	const struct vmcoreinfo none = {};

	(void)state;
	assert_int_equal(arch_kernel_maps(&none, maps), 2);
	assert_int_equal(maps[0].virt, 0xffffffff80000000);
	assert_int_equal(maps[0].phys, 0);
	assert_int_equal(maps[0].size, 512 * MIB);
	assert_int_equal(maps[1].virt, 0xffff888000000000);
	assert_int_equal(maps_of("NUMBER(pgtable_l5_enabled)=1\n", maps), 2);
	assert_int_equal(maps[1].virt, 0xff11000000000000);
	assert_int_equal(maps_of("NUMBER(phys_base)=16777216\nKERNELOFFSET=1000000\n"
				 "NUMBER(KERNEL_IMAGE_SIZE)=1073741824\n", maps), 1);
	assert_int_equal(maps[0].phys, 16 * MIB);
	assert_int_equal(maps[0].size, GIB);
	assert_int_equal(maps_of("NUMBER(KERNEL_IMAGE_SIZE)=-1\n", maps), 2);
	assert_int_equal(maps[0].size, GIB);
}

/* Mappings are cut where RAM ends, also at the hole, whatever the guest says about itself. */
static void test_map_limits(void **state)
{
	static const struct {
		struct layout_map map;
		size_t count;
		struct layout_map found[2];
	} cases[] = {
		{ .map = { 0xf000000000000000, 0, UINT64_MAX }, .count = 2,
		  .found = { { 0xf000000000000000, 0, 3 * GIB },
			     { 0xf000000100000000, 4 * GIB, 2 * GIB } } },
		{ .map = { 0xf000000000000000, 2 * GIB, 3 * GIB }, .count = 2,
		  .found = { { 0xf000000000000000, 2 * GIB, GIB },
			     { 0xf000000080000000, 4 * GIB, GIB } } },
		{ .map = { 0xf000000000000000, 3 * GIB, GIB } },
		{ .map = { 0xf000000000000000, 6 * GIB, GIB } },
		{ .map = { 0xf000000000000000, UINT64_MAX, UINT64_MAX } },
		{ .map = { 0xf000000000000000, -2 * MIB, GIB } },
		{ .map = { 0xf000000000000000, 0, 0 } },
	};
	uint8_t notes_data[64];
	const struct dump_notes notes = { .data = notes_data };
	struct guest_memory guest;
	struct layout layout;

	(void)state;
	memory_init(&guest, (uint8_t *)0x40000000, 5 * GIB);
	layout_init(&layout, &guest, 100);
	assert_int_equal(layout.head_size, PAGE);
	assert_int_equal(layout.size, PAGE + 5 * GIB);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t head[PAGE] = {};
		const Elf64_Ehdr *elf = (const void *)head;
		const Elf64_Phdr *segments = (const void *)(head + sizeof(*elf));

		layout_head(&layout, EM_X86_64, &notes, &cases[i].map, 1, head);
		assert_int_equal(elf->e_phnum, 3 + cases[i].count);
		assert_int_equal(segments[2].p_paddr, 4 * GIB);
		assert_int_equal(segments[2].p_offset, PAGE + 3 * GIB);
		for (size_t k = 0; k < cases[i].count; k++) {
			const struct layout_map *found = &cases[i].found[k];

			assert_int_equal(segments[3 + k].p_vaddr, found->virt);
			assert_int_equal(segments[3 + k].p_paddr, found->phys);
			assert_int_equal(segments[3 + k].p_filesz, found->size);
		}
	}
}

static void test_notes_full(void **state)
{
	uint8_t data[48];
	struct dump_notes notes = { .data = data, .size = sizeof(data) };

	(void)state;
	assert_int_equal(dump_note_size(4, 5), 12 + 8 + 8);
	assert_int_equal(dump_notes_add(&notes, "CORE", 1, "12345", 5), 0);
	assert_int_equal(notes.len, 28);
	assert_int_equal(dump_notes_add(&notes, "CORE", 1, "1", 1), -ENOSPC);
	assert_int_equal(notes.len, 28);
	assert_int_equal(dump_notes_add(&notes, "ABC", 1, "1234", 4), 0);
	assert_int_equal(notes.len, 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_small_portions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compressed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_incomplete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_existing_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_created_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_stream, setup, teardown),
		cmocka_unit_test(test_vmcoreinfo),
		cmocka_unit_test(test_vmcoreinfo_numbers),
		cmocka_unit_test(test_kernel_maps),
		cmocka_unit_test(test_map_limits),
		cmocka_unit_test(test_notes_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
