// SPDX-License-Identifier: Apache-2.0
/*
 * The stub of gdb's remote serial protocol, packet by packet. What is expected comes from the
 * gdb manual, appendix "gdb Remote Serial Protocol".
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gdb_fixture.h"

static int setup(void **state)
{
	struct fake_machine *m = malloc(sizeof(*m));

	assert_non_null(m);
	assert_int_equal(fake_init(m), 0);
	for (size_t i = 0; i < FAKE_RAM; i++)
		m->ram[i] = i;
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct fake_machine *m = *state;

	gdb_destroy(m->gdb);
	free(m);
	return 0;
}

static void feed(struct fake_machine *m, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		gdb_input(m->gdb, ((const uint8_t *)bytes)[i]);
}

/* Bytes on the wire in, bytes on the wire out. */
static void assert_wire(struct fake_machine *m, const char *in, const char *out)
{
	m->output_len = 0;
	m->output[0] = '\0';
	feed(m, in, strlen(in));
	assert_string_equal(m->output, out);
}

static void frame(const char *data, char *to, size_t size)
{
	unsigned int sum = 0;

	for (const char *p = data; *p; p++)
		sum += (uint8_t)*p;
	assert_true(snprintf(to, size, "$%s#%02x", data, sum % 256) < (int)size);
}

/* A packet in, its acknowledgement and a packet out; NULL: no packet. */
static void assert_answer(struct fake_machine *m, const char *in, const char *out)
{
	static char packet[2 * GDB_FRAME_MAX], answer[2 * GDB_FRAME_MAX];

	answer[0] = '+';
	answer[1] = '\0';
	if (out)
		frame(out, answer + 1, sizeof(answer) - 1);
	frame(in, packet, sizeof(packet));
	assert_wire(m, packet, answer);
}

/* What the stub sends by itself. */
static void assert_sent(struct fake_machine *m, const char *out)
{
	char answer[256];

	frame(out, answer, sizeof(answer));
	assert_string_equal(m->output, answer);
	m->output_len = 0;
}

static void stopped(struct fake_machine *m, enum gdb_stop_reason reason, unsigned int cpu,
		    unsigned int hardware)
{
	m->output_len = 0;
	m->output[0] = '\0';
	gdb_stopped(m->gdb, &(const struct gdb_stop){
		.reason = reason, .cpu = cpu, .hardware = hardware,
	});
}

static bool has_text(const struct fake_machine *m, const char *text)
{
	return strstr(m->output, text);
}

/* Checksums as any log of gdb ("set debug remote 1") shows them. */
static void test_framing(void **state)
{
	struct fake_machine *m = *state;

	assert_wire(m, "$vMustReplyEmpty#3a", "+$#00");
	assert_wire(m, "$Hg0#df", "+$OK#9a");
	assert_wire(m, "$qC#b4", "+$QC1#c5");
	/* Digits of the checksum may have either case. */
	assert_wire(m, "$vMustReplyEmpty#3A", "+$#00");
	/* A wrong checksum is refused. */
	assert_wire(m, "$Hg0#de", "-");
	assert_wire(m, "$Hg0#dx", "-");
	/* The client wants the last packet again; acknowledgements need no answer. */
	assert_wire(m, "$Hg0#df", "+$OK#9a");
	assert_wire(m, "-", "$OK#9a");
	assert_wire(m, "+", "");
	/* Noise between packets, and a packet that begins anew. */
	assert_wire(m, "abc#00$Hg$Hg0#df", "+$OK#9a");
}

static void test_no_acks(void **state)
{
	struct fake_machine *m = *state;

	assert_wire(m, "$QStartNoAckMode#b0", "+$OK#9a");
	assert_wire(m, "+$Hg0#df", "$OK#9a");
	assert_wire(m, "-", "");
	assert_wire(m, "$Hg0#00", "$E.the packet has a wrong checksum#e9");
}

/* "The binary data representation uses 7d as an escape character." */
static void test_escapes(void **state)
{
	static const char in[] = "X1000,4:}\x03}\x04}]}\x0a";
	static const uint8_t want[] = { '#', '$', '}', '*' };
	struct fake_machine *m = *state;

	assert_answer(m, "Qqemu.PhyMemMode:1", "OK");
	assert_answer(m, in, "OK");
	assert_memory_equal(m->ram + 0x1000, want, sizeof(want));
	/* The four are escaped in answers, too. */
	assert_answer(m, "qXfer:features:read:target.xml:0,100", "l<target>}]}\x03}\x04}\x0a</target>");
}

