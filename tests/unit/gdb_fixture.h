/* SPDX-License-Identifier: Apache-2.0 */
/* A machine without KVM for the stub of gdb: memory, registers, and a record of what is asked. */

#ifndef NE_EMU_TESTS_UNIT_GDB_FIXTURE_H
#define NE_EMU_TESTS_UNIT_GDB_FIXTURE_H

#include "vmm/gdb/gdb.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

#define FAKE_RAM		(4 * GDB_PAGE)
/* Virtual addresses: page n of RAM is at FAKE_VIRTUAL + n * GDB_PAGE, except for page 3. */
#define FAKE_VIRTUAL		0xffff800000000000ULL
#define FAKE_OUTPUT		(256 * KIB)
#define FAKE_REGISTERS		12	/* one of 8 bytes, one of 4 */
#define FAKE_CPUS		3

struct fake_machine {
	struct gdb_target target;
	struct gdb *gdb;
	uint8_t ram[FAKE_RAM];
	uint8_t registers[FAKE_CPUS][FAKE_REGISTERS];
	bool refuses_registers;
	unsigned int stops;
	unsigned int resumes;
	unsigned int releases;
	unsigned int kills;
	unsigned int finishes;
	struct gdb_run run;		/* of the last resume */
	enum gdb_action actions[FAKE_CPUS];
	char output[FAKE_OUTPUT];
	size_t output_len;
};

static bool fake_locate(void *arg, unsigned int number, size_t *ret_offset, size_t *ret_size)
{
	*ret_offset = number ? 8 : 0;
	*ret_size = number ? 4 : 8;
	return number < 2;
}

static int fake_get_registers(void *arg, unsigned int cpu, uint8_t *bytes)
{
	struct fake_machine *m = arg;

	memcpy(bytes, m->registers[cpu], FAKE_REGISTERS);
	return 0;
}

static int fake_set_registers(void *arg, unsigned int cpu, const uint8_t *bytes)
{
	struct fake_machine *m = arg;

	if (m->refuses_registers)
		return -EPERM;
	memcpy(m->registers[cpu], bytes, FAKE_REGISTERS);
	return 0;
}

static int fake_translate(void *arg, unsigned int cpu, uint64_t address, uint64_t *ret_gpa)
{
	if (address < FAKE_VIRTUAL || address - FAKE_VIRTUAL >= FAKE_RAM - GDB_PAGE)
		return -EFAULT;
	*ret_gpa = address - FAKE_VIRTUAL;
	return 0;
}

static void *fake_memory(void *arg, uint64_t gpa, uint64_t len)
{
	struct fake_machine *m = arg;

	return gpa <= FAKE_RAM && len <= FAKE_RAM - gpa ? m->ram + gpa : NULL;
}

static void fake_stop(void *arg)
{
	((struct fake_machine *)arg)->stops++;
}

static void fake_resume(void *arg, const struct gdb_run *run)
{
	struct fake_machine *m = arg;

	m->resumes++;
	m->run = *run;
	memcpy(m->actions, run->actions, sizeof(m->actions));
}

static void fake_release(void *arg)
{
	((struct fake_machine *)arg)->releases++;
}

static void fake_kill(void *arg)
{
	((struct fake_machine *)arg)->kills++;
}

static void fake_send(void *arg, const void *bytes, size_t len)
{
	struct fake_machine *m = arg;

	if (len >= sizeof(m->output) - m->output_len)
		abort();
	memcpy(m->output + m->output_len, bytes, len);
	m->output_len += len;
	m->output[m->output_len] = '\0';
}

static void fake_finish(void *arg)
{
	((struct fake_machine *)arg)->finishes++;
}

static void fake_print(void *arg, FILE *to)
{
	fputs("hello\n", to);
}

static const struct gdb_monitor fake_monitors[] = {
	{ "hello", "say hello", fake_print },
	{}
};

/* Software breakpoints as on x86: one byte 0xcc. */
static int fake_init(struct fake_machine *m)
{
	*m = (struct fake_machine){
		.target = {
			.arg = m,
			.nr_cpus = FAKE_CPUS,
			.description = "<target>}#$*</target>",
			.registers_size = FAKE_REGISTERS,
			.hardware_max = 4,
			.trap = { 0xcc },
			.trap_len = 1,
			.monitors = fake_monitors,
			.locate = fake_locate,
			.get_registers = fake_get_registers,
			.set_registers = fake_set_registers,
			.translate = fake_translate,
			.memory = fake_memory,
			.stop = fake_stop,
			.resume = fake_resume,
			.release = fake_release,
			.kill = fake_kill,
			.send = fake_send,
			.finish = fake_finish,
		},
	};
	return gdb_create(&m->target, &m->gdb);
}

#endif
