// SPDX-License-Identifier: Apache-2.0
/* 16550A serial port without a receiver: COM1, the guest's console. */

#include "vmm/serial.h"

#include "vmm/vm.h"

#include <linux/serial_reg.h>
#include <string.h>

/* Bits that exist on a 16550A. */
#define IER_MASK	(UART_IER_RDI | UART_IER_THRI | UART_IER_RLSI | UART_IER_MSI)
#define MCR_MASK	(UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT1 | UART_MCR_OUT2 | \
			 UART_MCR_LOOP)
#define IIR_FIFO	0xc0
#define DIVISOR_RESET	12	/* 9600 baud */

int serial_init(struct serial *serial, int irq_fd, void (*output)(void *arg, uint8_t byte),
		void *output_arg)
{
	memset(serial, 0, sizeof(*serial));
	serial->output = output;
	serial->output_arg = output_arg;
	serial->irq_fd = irq_fd;
	serial->divisor[0] = DIVISOR_RESET;
	serial->mcr = UART_MCR_OUT2;
	return -pthread_mutex_init(&serial->lock, NULL);
}

/* A byte is sent as soon as it is written, so the transmitter is always empty. */
static void set_thr_empty(struct serial *serial)
{
	/* An interrupt that is not acknowledged yet needs no second edge. */
	if (!(serial->ier & UART_IER_THRI) || serial->thr_pending)
		return;
	serial->thr_pending = true;
	irq_raise(serial->irq_fd);
}

static void write_ier(struct serial *serial, uint8_t value)
{
	uint8_t old = serial->ier;

	serial->ier = value & IER_MASK;
	if (!(serial->ier & UART_IER_THRI))
		serial->thr_pending = false;
	else if (!(old & UART_IER_THRI))
		set_thr_empty(serial);
}

static uint8_t read_iir(struct serial *serial)
{
	uint8_t fifo = serial->fcr & UART_FCR_ENABLE_FIFO ? IIR_FIFO : 0;

	if (!serial->thr_pending)
		return UART_IIR_NO_INT | fifo;
	serial->thr_pending = false;
	return UART_IIR_THRI | fifo;
}

/* In loopback mode the outputs are wired to the inputs. */
static uint8_t read_msr(const struct serial *serial)
{
	uint8_t msr = 0;

	if (!(serial->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	if (serial->mcr & UART_MCR_RTS)
		msr |= UART_MSR_CTS;
	if (serial->mcr & UART_MCR_DTR)
		msr |= UART_MSR_DSR;
	if (serial->mcr & UART_MCR_OUT1)
		msr |= UART_MSR_RI;
	if (serial->mcr & UART_MCR_OUT2)
		msr |= UART_MSR_DCD;
	return msr;
}

static uint8_t serial_read_register(struct serial *serial, uint64_t offset)
{
	bool divisor = serial->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_RX:
		return divisor ? serial->divisor[0] : 0;
	case UART_IER:
		return divisor ? serial->divisor[1] : serial->ier;
	case UART_IIR:
		return read_iir(serial);
	case UART_LCR:
		return serial->lcr;
	case UART_MCR:
		return serial->mcr;
	case UART_LSR:
		return UART_LSR_THRE | UART_LSR_TEMT;
	case UART_MSR:
		return read_msr(serial);
	default:
		return serial->scratch;
	}
}

/* Return: true if @value is to be sent. */
static bool serial_write_register(struct serial *serial, uint64_t offset, uint8_t value)
{
	bool divisor = serial->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_TX:
		if (divisor) {
			serial->divisor[0] = value;
			return false;
		}
		set_thr_empty(serial);
		return !(serial->mcr & UART_MCR_LOOP);
	case UART_IER:
		if (divisor)
			serial->divisor[1] = value;
		else
			write_ier(serial, value);
		return false;
	case UART_FCR:
		serial->fcr = value;
		return false;
	case UART_LCR:
		serial->lcr = value;
		return false;
	case UART_MCR:
		serial->mcr = value & MCR_MASK;
		return false;
	case UART_SCR:
		serial->scratch = value;
		return false;
	default:	/* LSR and MSR are read-only */
		return false;
	}
}

/* Registers are bytes; only the first byte of a wider access counts. */
static void serial_read(void *device, uint64_t offset, void *data, size_t len)
{
	struct serial *serial = device;

	memset(data, 0, len);
	pthread_mutex_lock(&serial->lock);
	*(uint8_t *)data = serial_read_register(serial, offset);
	pthread_mutex_unlock(&serial->lock);
}

static void serial_write(void *device, uint64_t offset, const void *data, size_t len)
{
	struct serial *serial = device;
	uint8_t value = *(const uint8_t *)data;
	bool send;

	(void)len;
	pthread_mutex_lock(&serial->lock);
	send = serial_write_register(serial, offset, value);
	pthread_mutex_unlock(&serial->lock);
	if (send)
		serial->output(serial->output_arg, value);
}

const struct bus_ops serial_ops = {
	.read = serial_read,
	.write = serial_write,
};