static void test_too_long(void **state)
{
	struct fake_machine *m = *state;
	char *packet = malloc(GDB_PACKET_MAX + 8);

	memset(packet, 'x', GDB_PACKET_MAX + 1);
	packet[GDB_PACKET_MAX + 1] = '\0';
	assert_answer(m, packet, "E.the packet is too long");
	packet[GDB_PACKET_MAX] = '\0';
	assert_answer(m, packet, "");
	free(packet);
}

static void test_supported(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+",
		      "PacketSize=2000;QStartNoAckMode+;qXfer:features:read+;vContSupported+;"
		      "swbreak+;hwbreak+");
	assert_answer(m, "vCont?", "vCont;c;C;s;S;t");
	assert_answer(m, "qAttached", "1");
	/* Unknown packets get an empty answer. */
	assert_answer(m, "vMustReplyEmpty", "");
	assert_answer(m, "qTStatus", "");
	assert_answer(m, "!", "");
	assert_answer(m, "vRun;", "");
	assert_answer(m, "", "");
	assert_answer(m, "gg", "");
}

static void test_features(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "qXfer:features:read:target.xml:0,4", "m<tar");
	assert_answer(m, "qXfer:features:read:target.xml:4,4", "mget>");
	/* "There may be fewer bytes than requested", and none at the end. */
	assert_answer(m, "qXfer:features:read:target.xml:c,fff", "l</target>");
	assert_answer(m, "qXfer:features:read:target.xml:15,10", "l");
	assert_answer(m, "qXfer:features:read:target.xml:16,10", "E16");
	assert_answer(m, "qXfer:features:read:other.xml:0,10", "E02");
	assert_answer(m, "qXfer:features:read:target.xml:0", "E16");
	assert_answer(m, "qXfer:features:read:target.xml", "E16");
	assert_answer(m, "qXfer:features:write:target.xml:0,1", "");
}

static void test_threads(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "qfThreadInfo", "m1,2,3");
	assert_answer(m, "qsThreadInfo", "l");
	assert_answer(m, "qC", "QC1");
	assert_answer(m, "T1", "OK");
	assert_answer(m, "T3", "OK");
	assert_answer(m, "T4", "E16");
	assert_answer(m, "Hg2", "OK");
	assert_answer(m, "qC", "QC2");
	assert_answer(m, "Hc-1", "OK");
	assert_answer(m, "Hg0", "OK");
	assert_answer(m, "qC", "QC2");
	assert_answer(m, "Hg4", "E16");
	assert_answer(m, "Hx1", "E16");
	assert_answer(m, "Hg", "E16");
	assert_answer(m, "Hgffffffffffffffffff", "E16");
	/* "vCPU 1" */
	assert_answer(m, "qThreadExtraInfo,2", "764350552031");
	assert_answer(m, "qThreadExtraInfo,9", "E16");
}

/* "The bytes ... are transmitted in target byte order", two digits each. */
static void test_registers(void **state)
{
	struct fake_machine *m = *state;

	memcpy(m->registers[0], "\x01\x02\x03\x04\x05\x06\x07\x08\xf9\xfa\xfb\xfc", 12);
	assert_answer(m, "g", "0102030405060708f9fafbfc");
	assert_answer(m, "p0", "0102030405060708");
	assert_answer(m, "p1", "f9fafbfc");
	assert_answer(m, "p2", "E16");
	assert_answer(m, "p", "E16");
	assert_answer(m, "P1=11223344", "OK");
	assert_memory_equal(m->registers[0] + 8, "\x11\x22\x33\x44", 4);
	assert_answer(m, "P1=112233", "E16");
	assert_answer(m, "P1=1122334455", "E16");
	assert_answer(m, "P1=1122334g", "E16");
	assert_answer(m, "P1", "E16");
	assert_answer(m, "G0000000000000000ffffffff", "OK");
	assert_memory_equal(m->registers[0], "\0\0\0\0\0\0\0\0\xff\xff\xff\xff", 12);
	assert_answer(m, "G00", "E16");
	/* Of the thread that H selects. */
	assert_answer(m, "Hg3", "OK");
	assert_answer(m, "P0=0100000000000000", "OK");
	assert_int_equal(m->registers[2][0], 1);
	assert_int_equal(m->registers[0][0], 0);
	m->refuses_registers = true;
	assert_answer(m, "P0=0100000000000000", "E01");
}

