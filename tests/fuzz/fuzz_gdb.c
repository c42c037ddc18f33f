// SPDX-License-Identifier: Apache-2.0
/*
 * gdb's remote serial protocol from any client. What the stub sends must be well-formed
 * packets, within the room that it asks for; after the client has gone, memory that only
 * breakpoints have changed is as before.
 *
 * An input is a list of steps; the first byte of each selects its kind.
 */

#include "fuzz.h"

#include "../unit/gdb_fixture.h"

#define STEPS_MAX	200

static struct fake_machine machine;
static bool wrote;

static bool is_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* One packet: '$', contents, '#', two digits. Return: its length. */
static size_t check_packet(const char *p, size_t len)
{
	unsigned int sum = 0, claimed;
	size_t i;

	for (i = 1; i < len && p[i] != '#'; i++) {
		must(p[i] != '$' && p[i] != '*');
		sum += (uint8_t)p[i];
	}
	must(i + 2 < len && is_digit(p[i + 1]) && is_digit(p[i + 2]));
	must(sscanf(p + i + 1, "%2x", &claimed) == 1 && claimed == sum % 256);
	return i + 3;
}

static void check_output(void)
{
	for (size_t i = 0; i < machine.output_len;) {
		char c = machine.output[i];

		if (c == '+' || c == '-') {
			i++;
			continue;
		}
		must(c == '$');
		i += check_packet(machine.output + i, machine.output_len - i);
	}
	must(machine.output_len <= GDB_ANSWER_MAX);
	machine.output_len = 0;
}

static void give(uint8_t byte)
{
	if (byte == 'M' || byte == 'X')
		wrote = true;
	gdb_input(machine.gdb, byte);
	check_output();
}

/* Contents with a right checksum. */
static void give_packet(struct fuzz_script *script)
{
	uint8_t bytes[256], sum = 0;
	size_t n = fuzz_take_bytes(script, bytes, fuzz_take(script, 1));
	char end[4];

	give('$');
	for (size_t i = 0; i < n; i++) {
		sum += bytes[i];
		give(bytes[i]);
	}
	snprintf(end, sizeof(end), "#%02x", sum);
	for (size_t i = 0; i < 3; i++)
		give(end[i]);
}

static void step(struct fuzz_script *script)
{
	uint8_t kind = fuzz_take(script, 1);

	switch (kind % 4) {
	case 0:
		for (size_t n = fuzz_take(script, 1); n; n--)
			give(fuzz_take(script, 1));
		break;
	case 1:
	case 2:
		give_packet(script);
		break;
	case 3:
		gdb_stopped(machine.gdb, &(const struct gdb_stop){
			.reason = machine.run.nr_hardware ? GDB_STOP_HARDWARE : kind / 4 % 3,
			.cpu = kind / 16 % FAKE_CPUS,
			.hardware = machine.run.nr_hardware ?
				kind / 64 % machine.run.nr_hardware : 0,
		});
		check_output();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_script script = { data, size };

	must(!fake_init(&machine));
	wrote = false;
	if (size & 1)
		machine.target.trap_len = 0;
	for (int i = 0; i < STEPS_MAX && script.left; i++)
		step(&script);
	gdb_destroy(machine.gdb);
	must(machine.releases + machine.kills == 1);
	for (size_t i = 0; !wrote && i < FAKE_RAM; i++)
		must(!machine.ram[i]);
	return 0;
}
