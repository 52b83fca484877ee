/* SPDX-License-Identifier: MIT */
/*
 * The trace's way out by the second serial port. See drivers/trace_link.h.
 *
 * Nobody can tell who listens at the other end: it is taken for granted. The port is polled; where
 * it is not ready, which on an emulated one means that the host does not take more, the thread
 * sleeps. The port is the trace's alone: drivers/uart.c leaves it out.
 *
 * Source: National Semiconductor PC16550D data sheet.
 */
#include "abi/errno.h"
#include "core/clock.h"
#include "core/printk.h"
#include "drivers/trace_link.h"
#include "lib/bits.h"
#include "machine/cpu.h"
#include "machine/layout.h"
#include "sched/timer.h"

#define PORT 0x2f8
#define FIFO_BYTES 16u

#define REG_DATA 0
#define REG_IER 1
#define REG_FCR 2
#define REG_LCR 3
#define REG_MCR 4
#define REG_LSR 5
#define REG_SCRATCH 7
#define REG_DIVISOR_LOW 0
#define REG_DIVISOR_HIGH 1

#define FCR_ENABLE 0x07 /* and clear both FIFOs */
#define LCR_8N1 0x03
#define LCR_DIVISOR 0x80
#define MCR_READY 0x03 /* DTR and RTS */
#define LSR_EMPTY 0x20
#define LSR_IDLE 0x40 /* the last byte is out */

#define DIVISOR 1 /* 115,200 baud; an emulated port takes no notice */
#define LOOKS_MAX 100
#define PAUSE_NS 1000000ull

static struct trace_buffer *done; /* the trace's thread's: sent, and not given back yet */

static uint8_t reg_read(unsigned reg) {
    return io_in8((uint16_t)(PORT + reg));
}

static void reg_write(unsigned reg, uint8_t value) {
    io_out8((uint16_t)(PORT + reg), value);
}

static bool is_there(void) {
    reg_write(REG_SCRATCH, 0x5a);
    if (reg_read(REG_SCRATCH) != 0x5a)
        return false;
    reg_write(REG_SCRATCH, 0xa5);
    return reg_read(REG_SCRATCH) == 0xa5;
}

static int link_open(void) {
    if (!is_there()) {
        printk("trace: there is no second serial port to send it by\n");
        return -ENODEV;
    }
    reg_write(REG_IER, 0);
    reg_write(REG_LCR, LCR_8N1 | LCR_DIVISOR);
    reg_write(REG_DIVISOR_LOW, DIVISOR);
    reg_write(REG_DIVISOR_HIGH, 0);
    reg_write(REG_LCR, LCR_8N1);
    reg_write(REG_FCR, FCR_ENABLE);
    reg_write(REG_MCR, MCR_READY);
    return 0;
}

static int link_listener(void) {
    return 1;
}

/* Until the line's state has this bit. */
static void wait_for(uint8_t bit) {
    for (unsigned looks = 1; !(reg_read(REG_LSR) & bit); looks++)
        if (looks % LOOKS_MAX == 0)
            (void)sleep_until(clock_monotonic_ns() + PAUSE_NS);
}

static int link_send(struct trace_buffer *buffer) {
    const uint8_t *bytes = buffer->data;

    for (uint32_t at = 0; at < buffer->bytes; at++) {
        if (at % FIFO_BYTES == 0)
            wait_for(LSR_EMPTY);
        reg_write(REG_DATA, bytes[at]);
    }
    wait_for(LSR_IDLE);
    buffer->next = done;
    done = buffer;
    return 0;
}

static struct trace_buffer *link_sent(void) {
    struct trace_buffer *buffer = done;

    if (buffer)
        done = buffer->next;
    return buffer;
}

const struct trace_link trace_link_com2 = {
    .name = "com2",
    .open = link_open,
    .listener = link_listener,
    .send = link_send,
    .sent = link_sent,
};
