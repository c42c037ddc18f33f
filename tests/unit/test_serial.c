// SPDX-License-Identifier: Apache-2.0
/* The serial port, keyboard controller and clock, as Linux probes and uses them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/util.h"
#include "vmm/cmos.h"
#include "vmm/i8042.h"
#include "vmm/serial.h"

#include <linux/serial_reg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct fixture {
	struct serial serial;
	int irq_fd;
	char output[64];
	size_t len;
};

static void collect(void *arg, uint8_t byte)
{
	struct fixture *f = arg;

	assert_true(f->len < sizeof(f->output) - 1);
	f->output[f->len++] = byte;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->irq_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_int_equal(serial_init(&f->serial, f->irq_fd, collect, f), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fd_close(&f->irq_fd);
	free(f);
	return 0;
}

static uint8_t in(struct fixture *f, uint64_t reg)
{
	uint8_t value;

	serial_ops.read(&f->serial, reg, &value, 1);
	return value;
}

static void out(struct fixture *f, uint64_t reg, uint8_t value)
{
	serial_ops.write(&f->serial, reg, &value, 1);
}

static uint64_t edges(struct fixture *f)
{
	uint64_t count = 0;

	return read(f->irq_fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void test_output(void **state)
{
	struct fixture *f = *state;

	for (const char *p = "hello\r\n"; *p; p++) {
		assert_int_equal(in(f, UART_LSR) & UART_LSR_THRE, UART_LSR_THRE);
		out(f, UART_TX, *p);
	}
	assert_string_equal(f->output, "hello\r\n");
	assert_int_equal(edges(f), 0);
	assert_int_equal(in(f, UART_IIR), UART_IIR_NO_INT);
	assert_int_equal(in(f, UART_LSR) & UART_LSR_DR, 0);
	assert_int_equal(in(f, UART_RX), 0);
}

/* The steps by which Linux identifies a 16550A. */
static void test_detection(void **state)
{
	struct fixture *f = *state;

	out(f, UART_IER, 0);
	assert_int_equal(in(f, UART_IER), 0);
	out(f, UART_IER, 0x0f);
	assert_int_equal(in(f, UART_IER), 0x0f);
	out(f, UART_IER, 0xff);
	assert_int_equal(in(f, UART_IER), 0x0f);
	out(f, UART_IER, 0);

	out(f, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	assert_int_equal(in(f, UART_MSR) & 0xf0, UART_MSR_DCD | UART_MSR_CTS);
	out(f, UART_TX, 'x');
	assert_int_equal(f->len, 0);
	out(f, UART_MCR, 0);

	out(f, UART_FCR, UART_FCR_ENABLE_FIFO);
	assert_int_equal(in(f, UART_IIR) >> 6, 3);
	out(f, UART_FCR, 0);
	assert_int_equal(in(f, UART_IIR) >> 6, 0);

	out(f, UART_SCR, 0x5a);
	assert_int_equal(in(f, UART_SCR), 0x5a);
}

static void test_divisor(void **state)
{
	struct fixture *f = *state;

	out(f, UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	out(f, UART_DLL, 1);
	out(f, UART_DLM, 2);
	assert_int_equal(in(f, UART_DLL), 1);
	assert_int_equal(in(f, UART_DLM), 2);
	out(f, UART_LCR, UART_LCR_WLEN8);
	assert_int_equal(in(f, UART_LCR), UART_LCR_WLEN8);
	assert_int_equal(in(f, UART_IER), 0);
	assert_int_equal(f->len, 0);
}

static void test_transmit_interrupt(void **state)
{
	struct fixture *f = *state;

	/* Linux tries twice: enabling the interrupt of an empty transmitter raises it each time. */
	for (int i = 0; i < 2; i++) {
		out(f, UART_IER, UART_IER_THRI);
		assert_int_equal(edges(f), 1);
		assert_int_equal(in(f, UART_IIR), UART_IIR_THRI);
		assert_int_equal(in(f, UART_IIR), UART_IIR_NO_INT);
		out(f, UART_IER, 0);
	}
	out(f, UART_IER, UART_IER_THRI);
	assert_int_equal(edges(f), 1);
	assert_int_equal(in(f, UART_IIR), UART_IIR_THRI);
	out(f, UART_TX, 'a');
	assert_int_equal(edges(f), 1);
	assert_int_equal(in(f, UART_IIR), UART_IIR_THRI);
	out(f, UART_TX, 'b');
	out(f, UART_TX, 'c');	/* fills the FIFO: one interrupt for both */
	assert_int_equal(edges(f), 1);
	out(f, UART_IER, 0);
	assert_int_equal(in(f, UART_IIR), UART_IIR_NO_INT);
}

static void test_wide_access(void **state)
{
	struct fixture *f = *state;
	uint32_t wide = 0x41424344;

	serial_ops.write(&f->serial, UART_TX, &wide, sizeof(wide));
	assert_string_equal(f->output, "D");
	serial_ops.read(&f->serial, UART_LSR, &wide, sizeof(wide));
	assert_int_equal(wide, UART_LSR_THRE | UART_LSR_TEMT);
}

static void count_reset(void *arg)
{
	++*(int *)arg;
}

static void test_keyboard_controller(void **state)
{
	int resets = 0;
	struct i8042 i8042 = { .reset = count_reset, .reset_arg = &resets };
	uint8_t value = 0xaa;

	(void)state;
	i8042_ops.read(&i8042, 4, &value, 1);
	assert_int_equal(value & 0x01, 0x01);	/* something to read, always: no controller */
	assert_int_equal(value & 0x02, 0x00);	/* ready for commands */
	i8042_ops.write(&i8042, 4, &value, 1);
	value = 0xfe;
	i8042_ops.write(&i8042, 0, &value, 1);
	assert_int_equal(resets, 0);
	i8042_ops.write(&i8042, 4, &value, 1);
	assert_int_equal(resets, 1);
}

static uint8_t cmos_in(struct cmos *cmos, uint8_t reg)
{
	uint8_t value;

	cmos_ops.write(cmos, 0, &reg, 1);
	cmos_ops.read(cmos, 1, &value, 1);
	return value;
}

static int from_bcd(uint8_t value)
{
	return (value >> 4) * 10 + (value & 0xf);
}

static void test_clock(void **state)
{
	struct cmos cmos = { 0 };
	time_t before, after;
	struct tm tm = { 0 };

	(void)state;
	assert_int_equal(cmos_in(&cmos, 0x0a) & 0x80, 0);	/* no update in progress */
	assert_int_equal(cmos_in(&cmos, 0x0d) & 0x80, 0x80);	/* valid */
	assert_int_equal(cmos_in(&cmos, 0x0b) & 0x06, 0x02);	/* BCD, 24 hours */
	do {
		before = time(NULL);
		tm.tm_sec = from_bcd(cmos_in(&cmos, 0x00));
		tm.tm_min = from_bcd(cmos_in(&cmos, 0x02));
		tm.tm_hour = from_bcd(cmos_in(&cmos, 0x04));
		tm.tm_mday = from_bcd(cmos_in(&cmos, 0x07));
		tm.tm_mon = from_bcd(cmos_in(&cmos, 0x88)) - 1;	/* top bit: NMI mask */
		tm.tm_year = from_bcd(cmos_in(&cmos, 0x09)) +
			     from_bcd(cmos_in(&cmos, 0x32)) * 100 - 1900;
		after = time(NULL);
	} while (before != after);
	assert_int_equal(timegm(&tm), before);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_output),
		T(test_detection),
		T(test_divisor),
		T(test_transmit_interrupt),
		T(test_wide_access),
		cmocka_unit_test(test_keyboard_controller),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests_name("serial", tests, NULL, NULL);
}
