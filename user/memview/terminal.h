/* SPDX-License-Identifier: MIT */
/*
 * The terminal that is drawn on: there is one. Whatever way the program ends, it is what it was.
 */
#ifndef USER_MEMVIEW_TERMINAL_H
#define USER_MEMVIEW_TERMINAL_H

#include "user/memview/canvas.h"

#include <stdbool.h>

/* What has happened since the last call of terminal_events(). */
struct terminal_events {
    bool resized;
    bool redraw; /* it was somebody else's meanwhile: all of it is to be drawn */
    bool child;  /* a child ended */
    int end;     /* a signal that ends the program; 0: none */
};

/* Takes the terminal: keys come from `input`, pictures go to standard output. 0, or -errno. */
int terminal_open(int input);

/* Gives it back. May be called twice, and in a signal handler. */
void terminal_close(void);

/* Every key comes as a byte, those too that make signals or stop output; or, first, not those. */
void terminal_all_keys(bool on);

/* A descriptor that is readable when there are events. */
int terminal_event_fd(void);

/* Takes the events; stops the program, with the terminal given back, if it is to stop. */
struct terminal_events terminal_events(void);

/* Its size as the kernel knows it. False if the kernel does not: then it is asked, and answers with
 * KEY_SIZE. */
bool terminal_size(int *rows, int *columns);

/* Writes all of it. */
void terminal_write(const struct text *text);

/* What it can, by TERM, NO_COLOR and the locale. */
struct abilities terminal_abilities(void);

#endif
