/* SPDX-License-Identifier: MIT */
/*
 * 16550 serial ports, both ways by interrupts.
 *
 * Input: the receive interrupt hands bytes to the terminal while it takes them. When it takes no
 * more, the interrupt is masked and the rest stays in the FIFO; the other side (QEMU, or a modem
 * that looks at RTS) then waits. Nothing is dropped.
 *
 * Output: up to 16 bytes at a time whenever the transmitter is empty, from the terminal's queue;
 * the transmit interrupt is enabled only while something is left. An emulated port is empty again
 * at once, so short output needs no interrupt at all.
 *
 * Two ports share each interrupt line, which is edge-triggered: the handler goes on until it has
 * seen every port of the line idle in one pass, else an edge would be missed.
 *
 * The kernel's log (core/logsink.h) writes to the first port by itself, by polling; that and this
 * driver need not know of each other.
 *
 * Locks: the port belongs to its tty's lock.
 *
 * Source: National Semiconductor PC16550D data sheet.
 */
#include "drivers/uart.h"

#include "core/irq.h"
#include "core/printk.h"
#include "drivers/trace_port.h"
#include "drivers/tty.h"
#include "lib/bits.h"
#include "machine/cpu.h"

#define TTY_MAJOR_SERIAL 4
#define TTY_MINOR_SERIAL 64

#define PORTS 4
#define FIFO_BYTES 16

/* How many FIFOs to fill in one go before leaving the rest to the interrupt. */
#define BURSTS_MAX 8

/* Registers, as offsets from the port's base. */
#define REG_DATA 0
#define REG_IER 1
#define REG_IIR 2
#define REG_FCR 2
#define REG_LCR 3
#define REG_MCR 4
#define REG_LSR 5
#define REG_SCRATCH 7
#define REG_DIVISOR_LOW 0
#define REG_DIVISOR_HIGH 1

#define IER_RECEIVE 0x01
#define IER_TRANSMIT 0x02
#define IIR_NONE 0x01
#define FCR_ENABLE 0x07     /* and clear both FIFOs */
#define FCR_TRIGGER_14 0xc0 /* interrupt at 14 bytes, or after a pause */
#define LCR_8N1 0x03
#define LCR_BREAK 0x40
#define LCR_DIVISOR 0x80
#define MCR_READY 0x0b /* DTR, RTS, and OUT2, which lets interrupts through */
#define LSR_DATA 0x01
#define LSR_BREAK 0x10
#define LSR_EMPTY 0x20

#define CLOCK_BAUD 115200u

struct uart {
    struct tty tty;
    uint16_t base;
    uint8_t line; /* interrupt */
    uint8_t ier;  /* as last written */
    bool present;
};

static struct uart ports[PORTS];

static const struct {
    const char *name;
    uint16_t base;
    uint8_t line;
} places[PORTS] = {
    {"ttyS0", 0x3f8, 4},
    {"ttyS1", 0x2f8, 3},
    {"ttyS2", 0x3e8, 4},
    {"ttyS3", 0x2e8, 3},
};

static void reg_write(struct uart *uart, unsigned reg, uint8_t value) {
    io_out8((uint16_t)(uart->base + reg), value);
}

static uint8_t reg_read(struct uart *uart, unsigned reg) {
    return io_in8((uint16_t)(uart->base + reg));
}

static void set_interrupts(struct uart *uart, uint8_t set, uint8_t clear) {
    uint8_t ier = (uint8_t)((uart->ier & ~clear) | set);

    if (ier != uart->ier) {
        uart->ier = ier;
        reg_write(uart, REG_IER, ier);
    }
}

/* ---- output ---- */

/* Fills the empty transmitter. Returns how many bytes went in. */
static unsigned send_burst(struct uart *uart) {
    unsigned sent = 0;

    while (sent < FIFO_BYTES) {
        int byte = tty_transmit_locked(&uart->tty);
        if (byte < 0)
            break;
        reg_write(uart, REG_DATA, (uint8_t)byte);
        sent++;
    }
    return sent;
}

/* Sends what can be sent now; leaves the interrupt on if there is a reason to come back. */
static void uart_start_output(struct tty *tty) {
    struct uart *uart = container_of(tty, struct uart, tty);
    unsigned sent = FIFO_BYTES, total = 0;
    bool was_busy = uart->ier & IER_TRANSMIT;

    for (int burst = 0; burst < BURSTS_MAX && sent == FIFO_BYTES; burst++) {
        if (!(reg_read(uart, REG_LSR) & LSR_EMPTY))
            break;
        sent = send_burst(uart);
        total += sent;
    }
    bool more = sent == FIFO_BYTES || !(reg_read(uart, REG_LSR) & LSR_EMPTY);
    set_interrupts(uart, more ? IER_TRANSMIT : 0, more ? 0 : IER_TRANSMIT);
    if (total > 0 || (was_busy && !more)) /* who drains waits for the last byte */
        tty_transmitted_locked(tty);
}