static void test_memory(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "mffff800000000010,4", "10111213");
	/* Across a page boundary. */
	assert_answer(m, "mffff800000000ffe,4", "feff0001");
	/* What can be read, if that is less. */
	assert_answer(m, "mffff800000002ffe,4", "feff");
	assert_answer(m, "mffff800000003000,4", "E0e");
	assert_answer(m, "m10,4", "E0e");
	assert_answer(m, "mffff800000000010,0", "");
	assert_answer(m, "m10", "E16");
	assert_answer(m, "m10,zz", "E16");
	assert_answer(m, "mfffffffffffffffff,1", "E16");

	assert_answer(m, "Mffff800000000ffe,4:a1b2c3d4", "OK");
	assert_memory_equal(m->ram + 0xffe, "\xa1\xb2\xc3\xd4", 4);
	/* All or nothing. */
	assert_answer(m, "Mffff800000002ffe,4:a1b2c3d4", "E0e");
	assert_memory_equal(m->ram + 0x2ffe, "\xfe\xff", 2);
	assert_answer(m, "Mffff800000000000,4:a1b2c3", "E16");
	assert_answer(m, "Mffff800000000000,4:a1b2c3d4e5", "E16");
	assert_answer(m, "Mffff800000000000,4", "E16");
	/* gdb probes for X with no bytes. */
	assert_answer(m, "Xffff800000000000,0:", "OK");
	assert_answer(m, "Xffff800000000000,3:abc", "OK");
	assert_memory_equal(m->ram, "abc", 3);
	assert_answer(m, "Xffff800000000000,3:abcd", "E16");
}

static void test_physical(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "qqemu.PhyMemMode", "0");
	assert_answer(m, "m3010,2", "E0e");
	assert_answer(m, "Qqemu.PhyMemMode:1", "OK");
	assert_answer(m, "qqemu.PhyMemMode", "1");
	assert_answer(m, "m3010,2", "1011");
	assert_answer(m, "m3ffe,4", "feff");
	assert_answer(m, "m4000,4", "E0e");
	assert_answer(m, "Qqemu.PhyMemMode:0", "OK");
	assert_answer(m, "m3010,2", "E0e");
	assert_answer(m, "Qqemu.PhyMemMode:2", "E16");
	assert_answer(m, "Qqemu.PhyMemMode:", "E16");
}

static void test_software_breakpoints(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "Z0,ffff800000000010,1", "OK");
	assert_int_equal(m->ram[0x10], 0xcc);
	/* The packet may be repeated, and the client does not see the instruction. */
	assert_answer(m, "Z0,ffff800000000010,1", "OK");
	assert_answer(m, "mffff80000000000f,3", "0f1011");
	/* The client changes code under a breakpoint. */
	assert_answer(m, "Mffff80000000000f,3:aabbcc", "OK");
	assert_int_equal(m->ram[0x10], 0xcc);
	assert_answer(m, "mffff80000000000f,3", "aabbcc");
	/* The same place by another name: the instruction goes with the last one. */
	assert_answer(m, "Qqemu.PhyMemMode:1", "OK");
	assert_answer(m, "Z0,10,1", "OK");
	assert_answer(m, "M10,1:77", "OK");
	assert_answer(m, "z0,ffff800000000010,1", "OK");
	assert_int_equal(m->ram[0x10], 0xcc);
	assert_answer(m, "z0,10,1", "OK");
	assert_int_equal(m->ram[0x10], 0x77);
	assert_answer(m, "z0,10,1", "OK");
	assert_answer(m, "Qqemu.PhyMemMode:0", "OK");

	assert_answer(m, "Z0,123,1", "E0e");
	assert_answer(m, "Z0,123", "E16");
	assert_answer(m, "Z0", "E16");
	assert_answer(m, "Z9,123,1", "");
	/* New code of the guest itself stays. */
	assert_answer(m, "Z0,ffff800000000020,1", "OK");
	m->ram[0x20] = 0x42;
	assert_answer(m, "z0,ffff800000000020,1", "OK");
	assert_int_equal(m->ram[0x20], 0x42);
}

