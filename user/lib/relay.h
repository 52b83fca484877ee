/* SPDX-License-Identifier: MIT */
/*
 * A relay: one direction of bytes between a pipe of a program's and a terminal, without ever
 * waiting for the program.
 *
 * `to` is only written when poll says so if it is a pipe of the program's; a terminal is written
 * to at once, since the host always reads. Input from a terminal may be escaped, because a
 * terminal has no end of file of its own: DLE DLE is the byte DLE, DLE E the end.
 */
#ifndef USER_LIB_RELAY_H
#define USER_LIB_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define RELAY_BYTES 4096

struct relay {
    int from;
    int to;            /* -1 once nothing more can be or is to be written */
    bool escaped;      /* DLE means something */
    bool after_dle;    /* the last byte read was an unpaired DLE */
    bool end_of_input; /* nothing more comes: close `to` once the buffer is empty */
    size_t start, end; /* bytes waiting in `bytes` */
    unsigned char bytes[RELAY_BYTES];
};

/* Make it ready; reading `from` will not wait from here on. */
void relay_start(struct relay *relay, int from, int to);

/* Give up: nothing more will be written. */
void relay_close(struct relay *relay);

/* What to poll for next, in *slot; returns how many slots it needs, 0 or 1. */
int relay_poll_slot(const struct relay *relay, struct pollfd *slot);

/* Move some bytes, after poll has said that one can. */
void relay_step(struct relay *relay);

/* Move all that is there now, waiting for `to` but not for more. For the end of a program: what
 * it wrote is in the pipe by then, and a child it left behind may hold the pipe open for ever. */
void relay_drain(struct relay *relay);

#endif
