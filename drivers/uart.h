/* SPDX-License-Identifier: MIT */
/*
 * The serial ports of a PC (16550): ttyS0 to ttyS3.
 */
#ifndef DRIVERS_UART_H
#define DRIVERS_UART_H

/* Finds the ports that are there and registers a terminal for each; the first is /dev/console. */
void uart_init(void);

#endif