static void test_many_breakpoints(void **state)
{
	struct fake_machine *m = *state;
	char packet[64];

	for (unsigned int i = 0; i < 256; i++) {
		snprintf(packet, sizeof(packet), "Z0,%llx,1", FAKE_VIRTUAL + i);
		assert_answer(m, packet, "OK");
	}
	assert_answer(m, "Z0,ffff800000001000,1", "E.more than 256 breakpoints");
	assert_answer(m, "z0,ffff800000000000,1", "OK");
	assert_answer(m, "Z0,ffff800000001000,1", "OK");
}

static void test_hardware_points(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "Z1,1000,1", "OK");
	assert_answer(m, "Z2,2000,8", "OK");
	assert_answer(m, "Z4,3000,4", "OK");
	/* The CPU cannot watch reads alone: gdb then asks for Z4. */
	assert_answer(m, "Z3,3000,4", "");
	assert_answer(m, "Z2,2001,2",
		      "E.the CPU can watch 1, 2, 4 or 8 bytes, at a multiple of that");
	assert_answer(m, "Z2,2000,3",
		      "E.the CPU can watch 1, 2, 4 or 8 bytes, at a multiple of that");
	assert_answer(m, "Z1,4000,1", "OK");
	assert_answer(m, "Z1,5000,1", "E.the 4 debug registers of the CPU are in use");
	assert_answer(m, "z1,1000,1", "OK");

	assert_answer(m, "vCont;c", NULL);
	assert_int_equal(m->run.nr_hardware, 3);
	assert_false(m->run.software);
	assert_int_equal(m->run.hardware[0].type, GDB_POINT_WRITE);
	assert_int_equal(m->run.hardware[0].address, 0x2000);
	assert_int_equal(m->run.hardware[0].len, 8);
	assert_int_equal(m->run.hardware[1].type, GDB_POINT_ACCESS);
	assert_int_equal(m->run.hardware[2].type, GDB_POINT_HARDWARE);
	assert_int_equal(m->run.hardware[2].len, 1);

	stopped(m, GDB_STOP_HARDWARE, 1, 0);
	assert_sent(m, "T05thread:2;watch:2000;");
	assert_answer(m, "vCont;c", NULL);
	stopped(m, GDB_STOP_HARDWARE, 0, 1);
	assert_sent(m, "T05thread:1;awatch:3000;");
	/* A client that has not said that it understands "hwbreak" does not get it. */
	assert_answer(m, "vCont;c", NULL);
	stopped(m, GDB_STOP_HARDWARE, 0, 2);
	assert_sent(m, "T05thread:1;");
	assert_answer(m, "qSupported:swbreak+;hwbreak+", "PacketSize=2000;QStartNoAckMode+;"
		      "qXfer:features:read+;vContSupported+;swbreak+;hwbreak+");
	assert_answer(m, "vCont;c", NULL);
	stopped(m, GDB_STOP_HARDWARE, 0, 2);
	assert_sent(m, "T05thread:1;hwbreak:;");
	assert_answer(m, "?", "T05thread:1;hwbreak:;");
}

/* Where KVM does not report the instruction, debug registers serve software breakpoints. */
static void test_no_software_breakpoints(void **state)
{
	struct fake_machine *m = *state;

	m->target.trap_len = 0;
	assert_answer(m, "qSupported:swbreak+;hwbreak+", "PacketSize=2000;QStartNoAckMode+;"
		      "qXfer:features:read+;vContSupported+;swbreak+;hwbreak+");
	assert_answer(m, "Z0,ffff800000000010,1", "OK");
	assert_int_equal(m->ram[0x10], 0x10);
	assert_answer(m, "Z0,20,1", "OK");
	assert_answer(m, "Z0,30,1", "OK");
	assert_answer(m, "Z0,40,1", "OK");
	assert_answer(m, "Z0,50,1", "E.the 4 debug registers of the CPU are in use, and this "
		      "host's KVM does not report software breakpoints");
	assert_answer(m, "vCont;c", NULL);
	assert_int_equal(m->run.nr_hardware, 4);
	stopped(m, GDB_STOP_HARDWARE, 2, 0);
	assert_sent(m, "T05thread:3;swbreak:;");
	assert_answer(m, "z0,20,1", "OK");
	assert_answer(m, "Z0,50,1", "OK");
}

