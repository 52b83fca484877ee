/* SPDX-License-Identifier: MIT */
/*
 * Keys out of the bytes that a terminal sends.
 */
#ifndef USER_MEMVIEW_KEYS_H
#define USER_MEMVIEW_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum key {
    KEY_NONE = 0, /* others are the character itself */
    KEY_UP = 256,
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_ESCAPE,
    KEY_SIZE /* the terminal's answer to where its last cell is: rows, columns */
};

/* What has come of a sequence that is not whole. */
struct keys {
    char bytes[16];
    size_t length;
    int rows, columns; /* of the last KEY_SIZE */
};

/* Takes one byte; returns the key that it completes, or KEY_NONE. */
int keys_feed(struct keys *keys, char byte);

/* Nothing has come for a while: an Escape that nothing followed is the key. */
int keys_pause(struct keys *keys);

#endif
