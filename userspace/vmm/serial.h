/* SPDX-License-Identifier: Apache-2.0 */
/* 16550A serial port without a receiver: COM1, the guest's console. */

#ifndef NE_EMU_VMM_SERIAL_H
#define NE_EMU_VMM_SERIAL_H

#include "vmm/bus.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define SERIAL_PORT		0x3f8
#define SERIAL_SIZE		8
#define SERIAL_IRQ		4

/**
 * struct serial - state of the port; @lock protects the registers
 * @output: called with each byte that is sent, on the vCPU's thread, without @lock
 * @irq_fd: borrowed
 */
struct serial {
	void (*output)(void *arg, uint8_t byte);
	void *output_arg;
	int irq_fd;
	pthread_mutex_t lock;
	uint8_t ier;
	uint8_t fcr;
	uint8_t lcr;
	uint8_t mcr;
	uint8_t scratch;
	uint8_t divisor[2];
	bool thr_pending;		/* "transmitter empty" not yet reported */
};

extern const struct bus_ops serial_ops;

/** serial_init() - set the state after power-on; Return: 0 or a negative errno */
int serial_init(struct serial *serial, int irq_fd, void (*output)(void *arg, uint8_t byte),
		void *output_arg);

#endif