static void assert_actions(struct fake_machine *m, const char *packet, enum gdb_action a,
			   enum gdb_action b, enum gdb_action c)
{
	unsigned int resumes = m->resumes;

	assert_answer(m, packet, NULL);
	assert_int_equal(m->resumes, resumes + 1);
	assert_int_equal(m->actions[0], a);
	assert_int_equal(m->actions[1], b);
	assert_int_equal(m->actions[2], c);
	stopped(m, GDB_STOP_STEP, 0, 0);
	assert_sent(m, "T05thread:1;");
}

/* "For each inferior thread, the leftmost action with a matching thread-id is applied." */
static void test_actions(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "?", "T05thread:1;");
	assert_actions(m, "vCont;c", GDB_RUN, GDB_RUN, GDB_RUN);
	assert_actions(m, "vCont;c:-1", GDB_RUN, GDB_RUN, GDB_RUN);
	assert_actions(m, "vCont;c:2", GDB_STAY, GDB_RUN, GDB_STAY);
	assert_actions(m, "vCont;t:1;c", GDB_STAY, GDB_RUN, GDB_RUN);
	assert_actions(m, "vCont;C05:3;c:1", GDB_RUN, GDB_STAY, GDB_RUN);
	/* While one CPU steps, the others stand. */
	assert_actions(m, "vCont;s:2;c", GDB_STAY, GDB_STEP, GDB_STAY);
	assert_actions(m, "vCont;s", GDB_STEP, GDB_STAY, GDB_STAY);
	assert_actions(m, "vCont;S05:3;c:-1", GDB_STAY, GDB_STAY, GDB_STEP);
	assert_actions(m, "c", GDB_RUN, GDB_RUN, GDB_RUN);
	assert_answer(m, "Hg2", "OK");
	assert_actions(m, "s", GDB_STAY, GDB_STEP, GDB_STAY);
	/* Nothing runs, so the guest is as it was. */
	assert_answer(m, "vCont;t", "T05thread:1;");

	assert_answer(m, "vCont", "E16");
	assert_answer(m, "vCont;", "E16");
	assert_answer(m, "vCont;x", "E16");
	assert_answer(m, "vCont;c:4", "E16");
	assert_answer(m, "vCont;C", "E16");
	assert_answer(m, "vCont;c1", "E16");
	assert_answer(m, "c1000", "E16");
	assert_answer(m, "s1000", "E16");
}

static void test_interrupt(void **state)
{
	struct fake_machine *m = *state;

	/* The guest stands: the wish came too late. */
	assert_wire(m, "\x03", "");
	assert_int_equal(m->stops, 0);
	assert_answer(m, "vCont;c", NULL);
	assert_wire(m, "\x03", "");
	assert_wire(m, "\x03", "");
	assert_int_equal(m->stops, 1);
	stopped(m, GDB_STOP_INTERRUPT, 1, 0);
	assert_sent(m, "T02thread:2;");
	assert_answer(m, "?", "T02thread:2;");
	assert_answer(m, "qC", "QC2");
	/* Within a packet it is a byte like others. */
	assert_answer(m, "\x03", "");
	/* A report while the guest stands is not for the client. */
	stopped(m, GDB_STOP_STEP, 0, 0);
	assert_int_equal(m->output_len, 0);
}

static void test_busy(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "vCont;c", NULL);
	assert_answer(m, "g", "E.the enclave is running");
	stopped(m, GDB_STOP_SOFTWARE, 0, 0);
	assert_sent(m, "T05thread:1;");
}

