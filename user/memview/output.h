/* SPDX-License-Identifier: MIT */
/*
 * What a program wrote, as the simplest terminal shows it: lines that wrap, backspaces and tabs,
 * the cursor moved and erased within its line. Other sequences are left out.
 */
#ifndef USER_MEMVIEW_OUTPUT_H
#define USER_MEMVIEW_OUTPUT_H

#include "user/memview/canvas.h"

/* The last where.rows lines of it; `cursor`: with the place where the next byte will be. */
void output_draw(struct canvas *canvas, struct rectangle where, struct text written, bool cursor);

/* Takes out what would make another terminal do more than show text: sequences, and returns at
 * lines' ends. Returns the length that is left. */
size_t output_plain(char *bytes, size_t length);

#endif