static bool uart_is_idle(struct tty *tty) {
    return reg_read(container_of(tty, struct uart, tty), REG_LSR) & LSR_EMPTY;
}

/* ---- input ---- */

static void receive(struct uart *uart) {
    unsigned events = 0;
    uint8_t status;

    while ((status = reg_read(uart, REG_LSR)) & LSR_DATA) {
        if (!tty_can_receive_locked(&uart->tty)) {
            set_interrupts(uart, 0, IER_RECEIVE);
            break;
        }
        uint8_t byte = reg_read(uart, REG_DATA);
        if (status & LSR_BREAK)
            events |= ldisc_receive_break(&uart->tty.ldisc);
        else
            tty_receive_locked(&uart->tty, byte, &events);
    }
    tty_received_locked(&uart->tty, events);
}

static void uart_resume_input(struct tty *tty) {
    set_interrupts(container_of(tty, struct uart, tty), IER_RECEIVE, 0);
}

/* ---- settings ---- */

static void uart_set_break(struct tty *tty, bool on) {
    reg_write(container_of(tty, struct uart, tty), REG_LCR, on ? LCR_8N1 | LCR_BREAK : LCR_8N1);
}

static void set_divisor(struct uart *uart, uint16_t divisor) {
    reg_write(uart, REG_LCR, LCR_8N1 | LCR_DIVISOR);
    reg_write(uart, REG_DIVISOR_LOW, (uint8_t)divisor);
    reg_write(uart, REG_DIVISOR_HIGH, (uint8_t)(divisor >> 8));
    reg_write(uart, REG_LCR, LCR_8N1);
}

/* The line keeps its speed whatever the settings say: the host's end of it has none. */
static void uart_set_termios(struct tty *tty) {
    (void)tty;
}

static const struct tty_driver uart_driver = {
    .start_output = uart_start_output,
    .resume_input = uart_resume_input,
    .is_idle = uart_is_idle,
    .set_termios = uart_set_termios,
    .set_break = uart_set_break,
};

/* ---- interrupts ---- */

/* Serves one port. Returns whether it wanted anything. */
static bool serve(struct uart *uart) {
    irq_flags_t flags = spin_lock_irq(&uart->tty.lock);
    bool wanted = !(reg_read(uart, REG_IIR) & IIR_NONE);

    if (wanted) {
        receive(uart);
        uart_start_output(&uart->tty);
    }
    spin_unlock_irq(&uart->tty.lock, flags);
    return wanted;
}

static void interrupt(void *line) {
    bool again = true;

    while (again) {
        again = false;
        for (int i = 0; i < PORTS; i++)
            if (ports[i].present && ports[i].line == (uintptr_t)line && serve(&ports[i]))
                again = true;
    }
}

/* ---- start ---- */

/* The scratch register of a port that is there keeps what is written to it. */
static bool probe(struct uart *uart) {
    reg_write(uart, REG_SCRATCH, 0x5a);
    if (reg_read(uart, REG_SCRATCH) != 0x5a)
        return false;
    reg_write(uart, REG_SCRATCH, 0xa5);
    return reg_read(uart, REG_SCRATCH) == 0xa5;
}

static void port_init(struct uart *uart, unsigned index) {
    uart->base = places[index].base;
    uart->line = places[index].line;
    uart->tty.driver = &uart_driver;
    uart->tty.device.name = places[index].name;
    uart->tty.device.dev = dev_make(TTY_MAJOR_SERIAL, TTY_MINOR_SERIAL + index);
    uart->tty.device.mode = 0600;
    if ((index == 1 && trace_port_wants_com2()) || !probe(uart))
        return;

    reg_write(uart, REG_IER, 0);
    set_divisor(uart, 1);
    reg_write(uart, REG_FCR, FCR_ENABLE | FCR_TRIGGER_14);
    reg_write(uart, REG_MCR, MCR_READY);
    if (tty_register(&uart->tty) != 0)
        return;
    uart->present = true;
}

void uart_init(void) {
    for (unsigned i = 0; i < PORTS; i++)
        port_init(&ports[i], i);
    (void)irq_register(4, interrupt, (void *)4);
    (void)irq_register(3, interrupt, (void *)3);
    for (unsigned i = 0; i < PORTS; i++)
        if (ports[i].present)
            set_interrupts(&ports[i], IER_RECEIVE, 0);
    if (ports[0].present)
        tty_init(&ports[0].tty);
    printk("uart: %u at %u baud, console %s\n", PORTS, CLOCK_BAUD,
           ports[0].present ? ports[0].tty.device.name : "none");
}