/* A command for the monitor: it prints all of @text, and then is done. */
static void assert_monitor(struct fake_machine *m, const char *command, const char *text)
{
	char hex[128], packet[256], printed[512], answers[640];

	hex_encode((const uint8_t *)command, strlen(command), hex);
	snprintf(printed, sizeof(printed), "qRcmd,%s", hex);
	frame(printed, packet, sizeof(packet));
	printed[0] = 'O';
	hex_encode((const uint8_t *)text, strlen(text), printed + 1);
	answers[0] = '+';
	frame(printed, answers + 1, sizeof(answers) - 1);
	strcat(answers, "$OK#9a");
	assert_wire(m, packet, answers);
}

static void test_monitor(void **state)
{
	struct fake_machine *m = *state;

	/* The example of the manual, "monitor help", prints something. */
	m->output_len = 0;
	feed(m, "$qRcmd,68656c70#fc", 18);
	assert_true(has_text(m, "+$O") && has_text(m, "$OK#9a"));
	assert_true(has_text(m, "78702041444452455353"));	/* "xp ADDRESS" */
	assert_true(has_text(m, "7361792068656c6c6f"));		/* "say hello" */
	assert_monitor(m, "hello", "hello\n");
	assert_monitor(m, "xp 0x3010 2", "0000000000003010: 10 11\n");
	assert_monitor(m, " xp\t0x3fff 2", "0000000000003fff: no memory\n");
	assert_monitor(m, "xp 0x3ff0 17", "0000000000003ff0: f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc "
		       "fd fe ff\n0000000000004000: no memory\n");
	assert_monitor(m, "xp", "usage: monitor xp ADDRESS [BYTES], at most 512 bytes\n");
	assert_monitor(m, "xp 1 513", "usage: monitor xp ADDRESS [BYTES], at most 512 bytes\n");
	assert_monitor(m, "xp -1", "usage: monitor xp ADDRESS [BYTES], at most 512 bytes\n");
	assert_monitor(m, "good", "unknown; \"monitor help\" lists what there is\n");
	assert_answer(m, "qRcmd,6", "E16");
	assert_answer(m, "qRcmd,6g", "E16");
}

static void test_detach(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "Z0,ffff800000000010,1", "OK");
	assert_answer(m, "Z1,ffff800000000020,1", "OK");
	assert_answer(m, "D", "OK");
	assert_int_equal(m->ram[0x10], 0x10);
	assert_int_equal(m->releases, 1);
	assert_int_equal(m->finishes, 1);
	/* Nothing more is done for this client. */
	assert_answer(m, "g", NULL);
	gdb_destroy(m->gdb);
	m->gdb = NULL;
	assert_int_equal(m->releases, 1);
}

/* The client is killed, or its connection is lost. */
static void test_client_dies(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "Z0,ffff800000000010,1", "OK");
	assert_answer(m, "vCont;c", NULL);
	gdb_destroy(m->gdb);
	m->gdb = NULL;
	assert_int_equal(m->ram[0x10], 0x10);
	assert_int_equal(m->releases, 1);
}

static void test_kill(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "vKill;1", "OK");
	assert_int_equal(m->kills, 1);
	assert_int_equal(m->finishes, 1);
	assert_int_equal(m->releases, 0);
}

static void test_kill_unanswered(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "k", NULL);
	assert_int_equal(m->kills, 1);
	assert_int_equal(m->finishes, 1);
}

static void test_guest_ends(void **state)
{
	struct fake_machine *m = *state;

	assert_answer(m, "vCont;c", NULL);
	m->output_len = 0;
	gdb_exited(m->gdb);
	assert_sent(m, "W00");
	assert_int_equal(m->finishes, 1);
	gdb_exited(m->gdb);
	assert_int_equal(m->finishes, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_framing),
		TEST(test_no_acks),
		TEST(test_escapes),
		TEST(test_too_long),
		TEST(test_supported),
		TEST(test_features),
		TEST(test_threads),
		TEST(test_registers),
		TEST(test_memory),
		TEST(test_physical),
		TEST(test_software_breakpoints),
		TEST(test_many_breakpoints),
		TEST(test_hardware_points),
		TEST(test_no_software_breakpoints),
		TEST(test_actions),
		TEST(test_interrupt),
		TEST(test_busy),
		TEST(test_monitor),
		TEST(test_detach),
		TEST(test_client_dies),
		TEST(test_kill),
		TEST(test_kill_unanswered),
		TEST(test_guest_ends),
	};

	return cmocka_run_group_tests_name("gdb", tests, NULL, NULL);
}
