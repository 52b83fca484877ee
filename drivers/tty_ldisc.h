/* SPDX-License-Identifier: MIT */
/*
 * The line discipline: what lies between the bytes of a terminal line and the bytes programs see.
 *
 * Pure: it owns two byte rings and the terminal settings and knows neither devices nor processes
 * nor locks, so that it is tested on the host. Bytes from the line go in by ldisc_receive(), which
 * says by its return value what follows from them (somebody can read, a signal is due, there is
 * output); programs' reads and writes are ldisc_read() and ldisc_write(); the device takes what is
 * to be sent by ldisc_output_next().
 *
 * Words:
 *   canonical  ICANON: input is handed out by lines, which can be edited until they are complete
 *   mark       a bit beside each input byte: this byte ends a line. A marked NUL is an end of file
 *              (Ctrl-D): it ends the line but is not part of it.
 *   reserve    the end of the output ring that programs cannot fill, so that echo finds room
 *
 * Invariants: input_tail <= line_end <= input_head and the distances fit the ring (all three count
 * bytes since the start and wrap with uint32_t); only [line_end, input_head) can be erased; marks
 * are set only in [input_tail, line_end).
 *
 * Locks: none here; the tty's lock guards a ldisc (drivers/tty.h).
 *
 * Not here: waiting, VMIN and VTIME (drivers/tty_read.c), job control (drivers/tty_job.c).
 * ECHOPRT, XCASE, FLUSHO and the delays of paper terminals are kept in the settings and do nothing.
 *
 * Source: termios(3), and POSIX.1-2017 chapter 11.
 */
#ifndef DRIVERS_TTY_LDISC_H
#define DRIVERS_TTY_LDISC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/termios.h"

#define LDISC_INPUT_BYTES 4096u
#define LDISC_OUTPUT_BYTES 4096u
#define LDISC_ECHO_RESERVE_BYTES 256u

/* What ldisc_receive() reports. */
#define LDISC_READABLE 0x01u /* a reader or a poller may find something now */
#define LDISC_OUTPUT 0x02u   /* there may be output to send, or more room for writers */
#define LDISC_INTR 0x04u     /* the foreground group is to get SIGINT */
#define LDISC_QUIT 0x08u     /* ... SIGQUIT */
#define LDISC_SUSP 0x10u     /* ... SIGTSTP */

struct ldisc {
    struct linux_termios termios;
    uint32_t input_head;  /* where the next byte from the line goes */
    uint32_t line_end;    /* canonical: one past the last complete line */
    uint32_t input_tail;  /* what is read next */
    uint32_t output_head; /* where the next byte for the line goes */
    uint32_t output_tail; /* what is sent next */
    uint32_t column;      /* of the cursor, as far as output tells */
    uint32_t line_column; /* where the echo of the line being typed began */
    bool stopped_by_char; /* IXON: the STOP character came */
    bool stopped_by_call; /* tcflow(TCOOFF) */
    bool literal_next;    /* the LNEXT character came */
    bool stop_sent;       /* IXOFF: we asked the other side to pause */
    uint8_t input[LDISC_INPUT_BYTES];
    uint8_t output[LDISC_OUTPUT_BYTES];
    uint8_t marks[LDISC_INPUT_BYTES / 8];
};

/* Empties the rings and sets Linux's defaults for a new terminal ("sane"). */
void ldisc_init(struct ldisc *ldisc);

/*
 * May the device hand in another byte? False while a reader must first make room (or, with ECHO,
 * the device must first send something): the device then keeps its bytes. Never false for good:
 * a canonical line that grows too long is cut, as nobody could read it otherwise.
 */
bool ldisc_can_receive(const struct ldisc *ldisc);

/* Takes one byte from the line. Returns LDISC_ bits. */
unsigned ldisc_receive(struct ldisc *ldisc, uint8_t byte);

/* Takes a break condition from the line (IGNBRK, BRKINT, PARMRK). Returns LDISC_ bits. */
unsigned ldisc_receive_break(struct ldisc *ldisc);

/* Bytes a read would find: those of complete lines if canonical (ends of file not counted). */
size_t ldisc_input_bytes(const struct ldisc *ldisc);

/* Would a read find something: a complete line (an end of file too), or `minimum` bytes if raw? */
bool ldisc_readable(const struct ldisc *ldisc, size_t minimum);

/*
 * Takes up to `size` bytes of input; canonical: of one line at most. *line_over is set true if that
 * was the end of a line, which ends the read even when 0 bytes come (end of file).
 * Returns how many bytes; 0 without *line_over: there is nothing.
 */
size_t ldisc_read(struct ldisc *ldisc, uint8_t *buffer, size_t size, bool *line_over);

/* Processes and queues what a program writes. Returns how many bytes were taken (the rest: no
 * room). */
size_t ldisc_write(struct ldisc *ldisc, const uint8_t *buffer, size_t size);

/* Is there room for a program's byte, whatever it is? */
bool ldisc_writable(const struct ldisc *ldisc);

/* Bytes queued for the line. */
size_t ldisc_output_bytes(const struct ldisc *ldisc);

/* Would ldisc_output_next() give a byte? */
bool ldisc_output_ready(const struct ldisc *ldisc);

/* The next byte to send, taken out of the queue; -1: none, or output is stopped. */
int ldisc_output_next(struct ldisc *ldisc);

/* Throws away input not read, or output not sent. */
void ldisc_flush_input(struct ldisc *ldisc);
void ldisc_flush_output(struct ldisc *ldisc);

/* tcflow(): TCOOFF, TCOON, TCIOFF, TCION. Returns LDISC_ bits. */
unsigned ldisc_flow(struct ldisc *ldisc, int action);

/* Takes new settings. What is pending becomes a line of its own when canonical mode begins. */
void ldisc_set_termios(struct ldisc *ldisc, const struct linux_termios *termios);

/*
 * Shared by the two halves: queues one byte after output processing (OPOST) and follows the cursor.
 * `room_bytes` is what may be used of the ring. Returns false, and queues nothing, without room.
 */
bool ldisc_output_put(struct ldisc *ldisc, uint8_t byte, uint32_t room_bytes);

#endif
